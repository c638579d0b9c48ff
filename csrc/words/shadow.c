// One query over a large matrix is as fast as memory: so rows have a shadow of a byte a number, a quarter of them. The
// products with shadows say which rows may be among the best, by bounds on how far off they are, and only these rows
// are read: the result is that of neighbors_top, bit by bit.
#include "base/arith.h"
#include "base/half.h"
#include "shadow_args.h"
#include "vec/bytes.h"
#include "words/best_rows.h"

// The shadow holds groups of rows: of each, bytes 4 k to 4 k + 3 lie side by side, 128 more than the number. So a
// register adds up the products of several rows.
//= GROUP 16
//= MOST_COLUMNS 65536

enum { GROUP = SHADOW_GROUP, QUAD = 4 * GROUP, BLOCK = 64, PARTS = GROUP / LANES };

static int64_t quads_of(int64_t columns) { return blocks(columns, 4); }

// Packs one row, scaled to length 1: number = step * byte, off by a vector of length `error` at most. The error is
// infinite for a row that is not finite, or whose length may overflow or underflow elsewhere.
static void pack_row(const struct shadow_pack *a, int64_t v)
{
    enum { PIECE = 64 };
    const real *restrict const row = a->rows + v * a->rows_stride[0];
    uint8_t *const to = a->packed + v / GROUP * quads_of(a->D) * QUAD + v % GROUP * 4;
    double square = 0;
    real largest = 0, wrong = 0;
#pragma omp simd reduction(+ : square) reduction(max : largest)
    for (int64_t d = 0; d < a->D; d++) {
        square += (double)row[d] * (double)row[d];
        largest = fabsf(row[d]) > largest ? fabsf(row[d]) : largest;
    }
    const bool good = largest == 0 ? square == 0 : square > 1e-30 && square < 1e30, some = good && largest > 0;
    const real step = some ? largest / 127 : 1, inverse = 1 / step;
    for (int64_t from = 0; from < a->D; from += PIECE) {
        const int64_t count = least(a->D - from, PIECE);
        uint8_t byte[PIECE];
        memset(byte, 128, sizeof byte);
#pragma omp simd reduction(+ : wrong)
        for (int64_t d = 0; d < count; d++) {
            const real x = good ? row[from + d] : 0, q = rintf(x * inverse);
            wrong += (x - q * step) * (x - q * step);
            byte[d] = (uint8_t)(128 + (int)q);
        }
        for (int64_t k = 0; k < quads_of(count); k++) memcpy(to + (from / 4 + k) * QUAD, byte + 4 * k, 4);
    }
    a->step[v] = some ? (real)((double)step / sqrt(square)) : 0;
    a->error[v] = !good ? INFINITY : some ? (real)(sqrt((double)wrong / square) * 1.0001) : 0;
}

// Makes the shadow of a matrix.
//: shadow_pack(rows~f32[V,D]) -> packed:u[(V+15)/16,(D+3)/4,64], step:f32[V], error:f32[V]
//:     where D <= MOST_COLUMNS
KERNEL(shadow_pack)
{
    if (a->V % GROUP && a->D) {
        const int64_t size = quads_of(a->D) * QUAD;
        memset(a->packed + a->V / GROUP * size, 0, (size_t)size);
    }
    const int team = sq_team(a->V * a->D * 4);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t v = 0; v < a->V; v++) pack_row(a, v);
    return NULL;
}

// The query as bytes: number = step * byte. Four bytes to a number of `quad`; as pairs, where there are no products of
// quads.
struct query {
    int32_t *quad, *low, *high; // [quads]
    int64_t quads;
    int32_t shift;    // 128 times the sum of the bytes
    real step, slack; // slack: an error of any row, also that of rounding
    real length;      // of the query that the bytes say
};

static bool query_open(struct query *q, const real *x, int64_t columns)
{
    *q = (struct query){.quads = quads_of(columns)};
    q->quad = calloc((size_t)(3 * q->quads + 1), sizeof *q->quad);
    if (!q->quad) return false;
    q->low = q->quad + q->quads;
    q->high = q->low + q->quads;
    double square = 0, wrong = 0, largest = 0;
    bool finite = true;
    for (int64_t d = 0; d < columns; d++) {
        finite &= isfinite(x[d]) != 0;
        largest = fabs((double)x[d]) > largest ? fabs((double)x[d]) : largest;
    }
    if (!finite) {
        q->slack = INFINITY; // any row may be among the best
        return true;
    }
    const double step = largest > 0 ? largest / 127 : 1;
    for (int64_t d = 0; d < columns; d++) {
        const double byte = nearbyint((double)x[d] / step);
        wrong += ((double)x[d] - byte * step) * ((double)x[d] - byte * step);
        square += byte * step * byte * step;
        ((int8_t *)q->quad)[d] = (int8_t)byte;
        q->shift += 128 * (int32_t)byte;
    }
    for (int64_t k = 0; k < q->quads; k++) {
        const int8_t *const byte = (const int8_t *)(q->quad + k);
        q->low[k] = (int32_t)((uint32_t)(uint16_t)byte[0] | (uint32_t)(uint16_t)byte[2] << 16);
        q->high[k] = (int32_t)((uint32_t)(uint16_t)byte[1] | (uint32_t)(uint16_t)byte[3] << 16);
    }
    q->step = (real)step;
    q->length = (real)fmax(sqrt(square) * 1.0001, 1e-30); // above 0, also times an infinite error
    q->slack = (real)(sqrt(wrong) * 1.0001 + (double)(columns + 16) * 0x1p-22 * (sqrt(square) + sqrt(wrong)));
    return true;
}

