// The arithmetic of a linear chain: log-scores of tags go from a step to the next through the exponentials of the
// transitions, by one product of a row and a matrix.
//
//     log sum_i e^(x_i + A_ij) = c + log sum_i e^(x_i + top_i - c) e^(A_ij - top_i),  top_i = max_j A_ij,  c = max_i
//     (x_i + top_i)
//
// All factors lie in [0, 1]. Where a sum is so small that what has vanished could count, it is computed again by
// itself, with its own maximum: nothing is lost, however far apart the scores lie.
#ifndef SEQNN_STRUCTURED_CRF_H
#define SEQNN_STRUCTURED_CRF_H

#include "base/scratch.h"
#include "layers/row.h"
#include "structured/exp.h"

#define CRF_TINY (SQ_DOUBLE ? (real)1e-280 : (real)1e-25) // sums from there on have lost no digit
enum { CRF_GROUP = 4 };                                   // rows whose steps take turns, to hide the latency of each

// Matrices have rows of `width` numbers, whole registers; what pads them is said at each.
typedef struct {
    const real *transitions; // [K, K]
    int64_t K, width;
    real *along, *against; // [K, width]: e^(A - top) and its transpose; padding 1, so that no sum there is tiny
    real *top;             // [width]: max_j A_ij; padding -inf
} crf_table;

ALWAYS_INLINE int64_t crf_width(int64_t K) { return round_up(K, LANES); }
ALWAYS_INLINE int64_t crf_table_size(int64_t K) { return times(2 * K + 1, crf_width(K)); }

static void crf_fill_table(crf_table *t, const real *transitions, int64_t K, real *room)
{
    const int64_t width = crf_width(K);
    *t = (crf_table){transitions, K, width, room, room + K * width, room + 2 * K * width};
    for (int64_t i = 0; i < width; i++) t->top[i] = -(real)INFINITY;
    for (int64_t i = 0; i < K; i++) {
        real *row = t->along + i * width;
        const real largest = row_largest(transitions + i * K, NULL, K), top = largest == -(real)INFINITY ? 0 : largest;
        for (int64_t j = 0; j < width; j += LANES) {
            row_store(row, j, width, exp_or_zero(row_load(transitions + i * K, NULL, j, K, top) - top), false);
            row_store(t->against + i * width, j, width, vf_set(1), false);
        }
        t->top[i] = largest;
    }
    for (int64_t i = 0; i < K; i++)
        for (int64_t j = 0; j < K; j++) t->against[j * width + i] = t->along[i * width + j];
}

// Computes registers j, j + 1 ... of out = weight @ matrix, each as the sum of `chains` sums.
ALWAYS_INLINE void product_part(const real *weight, const real *matrix, int64_t K, int64_t width, real *out,
                                const int registers, const int chains)
{
    vf sum[4] = {vf_set(0), vf_set(0), vf_set(0), vf_set(0)};
    int64_t i = 0;
    for (; i + chains <= K; i += chains)
#pragma GCC unroll 4
        for (int c = 0; c < chains; c++)
#pragma GCC unroll 4
            for (int r = 0; r < registers; r++)
                sum[c * registers + r] += vf_set(weight[i + c]) * vf_load(matrix + (i + c) * width + r * LANES);
    for (; i < K; i++)
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) sum[r] += vf_set(weight[i]) * vf_load(matrix + i * width + r * LANES);
#pragma GCC unroll 4
    for (int r = 0; r < registers; r++) {
        vf total = sum[r];
#pragma GCC unroll 4
        for (int c = 1; c < chains; c++) total += sum[c * registers + r];
        vf_store(out + r * LANES, total);
    }
}

// out[width] = weight[K] @ matrix[K, width]
static void crf_product(const crf_table *t, const real *weight, const real *matrix, real *out)
{
    int64_t j = 0;
    for (; j + 4 * LANES <= t->width; j += 4 * LANES) product_part(weight, matrix + j, t->K, t->width, out + j, 4, 1);
    for (; j + 2 * LANES <= t->width; j += 2 * LANES) product_part(weight, matrix + j, t->K, t->width, out + j, 2, 2);
    for (; j < t->width; j += LANES) product_part(weight, matrix + j, t->K, t->width, out + j, 1, 4);
}

// weight = e^(x + y - c) with the largest at 1; x [width] has padding -inf, y [n] may be shorter. Returns c, or 0 where
// all are -inf.
static real crf_weigh(const real *x, const real *y, int64_t n, real *weight, int64_t width)
{
    vf most = vf_set(-(real)INFINITY);
    for (int64_t i = 0; i < width; i += LANES) {
        const vf both = vf_load(x + i) + row_load(y, NULL, i, n, 0);
        vf_store(weight + i, both);
        most = vf_max(most, both);
    }
    const real largest = vf_largest(most), c = largest == -(real)INFINITY ? 0 : largest;
    for (int64_t i = 0; i < width; i += LANES) vf_store(weight + i, exp_or_zero(vf_load(weight + i) - c));
    return c;
}

// log sum_i e^x_i, -inf where all are.
static double crf_log_sum(const real *x, int64_t n)
{
    const real largest = row_largest(x, NULL, n), c = largest == -(real)INFINITY ? 0 : largest; // or all are NaN
    vf sum = vf_set(0);
    for (int64_t i = 0; i < n; i += LANES) sum += exp_or_zero(row_load(x, NULL, i, n, -(real)INFINITY) - c);
    return (double)c + log((double)vf_sum(sum));
}

// Computes to = log(sums) + more [n], padding -inf. Returns whether a sum is too small to be trusted.
static bool crf_logs(const real *sums, const real *more, int64_t n, real *to, int64_t width)
{
    vf most = vf_set(-(real)INFINITY);
    for (int64_t i = 0; i < width; i += LANES) {
        const vf sum = vf_load(sums + i);
        vf_store(to + i, vf_log(sum) + row_load(more, NULL, i, n, -(real)INFINITY));
        most = vf_max(most, -sum);
    }
    return vf_largest(most) > -CRF_TINY;
}

#endif
