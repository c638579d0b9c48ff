// One step forward: the products with h, the cell, and what comes behind it; for the time loop, and for a stream, which
// does a step a call.
#ifndef SEQNN_RECURRENT_STEP_H
#define SEQNN_RECURRENT_STEP_H

#include "recurrent/norm.h"
#include "recurrent/pack.h"

// One row of C = A B + (beta C or bias) with a packed B whose panel is `vectors` wide.
ALWAYS_INLINE void recurrent_row_panel(const real *a, int64_t depth, const real *b, int64_t vectors, real *c,
                                       int64_t columns, const real *bias, bool adds)
{
    vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (int64_t k = 0; k < depth; k++, b += vectors * LANES) {
        const vf x = vf_set(a[k]);
        s0 += x * vf_load(b);
        if (vectors > 1) s1 += x * vf_load(b + LANES);
        if (vectors > 2) s2 += x * vf_load(b + 2 * LANES);
        if (vectors > 3) s3 += x * vf_load(b + 3 * LANES);
    }
    const vf sums[4] = {s0, s1, s2, s3};
    for (int64_t j = 0; j < columns; j += LANES) {
        const int64_t n = columns - j < LANES ? columns - j : LANES;
        const vf start = adds ? vf_load_part(c + j, n) : bias ? vf_load_part(bias + j, n) : (vf){0};
        vf_store_part(c + j, n, start + sums[j / LANES]);
    }
}

// gemm_block of all panels for a single row: the same sums, without what many rows need.
static void recurrent_row(const gemm *g)
{
    const int64_t panels = gemm_panels(g->n);
    for (int64_t p = 0; p < panels; p++) {
        const int64_t start = gemm_panel_start(g->n, p), vectors = gemm_panel_start(g->n, p + 1) - start;
        const int64_t column = start * LANES, rest = g->n - column;
        const real *b = g->packed + column * g->k, *bias = g->bias ? g->bias + column : NULL;
        const int64_t columns = rest < vectors * LANES ? rest : vectors * LANES;
#define ROW_PANEL(v)                                                                                                   \
    case v: recurrent_row_panel(g->a, g->k, b, v, g->c + column, columns, bias, g->beta != 0); break;
        switch (vectors) {
            ROW_PANEL(1)
            ROW_PANEL(2)
            ROW_PANEL(3)
            ROW_PANEL(4)
        }
    }
}

// Rows [first, last) and panels of the product.
static void recurrent_multiply(const gemm *g, int64_t first, int64_t last, int64_t panel, int64_t panel_end)
{
    if (last == 1 && panel == 0 && panel_end == gemm_panels(g->n) && g->k <= GEMM_DEPTH)
        recurrent_row(g);
    else
        gemm_block(g, first, last, panel, panel_end);
}

// to[k] = keep from[k] + (1 - keep) to[k] for the elements of a part.
static void recurrent_zone_out(const real *keep, int64_t keep_unit, const real *from, real *to,
                               const struct recurrent_blocks *part)
{
    EACH_ELEMENT(*part, k)
    {
        const real share = keep[k * keep_unit];
        to[k] = share * from[k] + (1 - share) * to[k];
    }
}

// h from what the cell made.
static void recurrent_project_h(const struct recurrence *r, const real *packed, const struct recurrent_step *s)
{
    gemm g = recurrent_project_product(r, packed);
    g.m = s->last;
    g.a = s->hidden;
    g.c = s->projected;
    gemm_block(&g, s->first, s->last, 0, gemm_panels(g.n));
    for (int64_t j = s->first; j < s->last; j++) {
        memcpy(recurrent_out(r, s, j), s->projected + j * r->H, (size_t)r->H * sizeof(real));
        memcpy(recurrent_after(r, s, j), s->projected + j * r->H, (size_t)r->H * sizeof(real));
    }
}

// Behind the cell: zoneout, the mask, and the last states.
static void recurrent_leave(const struct recurrence *r, const struct recurrent_step *s)
{
    const struct recurrent_blocks of_h = recurrent_of_h(r, s), of_memory = recurrent_of_memory(r, s);
    for (int64_t j = s->first; j < s->last; j++) {
        const int64_t b = r->order[j];
        real *out = recurrent_out(r, s, j), *after = recurrent_after(r, s, j);
        real *memory_after = s->memory_after + j * r->memory;
        if (r->zone_h.keep) {
            recurrent_zone_out(recurrent_keep(r, &r->zone_h, s->step, j), r->zone_h.unit,
                               recurrent_h_before(r, s->step, j), out, &of_h);
            EACH_ELEMENT(of_h, k) after[k] = out[k];
        }
        if (r->zone_memory.keep)
            recurrent_zone_out(recurrent_keep(r, &r->zone_memory, s->step, j), r->zone_memory.unit,
                               s->memory + j * r->memory, memory_after, &of_memory);
        if (r->mask && j < s->going_on) EACH_ELEMENT(of_h, k) after[k] *= r->mask[b * r->H + k];
        if (j >= s->going_on && r->memory_last)
            EACH_ELEMENT(of_memory, k) r->memory_last[b * r->memory + k] = memory_after[k];
    }
}

// The step for the sequences and units of `s`, which lie in the panels [panel, panel_end) of a block of units; the
// input's part is in s->gates.
static void recurrent_do(const struct recurrence *r, const struct recurrent_packed *packed,
                         const struct recurrent_step *s, int64_t panel, int64_t panel_end)
{
    for (int i = 0; i < r->spans_count; i++) {
        const struct recurrent_span *span = &r->spans[i];
        const bool made = i > 0 && r->middle;
        if (made) r->middle(r, s);
        for (int64_t k = 0; k < span->rows; k += r->units) {
            gemm g = recurrent_product(r, packed->hh, span->row + k);
            g.m = s->last;
            g.a = made ? s->memory_after : s->before;
            g.c = s->gates + span->column + k;
            g.beta = span->adds;
            g.bias = span->bias && !r->norm ? span->bias + k : NULL;
            recurrent_multiply(&g, s->first, s->last, panel, panel_end);
        }
    }
    if (r->norm) recurrent_norm(r, s);
    r->cell(r, s);
    if (r->project) recurrent_project_h(r, packed->project, s);
    recurrent_leave(r, s);
}

#endif
