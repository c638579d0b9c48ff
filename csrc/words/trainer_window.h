// The mathematics of one window: contexts (input rows) against groups of six output rows.
//     x = input . output,   loss = log(1 + e^(sign x)),   error = -alpha sign sigmoid(sign x)
// sign is -1 for what was seen (label 1), +1 for what was not (label 0), 0 for a place that takes no part.
// dots_*() write a dot product for every (context, output), dots_to_errors() makes errors of them, update_*() apply
// these.
#ifndef SEQNN_WORDS_TRAINER_WINDOW_H
#define SEQNN_WORDS_TRAINER_WINDOW_H

#include "words/trainer_sums.h"
#include "words/trainer_tally.h"

// Accumulators have names of their own: arrays of them would live in memory.
#define ZERO_6(a) vf a##0 = {0}, a##1 = {0}, a##2 = {0}, a##3 = {0}, a##4 = {0}, a##5 = {0}
#define LOAD_6(o, rows, at)                                                                                            \
    const vf o##0 = vf_load((rows)[0] + (at)), o##1 = vf_load((rows)[1] + (at)), o##2 = vf_load((rows)[2] + (at));     \
    const vf o##3 = vf_load((rows)[3] + (at)), o##4 = vf_load((rows)[4] + (at)), o##5 = vf_load((rows)[5] + (at))
#define DOT_6(a, in)                                                                                                   \
    do {                                                                                                               \
        const vf x = vf_load((in) + at);                                                                               \
        a##0 += x * o0, a##1 += x * o1, a##2 += x * o2, a##3 += x * o3, a##4 += x * o4, a##5 += x * o5;                \
    } while (0)

// The cache lines of seven rows that will be written soon, a part of each at a time: in one go they would wait for each
// other.
#define PREFETCH_7(rows, seventh, at)                                                                                  \
    do {                                                                                                               \
        if ((at) % (64 / (int64_t)sizeof(real)) == 0) {                                                                \
            __builtin_prefetch((rows)[0] + (at)), __builtin_prefetch((rows)[1] + (at)),                                \
                __builtin_prefetch((rows)[2] + (at));                                                                  \
            __builtin_prefetch((rows)[3] + (at)), __builtin_prefetch((rows)[4] + (at)),                                \
                __builtin_prefetch((rows)[5] + (at));                                                                  \
            __builtin_prefetch((seventh) + (at));                                                                      \
        }                                                                                                              \
    } while (0)

// Writes x[STRIDE r + j] = in[r] . out[j] over vectors [from, to) of the rows, for 1 to 4 rows r.
ALWAYS_INLINE void dots_1(real *x, real *const *in, real *const *out, int64_t from, int64_t to)
{
    const real *const in0 = in[0];
    ZERO_6(a);
    for (int64_t at = from * LANES; at < to * LANES; at += LANES) {
        LOAD_6(o, out, at);
        DOT_6(a, in0);
    }
    STORE_SUMS_1(x, a);
}

ALWAYS_INLINE void dots_2(real *x, real *const *in, real *const *out, int64_t from, int64_t to)
{
    const real *const in0 = in[0], *const in1 = in[1];
    ZERO_6(a);
    ZERO_6(b);
    for (int64_t at = from * LANES; at < to * LANES; at += LANES) {
        LOAD_6(o, out, at);
        DOT_6(a, in0);
        DOT_6(b, in1);
    }
    STORE_SUMS_2(x, a, b);
}

#if defined(__AVX512F__)
ALWAYS_INLINE void dots_3(real *x, real *const *in, real *const *out, int64_t from, int64_t to)
{
    const real *const in0 = in[0], *const in1 = in[1], *const in2 = in[2];
    ZERO_6(a);
    ZERO_6(b);
    ZERO_6(c);
    for (int64_t at = from * LANES; at < to * LANES; at += LANES) {
        LOAD_6(o, out, at);
        DOT_6(a, in0);
        DOT_6(b, in1);
        DOT_6(c, in2);
    }
    STORE_SUMS_2(x, a, b);
    STORE_SUMS_1(x + 2 * STRIDE, c);
}

ALWAYS_INLINE void dots_4(real *x, real *const *in, real *const *out, int64_t from, int64_t to)
{
    const real *const in0 = in[0], *const in1 = in[1], *const in2 = in[2], *const in3 = in[3];
    ZERO_6(a);
    ZERO_6(b);
    ZERO_6(c);
    ZERO_6(d);
    for (int64_t at = from * LANES; at < to * LANES; at += LANES) {
        LOAD_6(o, out, at);
        DOT_6(a, in0);
        DOT_6(b, in1);
        DOT_6(c, in2);
        DOT_6(d, in3);
    }
    STORE_SUMS_2(x, a, b);
    STORE_SUMS_2(x + 2 * STRIDE, c, d);
}
#endif

