// The matrix product of few rows with a transposed B: dot products of rows that are read where they lie.
#ifndef SEQNN_GEMM_DOT_H
#define SEQNN_GEMM_DOT_H

#include "gemm/finish.h"
#include "gemm/pack.h"

#if LANES >= 8
#define EACH_DOT(do)                                                                                                   \
    do (0) do(1) do(2) do(3) do(4) do(5) do(6) do(7)
enum { DOTS = 8 };
#elif LANES == 4
#define EACH_DOT(do)                                                                                                   \
    do (0) do(1) do(2) do(3)
enum { DOTS = 4 };
#else
#define EACH_DOT(do)                                                                                                   \
    do (0) do(1)
enum { DOTS = 2 };
#endif

// sums[d] = the sum of x times row d of y, lane by lane; there are `rows` rows, and the last one stands for those after
// it.
ALWAYS_INLINE void dots(const real *x, const real *y, int64_t y_row, int64_t rows, int64_t k, vf *sums)
{
#define START_DOT(d)                                                                                                   \
    vf s##d = {0};                                                                                                     \
    const real *y##d = y + (d < rows ? d : rows - 1) * y_row;
#define ADD_DOT(d) s##d += v * vf_load(y##d + i);
#define ADD_LAST(d) s##d += v * vf_load_part(y##d + i, k - i);
#define STORE_DOT(d) sums[d] = s##d;
    EACH_DOT(START_DOT)
    int64_t i = 0;
    for (; i + LANES <= k; i += LANES) {
        const vf v = vf_load(x + i);
        EACH_DOT(ADD_DOT)
    }
    if (i < k) {
        const vf v = vf_load_part(x + i, k - i);
        EACH_DOT(ADD_LAST)
    }
    EACH_DOT(STORE_DOT)
}

// The same for two x at a time, where the registers can hold the sums: y is read half as often.
#if VF_REGISTERS == 32
ALWAYS_INLINE void dots_of_two(const real *x, int64_t x_row, const real *y, int64_t y_row, int64_t rows, int64_t k,
                               vf *sums, vf *more)
{
#define START_TWO(d)                                                                                                   \
    vf s##d = {0}, t##d = {0};                                                                                         \
    const real *y##d = y + (d < rows ? d : rows - 1) * y_row;
#define ADD_TWO(d)                                                                                                     \
    {                                                                                                                  \
        const vf at = vf_load(y##d + i);                                                                               \
        s##d += v * at, t##d += w * at;                                                                                \
    }
#define ADD_LAST_TWO(d)                                                                                                \
    {                                                                                                                  \
        const vf at = vf_load_part(y##d + i, k - i);                                                                   \
        s##d += v * at, t##d += w * at;                                                                                \
    }
#define STORE_TWO(d) sums[d] = s##d, more[d] = t##d;
    EACH_DOT(START_TWO)
    int64_t i = 0;
    for (; i + LANES <= k; i += LANES) {
        const vf v = vf_load(x + i), w = vf_load(x + x_row + i);
        EACH_DOT(ADD_TWO)
    }
    if (i < k) {
        const vf v = vf_load_part(x + i, k - i), w = vf_load_part(x + x_row + i, k - i);
        EACH_DOT(ADD_LAST_TWO)
    }
    EACH_DOT(STORE_TWO)
}
#endif

// Lane l of the result is the sum of the lanes of x[l].
ALWAYS_INLINE vf sums_of_lanes(vf *x)
{
#define FOLD(d)                                                                                                        \
    if (LANES > d) {                                                                                                   \
        _Pragma("GCC unroll 8") for (int i = 0; i < d && i < LANES; i++) x[i] =                                        \
            FIRST_OF(x[i], x[i + d], d) + SECOND_OF(x[i], x[i + d], d);                                                \
    }
    FOLD(8)
    FOLD(4)
    FOLD(2)
    FOLD(1)
    return x[0];
}

// Adds the sums of a row to C, and finishes it.
static void store_dots(const gemm *g, int64_t i, int64_t j, int64_t columns, vf *sums)
{
    real *c = g->c + i * g->c_row + j;
    vf value = sums_of_lanes(sums) * g->alpha;
    if (g->beta != 0) value += vf_load_part(c, columns) * g->beta;
    if (g->bias) value += vf_load_part(g->bias + j, columns);
    vf_store_part(c, columns, value);
    if (has_finish(g)) finish(g, i, 1, j, columns);
}

// Computes columns [column, column_end) of C, which are rows of B as it lies in memory.
static void multiply_dots(const gemm *g, int64_t column, int64_t column_end)
{
    for (int64_t j = column; j < column_end; j += LANES) {
        const int64_t columns = least(LANES, column_end - j);
        int64_t i = 0;
        vf sums[2][LANES];
#if VF_REGISTERS == 32
        for (; i + 2 <= g->m; i += 2) {
            for (int64_t d = 0; d < LANES; d += DOTS) {
                const int64_t at = d < columns ? d : 0, rows = least(DOTS, columns - at);
                dots_of_two(g->a + i * g->a_row, g->a_row, g->b + (j + at) * g->b_col, g->b_col, rows, g->k,
                            sums[0] + d, sums[1] + d);
            }
            store_dots(g, i, j, columns, sums[0]);
            store_dots(g, i + 1, j, columns, sums[1]);
        }
#endif
        for (; i < g->m; i++) {
            for (int64_t d = 0; d < LANES; d += DOTS) {
                const int64_t at = d < columns ? d : 0, rows = least(DOTS, columns - at);
                dots(g->a + i * g->a_row, g->b + (j + at) * g->b_col, g->b_col, rows, g->k, sums[0] + d);
            }
            store_dots(g, i, j, columns, sums[0]);
        }
    }
}

#endif
