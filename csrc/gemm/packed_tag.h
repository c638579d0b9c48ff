// Weights that Python keeps packed: a tag, and after it the panels, on a 64-byte boundary. The tag says which kernels
// they are for and what they were made of, so that no kernel reads what was packed for another. An array needs room for
// sizeof(packed_tag) + 63 bytes beside the panels.
#ifndef SEQNN_GEMM_PACKED_TAG_H
#define SEQNN_GEMM_PACKED_TAG_H

#include "gemm/gemm.h"

typedef struct {
    char kind[8];
    int32_t element_bytes, lanes, vectors; // lanes and vectors tell the instruction set
    int32_t start;                         // the panels begin at this element
    int64_t sizes[5];                      // of the weights, as the kernel counts them
} packed_tag;

// Writes the tag at the head of `packed`, which has room for `room` elements, and zeros after it; returns where the
// panels begin. `kind` and `sizes` are those of `tag`; the rest is filled in.
static inline real *write_tag(real *packed, int64_t room, packed_tag tag)
{
    const uintptr_t at = (uintptr_t)packed, panels = (at + sizeof tag + 63) / 64 * 64;
    tag.element_bytes = sizeof(real), tag.lanes = LANES, tag.vectors = GEMM_VECTORS;
    tag.start = (int32_t)((panels - at) / sizeof(real));
    memset(packed, 0, (size_t)room * sizeof(real));
    memcpy(packed, &tag, sizeof tag);
    return packed + tag.start;
}

// Returns the panels, `size` elements, that follow this tag in an array of `room` elements; NULL where they do not.
static inline const real *read_tag(const real *packed, int64_t room, int64_t size, packed_tag expected)
{
    packed_tag found;
    if (room * (int64_t)sizeof(real) < (int64_t)sizeof found) return NULL;
    memcpy(&found, packed, sizeof found);
    expected.element_bytes = sizeof(real), expected.lanes = LANES, expected.vectors = GEMM_VECTORS;
    expected.start = found.start;
    if (memcmp(&found, &expected, sizeof found) || found.start < 0 || found.start > room - size) return NULL;
    return packed + found.start;
}

#endif
