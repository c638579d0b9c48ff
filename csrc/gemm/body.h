// The matrix product itself: rectangles of C.
#ifndef SEQNN_GEMM_BODY_H
#define SEQNN_GEMM_BODY_H

#include "gemm/dot.h"
#include "gemm/row.h"
#include "gemm/tiles.h"

enum {
    WIDTH = GEMM_VECTORS * LANES,
    MOST_ROWS = 8,            // of a tile
    IN_PLACE_BYTES = 5 << 18, // a larger B that is not packed is read in blocks of IN_PLACE_DEPTH rows,
    IN_PLACE_DEPTH = 64,      // each from end to end, as the processor expects
    FAR_BYTES = 1 << 18       // a transposed A that reaches further is copied
};

static inline int64_t widest_panel(int64_t n) { return blocks(gemm_vectors(n), gemm_panels(n)); }

// Computes one tile. The first block of k starts from beta C + bias, the others from what C holds by then.
static void multiply(const gemm *g, tile_job *job, int rows, int64_t vectors, int64_t column, bool first)
{
    static const real zeros[WIDTH] = {0};
    real edge[MOST_ROWS * WIDTH], edge_bias[WIDTH];
    real *c = job->c;
    const int64_t columns = least(vectors * LANES, g->n - column);
    const bool whole = columns == vectors * LANES;
    const real *bias = g->bias ? g->bias + column : NULL;
    if (first && g->beta != 0 && (g->beta != 1 || bias))
        for (int r = 0; r < rows; r++)
            for (int64_t j = 0; j < columns; j++) {
                real *at = c + r * g->c_row + j;
                *at = *at * g->beta + (bias ? bias[j] : 0);
            }
    if (first && g->beta == 0) {
        job->init = bias ? bias : zeros;
        job->init_row = 0;
        if (bias && !whole) {
            for (int64_t j = 0; j < WIDTH; j++) edge_bias[j] = j < columns ? bias[j] : 0;
            job->init = edge_bias;
        }
    } else {
        job->init = c;
        job->init_row = g->c_row;
    }
    if (whole) {
        job->c_row = g->c_row;
        tiles[vectors][rows](job);
        return;
    }
    if (job->init == c) {
        for (int r = 0; r < rows; r++)
            for (int64_t j = 0; j < vectors * LANES; j += LANES)
                vf_store(edge + r * WIDTH + j, vf_load_part(c + r * g->c_row + j, least(LANES, columns - j)));
        job->init = edge;
        job->init_row = WIDTH;
    }
    job->c = edge;
    job->c_row = WIDTH;
    tiles[vectors][rows](job);
    for (int r = 0; r < rows; r++)
        for (int64_t j = 0; j < columns; j += LANES)
            vf_store_part(c + r * g->c_row + j, least(LANES, columns - j), vf_load(edge + r * WIDTH + j));
}

// While the tiles of a panel compute, they bring the next one into the L2 cache, each its share: weights come from
// memory in the time of the arithmetic.
static void ask_for_next(const gemm *g, tile_job *job, int64_t tile, int64_t tiles_of_panel, int64_t next, int64_t k)
{
    job->soon = (const char *)job->b, job->soon_step = 0;
    if (!g->packed || next == gemm_panels(g->n)) return;
    const int64_t start = gemm_panel_start(g->n, next), width = (gemm_panel_start(g->n, next + 1) - start) * LANES;
    job->soon_step = least(ASKED, blocks(width * (int64_t)sizeof(real), tiles_of_panel));
    job->soon = (const char *)(g->packed + start * LANES * g->k + k * width) + tile * job->k * job->soon_step;
}

