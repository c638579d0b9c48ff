// Word mover's distance (Kusner et al., "From word embeddings to document distances", 2015): the cheapest way to turn
// the words of one text into those of another, where a share of a word costs the distance that it moves.
#include "movers_args.h"
#include "vec/vec.h"
#include "words/transport.h"

// Times that a word occurs in a text, and words of a text; their products then fit into 64 bits.
//= MOST_TIMES 1073741824

static const char too_many[] = "times: expected texts of at most 2^30 words";

// Queries that are measured at a time, turned: the same column of all lies side by side; and rows.
enum { WIDE = 2 * LANES, ROWS = 4 };

static void turn_queries(const struct movers_costs *a, int64_t first, real *turned)
{
    const int64_t count = least(a->N - first, WIDE);
    if (count < WIDE) memset(turned, 0, (size_t)(a->D * WIDE) * sizeof *turned);
    for (int64_t i = 0; i < count; i++)
        for (int64_t d = 0; d < a->D; d++) turned[d * WIDE + i] = a->queries[(first + i) * a->D + d];
}

// Measures how far rows from row `w` on are from the queries that begin with `first`.
static void measure(const struct movers_costs *a, const real *turned, int64_t first, int64_t w)
{
    const real *row[ROWS]; // those beyond the last row are this one again
    for (int i = 0; i < ROWS; i++) row[i] = a->rows + least(w + i, a->W - 1) * a->D;
    const real *const row0 = row[0], *const row1 = row[1], *const row2 = row[2], *const row3 = row[3];
    vf x0 = {0}, x1 = {0}, x2 = {0}, x3 = {0}, y0 = {0}, y1 = {0}, y2 = {0}, y3 = {0};
    for (int64_t d = 0; d < a->D; d++) {
        const vf q = vf_load(turned + d * WIDE), r = vf_load(turned + d * WIDE + LANES);
        const vf p0 = q - row0[d], p1 = q - row1[d], p2 = q - row2[d], p3 = q - row3[d];
        const vf r0 = r - row0[d], r1 = r - row1[d], r2 = r - row2[d], r3 = r - row3[d];
        x0 += p0 * p0, x1 += p1 * p1, x2 += p2 * p2, x3 += p3 * p3;
        y0 += r0 * r0, y1 += r1 * r1, y2 += r2 * r2, y3 += r3 * r3;
    }
    const vf square[] = {x0, y0, x1, y1, x2, y2, x3, y3};
    real distance[ROWS * WIDE];
    for (int i = 0; i < 2 * ROWS; i++) vf_store(distance + i * LANES, vf_sqrt(square[i]));
    const size_t size = (size_t)least(a->N - first, WIDE) * sizeof(real);
    for (int i = 0; i < ROWS && w + i < a->W; i++) memcpy(a->costs + (w + i) * a->N + first, distance + i * WIDE, size);
}

static const char *measure_all(const struct movers_costs *a)
{
    const int64_t groups = blocks(a->N, WIDE), size = a->D * WIDE;
    real *const turned = malloc((size_t)times(groups, size * (int64_t)sizeof(real)) + 1);
    if (!turned) return sq_no_memory;
    for (int64_t g = 0; g < groups; g++) turn_queries(a, g * WIDE, turned + g * size);
    const int team = sq_team(times(a->W * groups * WIDE, a->D));
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t w = 0; w < a->W; w += ROWS)
        for (int64_t g = 0; g < groups; g++) measure(a, turned + g * size, g * WIDE, w);
    free(turned);
    return NULL;
}

// Computes the Euclidean distances of all rows and queries.
//: movers_costs(queries:f[N,D], rows:f[W,D]) -> costs:f[W,N]
KERNEL(movers_costs) { return measure_all(a); }

// A text beside the query: its words, and the sums of words of both.
struct pair {
    const struct movers_distances *a;
    const int32_t *words;
    const int64_t *times;
    int64_t count, all, query_all;
};

