// A single row times packed panels: the same sums as the tiles', read as fast as memory gives them. A part of engine.c.
#ifndef SEQNN_GEMM_ROW_H
#define SEQNN_GEMM_ROW_H

#include "gemm/gemm.h"

enum {
    ROW_AHEAD = 2048 / sizeof(real), // elements of a panel that are asked for before they are needed
    // Panels at the same time: a sum waits for its last addition, so there are eight of them.
    ROW_PANELS = GEMM_VECTORS == 4 ? 1 : 4,
};

// Adds the row's product with a panel that is `vectors` wide to c, from `init`, or from 0 where that is NULL.
ALWAYS_INLINE void row_panel(const real *a, int64_t depth, const real *b, int64_t vectors, real *c, const real *init,
                             int64_t columns)
{
    vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (int64_t k = 0; k < depth; k++, b += vectors * LANES) {
        const vf x = vf_set(a[k]);
        for (int64_t j = 0; j < vectors * VF_BYTES; j += 64) __builtin_prefetch((const char *)(b + ROW_AHEAD) + j);
        s0 += x * vf_load(b);
        if (vectors > 1) s1 += x * vf_load(b + LANES);
        if (vectors > 2) s2 += x * vf_load(b + 2 * LANES);
        if (vectors > 3) s3 += x * vf_load(b + 3 * LANES);
    }
    const vf sums[4] = {s0, s1, s2, s3};
    for (int64_t j = 0; j < columns; j += LANES) {
        const int64_t n = least(columns - j, LANES);
        vf_store_part(c + j, n, (init ? vf_load_part(init + j, n) : (vf){0}) + sums[j / LANES]);
    }
}

// row_panel of four whole panels of two vectors, which are `apart` elements apart.
static void row_of_four(const real *a, int64_t depth, const real *b, int64_t apart, real *c, const real *init)
{
    const real *b2 = b + 2 * apart;
    vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, s4 = {0}, s5 = {0}, s6 = {0}, s7 = {0};
    for (int64_t k = 0; k < depth; k++, b += 2 * LANES, b2 += 2 * LANES) {
        const vf x = vf_set(a[k]);
        __builtin_prefetch(b + ROW_AHEAD / 4), __builtin_prefetch(b + apart + ROW_AHEAD / 4);
        __builtin_prefetch(b2 + ROW_AHEAD / 4), __builtin_prefetch(b2 + apart + ROW_AHEAD / 4);
        s0 += x * vf_load(b), s1 += x * vf_load(b + LANES);
        s2 += x * vf_load(b + apart), s3 += x * vf_load(b + apart + LANES);
        s4 += x * vf_load(b2), s5 += x * vf_load(b2 + LANES);
        s6 += x * vf_load(b2 + apart), s7 += x * vf_load(b2 + apart + LANES);
    }
    const vf sums[8] = {s0, s1, s2, s3, s4, s5, s6, s7};
    for (int v = 0; v < 8; v++) vf_store(c + v * LANES, (init ? vf_load(init + v * LANES) : (vf){0}) + sums[v]);
}

// Whether gemm_block computes these rows of C as a single one.
static bool is_row(const gemm *g, int64_t rows)
{
    return rows == 1 && g->packed && g->a_col == 1 && g->alpha == 1 && (g->beta == 0 || (g->beta == 1 && !g->bias));
}

// Multiplies a row by a block of k of the panels.
static void multiply_row(const gemm *g, int64_t row, int64_t k, int64_t depth, int64_t panel, int64_t panel_end)
{
    const real *a = g->a + row * g->a_row + k;
    real *c = g->c + row * g->c_row;
    const real *init = k > 0 || g->beta != 0 ? c : g->bias;
    while (panel < panel_end) {
        const int64_t start = gemm_panel_start(g->n, panel), column = start * LANES;
        const int64_t vectors = gemm_panel_start(g->n, panel + 1) - start;
        const int64_t columns = least(g->n - column, vectors * LANES);
        const real *b = g->packed + column * g->k + k * vectors * LANES, *from = init ? init + column : NULL;
        if (ROW_PANELS == 4 && panel + 4 <= panel_end && column + 8 * LANES <= g->n &&
            gemm_panel_start(g->n, panel + 4) - start == 8) {
            row_of_four(a, depth, b, 2 * LANES * g->k, c + column, from);
            panel += 4;
            continue;
        }
        switch (vectors) {
        case 1: row_panel(a, depth, b, 1, c + column, from, columns); break;
        case 2: row_panel(a, depth, b, 2, c + column, from, columns); break;
        case 3: row_panel(a, depth, b, 3, c + column, from, columns); break;
        default: row_panel(a, depth, b, 4, c + column, from, columns); break;
        }
        panel++;
    }
}

#endif
