// The time loop that all recurrent nets share, forward and backward.
//
// Sequences are sorted by falling length and all rows (step, sequence) are numbered step by step: the sequences that
// are still running at a step are the first ones, so nothing is computed for padding. The rows of x are gathered in
// that order, which also takes care of strides and of the reverse direction.
//
// A row of gates has `columns` numbers. The input's part is one large product for a chunk of steps, the recurrent part
// is a product a step, and then the cell, a function of the kernel file, finishes its rows x units of the step.
//
// Threads share a step by rows, by units, or both. Where each has its own rows with all their units they do not wait
// for each other inside a chunk; else every step is a phase (team.h), and the threads meet once a step. Beside that
// they meet once a call, when the weights are packed, and twice a chunk. A meeting of two cores costs 0.4 to 1.1
// microseconds on a Xeon whose cores reach each other in 0.7 (probe_phases); RECURRENT_PART_WORK is what makes one
// worth while.
#ifndef SEQNN_RECURRENT_H
#define SEQNN_RECURRENT_H

#include "base/team.h"
#include "gemm/gemm.h"
#include "vec/math.h"

enum { RECURRENT_ROWS = 96, RECURRENT_BYTES = 1 << 20 }; // of gates in a chunk of steps: at least, and about

// Rows [row, row + rows) of the recurrent weights make the columns from `column` on: added to the input's part, or in
// its place with a bias of their own.
struct recurrent_span {
    int64_t column, row, rows;
    bool adds;
    const real *bias;
};

// One step of the sequences [first, last), for the cell.
struct recurrent_step {
    int64_t step, first, last;
    int64_t unit, unit_end;
    int64_t going_on;   // so many sequences go on
    real *gates;        // of sequence 0
    const real *before; // [., H] h before the step
    real *after;        // [., H] h behind it, for the sequences that go on
    const real *memory; // [., memory] before
    real *memory_after; // behind
    real *hidden;       // [., units] what the cell makes, where a projection makes h of it
    real *projected;    // [., H] room for that
    // Backward. The cell turns the gradients of h and memory behind the step into those of the gates and of the memory
    // before it; in `direct` nets grad_h becomes what goes to the h before past the product. Rows of grad_gates are
    // grad_row apart; from `extra` on they have what the cell wants summed over all rows.
    real *grad_gates, *grad_h, *grad_memory;
    int64_t grad_row, extra;
};

// Zoneout: the share of the old state that is kept, at [step in time, sequence, unit]; strides may be 0.
struct recurrent_zone {
    const real *keep; // or NULL
    int64_t time, batch, unit;
};

struct recurrence {
    int64_t T, B, I, H;
    int64_t rows;                   // the sum of the lengths, as the caller says it
    int64_t columns, units, memory; // a row of gates; of a block of them; what is kept beside h
    int64_t input_columns;          // the first so many columns come from the input
    struct recurrent_span spans[2];
    int spans_count;
    const int32_t *lengths; // [B] or NULL
    bool reverse;
    const real *x, *w_ih, *w_hh, *bias; // bias [input_columns] or NULL
    int64_t x_time, x_batch;
    const real *h0, *memory0; // [B, H], [B, memory]
    int64_t h0_row, memory0_row;
    real *out, *h_last, *memory_last; // [T, B, H], [B, H], [B, memory]
    int64_t out_time, out_batch;
    real *gates, *memories, *before; // [rows, columns], [rows, memory], [rows, H]: saved for backward, or NULL
    void (*cell)(const struct recurrence *, const struct recurrent_step *);
    // Where the second span multiplies not h but what this makes of it and the first span's gates, in memory_after.
    void (*middle)(const struct recurrence *, const struct recurrent_step *);
    int64_t form;    // of the cell, and its own
    const real *own; // weights
    const real
        *project;     // [H, units]: h = `hidden` of the cell times this, transposed; or NULL: h is what the cell makes
    real *hidden;     // [rows, units] saved for backward, or NULL
    const real *mask; // [B, H] what h is multiplied by in front of the product, or NULL
    struct recurrent_zone zone_h, zone_memory;
    const real *norm; // [columns] scale of the layer norm of each block of gates, or NULL; the bias comes behind it
    const real *norm_memory; // [2, memory] scale and shift of the layer norm of what h sees of the memory, or NULL
    real *normal, *rstd;     // [rows, columns], [rows, columns / units]: saved by it
    const real *packed;      // the weights as recurrent_pack left them, or NULL
    int64_t packed_size;

