// GloVe (Pennington, Socher, Manning 2014): AdaGrad on 0.5 f(x) (w . c + b + d - log x)^2 over all non-zero counts x,
// with f(x) = min(1, (x / x_max)^alpha).
//
// The counts lie in cells: a part of the rows (row r is in part r % parts) by a stripe of neighbouring columns. Two
// cells that share neither rows nor columns may be trained at once; all others take their turns in the order of a list.
// So every weight sees its updates in one order, and the result is the same for any number of threads.
//
// An entry holds its row and column within the cell and log x. A word's weights and their sums of squared gradients lie
// side by side in words[V, 2, W]. The last two lanes of words[., 0] are the bias b and 1, those of contexts 1 and the
// bias d: so the dot product adds the biases. Unused lanes are 0.
#include "base/team.h"
#include "glove_args.h"
#include "random/rng.h"
#include "seqnn.h"
#include "vec/math.h"

enum { COLUMN_BITS = 10, COLUMN_MASK = (1 << COLUMN_BITS) - 1, STREAMS = 2, AHEAD = 6 };
#define NO_ROW UINT32_MAX

static inline vf inverse_root(vf x)
{
#if defined(__AVX512F__) && !SQ_DOUBLE
    return (vf)_mm512_rsqrt14_ps((__m512)x);
#elif defined(__AVX__) && !SQ_DOUBLE
    return (vf)_mm256_rsqrt_ps((__m256)x);
#elif defined(__SSE__) && !SQ_DOUBLE
    return (vf)_mm_rsqrt_ps((__m128)x);
#else
    for (int i = 0; i < LANES; i++) x[i] = 1 / (SQ_DOUBLE ? (real)sqrt((double)x[i]) : (real)sqrtf((float)x[i]));
    return x;
#endif
}

