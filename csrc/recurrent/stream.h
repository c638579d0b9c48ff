// A stream: one step of a stack of layers a call, with packed weights. Small steps skip all that recurrent_forward
// prepares for many.
#ifndef SEQNN_RECURRENT_STREAM_H
#define SEQNN_RECURRENT_STREAM_H

#include "recurrent/forward.h"

enum { STREAM_ROWS = 64, STREAM_WORK = 1 << 21 }; // of a step on one thread: sequences, and multiplications, at most

// Layers that lie behind each other, as the first one says it: states, biases, norms, own weights.
struct recurrent_stack {
    int64_t layers, own; // elements of `own` a layer
    bool residual;       // from the second layer on the input is added to the output
    const real *const *packed;
    const int64_t *packed_size;
    real zoneout; // the share of the old states that is kept
};

// A layer's step on this thread. `room`: of gates and, with r->middle, of memory.
static const char *recurrent_small(struct recurrence *r, real *room)
{
    static const int64_t start = 0;
    int64_t order[STREAM_ROWS];
    for (int64_t b = 0; b < r->B; b++) order[b] = b;
    r->order = order, r->start = (int64_t *)&start;
    const struct recurrent_packed packed = recurrent_packed_at(r, (real *)recurrent_unpack(r));
    real *behind = room + r->B * r->columns;
    const struct recurrent_step s = {.last = r->B,
                                     .unit_end = r->units,
                                     .gates = room,
                                     .before = r->h0,
                                     .memory = r->memory0,
                                     .memory_after = r->memory_last ? r->memory_last : behind,
                                     .hidden = behind,
                                     .projected = behind + r->B * r->units};
    r->memory_last = NULL; // is where the cell puts it
    gemm g = recurrent_input_product(r, packed.ih);
    g.m = r->B, g.a = r->x, g.c = room;
    recurrent_multiply(&g, 0, r->B, 0, gemm_panels(g.n));
    recurrent_do(r, &packed, &s, 0, gemm_panels(r->units));
    return NULL;
}

// `first` is the first layer; its x is [B, I], its out [B, H] the result, its h0, memory0, h_last and memory_last are
// [layers, B, .].
static const char *recurrent_stream(const struct recurrence *first, const struct recurrent_stack *stack)
{
    struct recurrence r = *first;
    const int64_t size = r.B * r.H;
    real *room = sq_scratch_take((size_t)(r.B * (r.columns + 2 * r.H + r.units)) * sizeof(real));
    if (!room) return sq_no_memory;
    real *added = room + r.B * (r.columns + r.H + r.units);
    r.T = 1, r.rows = r.B, r.x_batch = r.I, r.h0_row = r.H, r.memory0_row = r.memory, r.out_batch = r.H;
    if (stack->zoneout > 0) r.zone_h.keep = &stack->zoneout;
    if (stack->zoneout > 0 && r.memory0) r.zone_memory.keep = &stack->zoneout;
    const char *error = NULL;
    for (int64_t layer = 0; layer < stack->layers && !error; layer++) {
        r.packed = stack->packed[layer], r.packed_size = stack->packed_size[layer];
        struct recurrence own = r;
        if (!recurrent_unpack(&r))
            error = "packed was not made from weights of this shape and dtype on this instruction set: pack them again";
        else if (r.B <= STREAM_ROWS && r.columns * (r.I + r.H) * r.B <= STREAM_WORK)
            error = recurrent_small(&own, room);
        else
            error = recurrent_forward(&own);
        if (layer > 0 && stack->residual) {
            for (int64_t k = 0; k < size; k++) added[k] = r.out[k] + r.x[k];
            r.x = added;
        } else {
            r.x = r.h_last;
        }
        r.I = r.x_batch = r.H;
        r.h0 += size, r.h_last += size;
        if (r.memory0) r.memory0 += r.B * r.memory, r.memory_last += r.B * r.memory;
        if (r.bias) r.bias += r.input_columns;
        if (r.spans[1].bias) r.spans[1].bias += r.spans[1].rows;
        if (r.own) r.own += stack->own;
        if (r.norm) r.norm += r.columns;
        if (r.norm_memory) r.norm_memory += 2 * r.memory;
    }
    if (r.x == added) memcpy(r.out, added, (size_t)size * sizeof(real));
    sq_scratch_give(room);
    return error;
}

#define RECURRENT_STREAM_ARGUMENTS(a)                                                                                  \
    .B = (a)->B, .I = (a)->I, .x = (a)->x, .h0 = (a)->h, .out = (a)->out, .h_last = (a)->h_after, .bias = (a)->bias,   \
    .norm = (a)->norm

#define RECURRENT_STACK(a)                                                                                             \
    .layers = (a)->L, .residual = (a)->residual, .packed = (a)->packed, .packed_size = (a)->packed_size,               \
    .zoneout = (real)(a)->zoneout

static const char recurrent_layers_differ[] = "packed and the states differ in the number of layers";

#endif
