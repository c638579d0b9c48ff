// The mean of the rows that a token, or a text, is made of, and what training adds to each of them.
#ifndef SEQNN_WORDS_MEAN_ROWS_H
#define SEQNN_WORDS_MEAN_ROWS_H

#include "vec/vec.h"

// Asks for a row that is read soon, into the second level of the cache: the rows of a token or two exceed the first.
ALWAYS_INLINE void prefetch_row(const real *row, int64_t P)
{
    for (int64_t d = 0; d < P; d += 64 / (int64_t)sizeof(real)) __builtin_prefetch(row + d, 0, 2);
}

// Sets `mean` to the mean of `count` rows.
static void mean_of_rows(real *restrict mean, const real *restrict input, int64_t P, const int32_t *restrict row,
                         int64_t count)
{
    const real share = 1 / (real)count;
    int64_t at = 0;
    for (; at + 4 * LANES <= P; at += 4 * LANES) {
        vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
        for (int64_t k = 0; k < count; k++) {
            const real *const x = input + row[k] * P + at;
            s0 += vf_load(x), s1 += vf_load(x + LANES), s2 += vf_load(x + 2 * LANES), s3 += vf_load(x + 3 * LANES);
        }
        vf_store(mean + at, s0 * share), vf_store(mean + at + LANES, s1 * share);
        vf_store(mean + at + 2 * LANES, s2 * share), vf_store(mean + at + 3 * LANES, s3 * share);
    }
    for (; at < P; at += LANES) {
        vf sum = {0};
        for (int64_t k = 0; k < count; k++) sum += vf_load(input + row[k] * P + at);
        vf_store(mean + at, sum * share);
    }
}

// Adds `change` to `count` rows.
static void add_to_rows(const real *restrict change, real *restrict input, int64_t P, const int32_t *restrict row,
                        int64_t count)
{
    int64_t at = 0;
    for (; at + 4 * LANES <= P; at += 4 * LANES) {
        const vf d0 = vf_load(change + at), d1 = vf_load(change + at + LANES);
        const vf d2 = vf_load(change + at + 2 * LANES), d3 = vf_load(change + at + 3 * LANES);
        for (int64_t k = 0; k < count; k++) {
            real *const x = input + row[k] * P + at;
            vf_store(x, vf_load(x) + d0), vf_store(x + LANES, vf_load(x + LANES) + d1);
            vf_store(x + 2 * LANES, vf_load(x + 2 * LANES) + d2), vf_store(x + 3 * LANES, vf_load(x + 3 * LANES) + d3);
        }
    }
    for (; at < P; at += LANES) {
        const vf d = vf_load(change + at);
        for (int64_t k = 0; k < count; k++) {
            real *const x = input + row[k] * P + at;
            vf_store(x, vf_load(x) + d);
        }
    }
}

#endif
