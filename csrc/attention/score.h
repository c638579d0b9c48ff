// The scores of a block of queries and keys: scaled dot products, or additive . tanh(q + k) (Bahdanau, Cho, Bengio,
// "Neural machine translation by jointly learning to align and translate", ICLR 2015) with its gradient.
#ifndef SEQNN_ATTENTION_SCORE_H
#define SEQNN_ATTENTION_SCORE_H

#include "attention/attention.h"

// tanh(x + y) = 1 - 2 r with r = 1 / (1 + e^2x e^2y): one exponential for each query and key, and one division for each
// pair. Beyond this magnitude a product could be 0 times infinity; there the exponential is taken of the sum.
#define FAR_OUT (SQ_DOUBLE ? 350 : 43)

// e^2(x + y) from e^2x and e^2y, or from 2x and 2y where one of them is far out.
ALWAYS_INLINE vf joined(vf x, vf y, bool far)
{
    if (far) return vf_exp(x + y);
    return x * y;
}

static bool rows_far(const real *x, int64_t row, int64_t rows, int64_t columns)
{
    vf top = {0};
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j += LANES)
            top = vf_max(top, vf_abs(vf_load_part(x + i * row + j, least(LANES, columns - j))));
    return vf_largest(top) > FAR_OUT;
}

// Whether any element of queries or keys, padding aside, lies far out.
static bool is_far(const problem *c)
{
    for (int64_t b = 0; c->additive && b < c->batch; b++) {
        for (int64_t h = 0; h < c->heads; h++)
            if (rows_far(place(c->q, c->q_step, b, h, 0), c->q_step.row, query_count(c, b), c->depth)) return true;
        for (int64_t g = 0; g < c->groups; g++)
            if (rows_far(place(c->k, c->k_step, b, g, 0), c->k_step.row, key_count(c, b), c->depth)) return true;
    }
    return false;
}

static void powers(real *to, const real *x, int64_t count, bool far)
{
    for (int64_t i = 0; i < count; i += LANES) {
        const int64_t n = least(LANES, count - i);
        const vf twice = vf_load_part(x + i, n) * (real)2;
        vf_store_part(to + i, n, far ? twice : vf_exp(twice));
    }
}

// Packs a panel of K^T, or of its powers.
static void pack_keys(const problem *c, real *to, const real *k, int64_t row, int64_t count)
{
    pack_transposed(to, k, row, count, c->depth);
    if (c->additive) powers(to, to, padded(count) * c->depth, c->far);
}

// Returns queries as the scores take them: the rows themselves, or their powers in `room`, [QUERIES][D, whole vectors].
static const real *take_queries(const problem *c, const real *q, int64_t *row, int64_t rows, real *room)
{
    if (!c->additive) return q;
    const int64_t deep = padded(c->depth);
    for (int64_t i = 0; i < rows; i++) powers(room + i * deep, q + i * *row, c->depth, c->far);
    *row = deep;
    return room;
}

static const real *additive_of(const problem *c, int64_t h) { return c->additive + h * c->additive_step; }

// Scores four queries side by side, or one: a panel of keys is read once for them.
ALWAYS_INLINE void additive_rows(const problem *c, const real *weight, real *scores, int64_t score_row, const real *q,
                                 int64_t q_row, const real *kt, int64_t kt_row, int64_t rows, bool far, bool one)
{
    const real *q1 = q + least(1, rows - 1) * q_row, *q2 = q + least(2, rows - 1) * q_row;
    const real *q3 = q + least(3, rows - 1) * q_row;
    vf a0 = {0}, a1 = a0, a2 = a0, a3 = a0;
    real total = 0;
    for (int64_t d = 0; d < c->depth; d++) {
        const vf k = vf_load(kt + d * kt_row);
        const real w = weight[d];
        a0 += vf_inverse_of_next(joined(vf_set(q[d]), k, far)) * w;
        if (!one) a1 += vf_inverse_of_next(joined(vf_set(q1[d]), k, far)) * w;
        if (!one) a2 += vf_inverse_of_next(joined(vf_set(q2[d]), k, far)) * w;
        if (!one) a3 += vf_inverse_of_next(joined(vf_set(q3[d]), k, far)) * w;
        total += w;
    }
    const real by = c->scale * (real)UNIT;
    vf_store(scores, (total - (real)2 * a0) * by);
    if (rows > 1) vf_store(scores + score_row, (total - (real)2 * a1) * by);
    if (rows > 2) vf_store(scores + 2 * score_row, (total - (real)2 * a2) * by);
    if (rows > 3) vf_store(scores + 3 * score_row, (total - (real)2 * a3) * by);
}

