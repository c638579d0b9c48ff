// The matrix product C = act(alpha A B + beta C + bias) + residual, packed and register-tiled. One file of the library
// holds the code (kernels/linear.c); any kernel may call it, from one thread or inside its own parallel region:
//
//     gemm g = {.m = M, .n = N, .k = K, .a = x, .a_row = K, .a_col = 1, .b = w, .b_row = N, .b_col = 1,
//               .c = y, .c_row = N, .alpha = 1};
//     bool ok = gemm_run(&g, gemm_team(&g));           // the whole product: packs B, opens its own parallel region
//
//     real *packed = sq_scratch_take(gemm_packed_size(K, N) * sizeof(real));   // or: pack once, multiply often
//     gemm_pack(&g, packed, 0, gemm_panels(N));                                // any range of panels, so by any thread
//     g.packed = packed;
//     gemm_share(&g, thread, threads);                 // one thread's part of the product (other parts: other threads)
//     gemm_block(&g, row, row_end, panel, panel_end);  // or any rectangle of C
//     sq_scratch_give(packed);
//
// An element of C is one sum in the order of k, in blocks of GEMM_DEPTH, whatever the number of threads, the rectangle
// or the other rows: results depend on the shape alone. NaN and infinity go through.
#ifndef SEQNN_GEMM_H
#define SEQNN_GEMM_H

#include "base/scratch.h"
#include "vec/vec.h"

enum { GEMM_DEPTH = 512 }; // of a block of k: its panel of B stays in the L2 cache

// The widest panel of B, in vectors, and the most rows of a tile: as many accumulators as the registers can hold.
#if defined(__AVX512F__) || defined(__aarch64__)
#define GEMM_VECTORS 4
#define GEMM_ROWS(vectors) ((vectors) == 4 ? 6 : 8)
#elif defined(__AVX__)
#define GEMM_VECTORS 2
#define GEMM_ROWS(vectors) ((vectors) > 0 ? 6 : 0)
#else
#define GEMM_VECTORS 2
#define GEMM_ROWS(vectors) ((vectors) > 0 ? 4 : 0)
#endif

// In the order of the names in ops/_linear.py.
enum gemm_activation { GEMM_LINEAR, GEMM_RELU, GEMM_GELU, GEMM_GELU_TANH, GEMM_SILU, GEMM_SIGMOID, GEMM_TANH };

typedef struct {
    int64_t m, n, k;
    const real *a;        // [m, k]: A(i, k) = a[i * a_row + k * a_col]
    int64_t a_row, a_col; // one of them is 1, or it is slow
    const real *b;        // [k, n]: B(k, j) = b[k * b_row + j * b_col]; not read where `packed` is given
    int64_t b_row, b_col;
    const real *packed; // what gemm_pack made of b, or NULL
    real *c;            // [m, n]: C(i, j) = c[i * c_row + j]
    int64_t c_row;
    real alpha, beta; // C is not read where beta is 0
    const real *bias; // [n] or NULL
    enum gemm_activation activation;
    real *pre; // [m, n] or NULL: what goes into the activation, for backward
    int64_t pre_row;
    const real *residual; // [m, n] or NULL: added behind the activation
    int64_t residual_row;
} gemm;

// Panels of B are 1 ... GEMM_VECTORS vectors wide, evenly; panel p begins at this vector.
static inline int64_t gemm_vectors(int64_t n) { return (n + LANES - 1) / LANES; }
static inline int64_t gemm_panels(int64_t n) { return (gemm_vectors(n) + GEMM_VECTORS - 1) / GEMM_VECTORS; }
static inline int64_t gemm_panel_start(int64_t n, int64_t p)
{
    const int64_t vectors = gemm_vectors(n), panels = gemm_panels(n), wider = panels ? vectors % panels : 0;
    return panels ? p * (vectors / panels) + (p < wider ? p : wider) : 0;
}
// Elements of the packed B: [panel][k][width of the panel], the last one filled up with zeros.
static inline int64_t gemm_packed_size(int64_t k, int64_t n) { return k * gemm_vectors(n) * LANES; }

#define gemm_pack SQ_JOIN(gemm_pack, SQ_VARIANT)
#define gemm_block SQ_JOIN(gemm_block, SQ_VARIANT)
#define gemm_share SQ_JOIN(gemm_share, SQ_VARIANT)
#define gemm_run SQ_JOIN(gemm_run, SQ_VARIANT)

// Packs panels [panel, panel_end) of g->b, where they belong in `packed`.
void gemm_pack(const gemm *g, real *packed, int64_t panel, int64_t panel_end);
// Rows [row, row_end) x panels [panel, panel_end) of C. With `packed`, or b_col = 1 and n a multiple of LANES.
void gemm_block(const gemm *g, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end);
// Part `part` of `parts` of C. Same condition.
void gemm_share(const gemm *g, int part, int parts);
// All of C by `team` threads (1: no parallel region), any strides. False: no memory.
bool gemm_run(const gemm *g, int team);
// Threads that the product is worth.
static inline int gemm_team(const gemm *g) { return sq_team(g->m * g->n * g->k / 16); }

#endif
