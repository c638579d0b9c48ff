// What happens to a part of C after the product, while it is in the cache: activation and residual.
#ifndef SEQNN_GEMM_FINISH_H
#define SEQNN_GEMM_FINISH_H

#include "gemm/activate.h"
#include "gemm/gemm.h"

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
