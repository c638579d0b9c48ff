// The time loop forward: recurrent.h tells how.
#ifndef SEQNN_RECURRENT_FORWARD_H
#define SEQNN_RECURRENT_FORWARD_H

#include "recurrent/recurrent.h"
#include "recurrent/share.h"
#include "recurrent/step.h"

enum recurrent_phase { RECURRENT_BEGIN, RECURRENT_PROJECT, RECURRENT_STEP };

struct recurrent_walk {
    const struct recurrence *r;
    struct recurrent_grid grid;
    int parts;
    enum recurrent_phase phase;
    int64_t chunk, chunk_end, step, step_end; // steps whose input's part is there; steps of the phase
    struct recurrent_packed packed;
    real *rows;               // gathered x of a chunk, or NULL: x lies in order
    real *gates;              // of a chunk
    real *h[2];               // by turns, where `before` is not saved
    real *memory[3];          // the initial one; the running one, by turns, where `memories` is not saved
    real *hidden, *projected; // [B, units], [B, H] with a projection
};

static int64_t recurrent_chunk_rows(const struct recurrence *r)
{
    const int64_t fit = RECURRENT_BYTES / (r->columns * (int64_t)sizeof(real));
    return fit > RECURRENT_ROWS ? fit : RECURRENT_ROWS;
}

static real *recurrent_gates_of(const struct recurrent_walk *w, int64_t step)
{
    const struct recurrence *r = w->r;
    return (r->gates ? r->gates + r->start[step] * r->columns
                     : w->gates + (r->start[step] - r->start[w->chunk]) * r->columns);
}

// Packs a part of the weights and clears the padding of the part's sequences.
static void recurrent_begin(struct recurrent_walk *w, int part)
{
    const struct recurrence *r = w->r;
    if (!r->packed) recurrent_pack_part(r, &w->packed, part, w->parts);
    for (int64_t b = recurrent_cut(r->B, w->parts, part); b < recurrent_cut(r->B, w->parts, part + 1); b++)
        for (int64_t t = recurrent_length(r, b); t < r->T; t++)
            memset(r->out + t * r->out_time + b * r->out_batch, 0, (size_t)r->H * sizeof(real));
}

static void recurrent_project(struct recurrent_walk *w, int part)
{
    const struct recurrence *r = w->r;
    const int64_t base = r->start[w->chunk], rows = r->start[w->chunk_end] - base;
    const int64_t row = recurrent_cut(rows, w->parts, part), row_end = recurrent_cut(rows, w->parts, part + 1);
    gemm g = recurrent_input_product(r, w->packed.ih);
    g.m = rows;
    g.a = r->x + base * r->I;
    if (w->rows) {
        g.a = w->rows;
        recurrent_gather(r, w->rows + row * r->I, base + row, base + row_end);
    }
    g.c = recurrent_gates_of(w, w->chunk);
    gemm_block(&g, row, row_end, 0, gemm_panels(g.n));
}

static void recurrent_advance(struct recurrent_walk *w, int part)
{
    const struct recurrence *r = w->r;
    const struct recurrent_panels panels = recurrent_panels_of(r, &w->grid, part);
    for (int64_t t = w->step; t < w->step_end; t++) {
        struct recurrent_step s = recurrent_part(r, &w->grid, part, t);
        if (s.first >= s.last) break;
        s.unit = panels.unit, s.unit_end = panels.unit_end;
        s.gates = recurrent_gates_of(w, t);
        s.before = r->before ? r->before + r->start[t] * r->H : w->h[t % 2];
        s.after = r->before ? r->before + r->start[t + 1] * r->H : w->h[(t + 1) % 2];
        s.memory = t == 0        ? w->memory[0]
                   : r->memories ? r->memories + r->start[t - 1] * r->memory
                                 : w->memory[1 + (t - 1) % 2];
        s.memory_after = r->memories ? r->memories + r->start[t] * r->memory : w->memory[1 + t % 2];
        s.hidden = r->hidden ? r->hidden + r->start[t] * r->units : w->hidden;
        s.projected = w->projected;
        recurrent_do(r, &w->packed, &s, panels.first, panels.last);
    }
}

static void recurrent_work(void *context, int part)
{
    struct recurrent_walk *w = context;
    if (w->phase == RECURRENT_BEGIN)
        recurrent_begin(w, part);
    else if (w->phase == RECURRENT_PROJECT)
        recurrent_project(w, part);
    else if (part < w->grid.row_parts * w->grid.unit_parts)
        recurrent_advance(w, part);
}