    // made by recurrent_sort
    int64_t *order;   // [B] the sequences, longest first
    int64_t *running; // [T + 1] how many are running at a step
    int64_t *start;   // [T + 1] the first row of a step
    int64_t steps;    // with at least one sequence
};

static inline int64_t recurrent_length(const struct recurrence *r, int64_t sequence)
{
    return r->lengths ? r->lengths[sequence] : r->T;
}

// Position in time of a step of the j-th longest sequence.
static inline int64_t recurrent_time(const struct recurrence *r, int64_t step, int64_t j)
{
    return r->reverse ? recurrent_length(r, r->order[j]) - 1 - step : step;
}

// The true h before a step (`before` holds it masked).
static inline const real *recurrent_h_before(const struct recurrence *r, int64_t step, int64_t j)
{
    const int64_t b = r->order[j];
    if (step == 0) return r->h0 + b * r->h0_row;
    return r->out + recurrent_time(r, step - 1, j) * r->out_time + b * r->out_batch;
}

// Where the cell puts the h of a sequence: into out, and for the next step or as the last one.
static inline real *recurrent_out(const struct recurrence *r, const struct recurrent_step *s, int64_t j)
{
    return r->out + recurrent_time(r, s->step, j) * r->out_time + r->order[j] * r->out_batch;
}

static inline real *recurrent_after(const struct recurrence *r, const struct recurrent_step *s, int64_t j)
{
    return j < s->going_on ? s->after + j * r->H : r->h_last + r->order[j] * r->H;
}

// Where the cell puts what it makes.
static inline real *recurrent_made(const struct recurrence *r, const struct recurrent_step *s, int64_t j)
{
    return r->project ? s->hidden + j * r->units : recurrent_out(r, s, j);
}

static inline real *recurrent_made_again(const struct recurrence *r, const struct recurrent_step *s, int64_t j)
{
    return r->project ? s->hidden + j * r->units : recurrent_after(r, s, j);
}

// Where part i of n things begins.
static inline int64_t recurrent_cut(int64_t n, int64_t parts, int64_t i) { return n * i / parts; }

// Which elements of h or memory a part has: [first, end) of each block.
struct recurrent_blocks {
    int64_t size, block, first, end;
};

static inline int64_t recurrent_h_block(const struct recurrence *r) { return r->project ? r->H : r->units; }

static inline struct recurrent_blocks recurrent_of_h(const struct recurrence *r, const struct recurrent_step *s)
{
    if (r->project) return (struct recurrent_blocks){r->H, r->H, 0, r->H};
    return (struct recurrent_blocks){r->H, r->units, s->unit, s->unit_end};
}

static inline struct recurrent_blocks recurrent_of_memory(const struct recurrence *r, const struct recurrent_step *s)
{
    return (struct recurrent_blocks){r->memory, r->units, s->unit, s->unit_end};
}

#define EACH_ELEMENT(blocks, k)                                                                                        \
    for (int64_t begin = 0; begin < (blocks).size; begin += (blocks).block)                                            \
        for (int64_t k = begin + (blocks).first; k < begin + (blocks).end; k++)

// Runs `body` for the units of a part in vectors: u is the first, n how many.
#define EACH_UNITS(s, body)                                                                                            \
    do {                                                                                                               \
        int64_t u = (s)->unit;                                                                                         \
        for (; u + LANES <= (s)->unit_end; u += LANES) {                                                               \
            const int64_t n = LANES;                                                                                   \
            body;                                                                                                      \
        }                                                                                                              \
        if (u < (s)->unit_end) {                                                                                       \
            const int64_t n = (s)->unit_end - u;                                                                       \
            body;                                                                                                      \
        }                                                                                                              \
    } while (0)

static inline const real *recurrent_keep(const struct recurrence *r, const struct recurrent_zone *zone, int64_t step,
                                         int64_t j)
{
    return zone->keep + recurrent_time(r, step, j) * zone->time + r->order[j] * zone->batch;
}

