// Packing for the matrix product: panels of B, and blocks of a transposed A.
#ifndef SEQNN_GEMM_PACK_H
#define SEQNN_GEMM_PACK_H

#include "gemm/gemm.h"
#include "vec/transpose.h"

enum {
    PREFETCH = 12,   // rows ahead that are asked for: they are too far apart for the processor to guess
    BLOCK_ROWS = 192 // of A: together with a panel of B they fit into the L2 cache
};

static void pack_transposed(const gemm *g, real *to, int64_t width, const real *from, int64_t columns)
{
    for (int64_t j = 0; j < width; j += LANES) {
        const int rows = (int)least(LANES, columns - j);
        const real *source = from + j * g->b_col;
        int64_t k = 0;
        if (rows == LANES)
            for (; k + LANES <= g->k; k += LANES)
                transpose_square(to + k * width + j, width, source + k, g->b_col, LANES);
        else
            for (; k + LANES <= g->k; k += LANES)
                transpose_square(to + k * width + j, width, source + k, g->b_col, rows);
        for (; k < g->k; k++)
            for (int i = 0; i < LANES; i++) to[k * width + j + i] = i < rows ? source[i * g->b_col + k] : 0;
    }
}

static void pack_panel(const gemm *g, real *to, int64_t width, int64_t column)
{
    const real *from = g->b + column * g->b_col;
    const int64_t columns = least(width, g->n - column), full = columns / LANES * LANES;
    if (g->b_row == 1 && g->b_col != 1) {
        pack_transposed(g, to, width, from, columns);
    } else if (g->b_col == 1) {
        for (int64_t k = 0; k < g->k; k++, from += g->b_row, to += width) {
            for (int64_t j = 0; j < full; j += 64 / sizeof(real)) __builtin_prefetch(from + PREFETCH * g->b_row + j);
            for (int64_t j = 0; j < full; j += LANES) vf_store(to + j, vf_load(from + j));
            if (full < width) vf_store(to + full, vf_load_part(from + full, columns - full));
        }
    } else {
        for (int64_t k = 0; k < g->k; k++, from += g->b_row, to += width)
            for (int64_t j = 0; j < width; j++) to[j] = j < columns ? from[j * g->b_col] : 0;
    }
}

void gemm_pack(const gemm *g, real *packed, int64_t panel, int64_t panel_end)
{
    for (; panel < panel_end; panel++) {
        const int64_t start = gemm_panel_start(g->n, panel), end = gemm_panel_start(g->n, panel + 1);
        pack_panel(g, packed + start * LANES * g->k, (end - start) * LANES, start * LANES);
    }
}

// Elements of a copied block of a transposed A: strips of a tile's rows, and after each room for a vector.
static inline int64_t copied_size(int64_t rows, int64_t depth, int64_t strips) { return rows * depth + strips * LANES; }
// Where strip i begins, whose first row is `start`.
static inline int64_t copied_strip(int64_t i, int64_t start, int64_t depth) { return start * depth + i * LANES; }

// Copies a row of a strip. A whole vector may write too much, where the next row comes, or the room after the strip.
static void copy_strip(real *to, const real *from, int64_t count, int64_t readable)
{
    for (int64_t i = 0; i < count; i += LANES)
        vf_store(to + i, readable - i >= LANES ? vf_load(from + i) : vf_load_part(from + i, readable - i));
}

// Copies a block of a transposed A by strips, [strip][depth][rows of the strip]: what a tile reads lies together.
static void copy_rows_of_a(const gemm *g, real *to, int64_t row, int64_t rows, int64_t k, int64_t depth, int64_t strips)
{
    int64_t starts[BLOCK_ROWS + 1];
    for (int64_t i = 0; i <= strips; i++) starts[i] = cut(rows, strips, i);
    for (int64_t step = 0; step < depth; step++) {
        const real *from = g->a + row * g->a_row + (k + step) * g->a_col;
        if (g->a_row == 1)
            for (int64_t i = 0; i < rows; i += 64 / sizeof(real)) __builtin_prefetch(from + PREFETCH * g->a_col + i);
        for (int64_t i = 0; i < strips; i++) {
            const int64_t start = starts[i], count = starts[i + 1] - start;
            real *at = to + copied_strip(i, start, depth) + step * count;
            if (g->a_row == 1)
                copy_strip(at, from + start, count, rows - start);
            else
                for (int64_t r = 0; r < count; r++) at[r] = from[(start + r) * g->a_row];
        }
    }
}

#endif
