// The order of the sequences and the numbers of the rows; the rows of x in that order. A part of engine.c.
#ifndef SEQNN_RECURRENT_SCHEDULE_H
#define SEQNN_RECURRENT_SCHEDULE_H

#include "base/arith.h"
#include "base/scratch.h"
#include "recurrent/recurrent.h"

// Sorts the sequences by counting. Returns an error or NULL; drop_schedule frees.
static const char *make_schedule(const struct recurrence *r, struct recurrent_schedule *q)
{
    int64_t total = 0, longest = 0;
    for (int64_t b = 0; b < r->B; b++) {
        const int64_t length = recurrent_length(r, b);
        longest = most(longest, length);
        total += length;
    }
    if (total != r->rows) return "rows must be the sum of the lengths";
    int64_t *room = sq_scratch_take((size_t)(r->B + 2 * longest + 2) * sizeof *room);
    if (!room) return sq_no_memory;
    q->order = room, q->running = room + r->B, q->start = q->running + longest + 1, q->steps = longest;
    for (int64_t t = 0; t <= longest; t++) q->running[t] = 0;
    // running[t]: how many have length t; then how many are longer than t, which is also where those of length t begin.
    for (int64_t b = 0; b < r->B; b++) q->running[recurrent_length(r, b)]++;
    for (int64_t t = longest, longer = 0; t >= 0; t--) {
        const int64_t equal = q->running[t];
        q->running[t] = longer;
        longer += equal;
    }
    for (int64_t t = 0; t <= longest; t++) q->start[t] = q->running[t];
    for (int64_t b = 0; b < r->B; b++) q->order[q->start[recurrent_length(r, b)]++] = b;
    q->start[0] = 0;
    for (int64_t t = 0; t < longest; t++) q->start[t + 1] = q->start[t] + q->running[t];
    return NULL;
}

static void drop_schedule(const struct recurrent_schedule *q) { sq_scratch_give(q->order); }

// Where part i of the sequences begins when their rows in the steps [step, step_end) are cut into `parts` even parts;
// part `parts` would begin at B.
static int64_t cut_sequences(const struct recurrence *r, const struct recurrent_schedule *q, int parts, int i,
                             int64_t step, int64_t step_end)
{
    const int64_t rows = q->start[step_end] - q->start[step];
    int64_t done = 0, j = 0;
    if (i == parts) return r->B;
    while (j < r->B && done * parts < rows * i) {
        const int64_t end = least(recurrent_length(r, q->order[j++]), step_end);
        done += most(end - step, 0);
    }
    return j;
}

// The step of a row.
static int64_t step_of_row(const struct recurrent_schedule *q, int64_t row)
{
    int64_t low = 0, high = q->steps;
    while (low + 1 < high) {
        const int64_t middle = (low + high) / 2;
        if (q->start[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

// Tells whether rows [T, B, I] with these strides lie in memory as they are numbered.
static bool is_in_order(const struct recurrence *r, int64_t time, int64_t batch)
{
    if (r->reverse || r->rows != r->T * r->B) return false;
    return (r->B == 1 || batch == r->I) && (r->T == 1 || time == r->B * r->I);
}

// to[i] = the x of row `row` + i.
static void gather_x(const struct recurrence *r, const struct recurrent_schedule *q, real *to, int64_t row,
                     int64_t row_end)
{
    for (int64_t t = step_of_row(q, row), i = row; i < row_end; t++)
        for (; i < row_end && i < q->start[t + 1]; i++, to += r->I) {
            const int64_t j = i - q->start[t];
            memcpy(to, r->x + recurrent_time(r, q, t, j) * r->x_time + q->order[j] * r->x_batch,
                   (size_t)r->I * sizeof(real));
        }
}

// Takes one block of scratch memory for several arrays of `sizes` elements; those of size 0 become NULL. Returns the
// block, NULL without memory.
static real *take_arrays(real **arrays[], const int64_t *sizes, int count)
{
    int64_t total = LANES;
    for (int i = 0; i < count; i++) total += round_up(sizes[i], LANES);
    real *block = sq_scratch_take((size_t)total * sizeof(real)), *at = block;
    for (int i = 0; block && i < count; i++) {
        *arrays[i] = sizes[i] ? at : NULL;
        at += round_up(sizes[i], LANES);
    }
    return block;
}

#endif
