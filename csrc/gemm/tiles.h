// The register tiles of the matrix product: 1 ... 8 rows by 1 ... 4 vectors of columns. Each sum has a name: an array
// of them would live on the stack.
#ifndef SEQNN_GEMM_TILES_H
#define SEQNN_GEMM_TILES_H

#include "gemm/each.h"
#include "gemm/gemm.h"

enum { LINE_BYTES = 64 }; // of the caches

// C[r, :] = init[r, :] + alpha * sum of A(r, k) * B[k, :] in the order of k, with A(r, k) = a[r * a_row + k * a_col].
typedef struct {
    const real *a, *b, *init; // init may be c
    real *c;
    int64_t k, a_row, a_col, b_row, init_row, c_row;
    real alpha;
    const char *soon; // asked for on the way: what is needed after this tile, `soon_step` bytes further in each step
    int64_t soon_step;
} tile_job;

#define START_ONE(r, v)                                                                                                \
    prefetch_write(job->c + r * c_row + v * LANES);                                                                    \
    vf c##r##v = {0};
#define LOAD_ONE(r, v) const vf b##v = vf_load(b + v * LANES);
#define AHEAD_ONE(r, v)                                                                                                \
    if (v * LANES * sizeof(real) % LINE_BYTES == 0) __builtin_prefetch(b + 8 * b_row + v * LANES);
#define MULTIPLY_ONE(r, v) c##r##v += x##r * b##v;
#define STORE_ONE(r, v) vf_store(c + r * c_row + v * LANES, vf_load(init + r * init_row + v * LANES) + alpha * c##r##v);
#define START(r, columns) COLUMNS_##columns(START_ONE, r)
// A tile of few rows is done with B before the caches could bring more of it.
#define AHEAD_1(columns)
#define AHEAD_2(columns)
#define AHEAD_3(columns)
#define AHEAD_4(columns) COLUMNS_##columns(AHEAD_ONE, 0)
#define AHEAD_5(columns) AHEAD_4(columns)
#define AHEAD_6(columns) AHEAD_4(columns)
#define AHEAD_7(columns) AHEAD_4(columns)
#define AHEAD_8(columns) AHEAD_4(columns)
#if GEMM_VECTORS == 4
enum { ASKED = 2 * LINE_BYTES }; // in a step
#define SOON_ASK __builtin_prefetch(soon, 0, 2), __builtin_prefetch(soon + LINE_BYTES, 0, 2), soon += soon_step;
#else
enum { ASKED = LINE_BYTES };
#define SOON_ASK __builtin_prefetch(soon, 0, 2), soon += soon_step;
#endif
#define MULTIPLY(r, columns)                                                                                           \
    const vf x##r = vf_set(A_##r);                                                                                     \
    COLUMNS_##columns(MULTIPLY_ONE, r)
#define STORE(r, columns) COLUMNS_##columns(STORE_ONE, r)

#define TILE(rows, columns)                                                                                            \
    static void tile_##rows##_##columns(const tile_job *job)                                                           \
    {                                                                                                                  \
        const int64_t row = job->a_row, step = job->a_col, b_row = job->b_row;                                         \
        const int64_t c_row = job->c_row, init_row = job->init_row;                                                    \
        const real *a0 = job->a, *a3 = a0 + 3 * row, *a6 = a3 + 3 * row, *b = job->b;                                  \
        const char *soon = job->soon;                                                                                  \
        const int64_t soon_step = job->soon_step;                                                                      \
        ROWS_##rows(START, columns) for (int64_t k = job->k; k > 0; k--)                                               \
        {                                                                                                              \
            COLUMNS_##columns(LOAD_ONE, 0) AHEAD_##rows(columns) ROWS_##rows(MULTIPLY, columns) b += b_row;            \
            a0 += step, a3 += step, a6 += step;                                                                        \
            SOON_ASK                                                                                                   \
        }                                                                                                              \
        const real *init = job->init;                                                                                  \
        real *c = job->c;                                                                                              \
        const vf alpha = vf_set(job->alpha);                                                                           \
        ROWS_##rows(STORE, columns)                                                                                    \
    }
#define TILES_4(do, columns)                                                                                           \
    do (1, columns) do(2, columns) do(3, columns) do(4, columns)
#define TILES_6(do, columns) TILES_4(do, columns) do(5, columns) do(6, columns)
#define TILES_8(do, columns) TILES_6(do, columns) do(7, columns) do(8, columns)
#define NAME(rows, columns) [columns][rows] = tile_##rows##_##columns,

#if GEMM_VECTORS == 4
#define EACH_TILE(do) TILES_8(do, 1) TILES_8(do, 2) TILES_8(do, 3) TILES_6(do, 4)
#elif VF_FUSED
#define EACH_TILE(do) TILES_6(do, 1) TILES_6(do, 2)
#else
#define EACH_TILE(do) TILES_4(do, 1) TILES_4(do, 2)
#endif

EACH_TILE(TILE)
static void (*const tiles[GEMM_VECTORS + 1][9])(const tile_job *) = {EACH_TILE(NAME)};

#endif
