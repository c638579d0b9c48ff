// The register tiles of convolution. Each accumulator has a name: an array of them would live on the stack.
#ifndef SEQNN_CONV_TILES_H
#define SEQNN_CONV_TILES_H

#include "gemm/gemm.h"

// Rows are short here: a call of memcpy would cost more than the copy.
ALWAYS_INLINE void copy_run(real *to, const real *from, int64_t n)
{
    if (n < LANES) {
        vf_store_part(to, n, vf_load_part(from, n));
        return;
    }
    for (int64_t i = 0; i + LANES < n; i += LANES) vf_store(to + i, vf_load(from + i));
    vf_store(to + n - LANES, vf_load(from + n - LANES));
}

// A product tile: c[o, q] = sum over the k of all runs of w[k, o] x[offset[k] + q], for the rows o of a panel and
// `width` positions q; the offsets are those of each run.
typedef struct {
    int64_t w, x, depth; // where the k of a run begin in w and x, and how many they are
} product_run;

typedef struct {
    const real *w, *x;
    const int64_t *offset;
    const product_run *run;
    int64_t runs;
    const real *before; // [rows, width] or NULL: added
    const real *bias;   // [rows] or NULL
    bool relu;
    real *c;
    int64_t c_row;
} product_tile;

// Rows of a tile, by the number of registers.
#if VF_REGISTERS == 32
#define TILE_ROWS 14
#else
#define TILE_ROWS 6
#endif
enum { TILE_WIDTH = 2 * LANES };

#define EACH_1(do)                                                                                                     \
    do (0)
#define EACH_2(do) EACH_1(do) do(1)
#define EACH_3(do) EACH_2(do) do(2)
#define EACH_4(do) EACH_3(do) do(3)
#define EACH_5(do) EACH_4(do) do(4)
#define EACH_6(do) EACH_5(do) do(5)
#define EACH_7(do) EACH_6(do) do(6)
#define EACH_8(do) EACH_7(do) do(7)
#define EACH_9(do) EACH_8(do) do(8)
#define EACH_10(do) EACH_9(do) do(9)
#define EACH_11(do) EACH_10(do) do(10)
#define EACH_12(do) EACH_11(do) do(11)
#define EACH_13(do) EACH_12(do) do(12)
#define EACH_14(do) EACH_13(do) do(13)

#define START(o) vf left##o = {0}, right##o = {0};
#define MULTIPLY(o)                                                                                                    \
    {                                                                                                                  \
        const vf weight = vf_set(w[o]);                                                                                \
        left##o += weight * left;                                                                                      \
        right##o += weight * right;                                                                                    \
    }
