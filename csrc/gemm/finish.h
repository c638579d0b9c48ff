// What happens to a part of C after the product, while it is in the cache: activation and residual.
#ifndef SEQNN_GEMM_FINISH_H
#define SEQNN_GEMM_FINISH_H

#include "gemm/activate.h"
#include "gemm/gemm.h"
#include "vec/slope.h"

// Whether anything is left to do when the product, and the bias unless beta, are in C.
static bool has_finish(const gemm *g) { return g->saved || g->activation != LINEAR_NONE || g->residual; }

// x[j] = function(x[j]), saved[j] = function'(x[j]), which share most of their work
#define APPLY_BOTH(function)                                                                                           \
    do {                                                                                                               \
        int64_t j = 0;                                                                                                 \
        for (; j + LANES <= columns; j += LANES) {                                                                     \
            const vf z = vf_load(x + j);                                                                               \
            vf_store(x + j, function(z)), vf_store(saved + j, function##_slope(vf_set(1), z));                         \
        }                                                                                                              \
        if (j < columns) {                                                                                             \
            const vf z = vf_load_part(x + j, columns - j);                                                             \
            vf_store_part(x + j, columns - j, function(z));                                                            \
            vf_store_part(saved + j, columns - j, function##_slope(vf_set(1), z));                                     \
        }                                                                                                              \
    } while (0)

// Also saves what linear_backward needs: the result, or where that does not tell it, the slope.
static void activate_and_save(enum linear_activation activation, real *x, real *saved, int64_t columns)
{
    switch (activation) {
    case LINEAR_GELU: APPLY_BOTH(vf_gelu); break;
    case LINEAR_GELU_TANH: APPLY_BOTH(vf_gelu_tanh); break;
    case LINEAR_SILU: APPLY_BOTH(vf_silu); break;
    default: activate(activation, x, columns), memcpy(saved, x, (size_t)columns * sizeof(real));
    }
}

static void finish(const gemm *g, int64_t row, int rows, int64_t column, int64_t columns)
{
    for (int64_t i = row; i < row + rows; i++) {
        real *c = g->c + i * g->c_row + column;
        const enum linear_activation activation = (enum linear_activation)g->activation;
        if (g->saved)
            activate_and_save(activation, c, g->saved + i * g->saved_row + column, columns);
        else
            activate(activation, c, columns);
        if (g->residual) add(c, g->residual + i * g->residual_row + column, columns);
    }
}

#endif
