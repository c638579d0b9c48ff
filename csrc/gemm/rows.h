// Products of few rows with weights that stay packed.
#ifndef SEQNN_GEMM_ROWS_H
#define SEQNN_GEMM_ROWS_H

#include "gemm/gemm.h"

enum rows_kind { ROWS_F32, ROWS_BF16, ROWS_I8 };

struct rows_weight {
    enum rows_kind kind;
    int64_t K, N;
    const void *packed;
    const real *bias; // [N] or NULL
};

static inline int64_t rows_bytes(enum rows_kind kind, int64_t K, int64_t N)
{
    (void)kind;
    return gemm_packed_size(K, N) * (int64_t)sizeof(real);
}

static inline int64_t rows_panels(const struct rows_weight *w) { return gemm_panels(w->N); }

// The column at which a panel begins.
static inline int64_t rows_column(const struct rows_weight *w, int64_t panel)
{
    return least(gemm_panel_start(w->N, panel) * LANES, w->N);
}

static inline void rows_pack_panels(const real *weight, const struct rows_weight *w, void *packed, int64_t panel,
                                    int64_t panel_end)
{
    const gemm g = {.n = w->N, .k = w->K, .b = weight, .b_row = 1, .b_col = w->K};
    gemm_pack(&g, packed, panel, panel_end);
}

static inline void rows_multiply(const struct rows_weight *w, const real *x, int64_t rows, int64_t x_row, real *out,
                                 int64_t out_row, int64_t panel, int64_t panel_end, void *scratch)
{
    (void)scratch;
    const gemm g = {.m = rows,
                    .n = w->N,
                    .k = w->K,
                    .a = x,
                    .a_row = x_row,
                    .a_col = 1,
                    .packed = w->packed,
                    .c = out,
                    .c_row = out_row,
                    .alpha = 1,
                    .bias = w->bias};
    gemm_block(&g, 0, rows, panel, panel_end);
}

#endif
