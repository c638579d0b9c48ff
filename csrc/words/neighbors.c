// The top-n rows of a matrix by their dot product with a query, times a scale per row (1 / norm for cosines), without
// sorting all rows. Blocks of rows are shared out to threads; each thread keeps one heap per query, merged at the end.
#include "base/arith.h"
#include "base/half.h"
#include "neighbors_args.h"
#include "vec/vec.h"
#include "words/best_rows.h"

// One thread's view of the search.
typedef struct {
    const struct neighbors_top *a;
    struct best_rows *best; // [Q]
    real *panel;            // rows, transposed   [D, COLUMNS]
    const uint16_t *halves; // the rows as float16, or NULL   [V, D]
    real *widened;          // some of them   [BLOCK, D]
    const real *rows;       // the rows of a block, `stride` apart
    int64_t stride;
} search;

// Few queries: memory bandwidth is the limit, so each row is read once and where it lies.

enum { BLOCK = 512 }; // rows that a thread takes at a time

static void scan_few(search *s, int64_t first, int64_t rows)
{
    const struct neighbors_top *a = s->a;
    real score[BLOCK];
    for (int64_t q = 0; q < a->Q; q++) {
        for (int64_t i = 0; i < rows; i++)
            score[i] = dot_row(a->queries + q * a->D, s->rows + i * s->stride, a->D) * a->scale[first + i];
        offer_rows(&s->best[q], first, score, rows);
    }
}

// Many queries: tiles of TILE queries x 2 vectors of rows, from a transposed panel of rows and from transposed queries.

enum { COLUMNS = 2 * LANES, TILE = 6 };

static void pack_panel(const search *s, int64_t first, int64_t rows)
{
    const int64_t depth = s->a->D;
    for (int64_t i = 0; i < COLUMNS; i++)
        for (int64_t d = 0; d < depth; d++)
            s->panel[d * COLUMNS + i] = i < rows ? s->rows[(first + i) * s->stride + d] : 0;
}

static void pack_queries(const struct neighbors_top *a, int64_t tile, real *packed)
{
    for (int64_t j = 0; j < TILE; j++) {
        const int64_t q = tile * TILE + j;
        for (int64_t d = 0; d < a->D; d++) packed[d * TILE + j] = q < a->Q ? a->queries[q * a->D + d] : 0;
    }
}