#define STORE(o)                                                                                                       \
    {                                                                                                                  \
        const vf bias = vf_set(job->bias ? job->bias[o] : 0);                                                          \
        if (job->before) {                                                                                             \
            left##o += vf_load(job->before + o * TILE_WIDTH);                                                          \
            right##o += vf_load(job->before + o * TILE_WIDTH + LANES);                                                 \
        }                                                                                                              \
        store_one(job->c + o * job->c_row, left##o + bias, job->relu);                                                 \
        store_one(job->c + o * job->c_row + LANES, right##o + bias, job->relu);                                        \
    }

ALWAYS_INLINE void store_one(real *c, vf x, bool relu) { vf_store(c, relu ? vf_max((vf){0}, x) : x); }

#define PRODUCT(rows)                                                                                                  \
    static void product_##rows(const product_tile *job)                                                                \
    {                                                                                                                  \
        EACH_##rows(START) for (int64_t r = 0; r < job->runs; r++)                                                     \
        {                                                                                                              \
            const real *w = job->w + job->run[r].w * rows, *x = job->x + job->run[r].x;                                \
            const int64_t *offset = job->offset, *end = offset + job->run[r].depth;                                    \
            for (; offset < end; offset++, w += rows) {                                                                \
                const real *at = x + *offset;                                                                          \
                const vf left = vf_load(at), right = vf_load(at + LANES);                                              \
                EACH_##rows(MULTIPLY)                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
        EACH_##rows(STORE)                                                                                             \
    }
PRODUCT(2)
PRODUCT(3)
PRODUCT(4)
PRODUCT(5)
PRODUCT(6)
#if TILE_ROWS == 14
PRODUCT(7)
PRODUCT(8)
PRODUCT(9)
PRODUCT(10)
PRODUCT(11)
PRODUCT(12)
PRODUCT(13)
PRODUCT(14)
#endif

// Some rows of a single channel: c[y, q] = sum over k of w[k] x[offset[k] + y * x_row + q], for `width` positions q
// that take `vectors` registers. There are up to eight sums, which overlap in time.
typedef struct {
    const real *w, *x;
    int64_t x_row;
    const int64_t *offset;
    int64_t depth;
    real bias;
    bool relu;
    real *c;
    int64_t c_row, width;
} row_product;

#define ROW_START(v) vf sum##v = {0};
#define ROW_MULTIPLY(v)                                                                                                \
    if (v < rows * vectors) sum##v += weight * vf_load(at + v / vectors * job->x_row + v % vectors * LANES);
#define ROW_STORE(v)                                                                                                   \
    if (v < rows * vectors) {                                                                                          \
        real *to = job->c + v / vectors * job->c_row + v % vectors * LANES;                                            \
        sum##v += bias;                                                                                                \
        if (v % vectors < vectors - 1)                                                                                 \
            store_one(to, sum##v, job->relu);                                                                          \
        else                                                                                                           \
            vf_store_part(to, job->width - v % vectors * LANES, job->relu ? vf_max((vf){0}, sum##v) : sum##v);         \
    }

ALWAYS_INLINE void multiply_rows(const int rows, const int vectors, const row_product *job)
{
    EACH_8(ROW_START)
    for (int64_t k = 0; k < job->depth; k++) {
        const real *at = job->x + job->offset[k];
        const vf weight = vf_set(job->w[k]);
        EACH_8(ROW_MULTIPLY)
    }
    const vf bias = vf_set(job->bias);
    EACH_8(ROW_STORE)
}

enum { ROW_VECTORS = 8, ROW_DEPTH = 64 };

// Computes as many of `rows` rows as go at once; returns how many.
static int64_t product_rows(const row_product *job, int64_t rows)
{
#define PRODUCT_ROWS(together, vectors)                                                                                \
    if (rows >= together) return multiply_rows(together, vectors, job), together;
    switch (blocks(job->width, LANES)) {
    case 1: PRODUCT_ROWS(8, 1) PRODUCT_ROWS(4, 1) PRODUCT_ROWS(2, 1) return multiply_rows(1, 1, job), 1;
    case 2: PRODUCT_ROWS(4, 2) PRODUCT_ROWS(2, 2) return multiply_rows(1, 2, job), 1;
    case 3: PRODUCT_ROWS(2, 3) return multiply_rows(1, 3, job), 1;
    case 4: PRODUCT_ROWS(2, 4) return multiply_rows(1, 4, job), 1;
    default: return multiply_rows(1, ROW_VECTORS, job), 1;
    }
#undef PRODUCT_ROWS
}

static void (*const products[])(const product_tile *) = {
    NULL,      NULL,      product_2, product_3,  product_4,  product_5,  product_6,
#if TILE_ROWS == 14
    product_7, product_8, product_9, product_10, product_11, product_12, product_13, product_14,
#endif
};

// A correlation tile: sums[o, k] = sum over q < length of y[o, q] x[offset[k] + q]; length a multiple of LANES. A tile
// is wide or narrow, so that few of its columns are in vain; a single row has more of them.
#if VF_REGISTERS == 32
enum { DOT_ROWS = 4, DOT_WIDE = 6, DOT_NARROW = 5 };
#else
enum { DOT_ROWS = 3, DOT_WIDE = 4, DOT_NARROW = 3 };
#endif
enum { DOT_COLUMNS = 9, DOT_FEW = 5 }; // of a single row

#define DOT_START(k)                                                                                                   \
    const real *x##k = x + offset[k < columns ? k : 0];                                                                \
    vf a##k = {0}, b##k = {0}, c##k = {0}, d##k = {0};
#define DOT_MULTIPLY(k)                                                                                                \
    if (k < columns) {                                                                                                 \
        const vf at = vf_load(x##k + q);                                                                               \
        a##k += ya * at;                                                                                               \
        if (rows > 1) b##k += yb * at;                                                                                 \
        if (rows > 2) c##k += yc * at;                                                                                 \
        if (rows > 3) d##k += yd * at;                                                                                 \
    }
#define DOT_STORE(k)                                                                                                   \
    if (k < columns) {                                                                                                 \
        sums[k] = vf_sum(a##k);                                                                                        \
        if (rows > 1) sums[DOT_COLUMNS + k] = vf_sum(b##k);                                                            \
        if (rows > 2) sums[2 * DOT_COLUMNS + k] = vf_sum(c##k);                                                        \
        if (rows > 3) sums[3 * DOT_COLUMNS + k] = vf_sum(d##k);                                                        \
    }

ALWAYS_INLINE void correlate(const int rows, const int columns, const real *y, int64_t y_row, const real *x,
                             const int64_t *offset, int64_t length, real *sums)
{
    EACH_9(DOT_START)
    for (int64_t q = 0; q < length; q += LANES) {
        const vf ya = vf_load(y + q), yb = rows > 1 ? vf_load(y + y_row + q) : ya;
        const vf yc = rows > 2 ? vf_load(y + 2 * y_row + q) : ya, yd = rows > 3 ? vf_load(y + 3 * y_row + q) : ya;
        EACH_9(DOT_MULTIPLY)
    }
    EACH_9(DOT_STORE)
}

#define CORRELATION(rows, wide, narrow)                                                                                \
    static void correlation_##rows(bool few, const real *y, int64_t y_row, const real *x, const int64_t *offset,       \
                                   int64_t length, real *sums)                                                         \
    {                                                                                                                  \
        if (few)                                                                                                       \
            correlate(rows, narrow, y, y_row, x, offset, length, sums);                                                \
        else                                                                                                           \
            correlate(rows, wide, y, y_row, x, offset, length, sums);                                                  \
    }
CORRELATION(1, DOT_COLUMNS, DOT_FEW)
CORRELATION(2, DOT_WIDE, DOT_NARROW)
CORRELATION(3, DOT_WIDE, DOT_NARROW)
#if VF_REGISTERS == 32
CORRELATION(4, DOT_WIDE, DOT_NARROW)
#endif

static void (*const correlations[])(bool few, const real *y, int64_t y_row, const real *x, const int64_t *offset,
                                    int64_t length, real *sums) = {
    NULL,          correlation_1, correlation_2, correlation_3,
#if VF_REGISTERS == 32
    correlation_4,
#endif
};

// A spread tile: sums[k, v] += sum over the places q of some lines of x[offset[k] + q] y[q, v], outputs v in the lanes.
typedef struct {
    const real *y; // lines [length, vectors of the tile], y_line apart
    int64_t y_line;
    const real *x;
    int64_t x_line;
    const int64_t *offset;       // [SPREAD_ROWS]
    int64_t lines, length, rows; // rows of sums that are kept
    real *sums;
    int64_t sums_row;
} spread_tile;

#define SPREAD_ROWS 6
#define SPREAD_START(k)                                                                                                \
    const int64_t x##k = job->offset[k];                                                                               \
    vf a##k = {0}, b##k = {0}, c##k = {0}, d##k = {0};
#define SPREAD_MULTIPLY(k)                                                                                             \
    {                                                                                                                  \
        const vf at = vf_set(x[x##k]);                                                                                 \
        a##k += ya * at;                                                                                               \
        if (vectors > 1) b##k += yb * at;                                                                              \
        if (vectors > 2) c##k += yc * at;                                                                              \
        if (vectors > 3) d##k += yd * at;                                                                              \
    }
#define SPREAD_STORE(k)                                                                                                \
    if (k < job->rows) {                                                                                               \
        real *to = job->sums + k * job->sums_row;                                                                      \
        vf_store(to, vf_load(to) + a##k);                                                                              \
        if (vectors > 1) vf_store(to + LANES, vf_load(to + LANES) + b##k);                                             \
        if (vectors > 2) vf_store(to + 2 * LANES, vf_load(to + 2 * LANES) + c##k);                                     \
        if (vectors > 3) vf_store(to + 3 * LANES, vf_load(to + 3 * LANES) + d##k);                                     \
    }

ALWAYS_INLINE void spread(const int vectors, const spread_tile *job)
{
    EACH_6(SPREAD_START)
    for (int64_t line = 0; line < job->lines; line++) {
        const real *y = job->y + line * job->y_line, *x = job->x + line * job->x_line, *end = x + job->length;
        for (; x < end; x++, y += vectors * LANES) {
            const vf ya = vf_load(y), yb = vectors > 1 ? vf_load(y + LANES) : ya;
            const vf yc = vectors > 2 ? vf_load(y + 2 * LANES) : ya, yd = vectors > 3 ? vf_load(y + 3 * LANES) : ya;
            EACH_6(SPREAD_MULTIPLY)
        }
    }
    EACH_6(SPREAD_STORE)
}

static void spread_1(const spread_tile *job) { spread(1, job); }
static void spread_2(const spread_tile *job) { spread(2, job); }
#if GEMM_VECTORS == 4
static void spread_3(const spread_tile *job) { spread(3, job); }
static void spread_4(const spread_tile *job) { spread(4, job); }
#endif

static void (*const spreads[])(const spread_tile *) = {
    NULL,     spread_1, spread_2,
#if GEMM_VECTORS == 4
    spread_3, spread_4,
#endif
};

#endif