static int64_t sum_of(const int64_t *x, int64_t n)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}

static struct pair pair_of(const struct movers_distances *a, int64_t s, int64_t query_all)
{
    const int64_t from = a->offsets[s], count = a->offsets[s + 1] - from;
    return (struct pair){a, a->words + from, a->times + from, count, sum_of(a->times + from, count), query_all};
}

// Returns the lower bound: each word moves to the nearest one, whatever else goes there; the larger of both directions.
static double relaxed_distance(const struct pair *p, real *nearest)
{
    const struct movers_distances *a = p->a;
    double there = 0, back = 0;
    for (int64_t i = 0; i < a->N; i++) nearest[i] = INFINITY;
    for (int64_t j = 0; j < p->count; j++) {
        const real *restrict const cost = a->costs + p->words[j] * a->N;
        real lowest = INFINITY;
#pragma omp simd reduction(min : lowest)
        for (int64_t i = 0; i < a->N; i++) {
            lowest = cost[i] < lowest ? cost[i] : lowest;
            nearest[i] = cost[i] < nearest[i] ? cost[i] : nearest[i];
        }
        there += (double)p->times[j] * (double)lowest;
    }
    for (int64_t i = 0; i < a->N; i++) back += (double)a->counts[i] * (double)nearest[i];
    there /= (double)p->all, back /= (double)p->query_all;
    return there > back ? there : back;
}

// Returns the distance. What both texts have at the same place stays there, as distances obey the triangle inequality;
// only the rest is transported.
static double exact_distance(const struct pair *p, struct transport *t, int64_t *left, int32_t *kept)
{
    const struct movers_distances *a = p->a;
    int64_t sources = 0, sinks = 0;
    for (int64_t i = 0; i < a->N; i++) left[i] = a->counts[i] * p->all;
    for (int64_t j = 0; j < p->count; j++) {
        const real *const cost = a->costs + p->words[j] * a->N;
        int64_t supply = p->times[j] * p->query_all;
        for (int64_t i = 0; i < a->N && supply; i++) {
            const int64_t shared = cost[i] == 0 ? least(supply, left[i]) : 0;
            supply -= shared, left[i] -= shared;
        }
        if (!supply) continue;
        t->supply[sources] = supply;
        kept[sources++] = p->words[j];
    }
    if (!sources) return 0;
    t->sources = sources;
    t->row = a->N;
    for (int64_t i = 0; i < a->N; i++) {
        if (!left[i]) continue;
        t->demand[sinks] = left[i];
        for (int64_t j = 0; j < sources; j++) t->cost[j * t->row + sinks] = a->costs[kept[j] * a->N + i];
        sinks++;
    }
    t->sinks = sinks;
    return transport_cost(t) / ((double)p->all * (double)p->query_all);
}

