// What a recurrent cell declares, and what the time loop that all of them share (engine.c) does for it: forward and
// backward over whole sequences of unequal lengths, packed weights, and streams of single steps.
//
// Sequences are sorted by falling length and all rows (step, sequence) are numbered step by step: the sequences that
// are still running at a step are the first ones, so nothing is computed for padding.
//
// A row of gates has `columns` numbers. The input's part of them is one large product for a chunk of steps. At each
// step the engine adds the products with h, and the cell, functions of its own file, finishes the rows: blocks of
// `units` gates become the next h and what the net carries beside it.
#ifndef SEQNN_RECURRENT_H
#define SEQNN_RECURRENT_H

#include "vec/math.h"

struct recurrence;
struct recurrent_step;
typedef void recurrent_function(const struct recurrence *, const struct recurrent_step *);

// Rows [row, row + rows) of the recurrent weights make the columns from `column` on: added to the input's part, or
// alone.
struct recurrent_product {
    int64_t column, row, rows;
    bool adds;
};

// A net: its sizes, its products with h, and the functions of its cell.
struct recurrent_net {
    int64_t variant;       // of the cell's formulas, for the cell alone
    int64_t h_size, units; // numbers of h, and of a block of gates
    int64_t columns;       // of a row of gates
    int64_t input_columns; // the first of them, which the input takes part in
    int64_t carried;       // blocks of `units` numbers that a step hands on beside h, or that `between` makes
    struct recurrent_product products[2];
    int products_count;
    recurrent_function *forward; // gates -> gates, the next h, carried_next
    // The second product multiplies not h but what this makes of it and the first product's gates, in carried_next; or
    // NULL.
    recurrent_function *between;
    // The gradients of h and carried after the step -> those of the gates, and of carried before the step.
    recurrent_function *backward;
    recurrent_function *between_backward; // grad_carried holds the gradient of what `between` made
    bool h_is_direct; // h reaches the next h past the products as well: `backward` leaves that gradient in grad_h
};

// Zoneout: the share of the old state that is kept, at [step in time, sequence, unit]; strides may be 0.
struct recurrent_zone {
    const real *keep; // or NULL
    int64_t time, batch, unit;
};

// A block of what the net carries beside h: [B, units] before the first step and after each sequence's last one.
struct recurrent_carried {
    const real *first;
    int64_t first_row;
    real *last;
};

// What a kernel says of a call. Arrays that are not needed are NULL.
struct recurrence {
    struct recurrent_net net;
    int64_t T, B, I;
    int64_t rows;           // the sum of the lengths
    const int32_t *lengths; // [B]
    bool reverse;           // begins at each sequence's last step
    const real *x;          // [T, B, I]
    int64_t x_time, x_batch;
    const real *weight_ih, *weight_hh; // [input_columns, I], [rows of the products, h_size]
    const real *bias_ih, *bias_hh;     // a number for each of their rows
    const real *weight_hr;             // [h_size, units], a projection: h = weight_hr times what the cell makes
    const real *cell_weights;          // for the cell alone, [., units]
    const real *norm;                  // [columns] scale of a layer norm of each block of gates, before the biases
    const real *norm_carried;          // [2, units] scale and shift of a layer norm of what h sees of what is carried
    const real *mask;                  // [B, h_size] by which h is multiplied before the products
    struct recurrent_zone zone_h, zone_carried;
    const real *h_first; // [B, h_size] before the first step
    int64_t h_first_row;
    struct recurrent_carried carried[2];
    real *out; // [T, B, h_size]: h of all steps
    int64_t out_time, out_batch;
    real *h_last;       // [B, h_size] after each sequence's last step
    const real *packed; // the weights as recurrent_pack left them
    int64_t packed_size;
    // Saved for backward, a row for each (step, sequence).
    real *gates, *carried_all; // [., columns], [., carried blocks of units] after the step
    real *h_before;            // [., h_size], masked
    real *cell_output;         // [., units] where a projection follows
    real *normal, *rstd;       // [., columns], [., columns / units] of the norm
};

