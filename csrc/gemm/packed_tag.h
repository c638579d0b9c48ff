// Weights that Python keeps packed: a tag, and after it the panels, on a 64-byte boundary. The tag says which kernels
// they are for and what they were made of, so that no kernel reads what was packed for another. An array needs room for
// sizeof(packed_tag) + 63 bytes beside the panels.
#ifndef SEQNN_GEMM_PACKED_TAG_H
#define SEQNN_GEMM_PACKED_TAG_H

#include "gemm/gemm.h"

typedef struct {
    char kind[8];
    int32_t element_bytes, lanes, vectors; // lanes and vectors tell the instruction set; lanes < 0: any
    int32_t start;                         // the panels begin at this element
    int64_t sizes[5];                      // of the weights, as the kernel counts them
} packed_tag;

// Writes the tag at the head of `packed`, which has room for `room` elements, and zeros after it; returns where the
// panels begin. `kind` and `sizes` are those of `tag`; the rest is filled in.
static inline real *write_tag(real *packed, int64_t room, packed_tag tag)
{
    const uintptr_t at = (uintptr_t)packed, panels = (at + sizeof tag + 63) / 64 * 64;
    tag.element_bytes = sizeof(real);
    if (tag.lanes >= 0) tag.lanes = LANES, tag.vectors = GEMM_VECTORS;
    tag.start = (int32_t)((panels - at) / sizeof(real));
    memset(packed, 0, (size_t)room * sizeof(real));
    memcpy(packed, &tag, sizeof tag);
    return packed + tag.start;
}

typedef enum { PACKED_FITS, PACKED_OTHER_SET, PACKED_OTHER_WEIGHTS } packed_fit;

// Finds the panels, `size` elements, in an array of `room` elements that begins with a tag like the expected one. Tells
// whether they were made on another instruction set, or else of other weights.
static inline packed_fit read_tag(const real *packed, int64_t room, int64_t size, packed_tag expected,
                                  const real **panels)
{
    packed_tag found;
    if (room * (int64_t)sizeof(real) < (int64_t)sizeof found) return PACKED_OTHER_WEIGHTS;
    memcpy(&found, packed, sizeof found);
    const bool any_set = expected.lanes < 0;
    expected.element_bytes = sizeof(real), expected.start = found.start;
    if (!any_set) expected.lanes = found.lanes, expected.vectors = found.vectors;
    if (memcmp(&found, &expected, sizeof found) || found.start < 0) return PACKED_OTHER_WEIGHTS;
    if (!any_set && (found.lanes != LANES || found.vectors != GEMM_VECTORS)) return PACKED_OTHER_SET;
    if (found.start > room - size) return PACKED_OTHER_WEIGHTS;
    *panels = packed + found.start;
    return PACKED_FITS;
}

// Does the same for the weights of a recurrent net. Returns an error or NULL.
static inline const char *read_net_tag(const real *packed, int64_t room, int64_t size, packed_tag expected,
                                       const real **panels)
{
    switch (read_tag(packed, room, size, expected, panels)) {
    case PACKED_FITS: return NULL;
    case PACKED_OTHER_SET: return "packed was made on another instruction set: pack them again";
    default: return "packed was not made from weights of this shape and dtype: pack them again";
    }
}

#endif
