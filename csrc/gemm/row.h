// A single row times packed panels: the same sums as the tiles', read as fast as memory gives them. A part of engine.c.
#ifndef SEQNN_GEMM_ROW_H
#define SEQNN_GEMM_ROW_H

#include "gemm/gemm.h"

enum { ROW_SUMS = 8, ROW_PANELS = ROW_SUMS / GEMM_VECTORS }; // at the same time: a sum waits for its last addition

// Adds the row's product with a panel that is `vectors` wide to c, from `init`, or from 0 where that is NULL.
ALWAYS_INLINE void row_panel(const real *a, int64_t depth, const real *b, int64_t vectors, real *c, const real *init,
                             int64_t columns)
{
    vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (int64_t k = 0; k < depth; k++, b += vectors * LANES) {
        const vf x = vf_set(a[k]);
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

// row_panel of ROW_PANELS whole panels, which are `apart` elements apart. Nothing is asked for ahead: the processor
// sees a stream for each panel, and in the L2 cache a request beside each load would take up to half of the bandwidth.
static void row_of_panels(const real *a, int64_t depth, const real *b, int64_t apart, real *c, const real *init)
{
    vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, s4 = {0}, s5 = {0}, s6 = {0}, s7 = {0};
#define ROW_VECTOR(v) vf_load(b + (v) / GEMM_VECTORS * apart + (v) % GEMM_VECTORS * LANES)
    for (int64_t k = 0; k < depth; k++, b += GEMM_VECTORS * LANES) {
        const vf x = vf_set(a[k]);
        s0 += x * ROW_VECTOR(0), s1 += x * ROW_VECTOR(1), s2 += x * ROW_VECTOR(2), s3 += x * ROW_VECTOR(3);
        s4 += x * ROW_VECTOR(4), s5 += x * ROW_VECTOR(5), s6 += x * ROW_VECTOR(6), s7 += x * ROW_VECTOR(7);
    }
    const vf sums[ROW_SUMS] = {s0, s1, s2, s3, s4, s5, s6, s7};
    for (int v = 0; v < ROW_SUMS; v++) vf_store(c + v * LANES, (init ? vf_load(init + v * LANES) : (vf){0}) + sums[v]);
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
        if (panel + ROW_PANELS <= panel_end && column + ROW_SUMS * LANES <= g->n &&
            gemm_panel_start(g->n, panel + ROW_PANELS) - start == ROW_SUMS) {
            row_of_panels(a, depth, b, GEMM_VECTORS * LANES * g->k, c + column, from);
            panel += ROW_PANELS;
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
