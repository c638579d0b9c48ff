// The code of gemm.h: which way a product goes (B packed or read in place, whole or in blocks of k, dot products), and
// the threads.
#include "gemm/body.h"

enum {
    IN_PLACE_ROWS = 48, // up to here a B with contiguous rows is read as it lies
    THIN_COLUMNS = 16,  // up to here the product with a transposed A is turned
    DOT_ROWS = 8,       // up to here a B with contiguous columns is read as it lies
};

// Packs a share of B, waits for the others, and multiplies.
static void pack_then_multiply(const gemm *g, real *packed, int part, int parts)
{
    const int64_t panels = gemm_panels(g->n);
    gemm_pack(g, packed, cut(panels, parts, part), cut(panels, parts, part + 1));
    if (parts > 1) { // a single part may be inside the caller's region, whose barrier this would be
#pragma omp barrier
    }
    gemm own = *g;
    own.packed = packed;
    gemm_share(&own, part, parts);
}

// With few rows: packs a panel, which stays in the cache, and multiplies all rows by it before the next one.
static void pack_while_multiplying(const gemm *g, real *packed, int part, int parts)
{
    const int64_t panels = gemm_panels(g->n), end = cut(panels, parts, part + 1);
    for (int64_t p = cut(panels, parts, part); p < end; p++) {
        const int64_t column = gemm_panel_start(g->n, p) * LANES;
        gemm own = *g;
        own.n = least(gemm_panel_start(g->n, p + 1) * LANES, g->n) - column;
        own.b += column * g->b_col, own.c += column;
        if (g->bias) own.bias += column;
        if (g->saved) own.saved += column;
        if (g->residual) own.residual += column;
        gemm_pack(&own, packed, 0, 1);
        own.packed = packed;
        gemm_block(&own, 0, g->m, 0, 1);
    }
}

// Whether B is read as it lies, because packing would cost more than it saves.
static bool reads_in_place(const gemm *g)
{
    const bool narrow = g->n <= WIDTH && g->b_row <= 2 * WIDTH; // lies as it would be packed, or nearly
    return g->packed || (g->b_col == 1 && g->n % LANES == 0 && (g->m <= IN_PLACE_ROWS || narrow));
}

// Whether these are dot products, of a few rows of A with the rows of a transposed B.
static bool is_dots(const gemm *g)
{
    return !g->packed && g->m <= DOT_ROWS && g->b_row == 1 && g->b_col != 1 && g->k >= LANES;
}

static void run_part(const gemm *g, real *packed, bool panelwise, int part, int parts)
{
    if (!packed)
        gemm_share(g, part, parts);
    else if (panelwise)
        pack_while_multiplying(g, packed + part * g->k * WIDTH, part, parts);
    else
        pack_then_multiply(g, packed, part, parts);
}

// Computes dot products. Where rows of A are not contiguous they are copied: the way must not depend on strides, or the
// results would.
static bool run_dots(const gemm *g, int team)
{
    gemm own = *g;
    real *rows = NULL;
    if (g->a_col != 1) {
        rows = sq_scratch_take((size_t)(g->m * g->k) * sizeof(real));
        if (!rows) return false;
        for (int64_t i = 0; i < g->m; i++)
            for (int64_t k = 0; k < g->k; k++) rows[i * g->k + k] = g->a[i * g->a_row + k * g->a_col];
        own.a = rows, own.a_row = g->k, own.a_col = 1;
    }
    const int64_t vectors = gemm_vectors(g->n);
    if (team == 1) {
        multiply_dots(&own, 0, g->n);
    } else {
#pragma omp parallel for num_threads(team) schedule(static)
        for (int64_t v = 0; v < vectors; v++) multiply_dots(&own, v * LANES, least(v * LANES + LANES, g->n));
    }
    sq_scratch_give(rows);
    return true;
}

static bool run(const gemm *g, int team)
{
    const bool panelwise = g->m <= BLOCK_ROWS && g->a_col == 1 && (team == 1 || shares_panels(g, team));
    real *packed = NULL;
    if (!reads_in_place(g)) {
        const int64_t size = panelwise ? team * g->k * WIDTH : gemm_packed_size(g->k, g->n);
        packed = sq_scratch_take((size_t)size * sizeof(real));
        if (!packed) return false;
    }
    if (team == 1) {
        run_part(g, packed, panelwise, 0, 1);
    } else {
#pragma omp parallel num_threads(team)
        run_part(g, packed, panelwise, omp_get_thread_num(), omp_get_num_threads());
    }
    sq_scratch_give(packed);
    return true;
}

