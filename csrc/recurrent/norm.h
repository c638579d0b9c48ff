// Layer norm inside the cell: each block of `units` gates of a row is normalised behind the products (Ba, Kiros and
// Hinton 2016), then scaled, and the bias added.
#ifndef SEQNN_RECURRENT_NORM_H
#define SEQNN_RECURRENT_NORM_H

#include "recurrent/recurrent.h"

#define RECURRENT_EPSILON ((real)1e-5)

// The bias of a column, wherever it comes from.
static inline const real *recurrent_bias_of(const struct recurrence *r, int64_t column)
{
    if (column < r->input_columns) return r->bias ? r->bias + column : NULL;
    for (int i = 0; i < r->spans_count; i++)
        if (!r->spans[i].adds && column >= r->spans[i].column)
            return r->spans[i].bias ? r->spans[i].bias + (column - r->spans[i].column) : NULL;
    return NULL;
}

// gates = (gates - mean) rstd norm + bias
static void recurrent_norm(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t n = r->units, blocks = r->columns / n;
    for (int64_t j = s->first; j < s->last; j++)
        for (int64_t block = 0; block < blocks; block++) {
            const int64_t column = block * n, row = r->start[s->step] + j;
            real *gates = s->gates + j * r->columns + column, mean = 0, variance = 0;
            real *normal = r->normal ? r->normal + row * r->columns + column : gates;
            const real *bias = recurrent_bias_of(r, column);
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

// Rows of grad_gates: [those in front of the norm | those behind it, whose sum is the bias's | those of the scale].
static void recurrent_norm_backward(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t n = r->units, blocks = r->columns / n;
    for (int64_t j = s->first; j < s->last; j++)
        for (int64_t block = 0; block < blocks; block++) {
            const int64_t column = block * n, row = r->start[s->step] + j;
            real *grad = s->grad_gates + j * s->grad_row + column, mean = 0, along = 0;
            const real *normal = r->normal + row * r->columns + column, *scale = r->norm + column;
            const real rstd = r->rstd[row * blocks + block];
            memcpy(grad + r->columns, grad, (size_t)n * sizeof(real));
            for (int64_t k = 0; k < n; k++) grad[2 * r->columns + k] = grad[k] * normal[k];
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
