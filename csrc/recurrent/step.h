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
            gemm_block(&g, s->first, s->last, panel, panel_end);
        }
    }
    if (r->norm) normalize_gates(r, s, w->bias);
    net->forward(r, s);
    if (r->weight_hr) project_h(r, w->packed.hr, s);
    finish_step(r, s);
}

#endif
