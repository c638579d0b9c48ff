// The time loop forward: recurrent.h tells how.
#ifndef SEQNN_RECURRENT_FORWARD_H
#define SEQNN_RECURRENT_FORWARD_H

#include "recurrent.h"
#include "recurrent_norm.h"
#include "recurrent_pack.h"
#include "recurrent_share.h"

enum recurrent_phase { RECURRENT_BEGIN, RECURRENT_PROJECT, RECURRENT_STEP };

struct recurrent_walk {
    const struct recurrence *r;
    struct recurrent_grid grid;
    int parts;
    enum recurrent_phase phase;
    int64_t chunk, chunk_end, step, step_end; // steps whose input's part is there; steps of the phase
    real *packed_ih, *packed_hh;
    real *rows;      // gathered x of a chunk, or NULL: x lies in order
    real *gates;     // of a chunk
    real *h[2];      // by turns, where `before` is not saved
    real *memory[3]; // the initial one; the running one, by turns, where `memories` is not saved
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
    if (!r->packed) recurrent_pack_part(r, w->packed_ih, w->packed_hh, part, w->parts);
    for (int64_t b = recurrent_cut(r->B, w->parts, part); b < recurrent_cut(r->B, w->parts, part + 1); b++)
        for (int64_t t = recurrent_length(r, b); t < r->T; t++)
            memset(r->out + t * r->out_time + b * r->out_batch, 0, (size_t)r->H * sizeof(real));
}

static void recurrent_project(struct recurrent_walk *w, int part)
{
    const struct recurrence *r = w->r;
    const int64_t base = r->start[w->chunk], rows = r->start[w->chunk_end] - base;
    const int64_t row = recurrent_cut(rows, w->parts, part), row_end = recurrent_cut(rows, w->parts, part + 1);
    gemm g = recurrent_input_product(r, w->packed_ih);
    g.m = rows;
    g.a = r->x + base * r->I;
    if (w->rows) {
        g.a = w->rows;
        recurrent_gather(r, w->rows + row * r->I, base + row, base + row_end);
    }
    g.c = recurrent_gates_of(w, w->chunk);
    gemm_block(&g, row, row_end, 0, gemm_panels(g.n));
}

// to[k] = keep from[k] + (1 - keep) to[k] for the units of the part in each block.
static void recurrent_zone_out(const struct recurrence *r, const real *keep, int64_t keep_unit, const real *from,
                               real *to, int64_t size, const struct recurrent_step *s)
{
    for (int64_t block = 0; block < size; block += r->units)
        for (int64_t k = block + s->unit; k < block + s->unit_end; k++) {
            const real share = keep[k * keep_unit];
            to[k] = share * from[k] + (1 - share) * to[k];
        }
}

// Behind the cell: zoneout, the mask, and the last states.
static void recurrent_leave(const struct recurrence *r, const struct recurrent_step *s)
{
    const size_t bytes = (size_t)(s->unit_end - s->unit) * sizeof(real);
    for (int64_t j = s->first; j < s->last; j++) {
        const int64_t b = r->order[j];
        real *out = recurrent_out(r, s, j), *after = recurrent_after(r, s, j);
        if (r->zone_h.keep) {
            recurrent_zone_out(r, recurrent_keep(r, &r->zone_h, s->step, j), r->zone_h.unit,
                               recurrent_h_before(r, s->step, j), out, r->H, s);
            for (int64_t block = s->unit; block < r->H; block += r->units) memcpy(after + block, out + block, bytes);
        }
        if (r->zone_memory.keep)
            recurrent_zone_out(r, recurrent_keep(r, &r->zone_memory, s->step, j), r->zone_memory.unit,
                               s->memory + j * r->memory, s->memory_after + j * r->memory, r->memory, s);
        if (r->mask && j < s->going_on)
            for (int64_t block = 0; block < r->H; block += r->units)
                for (int64_t k = block + s->unit; k < block + s->unit_end; k++) after[k] *= r->mask[b * r->H + k];
        if (j >= s->going_on && r->memory_last)
            for (int64_t block = s->unit; block < r->memory; block += r->units)
                memcpy(r->memory_last + b * r->memory + block, s->memory_after + j * r->memory + block, bytes);
    }
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
        for (int i = 0; i < r->spans_count; i++) {
            const struct recurrent_span *span = &r->spans[i];
            const bool made = i > 0 && r->middle;
            if (made) r->middle(r, &s);
            for (int64_t k = 0; k < span->rows; k += r->units) {
                gemm g = recurrent_product(r, w->packed_hh, span->row + k);
                g.m = s.last;
                g.a = made ? s.memory_after : s.before;
                g.c = s.gates + span->column + k;
                g.beta = span->adds;
                g.bias = span->bias && !r->norm ? span->bias + k : NULL;
                gemm_block(&g, s.first, s.last, panels.first, panels.last);
            }
        }
        if (r->norm) recurrent_norm(r, &s);
        r->cell(r, &s);
        recurrent_leave(r, &s);
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
    .packed_size = (a)->P

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
    const int64_t sizes[] = {r->packed ? 0 : gemm_packed_size(r->I, r->input_columns),
                             r->packed ? 0 : recurrent_packed_hh_size(r),
                             recurrent_in_order(r) ? 0 : chunk_rows * r->I,
                             r->gates ? 0 : chunk_rows * r->columns,
                             running_h,
                             running_h,
                             r->B * r->memory,
                             running_memory,
                             running_memory};
    real *scratch = NULL;
    real **arrays[] = {&w.packed_ih, &w.packed_hh, &w.rows,      &w.gates,    &w.h[0],
                       &w.h[1],      &w.memory[0], &w.memory[1], &w.memory[2]};
    error = sq_no_memory;
    if (recurrent_allocate(&scratch, arrays, sizes, 9) && recurrent_share(r, &w.grid, w.parts)) {
        const bool loop = r->columns * r->H >= r->input_columns * r->I; // is most of the work
        if (loop && w.grid.row_parts * w.grid.unit_parts == 1) w.parts = 1;
        if (r->packed) {
            w.packed_ih = (real *)recurrent_unpack(r);
            w.packed_hh = w.packed_ih + gemm_packed_size(r->I, r->input_columns);
        }
        recurrent_states(&w);
        if (recurrent_team(w.parts, recurrent_work, recurrent_next, &w)) error = NULL;
    }
    sq_scratch_give(w.grid.cuts);
    sq_scratch_give(scratch);
    recurrent_unsort(r);
    return error;
}

#endif
