// Attention of one position: of its heads to keys and values that lie in slots of a cache, in any order.
#ifndef SEQNN_DECODE_STEP_ATTEND_H
#define SEQNN_DECODE_STEP_ATTEND_H

#include "layers/row.h"

enum {
    KEYS_AT_ONCE = 4, // whose scores are computed together
    KEYS_AHEAD = 12,  // that are asked for before their turn: slots are too far apart for the processor to guess
    WIDE = 4          // vectors of values that are summed in one pass
};

// The keys and values of a head of one layer: of slot s, keys from at + 2 depth s on, and after them the values.
struct step_keys {
    const real *at;
    const int32_t *slots; // of each position; NULL: slots follow each other
    int64_t count, depth;
};

static const real *key_at(const struct step_keys *k, int64_t j)
{
    return k->at + 2 * k->depth * (k->slots ? k->slots[j] : j);
}

ALWAYS_INLINE void ask_for(const real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i += 64 / (int64_t)sizeof(real)) __builtin_prefetch(x + i);
}

// scores[j] = q . key j * scale + distances[count - 1 - j]
static void score_keys(const struct step_keys *k, const real *q, real scale, const real *distances, real *scores)
{
    const int64_t depth = k->depth, last = k->count - 1, whole = depth / LANES * LANES, rest = depth - whole;
    for (int64_t j = 0; j <= last; j += KEYS_AT_ONCE) {
        const real *at[KEYS_AT_ONCE];
        for (int i = 0; i < KEYS_AT_ONCE; i++) {
            at[i] = key_at(k, least(j + i, last));
            ask_for(key_at(k, least(j + i + KEYS_AHEAD, last)), depth);
        }
        vf a0 = {0}, a1 = a0, a2 = a0, a3 = a0;
        for (int64_t i = 0; i < whole; i += LANES) {
            const vf x = vf_load(q + i);
            a0 += x * vf_load(at[0] + i), a1 += x * vf_load(at[1] + i);
            a2 += x * vf_load(at[2] + i), a3 += x * vf_load(at[3] + i);
        }
        if (rest) {
            const vf x = vf_load_part(q + whole, rest);
            a0 += x * vf_load_part(at[0] + whole, rest), a1 += x * vf_load_part(at[1] + whole, rest);
            a2 += x * vf_load_part(at[2] + whole, rest), a3 += x * vf_load_part(at[3] + whole, rest);
        }
        const real sums[KEYS_AT_ONCE] = {vf_sum(a0), vf_sum(a1), vf_sum(a2), vf_sum(a3)};
        for (int64_t i = j; i <= least(j + KEYS_AT_ONCE - 1, last); i++)
            scores[i] = sums[i - j] * scale + (distances ? distances[last - i] : 0);
    }
}

// out = the sum of weights[j] * value j, times factor; `vectors` of them from column `from` on.
ALWAYS_INLINE void sum_values(const struct step_keys *k, const real *weights, real factor, real *out, int64_t from,
                              const int vectors)
{
    vf sums[WIDE] = {{0}};
    for (int64_t j = 0; j < k->count; j++) {
        const real *value = key_at(k, j) + k->depth + from;
        ask_for(key_at(k, least(j + KEYS_AHEAD, k->count - 1)) + k->depth + from, vectors * LANES);
        for (int v = 0; v < vectors; v++) sums[v] += weights[j] * vf_load(value + v * LANES);
    }
    for (int v = 0; v < vectors; v++) vf_store(out + from + v * LANES, sums[v] * factor);
}

static void sum_last_values(const struct step_keys *k, const real *weights, real factor, real *out, int64_t from)
{
    vf sum = {0};
    for (int64_t j = 0; j < k->count; j++)
        sum += weights[j] * vf_load_part(key_at(k, j) + k->depth + from, k->depth - from);
    vf_store_part(out + from, k->depth - from, sum * factor);
}

// out [depth] = the values, weighted by the softmax of the scores; zeros where there is no key. `scores` is room for
// them.
static void attend_head(const struct step_keys *k, const real *q, real scale, const real *distances, real *scores,
                        real *out)
{
    if (k->count == 0) {
        memset(out, 0, (size_t)k->depth * sizeof(real));
        return;
    }
    score_keys(k, q, scale, distances, scores);
    const real largest = row_largest(scores, NULL, k->count);
    const real factor = 1 / row_exp(scores, NULL, k->count, largest, scores);
    int64_t from = 0;
    for (; from + WIDE * LANES <= k->depth; from += WIDE * LANES) sum_values(k, scores, factor, out, from, WIDE);
    for (; from + LANES <= k->depth; from += LANES) sum_values(k, scores, factor, out, from, 1);
    if (from < k->depth) sum_last_values(k, scores, factor, out, from);
}

// Turns the pairs (i, i + depth / 2) by the angles whose cosines and sines, [depth / 2] each, are given.
static void turn_head(real *x, const real *angles, int64_t depth)
{
    const int64_t half = depth / 2;
    for (int64_t i = 0; i < half; i++) {
        const real left = x[i], right = x[i + half];
        x[i] = left * angles[i] - right * angles[half + i];
        x[i + half] = left * angles[half + i] + right * angles[i];
    }
}

#endif
