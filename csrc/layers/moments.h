// Sums over one row, in one order whatever the number of rows or threads.
#ifndef SEQNN_LAYERS_MOMENTS_H
#define SEQNN_LAYERS_MOMENTS_H

#include "vec/vec.h"

static inline real row_sum(const real *restrict x, int64_t n)
{
    vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        s0 += vf_load(x + i), s1 += vf_load(x + i + LANES);
        s2 += vf_load(x + i + 2 * LANES), s3 += vf_load(x + i + 3 * LANES);
    }
    for (; i + LANES <= n; i += LANES) s0 += vf_load(x + i);
    real sum = vf_sum((s0 + s1) + (s2 + s3));
    for (; i < n; i++) sum += x[i];
    return sum;
}

// Sum of (x - center)^2.
static inline real row_squares(const real *restrict x, real center, int64_t n)
{
    vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        const vf d0 = vf_load(x + i) - center, d1 = vf_load(x + i + LANES) - center;
        const vf d2 = vf_load(x + i + 2 * LANES) - center, d3 = vf_load(x + i + 3 * LANES) - center;
        s0 += d0 * d0, s1 += d1 * d1, s2 += d2 * d2, s3 += d3 * d3;
    }
    for (; i + LANES <= n; i += LANES) {
        const vf d = vf_load(x + i) - center;
        s0 += d * d;
    }
    real sum = vf_sum((s0 + s1) + (s2 + s3));
    for (; i < n; i++) sum += (x[i] - center) * (x[i] - center);
    return sum;
}

// The sum of x - center, or of its square, for numbers that are too large for the others.
static inline double wide_sum(const real *x, double center, bool square, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = (double)x[i] - center;
        sum += square ? d * d : d;
    }
    return sum;
}

typedef struct {
    real sum, dot;
} row_sums;

// With g = grad * weight (grad alone without weight): the sums of g and of g * (x - center).
ALWAYS_INLINE row_sums row_gradient(const real *restrict grad, const real *restrict weight, const real *restrict x,
                                    real center, int64_t n, const bool weighted)
{
    vf sum0 = {0}, sum1 = {0}, dot0 = {0}, dot1 = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        vf g0 = vf_load(grad + i), g1 = vf_load(grad + i + LANES);
        if (weighted) g0 *= vf_load(weight + i), g1 *= vf_load(weight + i + LANES);
        sum0 += g0, dot0 += g0 * (vf_load(x + i) - center);
        sum1 += g1, dot1 += g1 * (vf_load(x + i + LANES) - center);
    }
    row_sums s = {vf_sum(sum0 + sum1), vf_sum(dot0 + dot1)};
    for (; i < n; i++) {
        const real g = weighted ? grad[i] * weight[i] : grad[i];
        s.sum += g, s.dot += g * (x[i] - center);
    }
    return s;
}

#endif