// Fills order, running, start, steps; returns an error or NULL. recurrent_unsort frees.
static const char *recurrent_sort(struct recurrence *r)
{
    int64_t total = 0;
    for (int64_t b = 0; b < r->B; b++) {
        const int64_t length = recurrent_length(r, b);
        if (length < 0 || length > r->T) return "lengths must lie in [0, T], the number of steps of x";
        total += length;
    }
    if (total != r->rows) return "rows must be the sum of the lengths";
    int64_t *memory = sq_scratch_take((size_t)(r->B + 2 * r->T + 2) * sizeof *memory);
    if (!memory) return sq_no_memory;
    r->order = memory, r->running = memory + r->B, r->start = r->running + r->T + 1;
    for (int64_t t = 0; t <= r->T; t++) r->running[t] = 0;
    // running[t]: how many have length t; then how many are longer than t, which is also where those of length t begin.
    for (int64_t b = 0; b < r->B; b++) r->running[recurrent_length(r, b)]++;
    for (int64_t t = r->T, longer = 0; t >= 0; t--) {
        const int64_t equal = r->running[t];
        r->running[t] = longer;
        longer += equal;
    }
    for (int64_t t = 0; t <= r->T; t++) r->start[t] = r->running[t];
    for (int64_t b = 0; b < r->B; b++) r->order[r->start[recurrent_length(r, b)]++] = b;
    r->start[0] = 0;
    for (int64_t t = 0; t < r->T; t++) r->start[t + 1] = r->start[t] + r->running[t];
    for (r->steps = 0; r->steps < r->T && r->running[r->steps] > 0;) r->steps++;
    return NULL;
}

static void recurrent_unsort(const struct recurrence *r) { sq_scratch_give(r->order); }

// The step of a row.
static int64_t recurrent_step_of(const struct recurrence *r, int64_t row)
{
    int64_t low = 0, high = r->steps;
    while (low + 1 < high) {
        const int64_t middle = (low + high) / 2;
        if (r->start[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

// Whether the rows of x lie in memory as they are numbered.
static bool recurrent_in_order(const struct recurrence *r)
{
    if (r->reverse || r->start[r->steps] != r->T * r->B) return false;
    return (r->B == 1 || r->x_batch == r->I) && (r->T == 1 || r->x_time == r->B * r->I);
}

// to[i] = the x of row `row` + i.
static void recurrent_gather(const struct recurrence *r, real *to, int64_t row, int64_t row_end)
{
    for (int64_t t = recurrent_step_of(r, row), i = row; i < row_end; t++)
        for (; i < row_end && i < r->start[t + 1]; i++, to += r->I) {
            const int64_t j = i - r->start[t];
            memcpy(to, r->x + recurrent_time(r, t, j) * r->x_time + r->order[j] * r->x_batch,
                   (size_t)r->I * sizeof(real));
        }
}

// One scratch block for several arrays of `sizes` elements; those of size 0 become NULL. False: no memory.
static bool recurrent_allocate(real **scratch, real **arrays[], const int64_t *sizes, int count)
{
    int64_t total = 0;
    for (int i = 0; i < count; i++) total += (sizes[i] + LANES - 1) / LANES * LANES;
    real *at = *scratch = sq_scratch_take((size_t)(total + LANES) * sizeof(real));
    if (!at) return false;
    for (int i = 0; i < count; i++) {
        *arrays[i] = sizes[i] ? at : NULL;
        at += (sizes[i] + LANES - 1) / LANES * LANES;
    }
    return true;
}

// Runs the phases that `context` and the functions say, from the first, which is prepared, on a team.
static bool recurrent_team(int parts, void (*work)(void *, int), bool (*next)(void *), void *context)
{
    struct team_line *claimed = sq_scratch_take((size_t)parts * sizeof *claimed);
    if (!claimed) return false;
    memset(claimed, 0, (size_t)parts * sizeof *claimed);
    struct team team = {
        .phase = {.value = 1}, .claimed = claimed, .units = parts, .work = work, .next = next, .context = context};
    if (parts == 1) {
        team_run(&team, 0);
    } else {
#pragma omp parallel num_threads(parts)
        team_run(&team, omp_get_thread_num());
    }
    sq_scratch_give(claimed);
    return true;
}

// What all kernels' structs have in common.
#define RECURRENT_ARGUMENTS(a)                                                                                         \
    .T = (a)->T, .B = (a)->B, .I = (a)->I, .lengths = (a)->lengths, .reverse = (a)->reverse, .x = (a)->x,              \
    .x_time = (a)->x_stride[0], .x_batch = (a)->x_stride[1], .w_ih = (a)->w_ih, .w_hh = (a)->w_hh, .norm = (a)->norm,  \
    .normal = (real *)(a)->normal, .rstd = (real *)(a)->rstd, .mask = (a)->mask, .zone_h = RECURRENT_ZONE(a, zone_h),  \
    .gates = (real *)(a)->gates, .before = (real *)(a)->before

#define RECURRENT_ZONE(a, name)                                                                                        \
    {.keep = (a)->name, .time = (a)->name##_stride[0], .batch = (a)->name##_stride[1], .unit = (a)->name##_stride[2]}

#endif
