// A stream: one step of a stack of layers a call, with packed weights. Small steps skip all that recurrent_forward
// prepares for many. A part of engine.c.
#ifndef SEQNN_RECURRENT_STREAM_H
#define SEQNN_RECURRENT_STREAM_H

#include "recurrent/forward.h"

enum { STREAM_ROWS = 64, STREAM_WORK = 1 << 21 }; // of a step on one thread: sequences, and multiplications, at most

static bool is_small(const struct recurrence *r)
{
    return r->B <= STREAM_ROWS && r->net.columns * (r->I + r->net.h_size) * r->B <= STREAM_WORK;
}

// Numbers of a row of do_small_step's room: gates, bias, carried before and after, and what a projection needs.
static int64_t small_row(const struct recurrence *r)
{
    return 2 * r->net.columns + 2 * carried_size(r) + r->net.units + r->net.h_size;
}

// Does a layer's step on this thread, with the packed weights `packed`.
static void do_small_step(const struct recurrence *r, const struct packed_weights *packed, real *room)
{
    static const int64_t start = 0;
    int64_t order[STREAM_ROWS];
    for (int64_t b = 0; b < r->B; b++) order[b] = b;
    const struct recurrent_schedule schedule = {.order = order, .start = (int64_t *)&start};
    const int64_t carried = r->B * carried_size(r);
    real *bias = room + r->B * r->net.columns, *first = bias + r->net.columns, *next = first + carried;
    const struct ready_weights weights = {*packed, join_biases(r, bias)};
    gather_carried(r, &schedule, first);
    const struct recurrent_step s = {.schedule = &schedule,
                                     .last = r->B,
                                     .unit_end = r->net.units,
                                     .gates = room,
                                     .h = r->h_first,
                                     .carried = first,
                                     .carried_next = next,
                                     .cell_output = next + carried,
                                     .projected = next + carried + r->B * r->net.units};
    gemm g = input_product(r, packed->ih, weights.bias);
    g.m = r->B, g.a = r->x, g.c = room;
    gemm_block(&g, 0, r->B, 0, gemm_panels(g.n));
    do_step(r, &weights, &s, 0, gemm_panels(r->net.units));
}

// Moves the arrays of all layers on to the next one.
static void move_to_next_layer(struct recurrence *r, const struct recurrent_stack *stack)
{
    const struct recurrent_net *net = &r->net;
    r->I = r->x_batch = net->h_size;
    r->h_first += r->B * net->h_size, r->h_last += r->B * net->h_size;
    for (int64_t i = 0; i < net->carried && r->carried[i].first; i++)
        r->carried[i].first += r->B * net->units, r->carried[i].last += r->B * net->units;
    if (r->bias_ih) r->bias_ih += net->input_columns;
    if (r->bias_hh) r->bias_hh += recurrent_rows(net);
    if (r->cell_weights) r->cell_weights += stack->cell_weights;
    if (r->norm) r->norm += net->columns;
    if (r->norm_carried) r->norm_carried += 2 * net->units;
}

const char *recurrent_stream(const struct recurrence *first, const struct recurrent_stack *stack)
{
    struct recurrence r = *first;
    const int64_t size = r.B * r.net.h_size;
    real *room = sq_scratch_take((size_t)(size + most(r.B, 1) * small_row(&r)) * sizeof(real));
    if (!room) return sq_no_memory;
    real *added = room + most(r.B, 1) * small_row(&r);
    r.T = 1, r.rows = r.B, r.x_batch = r.I, r.h_first_row = r.net.h_size, r.out_batch = r.net.h_size;
    for (int64_t i = 0; i < r.net.carried; i++) r.carried[i].first_row = r.net.units;
    if (stack->zoneout > 0) r.zone_h.keep = &stack->zoneout;
    if (stack->zoneout > 0 && r.carried[0].first) r.zone_carried.keep = &stack->zoneout;
    const char *error = NULL;
    for (int64_t layer = 0; layer < stack->layers && !error; layer++) {
        r.packed = stack->packed[layer], r.packed_size = stack->packed_size[layer];
        struct packed_weights packed;
        error = open_packed(&r, &packed);
        if (error) break;
        if (is_small(&r))
            do_small_step(&r, &packed, room);
        else
            error = recurrent_forward(&r);
        if (layer > 0 && stack->residual) {
            for (int64_t k = 0; k < size; k++) added[k] = r.out[k] + r.x[k];
            r.x = added;
        } else {
            r.x = r.h_last;
        }
        move_to_next_layer(&r, stack);
    }
    if (r.x == added) memcpy(r.out, added, (size_t)size * sizeof(real));
    sq_scratch_give(room);
    return error;
}

#endif
