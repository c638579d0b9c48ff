// The register tiles of convolution. Each accumulator has a name: an array of them would live on the stack.
#ifndef SEQNN_CONV_TILES_H
#define SEQNN_CONV_TILES_H

#include "gemm/gemm.h"

// Rows are short here: a call of memcpy would cost more than the copy.
ALWAYS_INLINE void copy_run(real *to, const real *from, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) vf_store(to + i, vf_load(from + i));
    if (i < n) vf_store_part(to + i, n - i, vf_load_part(from + i, n - i));
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

// Rows of a tile, by the number of registers. A single row takes more vectors, so that its sums overlap in time.
#if VF_REGISTERS == 32
#define TILE_ROWS 14
#else
#define TILE_ROWS 6
#endif
enum { TILE_WIDTH = 2 * LANES, SINGLE_WIDTH = 8 * LANES };

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

#define SINGLE_START(v) vf sum##v = {0};
#define SINGLE_MULTIPLY(v) sum##v += weight * vf_load(at + v * LANES);
#define SINGLE_STORE(v)                                                                                                \
    if (job->before) sum##v += vf_load(job->before + v * LANES);                                                       \
    store_one(job->c + v * LANES, sum##v + bias, job->relu);

static void product_1(const product_tile *job)
{
    EACH_8(SINGLE_START)
    for (int64_t r = 0; r < job->runs; r++) {
        const real *w = job->w + job->run[r].w, *x = job->x + job->run[r].x;
        for (int64_t k = 0; k < job->run[r].depth; k++) {
            const real *at = x + job->offset[k];
            const vf weight = vf_set(w[k]);
            EACH_8(SINGLE_MULTIPLY)
        }
    }
    const vf bias = vf_set(job->bias ? job->bias[0] : 0);
    EACH_8(SINGLE_STORE)
}

// A whole row of `width` outputs of a single channel, which is stored where it belongs.
ALWAYS_INLINE void product_row(const int vectors, const product_tile *job, int64_t width)
{
    const vf bias = vf_set(job->bias ? job->bias[0] : 0);
    vf a = bias, b = bias, c = bias, d = bias;
    for (int64_t k = 0; k < job->run->depth; k++) {
        const real *at = job->x + job->offset[k];
        const vf weight = vf_set(job->w[k]);
        a += weight * vf_load(at);
        if (vectors > 1) b += weight * vf_load(at + LANES);
        if (vectors > 2) c += weight * vf_load(at + 2 * LANES);
        if (vectors > 3) d += weight * vf_load(at + 3 * LANES);
    }
    const vf last = vectors == 1 ? a : vectors == 2 ? b : vectors == 3 ? c : d;
    real *to = job->c;
    if (vectors > 1) store_one(to, a, job->relu), to += LANES;
    if (vectors > 2) store_one(to, b, job->relu), to += LANES;
    if (vectors > 3) store_one(to, c, job->relu), to += LANES;
    vf_store_part(to, width - (vectors - 1) * LANES, job->relu ? vf_max((vf){0}, last) : last);
}

enum { ROW_WIDTH = 4 * LANES, ROW_DEPTH = 64 };

static void product_row_of(const product_tile *job, int64_t width)
{
    switch (blocks(width, LANES)) {
    case 1: product_row(1, job, width); break;
    case 2: product_row(2, job, width); break;
    case 3: product_row(3, job, width); break;
    default: product_row(4, job, width);
    }
}

static void (*const products[])(const product_tile *) = {
    NULL,      product_1, product_2, product_3,  product_4,  product_5,  product_6,
#if TILE_ROWS == 14
    product_7, product_8, product_9, product_10, product_11, product_12, product_13, product_14,
#endif
};

// A correlation tile: sums[o, k] = sum over q < length of y[o, q] x[offset[k] + q]; length a multiple of LANES.
#if VF_REGISTERS == 32
#define DOT_ROWS 4
#define DOT_COLUMNS 6
#define DOT_EACH_COLUMN EACH_6
#else
#define DOT_ROWS 3
#define DOT_COLUMNS 4
#define DOT_EACH_COLUMN EACH_4
#endif

#define DOT_START(k)                                                                                                   \
    const real *x##k = x + offset[k];                                                                                  \
    vf a##k = {0}, b##k = {0}, c##k = {0}, d##k = {0};
#define DOT_MULTIPLY(k)                                                                                                \
    {                                                                                                                  \
        const vf at = vf_load(x##k + q);                                                                               \
        a##k += ya * at;                                                                                               \
        if (rows > 1) b##k += yb * at;                                                                                 \
        if (rows > 2) c##k += yc * at;                                                                                 \
        if (rows > 3) d##k += yd * at;                                                                                 \
    }
#define DOT_STORE(k)                                                                                                   \
    sums[k] = vf_sum(a##k);                                                                                            \
    if (rows > 1) sums[DOT_COLUMNS + k] = vf_sum(b##k);                                                                \
    if (rows > 2) sums[2 * DOT_COLUMNS + k] = vf_sum(c##k);                                                            \
    if (rows > 3) sums[3 * DOT_COLUMNS + k] = vf_sum(d##k);

ALWAYS_INLINE void correlate(const int rows, const real *y, int64_t y_row, const real *x, const int64_t *offset,
                             int64_t length, real *sums)
{
    DOT_EACH_COLUMN(DOT_START)
    for (int64_t q = 0; q < length; q += LANES) {
        const vf ya = vf_load(y + q), yb = rows > 1 ? vf_load(y + y_row + q) : ya;
        const vf yc = rows > 2 ? vf_load(y + 2 * y_row + q) : ya, yd = rows > 3 ? vf_load(y + 3 * y_row + q) : ya;
        DOT_EACH_COLUMN(DOT_MULTIPLY)
    }
    DOT_EACH_COLUMN(DOT_STORE)
}

#define CORRELATION(rows)                                                                                              \
    static void correlation_##rows(const real *y, int64_t y_row, const real *x, const int64_t *offset, int64_t length, \
                                   real *sums)                                                                         \
    {                                                                                                                  \
        correlate(rows, y, y_row, x, offset, length, sums);                                                            \
    }
CORRELATION(1)
CORRELATION(2)
CORRELATION(3)
#if DOT_ROWS == 4
CORRELATION(4)
#endif

static void (*const correlations[])(const real *y, int64_t y_row, const real *x, const int64_t *offset, int64_t length,
                                    real *sums) = {
    NULL,          correlation_1, correlation_2, correlation_3,
#if DOT_ROWS == 4
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