// Gradients that a kernel has, and those that it wants; each may be NULL.
struct recurrent_gradients {
    const real *out, *h_last, *carried_last[2]; // [T, B, h_size], [B, h_size], [B, units]
    int64_t out_time, out_batch;
    real *x; // [T, B, I]
    int64_t x_time, x_batch;
    real *h_first, *carried_first[2], *weight_ih, *weight_hh, *bias_ih, *bias_hh, *weight_hr, *norm;
    // Columns that `backward` writes after those of the gates: their sums over all rows are gradients of weights that
    // the cell alone knows.
    struct {
        int64_t columns;
        real *total;
    } sums[2];
};

// Layers on top of each other for a stream, as the first one's recurrence says it: arrays of all layers, one after the
// other.
struct recurrent_stack {
    int64_t layers;
    int64_t cell_weights; // numbers of a layer
    bool residual;        // from the second layer on the input is added to the output
    const real *const *packed;
    const int64_t *packed_size;
    real zoneout; // the share of the old states that is kept
};

// The order in which the engine takes the sequences and numbers the rows.
struct recurrent_schedule {
    int64_t *order;   // [B] the sequences, longest first
    int64_t *running; // [steps + 1] how many are running at a step
    int64_t *start;   // [steps + 1] the first row of a step
    int64_t steps;    // of the longest sequence
};

// One step of the sequences [first, last) and the units [unit, unit_end) of every block, for the cell. Pointers are to
// the row of sequence 0.
struct recurrent_step {
    const struct recurrent_schedule *schedule;
    int64_t step, first, last, unit, unit_end;
    int64_t going_on; // sequences that have a next step
    real *gates;      // [., columns]
    const real *h;    // [., h_size] before the step, masked
    real *h_next;     // the same of the next step, for the sequences that go on
    const real *carried;
    real *carried_next; // [., carried blocks of units] before and after
    real *cell_output;  // [., units] where a projection makes h of it
    real *projected;    // [., h_size] room for that
    // Backward: rows of grad_gates are grad_row apart; from `sums` on they hold what is summed over all rows.
    real *grad_gates, *grad_h, *grad_carried;
    int64_t grad_row, sums;
};

// The nets of cells without options, each in the file of its cell.
#define rnn_net SQ_SHARED(rnn_net)
#define gru_net SQ_SHARED(gru_net)
#define lstm_net SQ_SHARED(lstm_net)
struct recurrent_net rnn_net(int64_t H, int64_t nonlinearity);
struct recurrent_net gru_net(int64_t H, int64_t form);
struct recurrent_net lstm_net(int64_t O, int64_t H); // O numbers of h, H units

// The engine: an error or NULL.
#define recurrent_forward SQ_SHARED(recurrent_forward)
#define recurrent_backward SQ_SHARED(recurrent_backward)
#define recurrent_pack SQ_SHARED(recurrent_pack)
#define recurrent_stream SQ_SHARED(recurrent_stream)
const char *recurrent_forward(const struct recurrence *r);
const char *recurrent_backward(const struct recurrence *r, const struct recurrent_gradients *g);
// Packs the weights once for many calls; r->packed_size numbers have room in `packed`.
void recurrent_pack(const struct recurrence *r, real *packed);
// One step of each layer: x is [B, I], out [B, h_size].
const char *recurrent_stream(const struct recurrence *first, const struct recurrent_stack *stack);

static inline int64_t recurrent_length(const struct recurrence *r, int64_t sequence)
{
    return r->lengths ? r->lengths[sequence] : r->T;
}

// The position in time of a step of the j-th longest sequence.
static inline int64_t recurrent_time(const struct recurrence *r, const struct recurrent_schedule *q, int64_t step,
                                     int64_t j)
{
    return r->reverse ? recurrent_length(r, q->order[j]) - 1 - step : step;
}

// The row of out that belongs to a step of the j-th longest sequence.
static inline real *recurrent_out(const struct recurrence *r, const struct recurrent_schedule *q, int64_t step,
                                  int64_t j)
{
    return r->out + recurrent_time(r, q, step, j) * r->out_time + q->order[j] * r->out_batch;
}

// h before the step as it was without the mask.
static inline const real *recurrent_unmasked_h(const struct recurrence *r, const struct recurrent_step *s, int64_t j)
{
    if (s->step == 0) return r->h_first + s->schedule->order[j] * r->h_first_row;
    return recurrent_out(r, s->schedule, s->step - 1, j);
}