// Adds to a register the products of quad k of the query and of the rows of one register.
ALWAYS_INLINE vi add_products(vi sum, const struct query *q, int64_t k, const uint8_t *at, const bool quads)
{
    const vi flip = vi_set((int32_t)0x80808080), x = vi_load(at);
#if VI_QUADS
    if (quads) return vi_quads(sum, x, vi_set(q->quad[k]));
#else
    (void)quads;
#endif
    return sum + (vi_pairs(vi_low(x ^ flip), vi_set(q->low[k])) + vi_pairs(vi_high(x ^ flip), vi_set(q->high[k])));
}

// Computes the products of a group of rows, whose packed bytes are `at`, in the order of memory.
ALWAYS_INLINE void multiply_group(const struct query *q, const uint8_t *at, vi *product, const bool quads)
{
    vi sum0 = {0}, sum1 = {0}, sum2 = {0}, sum3 = {0}; // an array of them would live in memory
    int64_t k = 0;
#define ADD(r) sum##r = add_products(sum##r, q, k + (r) / PARTS, at + (k * PARTS + (r)) * LANES * 4, quads)
    for (; k + 4 / PARTS <= q->quads; k += 4 / PARTS) {
        ADD(0), ADD(1), ADD(2), ADD(3);
    }
    for (; k < q->quads; k++) {
        ADD(0);
        if (PARTS > 1) ADD(1);
        if (PARTS > 2) ADD(2), ADD(3);
    }
#undef ADD
    if (PARTS == 1) sum0 += sum1 + (sum2 + sum3);
    if (PARTS == 2) sum0 += sum2, sum1 += sum3;
    const vi shift = vi_set(quads ? q->shift : 0);
    product[0] = sum0 - shift;
    if (PARTS > 1) product[1] = sum1 - shift;
    if (PARTS > 2) product[2] = sum2 - shift, product[3] = sum3 - shift;
}

// Computes bounds of the scores of `groups` groups of rows from row `first` on.
ALWAYS_INLINE void bound_groups(const struct shadow_top *a, const struct query *q, int64_t first, int64_t groups,
                                real *low, real *high, const bool quads)
{
    for (int64_t g = 0; g < groups; g++) {
        const int64_t v = first + g * GROUP, rows = least(a->V - v, GROUP);
        vi product[PARTS];
        real score[GROUP];
        multiply_group(q, a->packed + v / GROUP * q->quads * QUAD, product, quads);
        for (int p = 0; p < PARTS; p++) vf_store(score + p * LANES, __builtin_convertvector(product[p], vf) * q->step);
        for (int64_t i = 0; i < rows; i++) {
            const real middle = score[i] * a->step[v + i], off = a->error[v + i] * q->length + q->slack;
            low[g * GROUP + i] = middle - off;
            high[g * GROUP + i] = middle + off;
        }
    }
}

static void bound_rows(const struct shadow_top *a, const struct query *q, int64_t first, int64_t groups, real *low,
                       real *high)
{
#if VI_QUADS
    if (vi_has_quads()) {
        bound_groups(a, q, first, groups, low, high, true);
        return;
    }
#endif
    bound_groups(a, q, first, groups, low, high, false);
}

// A search by a team. The rows are those of `a`, or `halves`, which are widened one at a time.
struct search {
    const struct shadow_top *a;
    const uint16_t *halves; // float16   [V, D]
    struct query query;
    int team;
    candidate *heaps; // [team + 2][count]
    real *high;       // the upper bounds of the rows of all groups
    real *widened;    // a row of each thread   [team, D]
};

// What one thread finds: the rows whose lower bounds are best, then the best rows.
static struct best_rows best_of_thread(const struct search *s, int thread)
{
    return (struct best_rows){s->heaps + thread * s->a->count, 0, s->a->count, s->a->excluded, s->a->E};
}

static real score_row(const struct search *s, int64_t v)
{
    const struct shadow_top *a = s->a;
    const real *row = a->rows + v * a->rows_stride[0];
    if (s->halves) {
        real *const widened = s->widened + omp_get_thread_num() * a->D;
        widen_halves(s->halves + v * a->D, widened, a->D);
        row = widened;
    }
    return dot_row(a->query, row, a->D) * a->scale[v];
}