static bool recurrent_next(void *context)
{
    struct recurrent_walk *w = context;
    const struct recurrence *r = w->r;
    if (w->phase == RECURRENT_PROJECT) {
        w->phase = RECURRENT_STEP;
        w->step = w->chunk;
        w->step_end = w->grid.unit_parts > 1 ? w->chunk + 1 : w->chunk_end;
        return true;
    }
    if (w->phase == RECURRENT_STEP && w->step_end < w->chunk_end) {
        w->step = w->step_end++;
        return true;
    }
    w->chunk = w->chunk_end;
    if (w->chunk == r->steps) return false;
    const int64_t most = r->start[w->chunk] + recurrent_chunk_rows(r);
    do w->chunk_end++;
    while (w->chunk_end < r->steps && r->start[w->chunk_end + 1] <= most);
    w->phase = RECURRENT_PROJECT;
    return true;
}

// The initial states in the order of the sequences; the last states of those without a step.
static void recurrent_states(struct recurrent_walk *w)
{
    const struct recurrence *r = w->r;
    real *h = r->before ? r->before : w->h[0];
    for (int64_t j = 0; j < r->B; j++) {
        const int64_t b = r->order[j];
        const real *h0 = r->h0 + b * r->h0_row, *memory0 = r->memory0 ? r->memory0 + b * r->memory0_row : NULL;
        if (j < r->running[0])
            for (int64_t k = 0; k < r->H; k++) h[j * r->H + k] = r->mask ? h0[k] * r->mask[b * r->H + k] : h0[k];
        else
            memcpy(r->h_last + b * r->H, h0, (size_t)r->H * sizeof(real));
        if (!r->memory0) continue;
        memcpy(w->memory[0] + j * r->memory, memory0, (size_t)r->memory * sizeof(real));
        if (j >= r->running[0]) memcpy(r->memory_last + b * r->memory, memory0, (size_t)r->memory * sizeof(real));
    }
}

// What all forward kernels' structs have in common.
#define RECURRENT_FORWARD(a)                                                                                           \
    .rows = (a)->rows, .bias = (a)->bias, .h0 = (a)->h0, .h0_row = (a)->h0_stride[0], .out = (a)->out,                 \
    .out_time = (a)->out_stride[0], .out_batch = (a)->out_stride[1], .h_last = (a)->h, .packed = (a)->packed,          \
    .packed_size = (a)->S

static const char *recurrent_forward(struct recurrence *r)
{
    if (r->packed && !recurrent_unpack(r))
        return "packed was not made from weights of this shape and dtype on this instruction set: pack them again";
    const char *error = recurrent_sort(r);
    if (error) return error;
    const int64_t work = r->rows * (r->input_columns * r->I + r->columns * r->H) / 16;
    struct recurrent_walk w = {.r = r, .parts = sq_team(work)};
    const int64_t most = recurrent_chunk_rows(r) > r->B ? recurrent_chunk_rows(r) : r->B;
    const int64_t chunk_rows = r->rows < most ? r->rows : most;
    const int64_t running_memory = r->memories ? 0 : r->B * r->memory, running_h = r->before ? 0 : r->B * r->H;
    const int64_t sizes[] = {r->packed ? 0 : recurrent_packed_size(r),
                             recurrent_in_order(r) ? 0 : chunk_rows * r->I,
                             r->gates ? 0 : chunk_rows * r->columns,
                             running_h,
                             running_h,
                             r->B * r->memory,
                             running_memory,
                             running_memory,
                             r->project && !r->hidden ? r->B * r->units : 0,
                             r->project ? r->B * r->H : 0};
    real *scratch = NULL, *packed = NULL;
    real **arrays[] = {&packed,      &w.rows,      &w.gates,     &w.h[0],   &w.h[1],
                       &w.memory[0], &w.memory[1], &w.memory[2], &w.hidden, &w.projected};
    error = sq_no_memory;
    if (recurrent_allocate(&scratch, arrays, sizes, 10) && recurrent_share(r, &w.grid, w.parts)) {
        const bool loop = r->columns * r->H >= r->input_columns * r->I; // is most of the work
        if (loop && w.grid.row_parts * w.grid.unit_parts == 1) w.parts = 1;
        w.packed = recurrent_packed_at(r, r->packed ? (real *)recurrent_unpack(r) : packed);
        recurrent_states(&w);
        if (recurrent_team(w.parts, recurrent_work, recurrent_next, &w)) error = NULL;
    }
    sq_scratch_give(w.grid.cuts);
    sq_scratch_give(scratch);
    recurrent_unsort(r);
    return error;
}

#endif
