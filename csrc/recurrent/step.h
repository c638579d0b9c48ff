// One step forward: the products with h, the cell, and what follows it. The time loop does many, a stream one a call.
// A part of engine.c.
#ifndef SEQNN_RECURRENT_STEP_H
#define SEQNN_RECURRENT_STEP_H

#include "recurrent/biases.h"
#include "recurrent/norm.h"
#include "recurrent/pack.h"

// The weights as a step takes them.
struct ready_weights {
    struct packed_weights packed;
    const real *bias; // [columns] or NULL
};

// One row of C = A B + (beta C or bias) with a packed B whose panel is `vectors` wide.
ALWAYS_INLINE void multiply_row_panel(const real *a, int64_t depth, const real *b, int64_t vectors, real *c,
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
        const int64_t n = least(columns - j, LANES);
        const vf start = adds ? vf_load_part(c + j, n) : bias ? vf_load_part(bias + j, n) : (vf){0};
        vf_store_part(c + j, n, start + sums[j / LANES]);
    }
}

// gemm_block of all panels for a single row: the same sums, without what many rows need.
static void multiply_row(const gemm *g)
{
    const int64_t panels = gemm_panels(g->n);
    for (int64_t p = 0; p < panels; p++) {
        const int64_t start = gemm_panel_start(g->n, p), vectors = gemm_panel_start(g->n, p + 1) - start;
        const int64_t column = start * LANES, columns = least(g->n - column, vectors * LANES);
        const real *b = g->packed + column * g->k, *bias = g->bias ? g->bias + column : NULL;
#define ROW_PANEL(v)                                                                                                   \
    case v: multiply_row_panel(g->a, g->k, b, v, g->c + column, columns, bias, g->beta != 0); break;
        switch (vectors) {
            ROW_PANEL(1)
            ROW_PANEL(2)
            ROW_PANEL(3)
            ROW_PANEL(4)
        }
    }
}

// Rows [first, last) and panels of the product.
static void multiply_rows(const gemm *g, int64_t first, int64_t last, int64_t panel, int64_t panel_end)
{
    if (last == 1 && panel == 0 && panel_end == gemm_panels(g->n) && g->k <= GEMM_DEPTH)
        multiply_row(g);
    else
        gemm_block(g, first, last, panel, panel_end);
}

// to[k] = keep from[k] + (1 - keep) to[k]
static void keep_old(const real *keep, int64_t keep_unit, const real *from, real *to, const struct elements *part)
{
    EACH_ELEMENT(*part, k)
    {
        const real share = keep[k * keep_unit];
        to[k] = share * from[k] + (1 - share) * to[k];
    }
}

// Makes h of what the cell made.
static void project_h(const struct recurrence *r, const real *packed, const struct recurrent_step *s)
{
    const int64_t size = r->net.h_size;
    gemm g = projection_product(r, packed);
    g.m = s->last, g.a = s->cell_output, g.c = s->projected;
    gemm_block(&g, s->first, s->last, 0, gemm_panels(g.n));
    for (int64_t j = s->first; j < s->last; j++) {
        const real *h = s->projected + j * size;
        memcpy(recurrent_out(r, s->schedule, s->step, j), h, (size_t)size * sizeof(real));
        memcpy(recurrent_h_row(r, s, j), h, (size_t)size * sizeof(real));
    }
}

// After the cell: zoneout, the mask, and the last states.
static void finish_step(const struct recurrence *r, const struct recurrent_step *s)
{
    const struct elements of_h = h_elements(r, s), of_carried = carried_elements(r, s);
    const struct recurrent_schedule *q = s->schedule;
    for (int64_t j = s->first; j < s->last; j++) {
        const int64_t b = q->order[j];
        real *out = recurrent_out(r, q, s->step, j), *h = recurrent_h_row(r, s, j);
        real *carried = s->carried_next + j * of_carried.size;
        if (r->zone_h.keep) {
            keep_old(zone_of_row(r, &r->zone_h, q, s->step, j), r->zone_h.unit, recurrent_unmasked_h(r, s, j), out,
                     &of_h);
            EACH_ELEMENT(of_h, k) h[k] = out[k];
        }
        if (r->zone_carried.keep)
            keep_old(zone_of_row(r, &r->zone_carried, q, s->step, j), r->zone_carried.unit,
                     s->carried + j * of_carried.size, carried, &of_carried);
        if (r->mask && j < s->going_on) EACH_ELEMENT(of_h, k) h[k] *= r->mask[b * of_h.size + k];
        for (int64_t i = 0; j >= s->going_on && i < r->net.carried && r->carried[i].last; i++)
            memcpy(r->carried[i].last + b * r->net.units + s->unit, carried + i * r->net.units + s->unit,
                   (size_t)(s->unit_end - s->unit) * sizeof(real));
    }
}

// Does the step for the sequences and units of `s`, which are the panels [panel, panel_end) of each block; the input's
// part is in s->gates.
static void do_step(const struct recurrence *r, const struct ready_weights *w, const struct recurrent_step *s,
                    int64_t panel, int64_t panel_end)
{
    const struct recurrent_net *net = &r->net;
    for (int i = 0; i < net->products_count; i++) {
        const struct recurrent_product *p = &net->products[i];
        const bool of_between = i > 0 && net->between;
        if (of_between) net->between(r, s);
        for (int64_t k = 0; k < p->rows; k += net->units) {
            gemm g = block_product(r, w->packed.hh, p->row + k);
            g.m = s->last;
            g.a = of_between ? s->carried_next : s->h;
            g.c = s->gates + p->column + k;
            g.beta = p->adds;
            g.bias = w->bias && !p->adds && !r->norm ? w->bias + p->column + k : NULL;
            multiply_rows(&g, s->first, s->last, panel, panel_end);
        }
    }
    if (r->norm) normalize_gates(r, s, w->bias);
    net->forward(r, s);
    if (r->weight_hr) project_h(r, w->packed.hr, s);
    finish_step(r, s);
}

#endif