// Works on the texts that are a thread's; false where memory ran out.
static bool measure_texts(const struct movers_distances *a, int64_t longest, int64_t query_all, int64_t *next)
{
    struct transport t = {0};
    int64_t *left = malloc((size_t)(a->N + 1) * sizeof *left);
    int32_t *kept = malloc((size_t)(longest + 1) * sizeof *kept);
    real *nearest = malloc((size_t)(a->N + 1) * sizeof *nearest);
    const bool ready = left && kept && nearest && (a->relaxed || transport_allocate(&t, longest, a->N));
    for (int64_t s; ready && (s = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < a->S;) {
        const struct pair p = pair_of(a, s, query_all);
        a->distances[s] = !p.count || !a->N ? INFINITY
                          : a->relaxed      ? relaxed_distance(&p, nearest)
                                            : exact_distance(&p, &t, left, kept);
    }
    free(t.memory), free(left), free(kept), free(nearest);
    return ready;
}

static const char *measure_distances(const struct movers_distances *a)
{
    int64_t longest = 0, query_all = sum_of(a->counts, a->N);
    for (int64_t s = 0; s < a->S; s++) {
        const struct pair p = pair_of(a, s, query_all);
        if (p.all > MOVERS_MOST_TIMES || p.count > MOVERS_MOST_TIMES) return too_many;
        longest = most(longest, p.count);
    }
    if (query_all > MOVERS_MOST_TIMES) return too_many;
    int64_t next = 0;
    bool ready = true;
    const int team = (int)most(1, least(sq_team(times(a->K, a->N) * (a->relaxed ? 1 : 8)), a->S));
#pragma omp parallel num_threads(team) reduction(&& : ready)
    {
        ready = measure_texts(a, longest, query_all, &next);
    }
    return ready ? NULL : sq_no_memory;
}

// Computes the distances of a query, whose N words occur `counts` times, to texts: words[offsets[s] .. offsets[s + 1])
// are those of text s, which occur `times`; costs are the distances of words. Relaxed: lower bounds of the distances. A
// text without words is infinitely far.
//: movers_distances(costs:f[W,N], counts:l[N], words:i[K]<W, times:l[K], offsets:l[S+1], relaxed:p) -> distances:f64[S]
//:     where 1 <= counts <= MOST_TIMES; 1 <= times <= MOST_TIMES; offsets covers K; N < 1048576
KERNEL(movers_distances) { return measure_distances(a); }

// Copies some rows of a matrix, scaled to length 1 where `norm` says so; zeros stay.
static void take_rows(const struct movers_pair *a, const int32_t *rows, int64_t count, real *to)
{
    for (int64_t i = 0; i < count; i++, to += a->D) {
        const real *const row = a->vectors + rows[i] * a->vectors_stride[0];
        real square = 0;
#pragma omp simd reduction(+ : square)
        for (int64_t d = 0; d < a->D; d++) square += row[d] * row[d];
        const real length = SQ_DOUBLE ? (real)sqrt((double)square) : (real)sqrtf((float)square);
        const real scale = !a->norm ? 1 : length > 0 ? 1 / length : 0;
        for (int64_t d = 0; d < a->D; d++) to[d] = row[d] * scale;
    }
}

// Computes the distance of two texts, whose words are rows of `vectors` that occur `counts` and `times` times.
//: movers_pair(vectors~f[V,D], query:i[N]<V, counts:l[N], text:i[M]<V, times:l[M], norm:p, relaxed:p)
//:     -> distance:f64[1]
//:     where 1 <= counts <= MOST_TIMES; 1 <= times <= MOST_TIMES; N < 1048576; M < 1048576
KERNEL(movers_pair)
{
    const int64_t size = (int64_t)sizeof(real), offsets[] = {0, a->M};
    real *const queries = malloc((size_t)(times(a->N + a->M, a->D * size) + times(a->N, a->M * size)) + 1);
    int32_t *const words = malloc((size_t)(a->M + 1) * sizeof *words);
    const char *problem = sq_no_memory;
    if (queries && words) {
        real *const rows = queries + a->N * a->D, *const costs = rows + a->M * a->D;
        take_rows(a, a->query, a->N, queries);
        take_rows(a, a->text, a->M, rows);
        for (int64_t i = 0; i < a->M; i++) words[i] = (int32_t)i;
        const struct movers_costs ways = {
            .queries = queries, .rows = rows, .costs = costs, .N = a->N, .D = a->D, .W = a->M};
        const struct movers_distances one = {.costs = costs,
                                             .counts = a->counts,
                                             .words = words,
                                             .times = a->times,
                                             .offsets = offsets,
                                             .relaxed = a->relaxed,
                                             .distances = a->distance,
                                             .W = a->M,
                                             .N = a->N,
                                             .K = a->M,
                                             .S = 1};
        problem = measure_all(&ways);
        if (!problem) problem = measure_distances(&one);
    }
    free(queries), free(words);
    return problem;
}
