// The activations of linear layers, and sums, on a part of a row that lies in the cache.
#ifndef SEQNN_GEMM_ACTIVATE_H
#define SEQNN_GEMM_ACTIVATE_H

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

static void add(real *x, const real *y, int64_t columns)
{
    int64_t j = 0;
    for (; j + LANES <= columns; j += LANES) vf_store(x + j, vf_load(x + j) + vf_load(y + j));
    if (j < columns)
        vf_store_part(x + j, columns - j, vf_load_part(x + j, columns - j) + vf_load_part(y + j, columns - j));
}

#endif
