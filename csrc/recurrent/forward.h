// The time loop forward. A part of engine.c.
//
// Steps go in chunks: the input's part of their gates is one product, which the threads share by rows; then the steps
// follow, shared as share.h says.
#ifndef SEQNN_RECURRENT_FORWARD_H
#define SEQNN_RECURRENT_FORWARD_H

#include "recurrent/step.h"

enum { CHUNK_ROWS = 96, CHUNK_BYTES = 1 << 20 }; // of gates in a chunk of steps: at least, and about

enum forward_phase { FORWARD_BEGIN, FORWARD_INPUTS, FORWARD_STEPS };

struct forward { // each thread has its own, for the phase that it is in
    const struct recurrence *r;
    struct recurrent_schedule schedule;
    struct grid grid;
    int parts;
    enum forward_phase phase;
    int64_t chunk, chunk_end, step, step_end; // steps whose input's part is there; steps of the phase
    struct ready_weights weights;
    real *rows;                         // gathered x of a chunk, or NULL: x lies in order
    bool by_units;                      // each part multiplies x by the columns of its own units
    real *gates;                        // of a chunk, where they are not saved
    real *h[2];                         // in turn, where h_before is not saved
    real *carried[3];                   // the first one; then two in turn, where carried_all is not saved
    int64_t gates_apart, carried_apart; // by_units: each part has its own, or cores would fetch ahead, line after line,
                                        // what another core writes; else 0
    real *cell_output, *projected;      // [B, units], [B, h_size] with a projection
};

static int64_t most_chunk_rows(const struct recurrence *r)
{
    return most(CHUNK_ROWS, CHUNK_BYTES / (r->net.columns * (int64_t)sizeof(real)));
}

static real *gates_of_step(const struct forward *w, int64_t step, int part)
{
    const int64_t *start = w->schedule.start, columns = w->r->net.columns;
    if (w->r->gates) return w->r->gates + start[step] * columns;
    return w->gates + part * w->gates_apart + (start[step] - start[w->chunk]) * columns;
}

// What is carried after the step, or into the first one.
static real *carried_after(const struct forward *w, int64_t step, int part)
{
    const int64_t carried = carried_size(w->r);
    if (step >= 0 && w->r->carried_all) return w->r->carried_all + w->schedule.start[step] * carried;
    return w->carried[step < 0 ? 0 : 1 + step % 2] + part * w->carried_apart;
}

// Packs a part of the weights and clears the padding of the part's sequences.
static void begin_part(struct forward *w, int part)
{
    const struct recurrence *r = w->r;
    if (!r->packed) pack_weights(r, &w->weights.packed, part, w->parts);
    for (int64_t b = cut(r->B, w->parts, part); b < cut(r->B, w->parts, part + 1); b++)
        for (int64_t t = recurrent_length(r, b); t < r->T; t++)
            memset(r->out + t * r->out_time + b * r->out_batch, 0, (size_t)r->net.h_size * sizeof(real));
}

static void multiply_inputs(struct forward *w, int part)
{
    const struct recurrence *r = w->r;
    const int64_t base = w->schedule.start[w->chunk], rows = w->schedule.start[w->chunk_end] - base;
    const int64_t row = cut(rows, w->parts, part), row_end = cut(rows, w->parts, part + 1);
    gemm g = input_product(r, w->weights.packed.ih, w->weights.bias);
    g.m = rows;
    g.a = r->x + base * r->I;
    if (w->rows) {
        g.a = w->rows;
        gather_x(r, &w->schedule, w->rows + row * r->I, base + row, base + row_end);
    }
    g.c = gates_of_step(w, w->chunk, part);
    if (!w->by_units) {
        gemm_block(&g, row, row_end, 0, gemm_panels(g.n));
        return;
    }
    const struct share own = share_of_part(r, &w->schedule, &w->grid, part, w->chunk, w->chunk_end);
    for (int64_t block = 0; block < gemm_panels(g.n); block += gemm_panels(r->net.units))
        gemm_block(&g, 0, rows, block + own.panel, block + own.panel_end);
}

// Asks for all of h at once, a part of which other cores have just written.
static void ask_for_h(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t size = r->net.h_size, line = 64 / (int64_t)sizeof(real);
    for (int64_t k = s->first * size; k < s->last * size; k += line) __builtin_prefetch(s->h + k);
}

static void do_steps(struct forward *w, int part)
{
    const struct recurrence *r = w->r;
    const int64_t size = r->net.h_size, *start = w->schedule.start;
    const struct share share = share_of_part(r, &w->schedule, &w->grid, part, w->chunk, w->chunk_end);
    for (int64_t t = w->step; t < w->step_end; t++) {
        struct recurrent_step s = step_of_share(&w->schedule, &share, t);
        if (s.first >= s.last) break;
        s.gates = gates_of_step(w, t, part);
        s.h = r->h_before ? r->h_before + start[t] * size : w->h[t % 2];
        s.h_next = r->h_before ? r->h_before + start[t + 1] * size : w->h[(t + 1) % 2];
        s.carried = carried_after(w, t - 1, part);
        s.carried_next = carried_after(w, t, part);
        s.cell_output = r->cell_output ? r->cell_output + start[t] * r->net.units : w->cell_output;
        s.projected = w->projected;
        if (w->grid.unit_parts > 1) ask_for_h(r, &s);
        do_step(r, &w->weights, &s, share.panel, share.panel_end);
    }
}

