// The matrix product C = act(alpha A B + beta C + bias) + residual, packed and register-tiled. engine.c holds the code;
// any kernel may call it, from one thread or inside its own parallel region:
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
// or the other rows: results depend on the shape alone. NaN and infinity pass through.
#ifndef SEQNN_GEMM_H
#define SEQNN_GEMM_H

#include "base/scratch.h"
#include "vec/vec.h"

enum { GEMM_DEPTH = 512 }; // rows of a block of B: its panels stay in the L2 cache

// The widest panel of B, in vectors, and the most rows of a tile that is `vectors` wide: as many sums as the registers
// can hold. Without fused instructions a product needs a register of its own.
#if VF_REGISTERS == 32
#define GEMM_VECTORS 4
#define GEMM_ROWS(vectors) ((vectors) == 4 ? 6 : 8)
#else
#define GEMM_VECTORS 2
#define GEMM_ROWS(vectors) (VF_FUSED ? 6 : 4)
#endif

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
    int activation;   // an enum linear_activation (linear_args.h); 0: none
    real *saved;      // [m, n] or NULL: what backward needs of the activation
    int64_t saved_row;
    const real *residual; // [m, n] or NULL: added after the activation
    int64_t residual_row;
} gemm;

// Panels of B are 1 ... GEMM_VECTORS vectors wide, as even as can be; panel p begins at this vector.
static inline int64_t gemm_vectors(int64_t n) { return blocks(n, LANES); }
static inline int64_t gemm_panels(int64_t n) { return blocks(gemm_vectors(n), GEMM_VECTORS); }
static inline int64_t gemm_panel_start(int64_t n, int64_t p)
{
    const int64_t panels = gemm_panels(n);
    return panels ? cut(gemm_vectors(n), panels, p) : 0;
}
// Elements of the packed B: [panel][k][width of the panel], the last panel filled up with zeros.
static inline int64_t gemm_packed_size(int64_t k, int64_t n) { return k * gemm_vectors(n) * LANES; }

#define gemm_pack SQ_SHARED(gemm_pack)
#define gemm_block SQ_SHARED(gemm_block)
#define gemm_share SQ_SHARED(gemm_share)
#define gemm_run SQ_SHARED(gemm_run)
#define gemm_small SQ_SHARED(gemm_small)

// Packs panels [panel, panel_end) of g->b to their places in `packed`.
void gemm_pack(const gemm *g, real *packed, int64_t panel, int64_t panel_end);
// Computes rows [row, row_end) x panels [panel, panel_end) of C. With `packed`, or b_col = 1 and n a multiple of LANES.
void gemm_block(const gemm *g, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end);
// Computes part `part` of `parts` of C, under the same condition.
void gemm_share(const gemm *g, int part, int parts);
// Computes all of C by `team` threads (1: no parallel region), any strides. False: no memory.
bool gemm_run(const gemm *g, int team);
// The number of threads that the product is worth.
static inline int gemm_team(const gemm *g) { return sq_team(g->m * g->n * g->k / 16); }

// Packs part `part` of `parts` of b to g->packed.
static inline void gemm_pack_share(const gemm *g, int part, int parts)
{
    const int64_t panels = gemm_panels(g->n);
    gemm_pack(g, (real *)g->packed, cut(panels, parts, part), cut(panels, parts, part + 1));
}

// C = A^T B, summed over `rows` rows of A, m numbers wide, and of B, n wide: the gradient of a weight. False: no
// memory.
static inline bool gemm_over_rows(int64_t rows, const real *a, int64_t a_row, int64_t m, const real *b, int64_t b_row,
                                  int64_t n, real *c, int64_t c_row, bool alone)
{
    const gemm g = {.m = m,
                    .n = n,
                    .k = rows,
                    .a = a,
                    .a_row = 1,
                    .a_col = a_row,
                    .b = b,
                    .b_row = b_row,
                    .b_col = 1,
                    .c = c,
                    .c_row = c_row,
                    .alpha = 1};
    return gemm_run(&g, alone ? 1 : gemm_team(&g));
}

// Computes C = alpha A B, or C += alpha A B with `add`, of blocks that lie in the caches, for whole vectors of columns:
// tiles without packing, edges or threads. A(i, k) = a[i * a_row + k * a_col], and rows of B and C are contiguous.
void gemm_small(real *c, int64_t c_row, const real *a, int64_t a_row, int64_t a_col, const real *b, int64_t b_row,
                int64_t rows, int64_t depth, int64_t vectors, real alpha, bool add);

#endif
