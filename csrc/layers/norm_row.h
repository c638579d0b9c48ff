// Layer norm and RMS norm of a few rows, which are read from memory once: moments, then the result, from the
// first-level cache. The variance is taken around the mean, not as a difference of squares.
#ifndef SEQNN_LAYERS_NORM_ROW_H
#define SEQNN_LAYERS_NORM_ROW_H

#include "layers/moments.h"

typedef struct {
    const real *weight, *bias; // [n] or NULL
    double eps;
    bool rms;
} row_norm;

typedef struct {
    real mean, rstd;
} row_moments;

static void scale_row(real *out, const real *x, const row_norm *norm, row_moments m, int64_t n)
{
    const real *weight = norm->weight, *bias = norm->bias;
    if (weight && bias) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = (x[i] - m.mean) * m.rstd * weight[i] + bias[i];
    } else if (weight) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = (x[i] - m.mean) * m.rstd * weight[i];
    } else {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = (x[i] - m.mean) * m.rstd + (bias ? bias[i] : 0);
    }
}

// Numbers whose squares are too large are made this much smaller; that is exact.
#define LESS (SQ_DOUBLE ? (real)0x1p-800 : (real)0x1p-100)

static __attribute__((noinline)) row_moments norm_large_row(real *out, const real *x, const row_norm *norm, int64_t n)
{
    for (int64_t i = 0; i < n; i++) out[i] = x[i] * LESS;
    const real mean = norm->rms ? 0 : row_sum(out, n) / (real)n;
    const double variance = (double)(row_squares(out, mean, n) / (real)n) + norm->eps * LESS * LESS;
    const real rstd = 1 / (real)sqrt(variance);
    scale_row(out, out, norm, (row_moments){mean, rstd}, n);
    return (row_moments){mean / LESS, rstd * LESS};
}

enum { NORM_ROWS = 4 }; // rows normed together: a step of one waits for the step before it, but not for other rows

// out = (x - mean) * rstd * weight + bias, where rstd = 1 / sqrt(mean of (x - mean)^2 + eps); mean = 0 for RMS norm; of
// at most NORM_ROWS rows. `out` may be `x`.
static void norm_rows(real *out, const real *x, const row_norm *norm, int64_t rows, int64_t n, row_moments *m)
{
    real squares[NORM_ROWS];
    for (int64_t r = 0; r < rows; r++) m[r].mean = norm->rms ? 0 : row_sum(x + r * n, n) / (real)n;
    for (int64_t r = 0; r < rows; r++) squares[r] = row_squares(x + r * n, m[r].mean, n);
    for (int64_t r = 0; r < rows; r++) m[r].rstd = 1 / (real)sqrt((double)(squares[r] / (real)n) + norm->eps);
    for (int64_t r = 0; r < rows; r++)
        if (isfinite(squares[r]))
            scale_row(out + r * n, x + r * n, norm, m[r], n);
        else
            m[r] = norm_large_row(out + r * n, x + r * n, norm, n);
}

static inline row_moments norm_row(real *out, const real *x, const row_norm *norm, int64_t n)
{
    row_moments m;
    norm_rows(out, x, norm, 1, n, &m);
    return m;
}

#endif
