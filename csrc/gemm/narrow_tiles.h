// The register tiles of products with bfloat16 and 8-bit weights: 1 ... 6 rows by 1 ... 8 registers of a panel.
#ifndef SEQNN_GEMM_NARROW_TILES_H
#define SEQNN_GEMM_NARROW_TILES_H

#include "gemm/each.h"
#include "gemm/rows.h"
#include "vec/bytes.h"

// A panel has ROWS_PANEL columns. A lane of 32 bits holds, of bf16, the weights of columns j (its low half) and
// j + ROWS_PANEL / 2 for one k; of i8, those of one column for four k. `depth` counts these steps.
enum {
    STEP_BYTES_BF16 = ROWS_PANEL * 2,
    STEP_BYTES_I8 = ROWS_PANEL * 4,
    NARROW_AHEAD = 2048, // bytes of a panel that are asked for before they are needed
};

typedef struct {
    const char *weights; // the first step of the tile's columns
    int64_t depth;
    const int32_t *x;      // bf16: floats; i8: four bytes a step, or pairs: bytes 0 and 2, then at x + odd 1 and 3
    int64_t x_row, odd;    // in lanes of 32 bits
    const float *x_scale;  // [rows] i8
    const float *scale;    // [columns] i8
    const int32_t *offset; // [columns] i8: -128 times the column's sum
    const float *bias;     // [columns] or NULL
    float *out;
    int64_t out_row, columns; // columns that are left from the tile's first one on
} narrow_job;

ALWAYS_INLINE void narrow_store(const narrow_job *job, int64_t row, int64_t column, vf y)
{
    const int64_t n = least(job->columns - column, LANES);
    if (n <= 0) return;
    float *to = job->out + row * job->out_row + column;
    if (n == LANES) {
        if (job->bias) y += vf_load(job->bias + column);
        vf_store(to, y);
    } else {
        if (job->bias) y += vf_load_part(job->bias + column, n);
        vf_store_part(to, n, y);
    }
}

ALWAYS_INLINE void narrow_store_sum(const narrow_job *job, int64_t row, int64_t column, vi sum)
{
    const vf scale = vf_load(job->scale + column) * job->x_scale[row];
    narrow_store(job, row, column, __builtin_convertvector(sum, vf) * scale);
}

#define AHEAD(v) __builtin_prefetch(w + NARROW_AHEAD + (v) * VF_BYTES);

// bf16: a register of the panel is two of columns, whose sums are c and d.
#define START_BF16(r, v) vf c##r##v = {0}, d##r##v = {0};
#define LOAD_BF16(r, v)                                                                                                \
    AHEAD(v)                                                                                                           \
    const vi both##v = vi_load(w + v * VF_BYTES);                                                                      \
    const vf low##v = (vf)(both##v << 16), high##v = (vf)(both##v & (int32_t)0xffff0000);
