// The time loop backward. A part of engine.c.
//
// At each step, from the last to the first, the gradient of h comes from the gates of the next step by a product with
// the recurrent weights, and the cell makes that of the gates from it. The gradients of weights, biases and x are large
// products after the loop (weights.h).
#ifndef SEQNN_RECURRENT_BACKWARD_H
#define SEQNN_RECURRENT_BACKWARD_H

#include "recurrent/forward.h"
#include "recurrent/weights.h"

// to[k] += from[k] for the elements of a part; from may be NULL. `fresh`: to[k] counts as 0.
static void add_elements(real *to, const real *from, const struct elements *part, bool fresh)
{
    EACH_ELEMENT(*part, k) to[k] = (fresh ? 0 : to[k]) + (from ? from[k] : 0);
}

// Adds the gradients of out, and of the states after each sequence's last step.
static void add_incoming(const struct backward *w, const struct recurrent_step *s)
{
    const struct recurrence *r = w->r;
    const struct recurrent_gradients *g = w->g;
    const struct recurrent_schedule *q = &w->schedule;
    const struct elements of_h = h_elements(r, s), of_block = {r->net.units, r->net.units, s->unit, s->unit_end};
    for (int64_t j = s->first; j < s->last; j++) {
        const int64_t b = q->order[j];
        real *h = s->grad_h + j * of_h.size;
        if (j >= s->going_on) {
            add_elements(h, g->h_last ? g->h_last + b * of_h.size : NULL, &of_h, true);
            for (int64_t i = 0; i < r->net.carried; i++) {
                const real *last = g->carried_last[i] ? g->carried_last[i] + b * of_block.size : NULL;
                add_elements(s->grad_carried + (j * r->net.carried + i) * of_block.size, last, &of_block, true);
            }
        }
        if (g->out)
            add_elements(h, g->out + recurrent_time(r, q, s->step, j) * g->out_time + b * g->out_batch, &of_h, false);
    }
}

// The gradient of the h after step t, for the sequences that go on.
static void propagate_h(const struct backward *w, const struct recurrent_step *s, int64_t t, const struct share *share)
{
    const struct recurrence *r = w->r;
    const bool direct = r->net.h_is_direct || r->zone_h.keep;
    const int64_t last = least(s->last, s->going_on);
    if (s->first >= last) return;
    for (int i = 0; i < (r->net.between ? 1 : r->net.products_count); i++)
        multiply_back(w, i, w->grad_gates + w->schedule.start[t + 1] * w->row, r->mask ? w->product : w->grad_h,
                      (!r->mask && direct) || i > 0, s->first, last, share);
    const struct elements of_h = h_elements(r, s);
    for (int64_t j = s->first; r->mask && j < last; j++) {
        real *to = w->grad_h + j * of_h.size;
        const real *product = w->product + j * of_h.size, *mask = r->mask + w->schedule.order[j] * of_h.size;
        EACH_ELEMENT(of_h, k) to[k] = (direct ? to[k] : 0) + product[k] * mask[k];
    }
}

// Splits grad into what goes through the cell and, in `kept`, what goes to the old state.
static void split_zone(const struct recurrence *r, const struct recurrent_zone *zone, real *grad, real *kept,
                       const struct elements *part, const struct recurrent_step *s)
{
    for (int64_t j = s->first; zone->keep && j < s->last; j++) {
        const real *keep = zone_of_row(r, zone, s->schedule, s->step, j);
        real *g = grad + j * part->size, *old = kept + j * part->size;
        EACH_ELEMENT(*part, k)
        {
            old[k] = keep[k * zone->unit] * g[k];
            g[k] -= old[k];
        }
    }
}

// Adds `kept` again. `fresh`: the cell left nothing in grad.
static void join_zone(const struct recurrent_zone *zone, real *grad, const real *kept, const struct elements *part,
                      const struct recurrent_step *s, bool fresh)
{
    for (int64_t j = s->first; zone->keep && j < s->last; j++)
        add_elements(grad + j * part->size, kept + j * part->size, part, fresh);
}

// Makes what the cell sees as the gradient of h, where a projection made that.
static void propagate_output(const struct backward *w, struct recurrent_step *s)
{
    const int64_t size = w->r->net.h_size;
    gemm product = backward_projection(w);
    product.m = s->last, product.a = s->grad_h, product.c = w->grad_output;
    memcpy(w->grad_projected + (w->schedule.start[s->step] + s->first) * size, s->grad_h + s->first * size,
           (size_t)((s->last - s->first) * size) * sizeof(real));
    gemm_block(&product, s->first, s->last, 0, gemm_panels(product.n));
    s->grad_h = w->grad_output;
}

// A step backward through zoneout, the projection, the cell and the norm.
static void propagate_through_cell(const struct backward *w, struct recurrent_step *s, const struct share *share)
{
    const struct recurrence *r = w->r;
    const struct elements of_h = h_elements(r, s), of_carried = carried_elements(r, s);
    split_zone(r, &r->zone_h, w->grad_h, w->kept_h, &of_h, s);
    split_zone(r, &r->zone_carried, w->grad_carried, w->kept_carried, &of_carried, s);
    if (r->weight_hr) propagate_output(w, s);
    r->net.backward(r, s);
    if (r->net.between) {
        multiply_back(w, 1, s->grad_gates, w->grad_carried, 0, s->first, s->last, share);
        r->net.between_backward(r, s);
    }
    if (r->norm) differentiate_norm(r, s);
    join_zone(&r->zone_h, w->grad_h, w->kept_h, &of_h, s, !r->net.h_is_direct);
    join_zone(&r->zone_carried, w->grad_carried, w->kept_carried, &of_carried, s, false);
}

