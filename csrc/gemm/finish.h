// What happens to a part of C after the product, while it is in the cache: activation and residual.
#ifndef SEQNN_GEMM_FINISH_H
#define SEQNN_GEMM_FINISH_H

#include "gemm/gemm.h"
#include "linear_args.h"
#include "vec/math.h"

ALWAYS_INLINE vf vf_relu(vf x) { return vf_max(vf_set(0), x); }

// x[j] = function(x[j])
#define APPLY(function)                                                                                                \
    do {                                                                                                               \
        int64_t j = 0;                                                                                                 \
        for (; j + LANES <= columns; j += LANES) vf_store(x + j, function(vf_load(x + j)));                            \
        if (j < columns) vf_store_part(x + j, columns - j, function(vf_load_part(x + j, columns - j)));                \
    } while (0)

static void activate(enum linear_activation activation, real *restrict x, int64_t columns)
{
    switch (activation) {
    case LINEAR_NONE: break;
    case LINEAR_RELU: APPLY(vf_relu); break;
    case LINEAR_GELU: APPLY(vf_gelu); break;
    case LINEAR_GELU_TANH: APPLY(vf_gelu_tanh); break;
    case LINEAR_SILU: APPLY(vf_silu); break;
    case LINEAR_SIGMOID: APPLY(vf_sigmoid); break;
    case LINEAR_TANH: APPLY(vf_tanh); break;
    }
}

static void add(real *restrict x, const real *restrict y, int64_t columns)
{
    for (int64_t j = 0; j < columns; j++) x[j] += y[j];
}

// Whether anything is left to do when the product, and the bias unless beta, are in C.
static bool has_finish(const gemm *g) { return g->pre || g->activation != LINEAR_NONE || g->residual; }

static void finish(const gemm *g, int64_t row, int rows, int64_t column, int64_t columns)
{
    for (int64_t i = row; i < row + rows; i++) {
        real *c = g->c + i * g->c_row + column;
        if (g->pre) memcpy(g->pre + i * g->pre_row + column, c, columns * sizeof(real));
        activate((enum linear_activation)g->activation, c, columns);
        if (g->residual) add(c, g->residual + i * g->residual_row + column, columns);
    }
}

#endif