// Named accumulators stay in registers, an array of them does not.
static void multiply_tile(const real *queries, const real *panel, int64_t depth, real *out)
{
    const vf zero = {0};
#define START(j) vf left##j = zero, right##j = zero;
#define STEP(j) left##j += q[j] * left, right##j += q[j] * right;
#define STORE(j)                                                                                                       \
    vf_store(out + j * COLUMNS, left##j);                                                                              \
    vf_store(out + j * COLUMNS + LANES, right##j);
#define EACH(do)                                                                                                       \
    do (0) do(1) do(2) do(3) do(4) do(5)
    EACH(START)
    for (int64_t d = 0; d < depth; d++) {
        const vf left = vf_load(panel + d * COLUMNS), right = vf_load(panel + d * COLUMNS + LANES);
        const real *q = queries + d * TILE;
        EACH(STEP)
    }
    EACH(STORE)
}

static void scan_many(search *s, const real *packed, int64_t first, int64_t rows)
{
    const struct neighbors_top *a = s->a;
    real score[TILE * COLUMNS], scale[COLUMNS] = {0};
    for (int64_t at = 0; at < rows; at += COLUMNS) {
        const int64_t n = least(rows - at, COLUMNS);
        pack_panel(s, at, n);
        memcpy(scale, a->scale + first + at, (size_t)n * sizeof *scale);
        for (int64_t tile = 0; tile * TILE < a->Q; tile++) {
            multiply_tile(packed + tile * TILE * a->D, s->panel, a->D, score);
            for (int64_t j = 0; j < TILE && tile * TILE + j < a->Q; j++) {
                real *row = score + j * COLUMNS;
                for (int64_t i = 0; i < COLUMNS; i++) row[i] *= scale[i];
                offer_rows(&s->best[tile * TILE + j], first + at, row, n);
            }
        }
    }
}

// Merges what all threads have found for query q.
static void merge(const search *threads, int team, int64_t q)
{
    const struct neighbors_top *a = threads[0].a;
    for (int t = 1; t < team; t++) join_rows(&threads[0].best[q], &threads[t].best[q]);
    write_rows(&threads[0].best[q], a->ids + q * a->count, a->scores + q * a->count);
}

static void work(search *s, const real *packed, int64_t first, int64_t rows)
{
    const struct neighbors_top *a = s->a;
    if (s->halves) {
        widen_halves(s->halves + first * a->D, s->widened, rows * a->D);
        s->rows = s->widened, s->stride = a->D;
    } else {
        s->rows = a->rows + first * a->rows_stride[0], s->stride = a->rows_stride[0];
    }
    if (packed)
        scan_many(s, packed, first, rows);
    else
        scan_few(s, first, rows);
}

static const char *search_all(const struct neighbors_top *a, const uint16_t *halves)
{
    if (a->Q == 0 || a->count == 0) return NULL;
    const int64_t span = a->end - a->begin, pieces = blocks(span, BLOCK);
    const int64_t tiles = a->Q > 3 ? blocks(a->Q, TILE) : 0; // the path depends on Q alone
    const int team = (int)most(1, least(sq_team(a->Q * span * a->D), pieces));

    search *threads = calloc((size_t)team, sizeof *threads);
    candidate *heaps = malloc((size_t)(team * a->Q * a->count) * sizeof *heaps);
    struct best_rows *best = malloc((size_t)(team * a->Q) * sizeof *best);
    real *panels = malloc((size_t)(team * COLUMNS * a->D + 1) * sizeof *panels);
    const int64_t widened = halves ? BLOCK * a->D : 0;
    real *wide = malloc((size_t)times(team, widened * (int64_t)sizeof *wide) + 1);
    real *packed = tiles ? malloc((size_t)(tiles * TILE * a->D + 1) * sizeof *packed) : NULL;
    const bool ok = threads && heaps && best && panels && wide && (packed || !tiles);
    if (ok) {
        for (int t = 0; t < team; t++)
            threads[t] = (search){.a = a,
                                  .best = best + t * a->Q,
                                  .panel = panels + t * COLUMNS * a->D,
                                  .halves = halves,
                                  .widened = wide + t * widened};
        for (int64_t i = 0; i < team * a->Q; i++)
            best[i] = (struct best_rows){heaps + i * a->count, 0, a->count, a->excluded + i % a->Q * a->E, a->E};
#pragma omp parallel num_threads(team)
        {
            if (tiles) {
#pragma omp for
                for (int64_t tile = 0; tile < tiles; tile++) pack_queries(a, tile, packed + tile * TILE * a->D);
            }
#pragma omp for schedule(dynamic)
            for (int64_t b = 0; b < pieces; b++) {
                const int64_t first = a->begin + b * BLOCK;
                work(&threads[omp_get_thread_num()], packed, first, least(a->end - first, BLOCK));
            }
        }
#pragma omp parallel for num_threads(sq_team(a->Q * a->count * team))
        for (int64_t q = 0; q < a->Q; q++) merge(threads, team, q);
    }
    free(threads), free(heaps), free(best), free(panels), free(wide), free(packed);
    return ok ? NULL : sq_no_memory;
}

// Finds for each query the `count` rows of [begin, end) with the highest rows @ query * scale, best first, ties by
// lower id, without the query's `excluded` ids (fill up with -1) and without NaN scores. Short results end in id -1,
// score NaN.
//: neighbors_top(queries:f[Q,D], rows~f[V,D], scale:f[V], excluded:l[Q,E], begin:n>=0, end:n>=0, count:n>=0)
//:     -> ids:l[Q,count], scores:f[Q,count]
//:     where begin <= end <= V
KERNEL(neighbors_top) { return search_all(a, NULL); }

// Does the same with rows of float16.
//: neighbors_top_halves(queries:f[Q,D], halves:u16[V,D], scale:f[V], excluded:l[Q,E], begin:n>=0, end:n>=0, count:n>=0)
//:     -> ids:l[Q,count], scores:f[Q,count]
//:     where begin <= end <= V
KERNEL(neighbors_top_halves)
{
    const struct neighbors_top top = {.queries = a->queries,
                                      .scale = a->scale,
                                      .excluded = a->excluded,
                                      .begin = a->begin,
                                      .end = a->end,
                                      .count = a->count,
                                      .ids = a->ids,
                                      .scores = a->scores,
                                      .Q = a->Q,
                                      .D = a->D,
                                      .V = a->V,
                                      .E = a->E};
    return search_all(&top, a->halves);
}
