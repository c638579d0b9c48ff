// GloVe (Pennington, Socher, Manning 2014): AdaGrad on 0.5 f(x) (w . c + b + d - log x)^2 over all non-zero counts x,
// with f(x) = min(1, (x / x_max)^alpha).
//
// The counts lie in cells: a part of the rows (row r is in part r % parts) by a stripe of neighbouring columns. Two
// cells that share neither rows nor columns may be trained at once; all others take their turns in the order of a list.
// So every weight sees its updates in one order, and the result is the same for any number of threads.
//
// An entry holds its row and column within the cell, and log x. A word's weights and their sums of squared gradients
// lie side by side in words[V, 2, W]. The last two lanes of words[., 0] are the bias b and 1, those of contexts 1 and
// the bias d: so the dot product adds the biases. Unused lanes are 0.
//
// The counts are too many to be checked or copied in every call: columns and entries are checked where they are read.
#include "base/arith.h"
#include "base/once.h"
#include "base/team.h"
#include "words/glove_cell.h"

//= COLUMNS 1024
//= ROWS 4194304
// A column and a row within their cell share 32 bits.

static double train_cell(const objective *o, const struct glove_train *a, int64_t cell, scratch *s, bool *fits)
{
    const int64_t begin = a->cell_starts[cell], count = a->cell_starts[cell + 1] - begin;
    if (count == 0) return 0;
    const int64_t part = cell / a->Q, first_column = a->stripe_starts[cell % a->Q];
    const uint32_t *entries = a->entries + begin;
    const int64_t segments =
        shuffle_segments(entries, count, s, (uint64_t)a->seed, (uint64_t)a->epoch, (uint64_t)begin);
    interleave(entries, a->logs + begin, count, segments, s);
    *fits =
        entries_fit(s->entries, count, blocks(a->R - part, a->parts), a->stripe_starts[cell % a->Q + 1] - first_column);
    if (!*fits) return 0;
    weigh(o, s->logs, s->weights, count);
    const int64_t row_size = 2 * a->W;
    real *words = a->words + part * row_size, *contexts = a->contexts + first_column * row_size;
    const shares h = {a->word_factors ? a->word_factors + part : NULL,
                      a->context_factors ? a->context_factors + first_column : NULL, a->parts};
    const bool kept = h.words || h.contexts;
    double loss;
    switch (kept ? 0 : a->W) {
#define WIDTH(n)                                                                                                       \
    case n: loss = train_entries(o, s, count, words, a->parts * row_size, contexts, n / LANES, &h, false); break;
        WIDTH(64)
        WIDTH(112)
        WIDTH(208)
        WIDTH(304)
    case 0: loss = train_entries(o, s, count, words, a->parts * row_size, contexts, a->W / LANES, &h, true); break;
    default: loss = train_entries(o, s, count, words, a->parts * row_size, contexts, a->W / LANES, &h, false);
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

// Trains cells of the list until none is left, each when its turn has come. False where a cell has strange entries.
static bool train_cells(const objective *o, const struct glove_train *a, scratch *s, turns *t, int32_t *next,
                        double *losses)
{
    for (bool good = true;;) {
        const int64_t m = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
        if (m >= a->M) return good;
        const int64_t cell = a->order[m], part = cell / a->Q, stripe = cell % a->Q;
        wait_for(&t->part_done[part], t->part_turn[m]);
        wait_for(&t->stripe_done[stripe], t->stripe_turn[m]);
        bool fits = true;
        losses[m] = train_cell(o, a, cell, s, &fits);
        good &= fits;
        __atomic_store_n(&t->part_done[part], t->part_turn[m] + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&t->stripe_done[stripe], t->stripe_turn[m] + 1, __ATOMIC_RELEASE);
    }
}

// Trains the listed cells once, as if one after the other. C = parts * Q cells; stripe q has the columns
// [stripe_starts[q], stripe_starts[q + 1]). Within a cell rows come in an order drawn by (seed, epoch, place of the
// cell). The factors say which share of its changes each vector takes.
//: glove_train(entries:u32[N], logs:f[N], cell_starts:l[C+1], order:i[M]<C, stripe_starts:i[Q+1], words+f[R,2,W],
//:     contexts+f[V,2,W], parts:n>=1, x_max:d, alpha:d, rate:d, seed:n, epoch:n, word_factors?f[R],
//:     context_factors?f[V]) -> loss:f64[1]
//:     where cell_starts covers N; stripe_starts covers V; C == parts * Q; M <= C;
//:     W > 0 and W % word2vec.LANES == 0
KERNEL(glove_train)
{
    int64_t largest = 0, work = 0;
    for (int64_t m = 0; m < a->M; m++) {
        const int64_t count = a->cell_starts[a->order[m] + 1] - a->cell_starts[a->order[m]];
        largest = most(largest, count);
        work += count * a->W;
    }
    if (largest >= UINT32_MAX) return "cell_starts: expected fewer than 2^32 - 1 entries in a cell";
    a->loss[0] = 0;
    objective o = {.log_x_max = (real)log(a->x_max), .alpha = (real)a->alpha, .rate = (real)a->rate, .width = a->W};
    for (int i = 0; i < LANES; i++) o.word_rates[i] = o.context_rates[i] = o.rate;
    // The biases have no learning rate, as in the original; the constant lanes stay as they are.
    o.word_rates[LANES - 2] = o.context_rates[LANES - 1] = 1;
    o.word_rates[LANES - 1] = o.context_rates[LANES - 2] = 0;

    double *losses = calloc((size_t)a->M + 1, sizeof *losses);
    int32_t *counters = calloc((size_t)(2 * a->M + a->parts + a->Q + 1), sizeof *counters), next = 0;
    bool failed = !losses || !counters, good = true;
    if (!failed) {
        turns t = {counters, counters + a->M, counters + 2 * a->M, counters + 2 * a->M + a->parts};
        for (int64_t m = 0; m < a->M; m++) {
            t.part_turn[m] = t.part_done[a->order[m] / a->Q]++;
            t.stripe_turn[m] = t.stripe_done[a->order[m] % a->Q]++;
        }
        memset(t.part_done, 0, (size_t)(a->parts + a->Q) * sizeof(int32_t));
        const int team = sq_team(work);
        const int64_t room = (largest + LANES) / 16 * 16 + 16;
#pragma omp parallel num_threads(team) reduction(&& : good)
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
                good = train_cells(&o, a, &s, &t, &next, losses);
            }
            free(memory);
        }
    }
    for (int64_t m = 0; !failed && m < a->M; m++) a->loss[0] += losses[m];
    free(losses);
    free(counters);
    if (failed) return sq_no_memory;
    return good ? NULL : "entries: a row or column lies outside of its cell";
}

