// The register tiles of products with bfloat16 and 8-bit weights: 1 ... 6 rows by 1 ... 8 registers of a panel.
#ifndef SEQNN_GEMM_NARROW_TILES_H
#define SEQNN_GEMM_NARROW_TILES_H

#include "gemm/each.h"
#include "gemm/rows.h"
#include "vec/bytes.h"

// Columns lie in strips: one after the other, each with a cache line for a step of the depth. A lane of 32 bits in it
// holds, of bf16, the weights of columns j (its low half) and j + 16 for one k: a strip has 32 columns; of i8, those of
// one column for four k: a strip has 16.
enum {
    LINE = 64,
    LINE_REGISTERS = LINE / VF_BYTES,
    STRIP_BF16 = 32,
    STRIP_I8 = 16,
    NARROW_AHEAD = 2048, // bytes of a strip that are asked for before they are needed
};

typedef struct {
    const char *weights;   // the first step of the tile's columns
    int64_t depth;         // steps
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

// Register v of a step, of strips that are `apart` bytes apart.
#define AT(v) (w + (v) / LINE_REGISTERS * apart + (v) % LINE_REGISTERS * VF_BYTES)
#define AHEAD(v)                                                                                                       \
    if ((v) % LINE_REGISTERS == 0) __builtin_prefetch(AT(v) + ahead);

// bf16: a register of weights is two of columns, whose sums are c and d.
#define START_BF16(r, v) vf c##r##v = {0}, d##r##v = {0};
#define LOAD_BF16(r, v)                                                                                                \
    AHEAD(v)                                                                                                           \
    const vi both##v = vi_load(AT(v));                                                                                 \
    const vf low##v = (vf)(both##v << 16), high##v = (vf)(both##v & (int32_t)0xffff0000);
#define X_BF16(r, word) const vf x##r = vf_set(*(const float *)&(word));
#define MULTIPLY_BF16(r, v) c##r##v += x##r * low##v, d##r##v += x##r * high##v;
#define STORE_BF16(r, v)                                                                                               \
    narrow_store(job, r, BF16_COLUMN(v), c##r##v);                                                                     \
    narrow_store(job, r, BF16_COLUMN(v) + STRIP_BF16 / 2, d##r##v);
#define BF16_COLUMN(v) ((v) / LINE_REGISTERS * STRIP_BF16 + (v) % LINE_REGISTERS * LANES)

// i8 by pairs of 16-bit integers.
#define START_PAIRS(r, v) vi c##r##v = {0};
#define LOAD_PAIRS(r, v)                                                                                               \
    AHEAD(v)                                                                                                           \
    const vi all##v = vi_load(AT(v)), low##v = vi_low(all##v), high##v = vi_high(all##v);
#define X_PAIRS(r, word) const vi x##r = vi_set(word), y##r = vi_set((&(word))[job->odd]);
#define MULTIPLY_PAIRS(r, v) c##r##v += vi_pairs(x##r, low##v) + vi_pairs(y##r, high##v);
#define STORE_PAIRS(r, v) narrow_store_sum(job, r, v *LANES, c##r##v);

// i8 by four bytes at a time, with 128 added to those of x.
#define START_QUADS(r, v) vi c##r##v = vi_load(job->offset + v * LANES);
#define LOAD_QUADS(r, v) AHEAD(v) const vi low##v = vi_load(AT(v));
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

// Behind the end of a strip lies the next one of the same tile; what is needed then begins further on.
#define NARROW_TILE(kind, rows, columns)                                                                               \
    static void tile_##kind##_##rows(const narrow_job *job)                                                            \
    {                                                                                                                  \
        const int64_t row = job->x_row, apart = job->depth * LINE;                                                     \
        const int64_t beyond = NARROW_AHEAD + (columns / LINE_REGISTERS - 1) * apart;                                  \
        const int32_t *a0 = job->x, *a3 = a0 + 3 * row;                                                                \
        const char *w = job->weights;                                                                                  \
        ROWS_##rows(BEGIN_##kind, columns) for (int64_t k = job->depth; k > 0; k--)                                    \
        {                                                                                                              \
            const int64_t ahead = k > NARROW_AHEAD / LINE ? NARROW_AHEAD : beyond;                                     \
            COLUMNS_##columns(LOAD_##kind, 0) ROWS_##rows(STEP_##kind, columns) w += LINE, a0++, a3++;                 \
        }                                                                                                              \
        ROWS_##rows(END_##kind, columns)(void) a3;                                                                     \
        (void)apart;                                                                                                   \
    }

// A single row of i8: whole numbers may be added in any order, so the sums of four steps in turn, r = 0 ... 3, keep a
// strip's registers from waiting for each other.
#define LONG_STEP(kind, r)                                                                                             \
    {                                                                                                                  \
        const char *w = line + (r) * LINE;                                                                             \
        REGISTERS(LOAD_##kind, r) X_##kind(r, x[r]) REGISTERS(MULTIPLY_##kind, r)                                      \
    }
#define LONG_ADD(r, v) c0##v += c##r##v;
#define LONG_ROW(kind)                                                                                                 \
    static void tile_##kind##_1(const narrow_job *job)                                                                 \
    {                                                                                                                  \
        const int64_t apart = 0, ahead = NARROW_AHEAD;                                                                 \
        const int32_t *x = job->x;                                                                                     \
        const char *line = job->weights;                                                                               \
        int64_t k = job->depth;                                                                                        \
        REGISTERS(START_##kind, 0)                                                                                     \
        REGISTERS(START_PAIRS, 1) REGISTERS(START_PAIRS, 2) REGISTERS(START_PAIRS, 3) for (; k >= 4; k -= 4)           \
        {                                                                                                              \
            LONG_STEP(kind, 0) LONG_STEP(kind, 1) LONG_STEP(kind, 2) LONG_STEP(kind, 3) line += 4 * LINE, x += 4;      \
        }                                                                                                              \
        for (; k > 0; k--, line += LINE, x++) LONG_STEP(kind, 0)                                                       \
        REGISTERS(LONG_ADD, 1) REGISTERS(LONG_ADD, 2) REGISTERS(LONG_ADD, 3) REGISTERS(STORE_##kind, 0)                \
    }

// Strips that a tile of one row, and one of several, is wide, in registers; and the most rows: as many sums as the
// registers can hold.
#if VF_BYTES == 64
#define REGISTERS COLUMNS_1
#define ROW_BF16 2
#define WIDE_BF16 2
#define WIDE_I8 4
enum { TALL_BF16 = 6, TALL_PAIRS = 4, TALL_QUADS = 6 };
#elif VF_BYTES == 32
#define REGISTERS COLUMNS_2
#define ROW_BF16 4
#define WIDE_BF16 2
#define WIDE_I8 2
enum { TALL_BF16 = 3, TALL_PAIRS = 4, TALL_QUADS = 6 };
#else
#define REGISTERS COLUMNS_4
#define ROW_BF16 4
#define WIDE_BF16 4
#define WIDE_I8 4
enum { TALL_BF16 = VF_REGISTERS == 32 ? 3 : 1, TALL_PAIRS = VF_REGISTERS == 32 ? 4 : 2, TALL_QUADS = 0 };
#endif
enum { NARROW_ROWS = 6 };

#define TILE_OF_ROW(kind, width) NARROW_TILE(kind, 1, width)
#define TILES_OF(kind, width)                                                                                          \
    NARROW_TILE(kind, 2, width)                                                                                        \
    NARROW_TILE(kind, 3, width) NARROW_TILE(kind, 4, width) NARROW_TILE(kind, 5, width) NARROW_TILE(kind, 6, width)

typedef struct {
    void (*tile[NARROW_ROWS + 1])(const narrow_job *); // by the number of rows
    int strip;                                         // columns of a strip
    int row_strips, strips;                            // of a tile of one row, and of one of more
    int tall;                                          // the most rows
} narrow_tiles;

#define TABLE_OF(kind, columns, row_registers, registers)                                                              \
    {.tile = {NULL, tile_##kind##_1, tile_##kind##_2, tile_##kind##_3, tile_##kind##_4, tile_##kind##_5,               \
              tile_##kind##_6},                                                                                        \
     .strip = columns,                                                                                                 \
     .row_strips = row_registers / LINE_REGISTERS,                                                                     \
     .strips = registers / LINE_REGISTERS,                                                                             \
     .tall = TALL_##kind}

TILE_OF_ROW(BF16, ROW_BF16)
TILES_OF(BF16, WIDE_BF16)
LONG_ROW(PAIRS)
TILES_OF(PAIRS, WIDE_I8)
static const narrow_tiles bf16_tiles = TABLE_OF(BF16, STRIP_BF16, ROW_BF16, WIDE_BF16);
static const narrow_tiles pairs_tiles = TABLE_OF(PAIRS, STRIP_I8, LINE_REGISTERS, WIDE_I8);
#if VI_QUADS
LONG_ROW(QUADS)
TILES_OF(QUADS, WIDE_I8)
static const narrow_tiles quads_tiles = TABLE_OF(QUADS, STRIP_I8, LINE_REGISTERS, WIDE_I8);
#endif

#endif