// Replaces the dot products of n inputs and one group by their errors. Errors of a group take error_rows(n) rows.
ALWAYS_INLINE int64_t error_rows(int64_t n) { return (n + 1) & ~(int64_t)1; }

ALWAYS_INLINE void dots_to_errors(real *error, int64_t n, const real *sign, real alpha, struct tally *tally)
{
    enum { PARTS = LANES > STRIDE ? 1 : STRIDE / LANES, TOGETHER = LANES > STRIDE ? LANES / STRIDE : 1 };
#if SQ_DOUBLE
    const vf low = vf_set(-700), high = vf_set(700);
#else
    const vf low = vf_set(-80), high = vf_set(80);
#endif
    for (int64_t i = 0; i < n; i += TOGETHER)
        for (int part = 0; part < PARTS; part++) {
#if LANES > 8
            vf s = SHUFFLE(*(const vf *)sign, *(const vf *)sign, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7);
            if (i + 1 == n) s = SHUFFLE(s, (vf){0}, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
#else
            const vf s = vf_load(sign + part * LANES);
#endif
            real *const at = error + i * STRIDE + part * LANES;
            const vf e = vf_exp_bounded(vf_max(low, vf_min(high, s * vf_load(at))));
            const vf one_plus = e * (s * s) + (real)1;
            vf_store(at, -alpha * s * e / (e + (real)1));
            tally_multiply(tally, one_plus);
        }
}

// Computes the dot products of n contexts and one group over vectors [from, to) of the rows, for skip-gram.
ALWAYS_INLINE void dots_skipgram(real *x, real *const *in, int64_t n, real *const *out, int64_t from, int64_t to)
{
    int64_t i = 0;
#if defined(__AVX512F__)
    for (; n - i >= 4 && n - i != 5; i += 4) dots_4(x + i * STRIDE, in + i, out, from, to);
    for (; n - i >= 3 && n - i != 4; i += 3) dots_3(x + i * STRIDE, in + i, out, from, to);
#endif
    for (; n - i >= 2; i += 2) dots_2(x + i * STRIDE, in + i, out, from, to);
    if (n - i) dots_1(x + i * STRIDE, in + i, out, from, to);
}

// Writes the scaled sum of the contexts of CBOW, each taken `weight` times where that is not NULL; `count` vectors from
// `at` on.
ALWAYS_INLINE void sum_contexts(real *hidden, real *const *in, const real *weight, int64_t n, real scale, int64_t at,
                                const int count)
{
    vf sum[4];
    for (int j = 0; j < count; j++) sum[j] = vf_load(in[0] + at + j * LANES) * (weight ? weight[0] : 1);
    for (int64_t i = 1; i < n; i++)
        for (int j = 0; j < count; j++) sum[j] += vf_load(in[i] + at + j * LANES) * (weight ? weight[i] : 1);
    for (int j = 0; j < count; j++) vf_store(hidden + at + j * LANES, sum[j] * scale);
}

// Computes the dot products of the scaled sum of n contexts, left in hidden[], and `groups` groups, for CBOW.
ALWAYS_INLINE void dots_cbow(real *x, real *hidden, real *const *in, const real *weight, int64_t n, real scale,
                             real *const *out, int64_t groups, int64_t from, int64_t to)
{
    int64_t v = from;
    for (; v + 4 <= to; v += 4) sum_contexts(hidden, in, weight, n, scale, v * LANES, 4);
    for (; v + 2 <= to; v += 2) sum_contexts(hidden, in, weight, n, scale, v * LANES, 2);
    for (; v < to; v++) sum_contexts(hidden, in, weight, n, scale, v * LANES, 1);
    for (int64_t g = 0; g < groups; g++) dots_1(x + g * error_rows(1) * STRIDE, &hidden, out + g * GROUP, from, to);
}

// input += sum error * output and output += sum error * input over vectors [from, to) of the rows.
ALWAYS_INLINE void update_skipgram(const real *error, real *const *in, int64_t n, real *const *out, int64_t from,
                                   int64_t to, real *const *ahead, const real *entering)
{
    for (int64_t at = from * LANES; at < to * LANES; at += LANES) {
        PREFETCH_7(ahead, entering, at);
        LOAD_6(o, out, at);
        vf d0 = o0, d1 = o1, d2 = o2, d3 = o3, d4 = o4, d5 = o5;
        for (int64_t i = 0; i < n; i++) {
            const real *const e = error + i * STRIDE;
            const vf x = vf_load(in[i] + at);
            const vf e0 = vf_set(e[0]), e1 = vf_set(e[1]), e2 = vf_set(e[2]);
            const vf e3 = vf_set(e[3]), e4 = vf_set(e[4]), e5 = vf_set(e[5]);
            vf_store(in[i] + at, x + e0 * o0 + e1 * o1 + e2 * o2 + e3 * o3 + e4 * o4 + e5 * o5);
            d0 += e0 * x, d1 += e1 * x, d2 += e2 * x, d3 += e3 * x, d4 += e4 * x, d5 += e5 * x;
        }
        vf_store(out[0] + at, d0), vf_store(out[1] + at, d1), vf_store(out[2] + at, d2);
        vf_store(out[3] + at, d3), vf_store(out[4] + at, d4), vf_store(out[5] + at, d5);
    }
}

// A group of outputs += error * hidden; returns sum error * output, of the outputs as they were.
ALWAYS_INLINE vf update_group(const real *e, real *const *row, int64_t at, vf hidden)
{
    LOAD_6(o, row, at);
    const vf sum = (e[0] * o0 + e[1] * o1 + e[2] * o2) + (e[3] * o3 + e[4] * o4 + e[5] * o5);
    vf_store(row[0] + at, o0 + e[0] * hidden), vf_store(row[1] + at, o1 + e[1] * hidden);
    vf_store(row[2] + at, o2 + e[2] * hidden), vf_store(row[3] + at, o3 + e[3] * hidden);
    vf_store(row[4] + at, o4 + e[4] * hidden), vf_store(row[5] + at, o5 + e[5] * hidden);
    return sum;
}

// output += error * hidden; every context += back * sum error * output, over the first `to` vectors of the rows;
// hidden[] is lost.
ALWAYS_INLINE void update_cbow(const real *error, real *hidden, real *const *in, int64_t n, real back, real *const *out,
                               int64_t groups, int64_t to, real *const *ahead, const real *entering)
{
    for (int64_t at = 0; at < to * LANES; at += LANES) {
        const vf x = vf_load(hidden + at);
        vf sum = {0};
        PREFETCH_7(ahead, entering, at);
        for (int64_t g = 0; g < groups; g++)
            sum += update_group(error + g * error_rows(1) * STRIDE, out + g * GROUP, at, x);
        vf_store(hidden + at, sum * back);
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t at = 0; at < to * LANES; at += LANES)
            vf_store(in[i] + at, vf_load(in[i] + at) + vf_load(hidden + at));
}

// document += back * sum error * output, and nothing else: the errors are those of one row.
ALWAYS_INLINE void update_document(const real *error, real *document, real back, real *const *out, int64_t groups,
                                   int64_t to, real *const *ahead)
{
    for (int64_t at = 0; at < to * LANES; at += LANES) {
        vf sum = {0};
        PREFETCH_7(ahead, document, at);
        for (int64_t g = 0; g < groups; g++) {
            const real *const e = error + g * error_rows(1) * STRIDE;
            LOAD_6(o, out + g * GROUP, at);
            sum += (e[0] * o0 + e[1] * o1 + e[2] * o2) + (e[3] * o3 + e[4] * o4 + e[5] * o5);
        }
        vf_store(document + at, vf_load(document + at) + sum * back);
    }
}

// Computes the dot products of n contexts of `to` vectors, side by side in hidden[], and `groups` groups.
ALWAYS_INLINE void dots_concat(real *x, real *hidden, real *const *in, int64_t n, real *const *out, int64_t groups,
                               int64_t to)
{
    const size_t size = (size_t)(to * LANES) * sizeof(real);
    for (int64_t i = 0; i < n; i++) memcpy(hidden + i * to * LANES, in[i], size);
    for (int64_t g = 0; g < groups; g++) dots_1(x + g * error_rows(1) * STRIDE, &hidden, out + g * GROUP, 0, n * to);
}

// output += error * hidden; every context += sum error * its part of output. A row may be several of the contexts.
ALWAYS_INLINE void update_concat(const real *error, const real *hidden, real *const *in, int64_t n, real *const *out,
                                 int64_t groups, int64_t to, real *const *ahead, const real *entering)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t at = 0; at < to * LANES; at += LANES) {
            const int64_t wide = i * to * LANES + at;
            const vf x = vf_load(hidden + wide);
            vf sum = vf_load(in[i] + at);
            PREFETCH_7(ahead, entering, wide);
            for (int64_t g = 0; g < groups; g++) {
                sum += update_group(error + g * error_rows(1) * STRIDE, out + g * GROUP, wide, x);
            }
            vf_store(in[i] + at, sum);
        }
}

#endif