// Columns ascend in every row: the stripe of a column is not before q, that of the column before it.
static inline int64_t stripe_of(const int32_t *stripe_starts, int64_t stripes, int64_t q, int32_t column)
{
    while (q + 1 < stripes && column >= stripe_starts[q + 1]) q++;
    return q;
}

// Counts how many entries each cell gets.
//: glove_cell_sizes(columns:i[N], row_starts:l[R+1], stripe_starts:i[Q+1], sizes+l[P,Q])
//:     where row_starts covers N; stripe_starts ascends to 2147483647; Q >= 1
KERNEL(glove_cell_sizes)
{
    memset(a->sizes, 0, (size_t)(a->P * a->Q) * sizeof *a->sizes);
    const int team = sq_team(a->N);
#pragma omp parallel for num_threads(team) schedule(dynamic, 1)
    for (int64_t p = 0; p < a->P; p++)
        for (int64_t r = p; r < a->R; r += a->P)
            for (int64_t k = a->row_starts[r], q = 0; k < a->row_starts[r + 1]; k++) {
                q = stripe_of(a->stripe_starts, a->Q, q, a->columns[k]);
                a->sizes[p * a->Q + q]++;
            }
    return NULL;
}

// Puts the rows of part p into their cells; next[q] = where the entries of cell q go on. False where a column is out of
// place.
static bool arrange_part(const struct glove_arrange *a, int64_t p, int64_t *next)
{
    for (int64_t r = p; r < a->R; r += a->P)
        for (int64_t k = a->row_starts[r], q = 0; k < a->row_starts[r + 1]; k++) {
            const int32_t column = READ_ONCE(a->columns[k]);
            q = stripe_of(a->stripe_starts, a->Q, q, column);
            const int64_t inside = (int64_t)column - a->stripe_starts[q], at = next[q]++;
            if (inside < 0 || inside >= GLOVE_COLUMNS || column >= a->stripe_starts[q + 1]) return false;
            if (at < 0 || at >= a->N) return false;
            a->entries[at] = (uint32_t)(r / a->P * GLOVE_COLUMNS + inside);
            a->logs[at] = (real)log(a->values[k]);
        }
    return true;
}

// Puts the counts into their cells; the entries of a row stay together.
//: glove_arrange(columns:i[N], values:f64[N], row_starts:l[R+1], stripe_starts:i[Q+1], cell_starts:l[P,Q],
//:     entries+u32[N], logs+f[N])
//:     where row_starts covers N; stripe_starts ascends to 2147483647; Q >= 1; R <= P * ROWS
KERNEL(glove_arrange)
{
    int64_t *next = malloc((size_t)(a->P * a->Q + 1) * sizeof *next);
    if (!next) return sq_no_memory;
    memcpy(next, a->cell_starts, (size_t)(a->P * a->Q) * sizeof *next);
    bool good = true;
    const int team = sq_team(a->N * 8);
#pragma omp parallel for num_threads(team) schedule(dynamic, 1) reduction(&& : good)
    for (int64_t p = 0; p < a->P; p++) good = arrange_part(a, p, next + p * a->Q) && good;
    free(next);
    return good ? NULL : "columns: expected those of a row to ascend, each within a stripe, and cells of these sizes";
}