// The sum of the lanes, by halves.
static inline real sum_lanes(vf x)
{
#if defined(__AVX512F__) && !SQ_DOUBLE
    return _mm512_reduce_add_ps((__m512)x);
#elif defined(__AVX__) && !SQ_DOUBLE
    __m128 four = _mm_add_ps(_mm256_castps256_ps128((__m256)x), _mm256_extractf128_ps((__m256)x, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
#else
    return vf_sum(x);
#endif
}

typedef struct {
    real log_x_max, alpha, rate;
    int64_t width;
    real word_rates[LANES], context_rates[LANES]; // of the last lanes
} objective;

// A cell's entries in the order of training.
typedef struct {
    uint32_t *segments, *bounds, *entries;
    uint32_t *fetch; // where a segment begins: the row of one to come, NO_ROW elsewhere
    real *logs, *weights;
} scratch;

// f(x) of `count` entries by log x.
static void weigh(const objective *o, const real *restrict logs, real *restrict weights, int64_t count)
{
    int64_t i = 0;
    const vf zero = {0}, low = vf_set(SQ_DOUBLE ? (real)-700 : (real)-87);
    for (; i + LANES <= count; i += LANES) {
        vf power = (vf_load(logs + i) - o->log_x_max) * o->alpha;
        vf_store(weights + i, vf_exp_bounded(vf_max(low, vf_min(zero, power))));
    }
    for (; i < count; i++) {
        real power = (logs[i] - o->log_x_max) * o->alpha;
        weights[i] = power < 0 ? (real)exp((double)power) : 1;
    }
}

// Finds the segments (runs of entries of one row) and puts them in a random order. Returns their number.
static int64_t shuffle_segments(const uint32_t *restrict entries, int64_t count, scratch *s, uint64_t seed,
                                uint64_t stream, uint64_t position)
{
    int64_t segments = 0;
    uint32_t row = ~entries[0] >> COLUMN_BITS;
    for (int64_t i = 0; i < count; i++) {
        uint32_t this_row = entries[i] >> COLUMN_BITS;
        s->bounds[segments] = (uint32_t)i;
        segments += this_row != row;
        row = this_row;
    }
    s->bounds[segments] = (uint32_t)count;
    enum { DRAWS = 4 * SQ_PHILOX_LANES };
    uint32_t draws[DRAWS];
    for (int64_t i = 0; i < segments; i++) { // each new one takes the place of a random earlier one
        if (i % DRAWS == 0) sq_philox_block(draws, seed, stream, position + (uint64_t)i / 4);
        uint64_t j = (uint64_t)draws[i % DRAWS] * (uint64_t)(i + 1) >> 32;
        s->segments[i] = s->segments[j];
        s->segments[j] = (uint32_t)i;
    }
    return segments;
}

// Writes the entries as they are trained: STREAMS segments take turns, entry by entry, so that neighbours in time have
// different rows and the processor can work on both, while each row stays in the cache for its whole segment.
static void interleave(const uint32_t *restrict entries, const real *restrict logs, int64_t count, int64_t segments,
                       scratch *s)
{
    uint32_t at[STREAMS] = {0}, end[STREAMS] = {0};
    int64_t taken = 0, written = 0;
    while (written < count) {
        for (int k = 0; k < STREAMS; k++) {
            uint32_t fetch = NO_ROW;
            if (at[k] == end[k]) {
                if (taken == segments) continue;
                if (taken + AHEAD < segments) fetch = entries[s->bounds[s->segments[taken + AHEAD]]] >> COLUMN_BITS;
                at[k] = s->bounds[s->segments[taken]];
                end[k] = s->bounds[s->segments[taken++] + 1];
            }
            s->fetch[written] = fetch;
            s->entries[written] = entries[at[k]];
            s->logs[written++] = logs[at[k]++];
        }
    }
}

// One step of AdaGrad on the entries of a cell, one after the other. Returns their loss, twice. CHUNKS may be a
// constant.
ALWAYS_INLINE double train_entries(const objective *o, const scratch *s, int64_t count, real *words,
                                   int64_t word_stride, real *contexts, const int64_t chunks)
{
    const int64_t width = chunks * LANES;
    const vf last_word = vf_load(o->word_rates), last_context = vf_load(o->context_rates);
    double loss = 0;
    for (int64_t i = 0; i < count; i++) {
        if (s->fetch[i] != NO_ROW) {
            const char *row = (const char *)(words + s->fetch[i] * word_stride);
            for (size_t k = 0; k < (size_t)(2 * width) * sizeof(real); k += 64) prefetch_write(row + k);
        }
        real *restrict word = words + (s->entries[i] >> COLUMN_BITS) * word_stride;
        real *restrict context = contexts + (s->entries[i] & COLUMN_MASK) * 2 * width;
        vf dot[2] = {vf_load(word) * vf_load(context), {0}};
        for (int64_t k = 1; k < chunks; k++) dot[k % 2] += vf_load(word + k * LANES) * vf_load(context + k * LANES);
        const real error = sum_lanes(dot[0] + dot[1]) - s->logs[i], weighted = s->weights[i] * error;
        loss += (double)weighted * (double)error;
        const vf rate = vf_set(weighted * o->rate);
        for (int64_t k = 0; k < chunks; k++) {
            real *w = word + k * LANES, *c = context + k * LANES;
            const vf old_w = vf_load(w), old_c = vf_load(c), square_w = vf_load(w + width),
                     square_c = vf_load(c + width);
            vf slope_w = old_c * rate, slope_c = old_w * rate;
            if (k + 1 == chunks) {
                slope_w = old_c * (weighted * last_word);
                slope_c = old_w * (weighted * last_context);
            }
            const vf step_w = slope_w * inverse_root(square_w), step_c = slope_c * inverse_root(square_c);
            vf_store(w, old_w - step_w);
            vf_store(c, old_c - step_c);
            vf_store(w + width, square_w + slope_w * slope_w);
            vf_store(c + width, square_c + slope_c * slope_c);
        }
    }
    return loss;
}

static double train_cell(const objective *o, const struct glove_train *a, int64_t cell, scratch *s)
{
    const int64_t begin = a->cell_starts[cell], count = a->cell_starts[cell + 1] - begin;
    if (count == 0) return 0;
    const int64_t row_size = 2 * a->W;
    const uint32_t *entries = a->entries + begin;
    const int64_t segments =
        shuffle_segments(entries, count, s, (uint64_t)a->seed, (uint64_t)a->epoch, (uint64_t)begin);
    interleave(entries, a->logs + begin, count, segments, s);
    weigh(o, s->logs, s->weights, count);
    real *words = a->words + cell / a->Q * row_size, *contexts = a->contexts + a->stripe_starts[cell % a->Q] * row_size;
    double loss;
    switch (a->W) {
#define WIDTH(n)                                                                                                       \
    case n: loss = train_entries(o, s, count, words, a->parts * row_size, contexts, n / LANES); break;
        WIDTH(64)
        WIDTH(112)
        WIDTH(208)
        WIDTH(304)
    default: loss = train_entries(o, s, count, words, a->parts * row_size, contexts, a->W / LANES);
#undef WIDTH
    }
    // Whole multiples of 2^-20: their sums are exact, however an epoch is cut into calls.
    return fabs(loss) < 4294967296. ? nearbyint(loss * 524288.) / 1048576. : loss / 2;
}

// Which cell of the list each cell waits for, by part and by stripe: as many as come before it in the same one.
typedef struct {
    int32_t *part_turn, *stripe_turn; // of each cell in the list
    int32_t *part_done, *stripe_done; // how many are done
} turns;

static void wait_for(const int32_t *done, int32_t turn)
{
    for (int spin = 0; __atomic_load_n(done, __ATOMIC_ACQUIRE) != turn; spin++) {
        if (spin < TEAM_SPINS)
            team_pause();
        else
            team_yield();
    }
}

static void train_cells(const objective *o, const struct glove_train *a, scratch *s, turns *t, int32_t *next,
                        double *losses)
{
    for (;;) {
        const int64_t m = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
        if (m >= a->M) return;
        const int64_t cell = a->order[m], part = cell / a->Q, stripe = cell % a->Q;
        wait_for(&t->part_done[part], t->part_turn[m]);
        wait_for(&t->stripe_done[stripe], t->stripe_turn[m]);
        losses[m] = train_cell(o, a, cell, s);
        __atomic_store_n(&t->part_done[part], t->part_turn[m] + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&t->stripe_done[stripe], t->stripe_turn[m] + 1, __ATOMIC_RELEASE);
    }
}

// Trains the listed cells once, as if one after the other; C = parts * Q cells, stripe q has the columns
// [stripe_starts[q], stripe_starts[q + 1]). Within a cell rows come in an order drawn by (seed, epoch, place of the
// cell).
//: glove_train(entries:u32[N], logs:f[N], cell_starts:l[C+1], order:i[M]<C, stripe_starts:i[Q+1], words+f[R,2,W],
//:     contexts+f[V,2,W], parts:n>=1, x_max:d, alpha:d, rate:d, seed:n, epoch:n) -> loss:f64[1]
KERNEL(glove_train)
{
    int64_t largest = 0, work = 0;
    for (int64_t m = 0; m < a->M; m++) {
        const int64_t count = a->cell_starts[a->order[m] + 1] - a->cell_starts[a->order[m]];
        if (count > largest) largest = count;
        work += count * a->W;
    }
    objective o = {.log_x_max = (real)log(a->x_max), .alpha = (real)a->alpha, .rate = (real)a->rate, .width = a->W};
    for (int i = 0; i < LANES; i++) o.word_rates[i] = o.context_rates[i] = o.rate;
    // The biases have no learning rate, as in the original; the constant lanes stay as they are.
    o.word_rates[LANES - 2] = o.context_rates[LANES - 1] = 1;
    o.word_rates[LANES - 1] = o.context_rates[LANES - 2] = 0;

    double *losses = calloc((size_t)a->M + 1, sizeof *losses);
    int32_t *counters = calloc((size_t)(2 * a->M + a->parts + a->Q + 1), sizeof *counters), next = 0;
    bool failed = !losses || !counters;
    if (!failed) {
        turns t = {counters, counters + a->M, counters + 2 * a->M, counters + 2 * a->M + a->parts};
        for (int64_t m = 0; m < a->M; m++) {
            t.part_turn[m] = t.part_done[a->order[m] / a->Q]++;
            t.stripe_turn[m] = t.stripe_done[a->order[m] % a->Q]++;
        }
        memset(t.part_done, 0, (size_t)(a->parts + a->Q) * sizeof(int32_t));
        const int team = sq_team(work);
        const int64_t room = (largest + LANES) / 16 * 16 + 16;
#pragma omp parallel num_threads(team)
        {
            uint32_t *memory = malloc((size_t)room * (4 * sizeof(uint32_t) + 2 * sizeof(real)));
            if (!memory) {
#pragma omp atomic write
                failed = true;
            }
#pragma omp barrier
            if (!failed) {
                real *reals = (real *)(memory + 4 * room);
                scratch s = {memory, memory + room, memory + 2 * room, memory + 3 * room, reals, reals + room};
                train_cells(&o, a, &s, &t, &next, losses);
            }
            free(memory);
        }
    }
    a->loss[0] = 0;
    for (int64_t m = 0; !failed && m < a->M; m++) a->loss[0] += losses[m];
    free(losses);
    free(counters);
    return failed ? sq_no_memory : NULL;
}

// Calls visit(r, q, k) for each entry k, in row r and stripe q, of the rows of one part.
#define FOR_ENTRIES_OF_PART(p)                                                                                         \
    for (int64_t r = (p); r < a->R; r += a->P)                                                                         \
        for (int64_t k = a->row_starts[r], q = 0; k < a->row_starts[r + 1]; k++)

// How many entries each cell gets. Columns ascend in every row.
//: glove_cell_sizes(columns:i[N], row_starts:l[R+1], stripe_starts:i[Q+1], sizes+l[P,Q])
KERNEL(glove_cell_sizes)
{
    memset(a->sizes, 0, (size_t)(a->P * a->Q) * sizeof *a->sizes);
    const int team = sq_team(a->N);
#pragma omp parallel for num_threads(team) schedule(dynamic, 1)
    for (int64_t p = 0; p < a->P; p++) {
        int64_t *sizes = a->sizes + p * a->Q;
        FOR_ENTRIES_OF_PART(p)
        {
            while (q + 1 < a->Q && a->columns[k] >= a->stripe_starts[q + 1]) q++;
            sizes[q]++;
        }
    }
    return NULL;
}

// Puts the counts into their cells; the entries of a row stay together.
//: glove_arrange(columns:i[N], values:f64[N], row_starts:l[R+1], stripe_starts:i[Q+1], cell_starts:l[P,Q],
//:     entries+u32[N], logs+f[N])
KERNEL(glove_arrange)
{
    int64_t *next = malloc((size_t)(a->P * a->Q + 1) * sizeof *next);
    if (!next) return sq_no_memory;
    memcpy(next, a->cell_starts, (size_t)(a->P * a->Q) * sizeof *next);
    const int team = sq_team(a->N * 8);
#pragma omp parallel for num_threads(team) schedule(dynamic, 1)
    for (int64_t p = 0; p < a->P; p++) {
        FOR_ENTRIES_OF_PART(p)
        {
            while (q + 1 < a->Q && a->columns[k] >= a->stripe_starts[q + 1]) q++;
            const int64_t at = next[p * a->Q + q]++;
            a->entries[at] = (uint32_t)(r / a->P << COLUMN_BITS | (a->columns[k] - a->stripe_starts[q]));
            a->logs[at] = (real)log(a->values[k]);
        }
    }
    free(next);
    return NULL;
}