static void do_forward(void *context, int part)
{
    struct forward *w = context;
    if (w->phase == FORWARD_BEGIN)
        begin_part(w, part);
    else if (w->phase == FORWARD_INPUTS)
        multiply_inputs(w, part);
    else if (part < w->grid.row_parts * w->grid.unit_parts)
        do_steps(w, part);
}

static bool next_forward(void *context)
{
    struct forward *w = context;
    const struct recurrent_schedule *q = &w->schedule;
    if (w->phase == FORWARD_INPUTS) {
        w->phase = FORWARD_STEPS;
        w->step = w->chunk;
        w->step_end = w->grid.unit_parts > 1 ? w->chunk + 1 : w->chunk_end;
        return true;
    }
    if (w->phase == FORWARD_STEPS && w->step_end < w->chunk_end) {
        w->step = w->step_end++;
        return true;
    }
    w->chunk = w->chunk_end;
    if (w->chunk == q->steps) return false;
    const int64_t last_row = q->start[w->chunk] + most_chunk_rows(w->r);
    do w->chunk_end++;
    while (w->chunk_end < q->steps && q->start[w->chunk_end + 1] <= last_row);
    w->phase = FORWARD_INPUTS;
    return true;
}

// Copies what is carried into the first step to `to`, in the order of the sequences.
static void gather_carried(const struct recurrence *r, const struct recurrent_schedule *q, real *to)
{
    const int64_t units = r->net.units;
    for (int64_t j = 0; j < r->B; j++)
        for (int64_t i = 0; i < r->net.carried && r->carried[i].first; i++, to += units)
            memcpy(to, r->carried[i].first + q->order[j] * r->carried[i].first_row, (size_t)units * sizeof(real));
}

// Prepares the first states; those of sequences without a step are the last ones, too.
static void place_states(struct forward *w)
{
    const struct recurrence *r = w->r;
    const struct recurrent_schedule *q = &w->schedule;
    const int64_t size = r->net.h_size, units = r->net.units;
    real *h = r->h_before ? r->h_before : w->h[0];
    for (int part = 0; part < (w->by_units ? w->parts : 1); part++)
        gather_carried(r, q, w->carried[0] + part * w->carried_apart);
    for (int64_t j = 0; j < r->B; j++) {
        const int64_t b = q->order[j];
        const real *first = r->h_first + b * r->h_first_row;
        if (j < q->running[0]) {
            for (int64_t k = 0; k < size; k++) h[j * size + k] = r->mask ? first[k] * r->mask[b * size + k] : first[k];
            continue;
        }
        memcpy(r->h_last + b * size, first, (size_t)size * sizeof(real));
        for (int64_t i = 0; i < r->net.carried && r->carried[i].last; i++)
            memcpy(r->carried[i].last + b * units, r->carried[i].first + b * r->carried[i].first_row,
                   (size_t)units * sizeof(real));
    }
}

// Takes the scratch memory that the loop needs; NULL without memory.
static real *take_forward(struct forward *w, bool packs)
{
    const struct recurrence *r = w->r;
    const struct recurrent_net *net = &r->net;
    const int64_t rows = least(r->rows, most(most_chunk_rows(r), r->B)), states = r->B * net->h_size;
    const int64_t gates = round_up(rows * net->columns, LANES), carried = round_up(r->B * carried_size(r), LANES);
    const int64_t copies = w->by_units ? w->parts : 1;
    if (w->by_units) w->gates_apart = gates, w->carried_apart = carried;
    const int64_t sizes[] = {packs ? packed_size(r) : 0,
                             net->columns,
                             is_in_order(r, r->x_time, r->x_batch) ? 0 : rows * r->I,
                             r->gates ? 0 : copies * gates,
                             r->h_before ? 0 : states,
                             r->h_before ? 0 : states,
                             copies * carried,
                             r->carried_all ? 0 : copies * carried,
                             r->carried_all ? 0 : copies * carried,
                             r->weight_hr && !r->cell_output ? r->B * net->units : 0,
                             r->weight_hr ? states : 0};
    real *packed = NULL, *bias = NULL;
    real **arrays[] = {&packed,        &bias,          &w->rows,       &w->gates,       &w->h[0],     &w->h[1],
                       &w->carried[0], &w->carried[1], &w->carried[2], &w->cell_output, &w->projected};
    real *block = take_arrays(arrays, sizes, 11);
    if (!block) return NULL;
    if (packs) w->weights.packed = packed_at(r, packed);
    w->weights.bias = join_biases(r, bias);
    return block;
}

const char *recurrent_forward(const struct recurrence *r)
{
    struct forward w = {.r = r};
    const char *error = r->packed ? open_packed(r, &w.weights.packed) : NULL;
    if (!error) error = make_schedule(r, &w.schedule);
    if (error) return error;
    const int64_t input_work = r->net.input_columns * r->I, loop_work = r->net.columns * r->net.h_size;
    w.parts = sq_team(r->rows * (input_work + loop_work) / 16);
    w.grid = make_grid(r, w.parts);
    if (loop_work >= input_work && is_whole(&w.grid)) w.parts = 1;
    w.by_units = w.grid.unit_parts > 1 && w.grid.row_parts == 1 && r->net.units % (GEMM_VECTORS * LANES) == 0 &&
                 is_in_order(r, r->x_time, r->x_batch);
    if (w.by_units) w.parts = w.grid.unit_parts;
    real *scratch = take_forward(&w, !r->packed);
    error = sq_no_memory;
    if (scratch) {
        place_states(&w);
        if (run_phases(w.parts, do_forward, next_forward, &w, sizeof w)) error = NULL;
    }
    sq_scratch_give(scratch);
    drop_schedule(&w.schedule);
    return error;
}

#endif
