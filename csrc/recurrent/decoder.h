// A recurrent decoder that attends to a source at every step: what its passes share. attention_decoder.c says the
// formulas.
//
// Sequences are sorted and rows numbered as recurrent.h says. A thread takes sequences of its own through all steps, so
// that threads do not wait for each other.
#ifndef SEQNN_DECODER_H
#define SEQNN_DECODER_H

#include "attention_decoder_args.h"
#include "gemm/gemm.h"
#include "recurrent/schedule.h"

// Weights that every step multiplies by, packed.
struct step_weights {
    real *x, *feed, *h, *query, *out; // x: forward only
};

struct decoder {
    struct recurrence r; // the cell, its sequences and its states
    struct recurrent_schedule schedule;
    enum attention_decoder_score score;
    bool attends_first;        // before the cell, by the state before it; else after it, by the state that it makes
    int64_t S, A, E, F;        // keys; numbers of a key, of a value, and of what is fed
    const real *keys, *values; // [B, S, A], [B, S, E]
    const int32_t *source_lengths;
    real scale;
    const real *weight_feed, *weight_query, *score_weight, *weight_out; // [G, F], [A, H], [A], [F, E + H]
    int64_t weight_row;     // of the input's weights, those of what is fed included
    const real *feed_first; // [B, F] before the first step; NULL: zeros
    real *fed;              // [T, B, F]: what each step made for the next one
    int64_t fed_time, fed_batch;
    real *weights; // [B, T, S] of the attention
    // A row for each (step, sequence): what the step was fed; queries as the score takes them, where they are not h;
    // [mean of values, h] for the output product, when it attends last.
    real *feeds, *queries, *joined;
    real *carried_first; // [B, carried] in the order of the sequences
    struct step_weights packed;
};

// memset and memcpy want an address even of no bytes; arrays without elements have none here.
static inline void clear_row(real *to, int64_t n)
{
    if (n > 0) memset(to, 0, (size_t)n * sizeof(real));
}

static inline void copy_row(real *to, const real *from, int64_t n)
{
    if (n > 0) memcpy(to, from, (size_t)n * sizeof(real));
}

static inline int64_t source_length(const struct decoder *d, int64_t b)
{
    return d->source_lengths ? d->source_lengths[b] : d->S;
}

static inline int64_t carried_size(const struct decoder *d) { return d->r.net.carried * d->r.net.units; }

static inline real *fed_row(const struct decoder *d, int64_t t, int64_t b)
{
    return d->fed + t * d->fed_time + b * d->fed_batch;
}

// Rows of states from which the queries of a step come: h before the step, or after it.
static inline const real *asking_states(const struct decoder *d, int64_t row, int64_t *state_row)
{
    const int64_t H = d->r.net.h_size;
    *state_row = d->attends_first ? H : d->E + H;
    return d->attends_first ? d->r.h_before + row * H : d->joined + row * (d->E + H) + d->E;
}

// The query of a row as the score takes it.
static inline const real *query_of(const struct decoder *d, int64_t row)
{
    if (d->queries) return d->queries + row * d->A;
    int64_t state_row;
    return asking_states(d, row, &state_row);
}

// What carries over into the first step, in the order of the sequences.
static void order_carried(const struct decoder *d)
{
    const int64_t units = d->r.net.units;
    for (int64_t j = 0; j < d->r.B && d->r.net.carried; j++)
        copy_row(d->carried_first + j * units, d->r.carried[0].first + d->schedule.order[j] * d->r.carried[0].first_row,
                 units);
}

// The sequences [first, end) of a part at a step, as the cell takes them.
static struct recurrent_step decoder_step(const struct decoder *d, int64_t t, int64_t first, int64_t end)
{
    const struct recurrent_schedule *q = &d->schedule;
    const struct recurrent_net *net = &d->r.net;
    const int64_t row = q->start[t], carried = carried_size(d);
    return (struct recurrent_step){.schedule = q,
                                   .step = t,
                                   .first = first,
                                   .last = least(end, q->running[t]),
                                   .unit_end = net->units,
                                   .going_on = q->running[t + 1],
                                   .gates = d->r.gates + row * net->columns,
                                   .h = d->r.h_before + row * net->h_size,
                                   .h_next = d->r.h_before + q->start[t + 1] * net->h_size,
                                   .carried = t ? d->r.carried_all + q->start[t - 1] * carried : d->carried_first,
                                   .carried_next = d->r.carried_all + row * carried};
}

// A product by W^T of rows that are `a_row` apart; `weight` is [n, k] with rows `weight_row` apart.
static gemm times_transposed(const real *weight, int64_t weight_row, const real *packed, int64_t n, int64_t k)
{
    return (gemm){
        .n = n, .k = k, .a_col = 1, .b = weight, .b_row = 1, .b_col = weight_row, .packed = packed, .alpha = 1};
}

// A product by W itself, [k, n].
static gemm times_weight(const real *weight, int64_t weight_row, const real *packed, int64_t n, int64_t k)
{
    return (gemm){
        .n = n, .k = k, .a_col = 1, .b = weight, .b_row = weight_row, .b_col = 1, .packed = packed, .alpha = 1};
}

// C (or C += with beta) of the rows [first, last) of A and C, whose row 0 is given.
static void multiply_step(gemm g, const real *a, int64_t a_row, real *c, int64_t c_row, real beta, int64_t first,
                          int64_t last)
{
    g.m = last, g.a = a, g.a_row = a_row, g.c = c, g.c_row = c_row, g.beta = beta;
    gemm_block(&g, first, last, 0, gemm_panels(g.n));
}

// Runs a pass: all threads pack a part of the weights, unless `pack` is NULL, then each takes its sequences through the
// steps.
static void run_decoder(void (*pack)(void *, int, int), void (*steps)(void *, int64_t, int64_t), void *context,
                        const struct decoder *d)
{
    const struct recurrence *r = &d->r;
    const struct recurrent_net *net = &r->net;
    const int64_t work = r->rows * (net->columns * (net->h_size + d->F) + d->S * (d->A + d->E));
    const int team = (int)most(1, least(sq_team(work / 16), r->B));
    if (team == 1) {
        if (pack) pack(context, 0, 1);
        steps(context, 0, r->B);
        return;
    }
#pragma omp parallel num_threads(team)
    {
        const int part = omp_get_thread_num(), parts = omp_get_num_threads();
        if (pack) {
            pack(context, part, parts);
#pragma omp barrier
        }
        steps(context, cut_sequences(r, &d->schedule, parts, part, 0, d->schedule.steps),
              cut_sequences(r, &d->schedule, parts, part + 1, 0, d->schedule.steps));
    }
}

#endif