static void do_steps_back(struct backward *w, int part)
{
    const struct recurrence *r = w->r;
    const int64_t *start = w->schedule.start, carried = carried_size(r);
    const struct share share = share_of_part(r, &w->schedule, &w->grid, part, 0, w->schedule.steps);
    for (int64_t t = w->step; t >= w->step_first; t--) {
        struct recurrent_step s = step_of_share(&w->schedule, &share, most(t, 0));
        if (t < 0) s.going_on = w->schedule.running[0];
        propagate_h(w, &s, t, &share);
        if (t < 0 || s.first >= s.last) continue;
        s.gates = r->gates + start[t] * r->net.columns;
        s.h = r->h_before + start[t] * r->net.h_size;
        s.carried = t == 0 ? w->carried_first : r->carried_all + start[t - 1] * carried;
        s.grad_gates = w->grad_gates + start[t] * w->row;
        s.grad_row = w->row, s.sums = w->sums;
        s.grad_h = w->grad_h, s.grad_carried = w->grad_carried;
        add_incoming(w, &s);
        propagate_through_cell(w, &s, &share);
    }
}

static void do_backward(void *context, int part)
{
    struct backward *w = context;
    if (w->phase == BACKWARD_BEGIN)
        begin_backward(w, part);
    else if (part < w->grid.row_parts * w->grid.unit_parts)
        do_steps_back(w, part);
}

static bool next_backward(void *context)
{
    struct backward *w = context;
    const int64_t first = w->g->h_first ? -1 : 0, steps = w->schedule.steps;
    w->step = w->phase == BACKWARD_BEGIN ? steps - 1 : w->step_first - 1;
    w->phase = BACKWARD_STEPS;
    w->step_first = w->grid.unit_parts > 1 ? w->step : first;
    return steps > 0 && w->step >= first;
}

// The gradients of the first states from those in the order of the sequences.
static void write_state_gradients(const struct backward *w)
{
    const struct recurrence *r = w->r;
    const struct recurrent_gradients *g = w->g;
    const int64_t size = r->net.h_size, units = r->net.units, carried = r->net.carried;
    for (int64_t j = 0; j < r->B; j++) {
        const int64_t b = w->schedule.order[j];
        const bool ran = j < w->schedule.running[0];
        const real *h = ran ? w->grad_h + j * size : g->h_last ? g->h_last + b * size : NULL;
        for (int64_t k = 0; g->h_first && k < size; k++) g->h_first[b * size + k] = h ? h[k] : 0;
        for (int64_t i = 0; i < carried; i++) {
            const real *last = g->carried_last[i] ? g->carried_last[i] + b * units : NULL;
            const real *from = ran ? w->grad_carried + (j * carried + i) * units : last;
            for (int64_t k = 0; g->carried_first[i] && k < units; k++)
                g->carried_first[i][b * units + k] = from ? from[k] : 0;
        }
    }
}

// Takes the scratch memory that the loop and the products need; NULL without memory.
static real *take_backward(struct backward *w, real **rows)
{
    const struct recurrence *r = w->r;
    const int64_t size = r->net.h_size, units = r->net.units;
    const int64_t states = r->B * size, carried = r->B * carried_size(r);
    const int64_t sizes[] = {backward_packed_size(r),
                             r->rows * w->row,
                             states,
                             carried,
                             carried,
                             w->g->weight_ih || w->g->x ? r->rows * r->I : 0,
                             r->mask ? states : 0,
                             r->zone_h.keep ? states : 0,
                             r->zone_carried.keep ? carried : 0,
                             r->weight_hr ? gemm_packed_size(size, units) : 0,
                             r->weight_hr ? r->B * units : 0,
                             r->weight_hr ? r->rows * size : 0};
    real **arrays[] = {&w->packed,        &w->grad_gates, &w->grad_h,      &w->grad_carried,
                       &w->carried_first, rows,           &w->product,     &w->kept_h,
                       &w->kept_carried,  &w->packed_hr,  &w->grad_output, &w->grad_projected};
    return take_arrays(arrays, sizes, 12);
}

const char *recurrent_backward(const struct recurrence *r, const struct recurrent_gradients *g)
{
    struct backward w = {.r = r, .g = g};
    const char *error = make_schedule(r, &w.schedule);
    if (error) return error;
    w.parts = sq_team(r->rows * r->net.columns * r->net.h_size / 16);
    w.sums = r->net.columns * (r->norm ? 3 : 1);
    w.row = w.sums + g->sums[0].columns + g->sums[1].columns;
    real *rows = NULL, *scratch = take_backward(&w, &rows);
    error = sq_no_memory;
    w.grid = make_grid(r, w.parts);
    if (scratch) {
        if (is_whole(&w.grid)) w.parts = 1;
        gather_carried(r, &w.schedule, w.carried_first);
        if (run_phases(w.parts, do_backward, next_backward, &w, sizeof w)) {
            write_state_gradients(&w);
            if (multiply_weights(&w, rows)) error = NULL;
        }
    }
    sq_scratch_give(scratch);
    drop_schedule(&w.schedule);
    return error;
}

#endif