// Offers the rows [first, last) whose upper bounds reach `reach`.
static void offer_close(const struct search *s, struct best_rows *best, int64_t first, int64_t last, real reach)
{
    for (int64_t from = first; from < last; from += PIECE) {
        const int64_t to = least(from + PIECE, last);
        if (!any_reaches(s->high + from, to - from, reach)) continue;
        for (int64_t v = from; v < to; v++)
            if (s->high[v] >= reach) offer_row(best, (candidate){score_row(s, v), v});
    }
}

static void search_shadow(const struct search *s)
{
    const struct shadow_top *a = s->a;
    const int64_t begin = a->begin / GROUP, groups = blocks(a->end, GROUP) - begin, pieces = blocks(groups, BLOCK);
    struct best_rows close = best_of_thread(s, s->team), best = best_of_thread(s, s->team + 1);
#pragma omp parallel num_threads(s->team)
    {
        struct best_rows mine = best_of_thread(s, omp_get_thread_num());
        real low[BLOCK * GROUP];
#pragma omp for schedule(dynamic)
        for (int64_t b = 0; b < pieces; b++) {
            const int64_t first = (begin + b * BLOCK) * GROUP, count = least(groups - b * BLOCK, BLOCK);
            bound_rows(a, &s->query, first, count, low, s->high + first);
            const int64_t from = most(first, a->begin), to = least(first + count * GROUP, a->end);
            offer_rows(&mine, from, low + (from - first), to - from);
        }
#pragma omp critical(shadow_close)
        join_rows(&close, &mine);
#pragma omp barrier
        const real reach = close.filled == close.capacity ? (real)close.heap[0].score : -INFINITY;
        mine.filled = 0;
#pragma omp for schedule(static)
        for (int64_t b = 0; b < pieces; b++) {
            const int64_t first = (begin + b * BLOCK) * GROUP, last = first + BLOCK * GROUP;
            offer_close(s, &mine, most(first, a->begin), least(last, a->end), reach);
        }
#pragma omp critical(shadow_best)
        join_rows(&best, &mine);
    }
    write_rows(&best, a->ids, a->scores);
}

static const char *search_rows(const struct shadow_top *a, const uint16_t *halves)
{
    if (a->count == 0) return NULL;
    const int team = sq_team((a->end - a->begin) * a->D / 4);
    struct search s = {.a = a, .halves = halves, .team = team};
    s.heaps = malloc((size_t)times((team + 2) * (int64_t)sizeof *s.heaps, a->count));
    s.high = malloc((size_t)(round_up(a->V, GROUP) + 1) * sizeof *s.high);
    s.widened = halves ? malloc((size_t)(team * a->D + 1) * sizeof *s.widened) : NULL;
    const bool ready = s.heaps && s.high && (s.widened || !halves) && query_open(&s.query, a->query, a->D);
    if (ready) search_shadow(&s);
    free(s.heaps), free(s.high), free(s.widened), free(s.query.quad);
    return ready ? NULL : sq_no_memory;
}

// Finds what neighbors_top finds for one query of length 1 at most, by the shadow of `rows`, which shadow_pack made;
// `scale` is 1 / length of each row, 0 for zeros.
//: shadow_top(query:f32[D], rows~f32[V,D], packed:u[(V+15)/16,(D+3)/4,64], step:f32[V], error:f32[V], scale:f32[V],
//:     excluded:l[E], begin:n>=0, end:n>=0, count:n>=0) -> ids:l[count], scores:f32[count]
//:     where begin <= end <= V; D <= MOST_COLUMNS
KERNEL(shadow_top) { return search_rows(a, NULL); }

// Does the same with rows of float16, as neighbors_top_halves does; the shadow is that of the widened rows.
//: shadow_top_halves(query:f32[D], halves:u16[V,D], packed:u[(V+15)/16,(D+3)/4,64], step:f32[V], error:f32[V],
//:     scale:f32[V], excluded:l[E], begin:n>=0, end:n>=0, count:n>=0) -> ids:l[count], scores:f32[count]
//:     where begin <= end <= V; D <= MOST_COLUMNS
KERNEL(shadow_top_halves)
{
    const struct shadow_top top = {.query = a->query,
                                   .packed = a->packed,
                                   .step = a->step,
                                   .error = a->error,
                                   .scale = a->scale,
                                   .excluded = a->excluded,
                                   .begin = a->begin,
                                   .end = a->end,
                                   .count = a->count,
                                   .ids = a->ids,
                                   .scores = a->scores,
                                   .D = a->D,
                                   .V = a->V,
                                   .E = a->E};
    return search_rows(&top, a->halves);
}
