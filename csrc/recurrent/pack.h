// The products of forward with the weights, and packing these once a call or once for many.
#ifndef SEQNN_RECURRENT_PACK_H
#define SEQNN_RECURRENT_PACK_H

#include "recurrent/recurrent.h"

static gemm recurrent_input_product(const struct recurrence *r, const real *packed)
{
    return (gemm){.n = r->input_columns,
                  .k = r->I,
                  .a_row = r->I,
                  .a_col = 1,
                  .b = r->w_ih,
                  .b_row = 1,
                  .b_col = r->I,
                  .packed = packed,
                  .c_row = r->columns,
                  .alpha = 1,
                  .bias = r->norm ? NULL : r->bias};
}

// h W^T for a block of units of the recurrent weights that begins at `row`.
static gemm recurrent_product(const struct recurrence *r, const real *packed, int64_t row)
{
    return (gemm){.n = r->units,
                  .k = r->H,
                  .a_row = r->H,
                  .a_col = 1,
                  .b = r->w_hh + row * r->H,
                  .b_row = 1,
                  .b_col = r->H,
                  .packed = packed + row / r->units * gemm_packed_size(r->H, r->units),
                  .c_row = r->columns,
                  .alpha = 1};
}

// What the cell made times the projection.
static gemm recurrent_project_product(const struct recurrence *r, const real *packed)
{
    return (gemm){.n = r->H,
                  .k = r->units,
                  .a_row = r->units,
                  .a_col = 1,
                  .b = r->project,
                  .b_row = 1,
                  .b_col = r->units,
                  .packed = packed,
                  .c_row = r->H,
                  .alpha = 1};
}

// The packed weights: of the input, of h, and of the projection.
struct recurrent_packed {
    real *ih, *hh, *project;
};

static int64_t recurrent_packed_hh_size(const struct recurrence *r)
{
    int64_t rows = 0;
    for (int s = 0; s < r->spans_count; s++) rows += r->spans[s].rows;
    return rows / r->units * gemm_packed_size(r->H, r->units);
}

static int64_t recurrent_packed_size(const struct recurrence *r)
{
    return gemm_packed_size(r->I, r->input_columns) + recurrent_packed_hh_size(r) +
           (r->project ? gemm_packed_size(r->units, r->H) : 0);
}

static struct recurrent_packed recurrent_packed_at(const struct recurrence *r, real *at)
{
    real *hh = at + gemm_packed_size(r->I, r->input_columns);
    return (struct recurrent_packed){at, hh, hh + recurrent_packed_hh_size(r)};
}

static void recurrent_pack_panels(const gemm *g, int part, int parts)
{
    const int64_t panels = gemm_panels(g->n);
    gemm_pack(g, (real *)g->packed, recurrent_cut(panels, parts, part), recurrent_cut(panels, parts, part + 1));
}

static void recurrent_pack_part(const struct recurrence *r, const struct recurrent_packed *to, int part, int parts)
{
    const gemm input = recurrent_input_product(r, to->ih), project = recurrent_project_product(r, to->project);
    recurrent_pack_panels(&input, part, parts);
    if (r->project) recurrent_pack_panels(&project, part, parts);
    for (int s = 0; s < r->spans_count; s++)
        for (int64_t row = r->spans[s].row; row < r->spans[s].row + r->spans[s].rows; row += r->units) {
            const gemm g = recurrent_product(r, to->hh, row);
            recurrent_pack_panels(&g, part, parts);
        }
}

// What packed weights begin with. Lanes and vectors say which instruction set they are for.
struct recurrent_tag {
    char magic[8];
    int32_t element_bytes, lanes, vectors, start; // the panels begin at this element, on a 64-byte boundary
    int64_t I, H, units, columns, project;
};

static struct recurrent_tag recurrent_tag_of(const struct recurrence *r)
{
    return (struct recurrent_tag){{'s', 'q', 'r', 'e', 'c', 'u', 'r', '1'},
                                  sizeof(real),
                                  LANES,
                                  GEMM_VECTORS,
                                  0,
                                  r->I,
                                  r->H,
                                  r->units,
                                  r->columns,
                                  r->project != NULL};
}

// Packs the weights once for many calls; `packed` has room for r->packed_size elements.
static const char *recurrent_pack(const struct recurrence *r, real *packed)
{
    struct recurrent_tag tag = recurrent_tag_of(r);
    const uintptr_t panels = ((uintptr_t)packed + sizeof tag + 63) / 64 * 64;
    tag.start = (int32_t)((panels - (uintptr_t)packed) / sizeof(real));
    memset(packed, 0, (size_t)r->packed_size * sizeof(real));
    memcpy(packed, &tag, sizeof tag);
    const struct recurrent_packed to = recurrent_packed_at(r, packed + tag.start);
    recurrent_pack_part(r, &to, 0, 1);
    return NULL;
}

// The panels inside; NULL where they do not fit.
static const real *recurrent_unpack(const struct recurrence *r)
{
    struct recurrent_tag found, expected = recurrent_tag_of(r);
    if (r->packed_size * (int64_t)sizeof(real) < (int64_t)sizeof found) return NULL;
    memcpy(&found, r->packed, sizeof found);
    expected.start = found.start;
    const int64_t size = recurrent_packed_size(r);
    if (memcmp(&found, &expected, sizeof found) || found.start < 0) return NULL;
    return found.start + size <= r->packed_size ? r->packed + found.start : NULL;
}

#endif