// Scores queries [0, rows) with the keys of `vectors` vectors of a panel, in units of weight_of.
static void score_panel(const problem *c, int64_t h, real *scores, int64_t score_row, const real *q, int64_t q_row,
                        const real *kt, int64_t kt_row, int64_t rows, int64_t vectors)
{
    if (!c->additive) {
        gemm_small(scores, score_row, q, q_row, 1, kt, kt_row, rows, c->depth, vectors, c->scale * (real)UNIT, false);
        return;
    }
    const real *weight = additive_of(c, h);
    for (int64_t v = 0; v < vectors * LANES; v += LANES)
        for (int64_t i = 0; i < rows; i += 4) {
            real *to = scores + i * score_row + v;
            const real *from = q + i * q_row, *keys = kt + v;
            const int64_t count = least(4, rows - i);
            if (c->far)
                additive_rows(c, weight, to, score_row, from, q_row, keys, kt_row, count, true, false);
            else if (count == 1)
                additive_rows(c, weight, to, score_row, from, q_row, keys, kt_row, 1, false, true);
            else
                additive_rows(c, weight, to, score_row, from, q_row, keys, kt_row, count, false, false);
        }
}

// Scores queries [t, t + rows) with keys [s, s + columns) of a panel, leaving out those that no query of a step sees.
static void score_seen(const problem *c, int64_t b, int64_t h, int64_t t, int64_t rows, int64_t s, int64_t columns,
                       real *scores, int64_t score_row, const real *q, int64_t q_row, const real *kt, int64_t kt_row)
{
    const int64_t step = stair(c, b, t, rows, s, columns);
    for (int64_t i = 0; i < rows; i += step) {
        const int64_t count = least(step, rows - i), seen = seen_of(c, b, t + i + count - 1, s, columns);
        score_panel(c, h, scores + i * score_row, score_row, q + i * q_row, q_row, kt, kt_row, count, vectors_of(seen));
    }
}

// Adds the gradients of additive scores, from ds of a block of queries and a panel of keys; tanh' = 4 r (1 - r): to
// rows of dq (which may be NULL), to dk^T, and to the gradient of `additive`, lane by lane and without the scale.
ALWAYS_INLINE void additive_slopes(const problem *c, int64_t h, const real *ds, int64_t ds_row, const real *q,
                                   int64_t q_row, const real *kt, int64_t rows, int64_t vectors, real *dq,
                                   int64_t dq_row, real *dkt, int64_t dkt_row, real *dw, bool far)
{
    const real *weight = additive_of(c, h);
    const int64_t kt_row = vectors * LANES;
    for (int64_t d = 0; d < c->depth; d++) {
        vf tanhs = vf_load(dw + d * LANES);
        const vf by = vf_set(weight[d] * c->scale * 4);
        for (int64_t i = 0; i < rows; i++) {
            const vf x = vf_set(q[i * q_row + d]);
            vf sum = {0};
            for (int64_t v = 0; v < vectors * LANES; v += LANES) {
                const vf r = vf_inverse_of_next(joined(x, vf_load(kt + d * kt_row + v), far));
                const vf slope = vf_load(ds + i * ds_row + v), inner = slope * by * (r - r * r);
                real *to = dkt + d * dkt_row + v;
                vf_store(to, vf_load(to) + inner);
                tanhs += slope * ((real)1 - (real)2 * r);
                sum += inner;
            }
            if (dq) dq[i * dq_row + d] += vf_sum(sum);
        }
        vf_store(dw + d * LANES, tanhs);
    }
}

#endif