// Computes a deep product in blocks of k, so that what is packed at a time stays in the caches.
static bool run_deep(const gemm *g, int team)
{
    const int64_t steps = blocks(g->k, GEMM_DEPTH);
    for (int64_t s = 0; s < steps; s++) {
        const int64_t k = cut(g->k, steps, s);
        gemm own = *g;
        own.k = cut(g->k, steps, s + 1) - k;
        own.a += k * g->a_col, own.b += k * g->b_row;
        if (s > 0) own.beta = 1, own.bias = NULL;
        if (s < steps - 1) own.saved = NULL, own.activation = LINEAR_NONE, own.residual = NULL;
        if (!run(&own, team)) return false;
    }
    return true;
}

// Whether a transposed A has few columns to multiply, which would leave most of a vector empty. C^T = B^T A^T has long
// rows.
static bool is_thin(const gemm *g)
{
    return g->n <= THIN_COLUMNS && g->m >= 4 * g->n && g->a_row == 1 && g->a_col != 1 && !g->packed && !g->bias &&
           !has_finish(g);
}

static bool run_thin(const gemm *g, int team)
{
    real *turned = sq_scratch_take((size_t)(g->m * g->n) * sizeof(real));
    if (!turned) return false;
    const gemm own = {.m = g->n,
                      .n = g->m,
                      .k = g->k,
                      .a = g->b,
                      .a_row = g->b_col,
                      .a_col = g->b_row,
                      .b = g->a,
                      .b_row = g->a_col,
                      .b_col = 1,
                      .c = turned,
                      .c_row = g->m,
                      .alpha = g->alpha};
    const bool ok = run(&own, team);
    for (int64_t i = 0; ok && i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            real *c = g->c + i * g->c_row + j;
            *c = turned[j * g->m + i] + (g->beta != 0 ? g->beta * *c : 0);
        }
    sq_scratch_give(turned);
    return ok;
}

bool gemm_run(const gemm *g, int team)
{
    if (g->m == 0 || g->n == 0) return true;
    gemm flipped;
    if (g->n == 1 && g->m > 1 && g->c_row == 1 && !g->packed && !g->bias && !has_finish(g)) {
        flipped = *g; // a matrix times a vector, as a vector times a matrix
        flipped.m = 1, flipped.n = g->m, flipped.c_row = g->m;
        flipped.a = g->b, flipped.a_row = g->b_col, flipped.a_col = g->b_row;
        flipped.b = g->a, flipped.b_row = g->a_col, flipped.b_col = g->a_row;
        g = &flipped;
    }
    if (is_dots(g)) return run_dots(g, team);
    if (is_thin(g)) return run_thin(g, team);
    return g->k > GEMM_DEPTH && g->m > BLOCK_ROWS && !reads_in_place(g) ? run_deep(g, team) : run(g, team);
}

void gemm_small(real *c, int64_t c_row, const real *a, int64_t a_row, int64_t a_col, const real *b, int64_t b_row,
                int64_t rows, int64_t depth, int64_t vectors, real alpha, bool add)
{
    static const real zeros[WIDTH] = {0};
    for (int64_t v = 0; v < vectors; v += GEMM_VECTORS) {
        const int64_t wide = least(GEMM_VECTORS, vectors - v), tall = GEMM_ROWS(wide);
        tile_job job = {.b = b + v * LANES,
                        .k = depth,
                        .a_row = a_row,
                        .a_col = a_col,
                        .b_row = b_row,
                        .c_row = c_row,
                        .alpha = alpha,
                        .init = zeros,
                        .soon = (const char *)b};
        for (int64_t i = 0; i < rows; i += tall) {
            job.a = a + i * a_row;
            job.c = c + i * c_row + v * LANES;
            if (add) job.init = job.c, job.init_row = c_row;
            tiles[wide][least(tall, rows - i)](&job);
        }
    }
}
