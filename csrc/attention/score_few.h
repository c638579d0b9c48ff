// The scores of one query with keys as they lie in memory: what few queries need, in forward and, by the same code and
// so with the same rounding, again in backward.
#ifndef SEQNN_ATTENTION_SCORE_FEW_H
#define SEQNN_ATTENTION_SCORE_FEW_H

#include "attention/score.h"

enum {
    SIDE_BY_SIDE = 4, // keys whose scores are computed together
    AHEAD = 32        // rows that are asked for before their turn
};

// Asks for rows that are read soon. The processor's own guesses end with each page, and rows may be far apart.
ALWAYS_INLINE void ask_rows(const real *x, int64_t row, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j += 64 / (int64_t)sizeof(real)) __builtin_prefetch(x + i * row + j);
}

// q . k
static void score_few_dot(const problem *c, real *scores, const real *q, const real *k, int64_t columns)
{
    const int64_t row = c->k_step.row, whole = c->depth / LANES * LANES, rest = c->depth - whole;
    for (int64_t j = 0; j < columns; j += SIDE_BY_SIDE) {
        ask_rows(k + (j + AHEAD) * row, row, least(SIDE_BY_SIDE, columns - j - AHEAD), c->depth);
        const real *k0 = k + j * row, *k1 = k + least(j + 1, columns - 1) * row;
        const real *k2 = k + least(j + 2, columns - 1) * row, *k3 = k + least(j + 3, columns - 1) * row;
        vf a0 = {0}, a1 = a0, a2 = a0, a3 = a0;
        for (int64_t i = 0; i < whole; i += LANES) {
            const vf x = vf_load(q + i);
            a0 += x * vf_load(k0 + i), a1 += x * vf_load(k1 + i), a2 += x * vf_load(k2 + i), a3 += x * vf_load(k3 + i);
        }
        if (rest) {
            const vf x = vf_load_part(q + whole, rest);
            a0 += x * vf_load_part(k0 + whole, rest), a1 += x * vf_load_part(k1 + whole, rest);
            a2 += x * vf_load_part(k2 + whole, rest), a3 += x * vf_load_part(k3 + whole, rest);
        }
        const real by = c->scale * (real)UNIT;
        scores[j] = vf_sum(a0) * by, scores[j + 1] = vf_sum(a1) * by;
        scores[j + 2] = vf_sum(a2) * by, scores[j + 3] = vf_sum(a3) * by;
    }
    for (int64_t j = columns; j < padded(columns); j++) scores[j] = 0;
}

// additive . tanh(q + k)
static void score_few_additive(const problem *c, int64_t h, real *scores, const real *q, const real *k, int64_t columns)
{
    const real *weight = additive_of(c, h);
    const int64_t row = c->k_step.row;
    for (int64_t s = 0; s < columns; s += 4) {
        const real *k0 = k + s * row, *k1 = k + least(s + 1, columns - 1) * row;
        const real *k2 = k + least(s + 2, columns - 1) * row, *k3 = k + least(s + 3, columns - 1) * row;
        vf a0 = {0}, a1 = a0, a2 = a0, a3 = a0, total = a0;
        for (int64_t i = 0; i < c->depth; i += LANES) {
            const int64_t n = least(LANES, c->depth - i);
            const vf x = vf_load_part(q + i, n), w = vf_load_part(weight + i, n);
            a0 += vf_inverse_of_next(vf_exp((real)2 * (x + vf_load_part(k0 + i, n)))) * w;
            a1 += vf_inverse_of_next(vf_exp((real)2 * (x + vf_load_part(k1 + i, n)))) * w;
            a2 += vf_inverse_of_next(vf_exp((real)2 * (x + vf_load_part(k2 + i, n)))) * w;
            a3 += vf_inverse_of_next(vf_exp((real)2 * (x + vf_load_part(k3 + i, n)))) * w;
            total += w;
        }
        const real by = c->scale * (real)UNIT;
        scores[s] = vf_sum(total - (real)2 * a0) * by, scores[s + 1] = vf_sum(total - (real)2 * a1) * by;
        scores[s + 2] = vf_sum(total - (real)2 * a2) * by, scores[s + 3] = vf_sum(total - (real)2 * a3) * by;
    }
    for (int64_t s = columns; s < padded(columns); s++) scores[s] = 0;
}

static void score_few(const problem *c, int64_t h, real *scores, const real *q, const real *k, int64_t columns)
{
    if (c->additive)
        score_few_additive(c, h, scores, q, k, columns);
    else
        score_few_dot(c, scores, q, k, columns);
}

#endif
