// Layer norm inside the cell (Ba, Kiros and Hinton 2016): each block of `units` gates of a row is normalised after the
// products, then scaled, and the bias added. A part of engine.c.
#ifndef SEQNN_RECURRENT_NORM_H
#define SEQNN_RECURRENT_NORM_H

#include "recurrent/recurrent.h"

// gates = (gates - mean) rstd norm + bias
static void normalize_gates(const struct recurrence *r, const struct recurrent_step *s, const real *biases)
{
    const int64_t n = r->net.units, columns = r->net.columns, blocks = columns / n;
    for (int64_t j = s->first; j < s->last; j++)
        for (int64_t block = 0; block < blocks; block++) {
            const int64_t column = block * n, row = s->schedule->start[s->step] + j;
            real *gates = s->gates + j * columns + column, mean = 0, variance = 0;
            real *normal = r->normal ? r->normal + row * columns + column : gates;
            const real *bias = biases ? biases + column : NULL;
#pragma omp simd reduction(+ : mean)
            for (int64_t k = 0; k < n; k++) mean += gates[k];
            mean /= (real)n;
#pragma omp simd reduction(+ : variance)
            for (int64_t k = 0; k < n; k++) variance += (gates[k] - mean) * (gates[k] - mean);
            const real rstd = 1 / (real)sqrt((double)(variance / (real)n + RECURRENT_EPSILON));
            if (r->rstd) r->rstd[row * blocks + block] = rstd;
            for (int64_t k = 0; k < n; k++) {
                const real x = (gates[k] - mean) * rstd;
                normal[k] = x;
                gates[k] = x * r->norm[column + k] + (bias ? bias[k] : 0);
            }
        }
}

// A row of grad_gates becomes [gradients before the norm | those after it, whose sums are the biases' | the scale's].
static void differentiate_norm(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t n = r->net.units, columns = r->net.columns, blocks = columns / n;
    for (int64_t j = s->first; j < s->last; j++)
        for (int64_t block = 0; block < blocks; block++) {
            const int64_t column = block * n, row = s->schedule->start[s->step] + j;
            real *grad = s->grad_gates + j * s->grad_row + column, mean = 0, along = 0;
            const real *normal = r->normal + row * columns + column, *scale = r->norm + column;
            const real rstd = r->rstd[row * blocks + block];
            memcpy(grad + columns, grad, (size_t)n * sizeof(real));
            for (int64_t k = 0; k < n; k++) grad[2 * columns + k] = grad[k] * normal[k];
#pragma omp simd reduction(+ : mean, along)
            for (int64_t k = 0; k < n; k++) {
                mean += grad[k] * scale[k];
                along += grad[k] * scale[k] * normal[k];
            }
            mean /= (real)n, along /= (real)n;
            for (int64_t k = 0; k < n; k++) grad[k] = rstd * (grad[k] * scale[k] - mean - normal[k] * along);
        }
}

#endif