#define X_BF16(r, word) const vf x##r = vf_set(*(const float *)&(word));
#define MULTIPLY_BF16(r, v) c##r##v += x##r * low##v, d##r##v += x##r * high##v;
#define STORE_BF16(r, v)                                                                                               \
    narrow_store(job, r, v *LANES, c##r##v);                                                                           \
    narrow_store(job, r, v *LANES + ROWS_PANEL / 2, d##r##v);

// i8 by pairs of 16-bit integers.
#define START_PAIRS(r, v) vi c##r##v = {0};
#define LOAD_PAIRS(r, v)                                                                                               \
    AHEAD(v)                                                                                                           \
    const vi all##v = vi_load(w + v * VF_BYTES), low##v = vi_low(all##v), high##v = vi_high(all##v);
#define X_PAIRS(r, word) const vi x##r = vi_set(word), y##r = vi_set((&(word))[job->odd]);
#define MULTIPLY_PAIRS(r, v) c##r##v += vi_pairs(x##r, low##v) + vi_pairs(y##r, high##v);
#define STORE_PAIRS(r, v) narrow_store_sum(job, r, v *LANES, c##r##v);

// i8 by four bytes at a time, with 128 added to those of x.
#define START_QUADS(r, v) vi c##r##v = vi_load(job->offset + v * LANES);
#define LOAD_QUADS(r, v) AHEAD(v) const vi low##v = vi_load(w + v * VF_BYTES);
#define X_QUADS(r, word) const vi x##r = vi_set(word);
#define MULTIPLY_QUADS(r, v) c##r##v = vi_quads(c##r##v, x##r, low##v);
#define STORE_QUADS(r, v) STORE_PAIRS(r, v)

#define NARROW_STEP(kind, r, columns) X_##kind(r, A_##r) COLUMNS_##columns(MULTIPLY_##kind, r)
#define STEP_BF16(r, columns) NARROW_STEP(BF16, r, columns)
#define STEP_PAIRS(r, columns) NARROW_STEP(PAIRS, r, columns)
#define STEP_QUADS(r, columns) NARROW_STEP(QUADS, r, columns)
#define BEGIN_BF16(r, columns) COLUMNS_##columns(START_BF16, r)
#define BEGIN_PAIRS(r, columns) COLUMNS_##columns(START_PAIRS, r)
#define BEGIN_QUADS(r, columns) COLUMNS_##columns(START_QUADS, r)
#define END_BF16(r, columns) COLUMNS_##columns(STORE_BF16, r)
#define END_PAIRS(r, columns) COLUMNS_##columns(STORE_PAIRS, r)
#define END_QUADS(r, columns) COLUMNS_##columns(STORE_QUADS, r)

#define NARROW_TILE(kind, step_bytes, rows, columns)                                                                   \
    static void tile_##kind##_##rows(const narrow_job *job)                                                            \
    {                                                                                                                  \
        const int64_t row = job->x_row;                                                                                \
        const int32_t *a0 = job->x, *a3 = a0 + 3 * row;                                                                \
        const char *w = job->weights;                                                                                  \
        ROWS_##rows(BEGIN_##kind, columns) for (int64_t k = job->depth; k > 0; k--)                                    \
        {                                                                                                              \
            COLUMNS_##columns(LOAD_##kind, 0) ROWS_##rows(STEP_##kind, columns) w += step_bytes, a0++, a3++;           \
        }                                                                                                              \
        ROWS_##rows(END_##kind, columns)(void) a3;                                                                     \
    }

// Registers of a panel that a tile of one row, and one of several, is wide, and the most rows: as many sums as the
// registers can hold.
#if VF_BYTES == 64
#define ROW_BF16 2
#define WIDE_BF16 2
#define TALL_BF16 6
#define ROW_I8 4
#define WIDE_I8 4
#elif VF_BYTES == 32
#define ROW_BF16 4
#define WIDE_BF16 1
#define TALL_BF16 6
#define ROW_I8 8
#define WIDE_I8 2
#else
#define ROW_BF16 4
#define WIDE_BF16 1
#define TALL_BF16 4
#define ROW_I8 8
#define WIDE_I8 2
#endif
enum { TALL_PAIRS = 4, TALL_QUADS = 6, NARROW_ROWS = 6 };

#define TILES_OF(kind, step_bytes, row_width, width)                                                                   \
    NARROW_TILE(kind, step_bytes, 1, row_width)                                                                        \
    NARROW_TILE(kind, step_bytes, 2, width)                                                                            \
    NARROW_TILE(kind, step_bytes, 3, width)                                                                            \
    NARROW_TILE(kind, step_bytes, 4, width)
#define TILES_TO_6(kind, step_bytes, width)                                                                            \
    NARROW_TILE(kind, step_bytes, 5, width) NARROW_TILE(kind, step_bytes, 6, width)

typedef struct {
    void (*tile[NARROW_ROWS + 1])(const narrow_job *); // by the number of rows
    int step_bytes, row_bytes, wide_bytes; // of a step: the panel's, and those of a tile of one row and of more
    int tall;                              // the most rows
} narrow_tiles;

TILES_OF(BF16, STEP_BYTES_BF16, ROW_BF16, WIDE_BF16)
TILES_OF(PAIRS, STEP_BYTES_I8, ROW_I8, WIDE_I8)
#if TALL_BF16 == 6
TILES_TO_6(BF16, STEP_BYTES_BF16, WIDE_BF16)
#endif
#if VI_QUADS
TILES_OF(QUADS, STEP_BYTES_I8, ROW_I8, WIDE_I8)
TILES_TO_6(QUADS, STEP_BYTES_I8, WIDE_I8)
#endif

#endif
