// Products of rows with weights that are packed once and kept, out = x W + bias, in float32, or with smaller weights:
// memory's speed bounds the products of a few rows. rows.c holds the code; a team calls it inside a parallel region:
//
//     struct rows_weight w;
//     const char *problem = rows_open(packed, packed_size, kind, K, N, &w);     // what _core.rows_pack made
//     w.bias = bias;                                                            // [N] or NULL
//     void *scratch = sq_scratch_take(rows_scratch(&w) * threads);              // each thread has its own part
//     const int64_t panels = rows_panels(&w);                                   // units of work: panels of columns
//     rows_multiply(&w, x, rows, x_row, out, out_row, cut(panels, threads, thread), cut(panels, threads, thread + 1),
//                   scratch + rows_scratch(&w) * thread);
//
// An element of `out` has the same bits whatever the other rows, the cut into panels and the number of threads are.
//
// f32   the panels of gemm.h; packed anew on another instruction set, which rows_open tells
// bf16  weights rounded to bfloat16, widened in registers; sums in float32
// i8    q = round(w / scale), scale = max |w| / 127, for each column; rows of x likewise, when they are multiplied.
//       out = sum of the integer products, which is exact, times both scales. A row that is not finite gives NaN.
#ifndef SEQNN_GEMM_ROWS_H
#define SEQNN_GEMM_ROWS_H

#include "gemm/gemm.h"
#include "rows_args.h"

struct rows_weight {
    enum rows_kind kind;
    int64_t K, N;
    const void *packed;    // the panels
    const float *scale;    // [N] of i8: a weight is scale * q
    const int32_t *offset; // [N] of i8: -128 times the sum of the column's q
    const real *bias;      // [N] or NULL
};

enum {
    ROWS_PANEL = 64, // columns of a panel of bf16 and i8, on every instruction set
    ROWS_BLOCK = 64, // rows that are multiplied by a panel while it is in the cache
};

// Bytes of the panels of a weight [K -> N], with what belongs to them.
static inline int64_t rows_bytes(enum rows_kind kind, int64_t K, int64_t N)
{
    const int64_t columns = round_up(N, ROWS_PANEL);
    switch (kind) {
    case ROWS_F32: return gemm_packed_size(K, N) * (int64_t)sizeof(float);
    case ROWS_BF16: return columns * K * (int64_t)sizeof(uint16_t);
    default: return columns * (round_up(K, 4) + (int64_t)(sizeof(float) + sizeof(int32_t)));
    }
}

static inline int64_t rows_panels(const struct rows_weight *w)
{
    return w->kind == ROWS_F32 ? gemm_panels(w->N) : blocks(w->N, ROWS_PANEL);
}
// The column at which panel p begins; that of the number of panels is N.
static inline int64_t rows_panel_start(const struct rows_weight *w, int64_t p)
{
    return least(w->N, w->kind == ROWS_F32 ? gemm_panel_start(w->N, p) * LANES : p * ROWS_PANEL);
}

// Bytes of working memory that a thread needs: integers of a block of rows, as bytes or as pairs, and their scales.
static inline int64_t rows_scratch(const struct rows_weight *w)
{
    return w->kind == ROWS_I8 ? round_up((ROWS_BLOCK + 1) * (2 * round_up(w->K, 4) + (int64_t)sizeof(float)), 64) : 0;
}

#define rows_open SQ_SHARED(rows_open)
#define rows_multiply SQ_SHARED(rows_multiply)

// Fills in `w`, without a bias, from an array of `size` bytes that rows_pack made. Returns an error or NULL.
const char *rows_open(const uint8_t *packed, int64_t size, enum rows_kind kind, int64_t K, int64_t N,
                      struct rows_weight *w);
// Computes out[r, columns of the panels] for all rows. x[r, k] = x[r * x_row + k].
void rows_multiply(const struct rows_weight *w, const real *x, int64_t rows, int64_t x_row, real *out, int64_t out_row,
                   int64_t first_panel, int64_t last_panel, void *scratch);

#endif