// The row for h as the next step takes it, or as the last one.
static inline real *recurrent_h_row(const struct recurrence *r, const struct recurrent_step *s, int64_t j)
{
    const int64_t size = r->net.h_size;
    return j < s->going_on ? s->h_next + j * size : r->h_last + s->schedule->order[j] * size;
}

// The cell writes what it makes to two rows: the one of the output, and the one of the next h. Where a projection makes
// h of it, both are the same.
static inline real *recurrent_output(const struct recurrence *r, const struct recurrent_step *s, int64_t j)
{
    return r->weight_hr ? s->cell_output + j * r->net.units : recurrent_out(r, s->schedule, s->step, j);
}

static inline real *recurrent_h_next(const struct recurrence *r, const struct recurrent_step *s, int64_t j)
{
    return r->weight_hr ? s->cell_output + j * r->net.units : recurrent_h_row(r, s, j);
}

// Runs `body` for the units of a step in vectors: u is the first, n their number.
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

#define RECURRENT_EPSILON ((real)1e-5) // of layer norms

// What the arguments of all kernels name alike.
#define RECURRENT_ZONE(a, name)                                                                                        \
    {.keep = (a)->name, .time = (a)->name##_stride[0], .batch = (a)->name##_stride[1], .unit = (a)->name##_stride[2]}
#define RECURRENT_WEIGHTS(a) .I = (a)->I, .weight_ih = (a)->weight_ih, .weight_hh = (a)->weight_hh
#define RECURRENT_SEQUENCES(a)                                                                                         \
    RECURRENT_WEIGHTS(a), .T = (a)->T, .B = (a)->B, .lengths = (a)->lengths, .reverse = (a)->reverse, .x = (a)->x,     \
        .x_time = (a)->x_stride[0], .x_batch = (a)->x_stride[1], .norm = (a)->norm, .normal = (real *)(a)->normal,     \
        .rstd = (real *)(a)->rstd, .mask = (a)->mask, .zone_h = RECURRENT_ZONE(a, zone_h),                             \
        .gates = (real *)(a)->gates, .h_before = (real *)(a)->h_before
#define RECURRENT_FORWARD(a)                                                                                           \
    RECURRENT_SEQUENCES(a), .rows = (a)->rows, .bias_ih = (a)->bias_ih, .bias_hh = (a)->bias_hh, .h_first = (a)->h0,   \
        .h_first_row = (a)->h0_stride[0], .out = (a)->out, .out_time = (a)->out_stride[0],                             \
        .out_batch = (a)->out_stride[1], .h_last = (a)->h_last, .packed = (a)->packed, .packed_size = (a)->S
#define RECURRENT_BACKWARD(a) RECURRENT_SEQUENCES(a), .rows = (a)->R
#define RECURRENT_GRADIENTS(a)                                                                                         \
    .out = (a)->grad_out, .out_time = (a)->grad_out_stride[0], .out_batch = (a)->grad_out_stride[1],                   \
    .h_last = (a)->grad_h_last, .x = (a)->grad_x, .x_time = (a)->grad_x_stride[0], .x_batch = (a)->grad_x_stride[1],   \
    .h_first = (a)->grad_h0, .weight_ih = (a)->grad_weight_ih, .weight_hh = (a)->grad_weight_hh,                       \
    .bias_ih = (a)->grad_bias_ih, .bias_hh = (a)->grad_bias_hh, .norm = (a)->grad_norm
#define RECURRENT_STREAM(a)                                                                                            \
    .B = (a)->B, .I = (a)->I, .x = (a)->x, .h_first = (a)->h0, .out = (a)->out, .h_last = (a)->h_last,                 \
    .bias_ih = (a)->bias_ih, .bias_hh = (a)->bias_hh, .norm = (a)->norm
#define RECURRENT_STACK(a)                                                                                             \
    .layers = (a)->L, .residual = (a)->residual, .packed = (a)->packed, .packed_size = (a)->packed_size,               \
    .zoneout = (real)(a)->zoneout

#endif
