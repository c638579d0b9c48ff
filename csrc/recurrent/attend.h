// Attention of one step of a decoder: the scores of one query and the keys of its source, their softmax, the weighted
// mean of the values, and the gradients of these. A part of attention_decoder.c.
#ifndef SEQNN_ATTEND_H
#define SEQNN_ATTEND_H

#include "recurrent/decoder.h"

enum { TOGETHER = 4 }; // keys that are scored, and vectors that are summed, side by side

// to[s] = scale times x . y_s, or times weight . tanh(x + y_s), for `rows` rows y of n numbers.
ALWAYS_INLINE void score_rows(const real *x, const real *y, int64_t rows, int64_t n, const real *weight, bool additive,
                              real scale, real *to)
{
    for (int64_t s = 0; s < rows; s += TOGETHER) {
        const real *y0 = y + s * n, *y1 = y + least(s + 1, rows - 1) * n;
        const real *y2 = y + least(s + 2, rows - 1) * n, *y3 = y + least(s + 3, rows - 1) * n;
        vf sums[TOGETHER] = {{0}};
        for (int64_t i = 0; i < n; i += LANES) {
            const int64_t part = least(LANES, n - i);
            const vf v = vf_load_part(x + i, part);
            const vf w = additive ? vf_load_part(weight + i, part) : v;
#define SCORE_ROW(row) (additive ? vf_tanh(v + vf_load_part((row) + i, part)) : vf_load_part((row) + i, part)) * w
            sums[0] += SCORE_ROW(y0), sums[1] += SCORE_ROW(y1), sums[2] += SCORE_ROW(y2), sums[3] += SCORE_ROW(y3);
        }
        for (int64_t k = 0; k < least(TOGETHER, rows - s); k++) to[s + k] = vf_sum(sums[k]) * scale;
    }
}

static void dots(const real *x, const real *y, int64_t rows, int64_t n, real scale, real *to)
{
    score_rows(x, y, rows, n, NULL, false, scale, to);
}

static void additive_scores(const real *x, const real *y, int64_t rows, int64_t n, const real *weight, real scale,
                            real *to)
{
    score_rows(x, y, rows, n, weight, true, scale, to);
}

// to = the sum of by[s] times row s.
static void sum_of_rows(const real *by, const real *rows, int64_t count, int64_t n, real *to)
{
    int64_t i = 0;
    for (; i + TOGETHER * LANES <= n; i += TOGETHER * LANES) {
        vf a = {0}, b = a, c = a, d = a;
        const real *row = rows + i;
        for (int64_t s = 0; s < count; s++, row += n) {
            const vf x = vf_set(by[s]);
            a += x * vf_load(row), b += x * vf_load(row + LANES);
            c += x * vf_load(row + 2 * LANES), d += x * vf_load(row + 3 * LANES);
        }
        vf_store(to + i, a), vf_store(to + i + LANES, b);
        vf_store(to + i + 2 * LANES, c), vf_store(to + i + 3 * LANES, d);
    }
    for (; i < n; i += LANES) {
        const int64_t part = least(LANES, n - i);
        vf sum = {0};
        for (int64_t s = 0; s < count; s++) sum += vf_set(by[s]) * vf_load_part(rows + s * n + i, part);
        vf_store_part(to + i, part, sum);
    }
}

// Scores become weights of sum 1.
static void soften(real *x, int64_t n)
{
    real top = n ? x[0] : 0;
    for (int64_t i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    vf total = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        const int64_t part = least(LANES, n - i);
        const vf e = vf_exp(vf_load_part(x + i, part) - top);
        vf_store_part(x + i, part, e);
        total += vf_load_part(x + i, part); // zeros beyond the end
    }
    const real inverse = 1 / vf_sum(total);
    for (int64_t i = 0; i < n; i++) x[i] *= inverse;
}

// 1 / the root of the mean square.
static real inverse_size(const real *x, int64_t n)
{
    vf squares = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        const vf v = vf_load_part(x + i, least(LANES, n - i));
        squares += v * v;
    }
    return 1 / (real)sqrt((double)(vf_sum(squares) / (real)n) + 1e-24);
}

// Makes the queries of the step's sequences [first, last) from their states.
static void make_queries(const struct decoder *d, int64_t row, int64_t first, int64_t last)
{
    const int64_t H = d->r.net.h_size;
    int64_t state_row;
    const real *states = asking_states(d, row, &state_row);
    real *queries = d->queries + row * d->A;
    if (d->score == ATTENTION_DECODER_ADDITIVE)
        multiply_step(times_transposed(d->weight_query, H, d->packed.query, d->A, H), states, state_row, queries, d->A,
                      0, first, last);
    for (int64_t j = first; d->score == ATTENTION_DECODER_COSINE && j < last; j++) {
        const real by = inverse_size(states + j * state_row, H);
        for (int64_t k = 0; k < H; k++) queries[j * H + k] = states[j * state_row + k] * by;
    }
}

// The step's sequences [first, last) attend: weights, and means of values at `to` + j to_row.
static void attend(const struct decoder *d, const struct recurrent_step *s, real *to, int64_t to_row)
{
    const int64_t row = d->schedule.start[s->step];
    make_queries(d, row, s->first, s->last);
    for (int64_t j = s->first; j < s->last; j++) {
        const int64_t b = d->schedule.order[j], count = source_length(d, b);
        const real *query = query_of(d, row + j), *keys = d->keys + b * d->S * d->A;
        real *weights = d->weights + (b * d->r.T + s->step) * d->S;
        if (d->score == ATTENTION_DECODER_ADDITIVE)
            additive_scores(query, keys, count, d->A, d->score_weight, d->scale, weights);
        else
            dots(query, keys, count, d->A, d->scale, weights);
        soften(weights, count);
        sum_of_rows(weights, d->values + b * d->S * d->E, count, d->E, to + j * to_row);
    }
}

// Gradients of additive scores, from their slopes: of the query, and added to those of the keys and of the weight.
static void additive_slopes(const real *slopes, const real *query, const real *keys, int64_t count, int64_t n,
                            const real *weight, real *grad_query, real *grad_keys, real *grad_weight)
{
    for (int64_t i = 0; i < n; i += LANES) {
        const int64_t part = least(LANES, n - i);
        const vf q = vf_load_part(query + i, part), w = vf_load_part(weight + i, part);
        vf sum = {0}, tanhs = vf_load_part(grad_weight + i, part);
        for (int64_t s = 0; s < count; s++) {
            const vf t = vf_tanh(q + vf_load_part(keys + s * n + i, part)), slope = vf_set(slopes[s]);
            const vf inner = slope * w * ((real)1 - t * t);
            real *to = grad_keys + s * n + i;
            vf_store_part(to, part, vf_load_part(to, part) + inner);
            sum += inner, tanhs += slope * t;
        }
        vf_store_part(grad_query + i, part, sum);
        vf_store_part(grad_weight + i, part, tanhs);
    }
}

// slopes = those of the scores, from the gradients of the mean of values and of the weights (or NULL); `count` of them.
static void score_slopes(const struct decoder *d, const real *weights, const real *grad_mean, const real *grad_weights,
                         int64_t b, int64_t count, real *slopes)
{
    real along = 0;
    dots(grad_mean, d->values + b * d->S * d->E, count, d->E, 1, slopes);
    for (int64_t s = 0; grad_weights && s < count; s++) slopes[s] += grad_weights[s];
    for (int64_t s = 0; s < count; s++) along += weights[s] * slopes[s];
    for (int64_t s = 0; s < count; s++) slopes[s] = weights[s] * (slopes[s] - along) * d->scale;
}

#endif