// Multiplies rows [row, row_end) by a block of k of the panels: panels are the outer loop, so that each is read from
// the cache for all rows.
static void multiply_rows(const gemm *g, real *a_copy, int64_t row, int64_t row_end, int64_t k, int64_t depth,
                          int64_t panel, int64_t panel_end)
{
    const int64_t rows = row_end - row, parts = blocks(rows, GEMM_ROWS(widest_panel(g->n)));
    const bool first = k == 0, finishing = k + depth >= g->k && has_finish(g);
    if (a_copy) copy_rows_of_a(g, a_copy, row, rows, k, depth, parts);
    for (int64_t p = panel; p < panel_end; p++) {
        const int64_t start = gemm_panel_start(g->n, p), vectors = gemm_panel_start(g->n, p + 1) - start;
        const int64_t column = start * LANES, width = vectors * LANES;
        tile_job job = {.k = depth, .a_row = g->a_row, .a_col = g->a_col, .alpha = g->alpha};
        if (a_copy) job.a_row = 1;
        job.b = g->packed ? g->packed + column * g->k + k * width : g->b + k * g->b_row + column;
        job.b_row = g->packed ? width : g->b_row;
        for (int64_t i = 0; i < parts; i++) {
            const int64_t at = row + cut(rows, parts, i);
            const int count = (int)(row + cut(rows, parts, i + 1) - at);
            job.a = a_copy ? a_copy + copied_strip(i, at - row, depth) : g->a + at * g->a_row + k * g->a_col;
            if (a_copy) job.a_col = count;
            job.c = g->c + at * g->c_row + column;
            ask_for_next(g, &job, i, parts, p + 1, k);
            multiply(g, &job, count, vectors, column, first);
            if (finishing) finish(g, at, count, column, least(width, g->n - column));
        }
    }
}

void gemm_block(const gemm *g, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end)
{
    if (row >= row_end || panel >= panel_end) return;
    const bool deep = g->packed || g->k * g->n * (int64_t)sizeof(real) <= IN_PLACE_BYTES;
    const int64_t most = deep ? GEMM_DEPTH : IN_PLACE_DEPTH, steps = g->k > most ? blocks(g->k, most) : 1;
    const int64_t parts = blocks(row_end - row, BLOCK_ROWS);
    // A transposed A is copied, if there is memory, where its columns are far apart.
    const int64_t most_rows = blocks(row_end - row, parts);
    real *a_copy = NULL;
    if (g->a_col != 1 && row_end - row > 1 && g->k * g->a_col * (int64_t)sizeof(real) > FAR_BYTES)
        a_copy = sq_scratch_take((size_t)copied_size(most_rows, least(g->k, most), most_rows) * sizeof(real));
    for (int64_t s = 0; s < steps; s++) {
        const int64_t k = cut(g->k, steps, s), depth = cut(g->k, steps, s + 1) - k;
        if (is_row(g, row_end - row)) {
            multiply_row(g, row, k, depth, panel, panel_end);
            continue;
        }
        for (int64_t i = 0; i < parts; i++)
            multiply_rows(g, a_copy, row + cut(row_end - row, parts, i), row + cut(row_end - row, parts, i + 1), k,
                          depth, panel, panel_end);
    }
    if (is_row(g, row_end - row) && has_finish(g)) {
        const int64_t column = gemm_panel_start(g->n, panel) * LANES;
        finish(g, row, 1, column, least(gemm_panel_start(g->n, panel_end) * LANES, g->n) - column);
    }
    sq_scratch_give(a_copy);
}

// Whether threads share the panels: where that is as even as sharing the rows of tiles, and B is the larger matrix.
static bool shares_panels(const gemm *g, int parts)
{
    const int64_t panels = gemm_panels(g->n), rows = blocks(g->m, GEMM_ROWS(widest_panel(g->n)));
    const int64_t by_panels = blocks(panels, parts) * rows, by_rows = blocks(rows, parts) * panels;
    return by_panels < by_rows || (by_panels == by_rows && g->n > g->m);
}

void gemm_share(const gemm *g, int part, int parts)
{
    const int64_t panels = gemm_panels(g->n);
    if (g->m == 0 || panels == 0) return;
    if (shares_panels(g, parts))
        gemm_block(g, 0, g->m, cut(panels, parts, part), cut(panels, parts, part + 1));
    else
        gemm_block(g, cut(g->m, parts, part), cut(g->m, parts, part + 1), 0, panels);
}

#endif
