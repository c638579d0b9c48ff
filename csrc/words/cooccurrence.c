// Word co-occurrence counts as sparse rows (CSR), in whole multiples of a unit weight: sums of integers, which are the
// same for any number of threads and however the text was cut into pieces.
//
// The contexts of a word are gathered at all its positions (an inverted index) into a dense row of counters. The
// columns that were touched go through a bitmap of two levels, which puts them in order.
//
// Text and index are too large to be copied in every call: ids, positions and boundaries are checked where they are
// read.
#include "base/arith.h"
#include "base/once.h"
#include "cooccurrence_args.h"
#include "seqnn.h"

enum { AHEAD = 12 }; // positions that are prefetched before they are visited

static const char outside[] = "ids: a value lies outside of the words";
static const char no_places[] = "columns: too few places for these rows";

// Makes the inverted index of a text: positions[starts[v] .. starts[v + 1]) are the places of word v, ascending. Bit p
// of `boundaries` says that a sentence begins at p; bit N ends the last one.
//: cooccurrence_index(ids:i[N], offsets:l[S+1], starts+l[V+1], positions+i[N], boundaries+u64[B])
//:     where N < 2147483647 and B > N / 64
KERNEL(cooccurrence_index)
{
    const int64_t n = a->N, words = a->V;
    memset(a->boundaries, 0, (size_t)a->B * sizeof(uint64_t));
    for (int64_t s = 0; s <= a->S; s++) {
        const int64_t at = READ_ONCE(a->offsets[s]);
        if (at < 0 || at > n) return "offsets: expected positions within the text";
        a->boundaries[at >> 6] |= UINT64_C(1) << (at & 63);
    }
    a->boundaries[n >> 6] |= UINT64_C(1) << (n & 63);
    a->boundaries[0] |= 1;

    // A counting sort: each part of the text counts its words, then knows where it may write them.
    const int parts = sq_team(n);
    int64_t *next = calloc((size_t)(parts * words + 1), sizeof *next);
    if (!next) return sq_no_memory;
    bool good = true;
#pragma omp parallel for num_threads(parts) schedule(static, 1) reduction(&& : good)
    for (int t = 0; t < parts; t++)
        for (int64_t p = cut(n, parts, t); p < cut(n, parts, t + 1); p++) {
            const uint32_t id = (uint32_t)READ_ONCE(a->ids[p]);
            if (id < words)
                next[t * words + id]++;
            else
                good = false;
        }
    int64_t total = 0;
    for (int64_t v = 0; v < words; v++) {
        a->starts[v] = total;
        for (int t = 0; t < parts; t++) {
            int64_t count = next[t * words + v];
            next[t * words + v] = total;
            total += count;
        }
    }
    a->starts[words] = total;
#pragma omp parallel for num_threads(parts) schedule(static, 1) reduction(&& : good)
    for (int t = 0; t < parts; t++)
        for (int64_t p = cut(n, parts, t); p < cut(n, parts, t + 1); p++) {
            const uint32_t id = (uint32_t)READ_ONCE(a->ids[p]);
            const int64_t at = id < words ? next[t * words + id]++ : n;
            if (at < n)
                a->positions[at] = (int32_t)p;
            else
                good = false;
        }
    free(next);
    return good ? NULL : outside;
}

// How many words before position p stand in its sentence, at most `window`.
static inline int64_t reach_left(const uint64_t *restrict boundaries, int64_t p, int64_t window)
{
    int64_t i = p;
    uint64_t bits = boundaries[i >> 6] << (63 - (i & 63));
    while (!bits) {
        i = (i & ~INT64_C(63)) - 1;
        if (i < 0) return least(p, window);
        if (p - i >= window) return window;
        bits = boundaries[i >> 6];
    }
    return least(p - i + __builtin_clzll(bits), window);
}

// How many words after position p of n stand in its sentence, at most `window`.
static inline int64_t reach_right(const uint64_t *restrict boundaries, int64_t p, int64_t n, int64_t window)
{
    window = least(window, n - 1 - p);
    int64_t i = p + 1;
    uint64_t bits = boundaries[i >> 6] >> (i & 63);
    while (!bits) {
        i = (i | 63) + 1;
        if (i - p - 1 >= window) return window;
        bits = boundaries[i >> 6];
    }
    return least(i - p - 1 + __builtin_ctzll(bits), window);
}

// A thread's dense row of counters; `touched` lists the columns that are not zero.
typedef struct {
    uint64_t *sums, *low, *high; // high: a bit for each word of low; low: a bit for each column
    int32_t *touched;
    int64_t count, columns;
} dense_row;

static bool dense_row_open(dense_row *row, int64_t columns)
{
    int64_t low = columns / 64 + 1;
    *row = (dense_row){.columns = columns};
    row->sums = calloc((size_t)columns + 1, sizeof *row->sums);
    row->low = calloc((size_t)low, sizeof *row->low);
    row->high = calloc((size_t)low / 64 + 1, sizeof *row->high);
    row->touched = malloc(((size_t)columns + 1) * sizeof *row->touched);
    return row->sums && row->low && row->high && row->touched;
}

static void dense_row_close(dense_row *row)
{
    free(row->sums);
    free(row->low);
    free(row->high);
    free(row->touched);
}

// Adds the weights of the words at first, first + step, ...; weights are positive and their sums fit. False where an id
// lies outside of the columns.
static inline bool dense_row_add(dense_row *row, const int32_t *first, int64_t step, const int64_t *restrict weights,
                                 int64_t count)
{
    uint64_t *restrict const sums = row->sums;
    int32_t *restrict const touched = row->touched;
    const uint64_t columns = (uint64_t)row->columns;
    int64_t known = row->count;
    for (int64_t k = 0; k < count; k++) {
        const uint32_t column = (uint32_t)READ_ONCE(first[k * step]);
        if (column >= columns) return false;
        const uint64_t old = sums[column];
        touched[known] = (int32_t)column;
        known += old == 0;
        sums[column] = old + (uint64_t)weights[k];
    }
    row->count = known;
    return true;
}

// Writes the counters in the order of their columns, and clears them. Returns their number.
static int64_t dense_row_flush(dense_row *row, int32_t *restrict columns, int64_t *restrict sums)
{
    for (int64_t k = 0; k < row->count; k++) {
        int32_t c = row->touched[k];
        row->low[c >> 6] |= UINT64_C(1) << (c & 63);
        row->high[c >> 12] |= UINT64_C(1) << (c >> 6 & 63);
    }
    int64_t written = 0;
    for (int64_t h = 0; written < row->count; h++) {
        for (uint64_t words = row->high[h]; words; words &= words - 1) {
            int64_t w = 64 * h + __builtin_ctzll(words);
            for (uint64_t bits = row->low[w]; bits; bits &= bits - 1) {
                int64_t c = 64 * w + __builtin_ctzll(bits);
                columns[written] = (int32_t)c;
                sums[written++] = (int64_t)row->sums[c];
                row->sums[c] = 0;
            }
            row->low[w] = 0;
        }
        row->high[h] = 0;
    }
    row->count = 0;
    return written;
}

// Moves rows together that were written at slots[r], counts[r] columns each; row_ends says where each ends then.
static void close_gaps(const struct cooccurrence_count *a, const int64_t *slots, const int64_t *counts)
{
    int64_t end = 0;
    for (int64_t r = 0; r < a->R; r++) {
        if (slots[r] != end) {
            memmove(a->columns + end, a->columns + slots[r], (size_t)counts[r] * sizeof *a->columns);
            memmove(a->sums + end, a->sums + slots[r], (size_t)counts[r] * sizeof *a->sums);
        }
        a->row_ends[r] = end += counts[r];
    }
}

// Counts the contexts at the positions [first, last). Returns what is wrong with them, or NULL.
static const char *count_row(dense_row *row, const struct cooccurrence_count *a, int64_t first, int64_t last)
{
    const int32_t *ids = a->ids;
    const int64_t *weights = a->weights + 1, window = a->W - 1;
    for (int64_t k = first; k < last; k++) {
        const int64_t p = READ_ONCE(a->positions[k]);
        if (p < 0 || p >= a->N) return "positions: a value lies outside of the text";
        if (k + AHEAD < a->M) {
            const int32_t *next = ids + a->positions[k + AHEAD];
            __builtin_prefetch(next);
            __builtin_prefetch(next + 10);
        }
        const int64_t right = reach_right(a->boundaries, p, a->N, window);
        if (!dense_row_add(row, ids + p + 1, 1, weights, right)) return outside;
        if (!a->symmetric) continue;
        const int64_t left = reach_left(a->boundaries, p, window);
        if (!dense_row_add(row, ids + p - 1, -1, weights, left)) return outside;
    }
    return NULL;
}

// Do 64 bits hold the sums of a word at `positions` places? Weights must be positive, so that a counter that was
// touched is never 0.
static const char *check_weights(const struct cooccurrence_count *a, int64_t positions)
{
    int64_t sum = 0;
    bool fits = true;
    for (int64_t d = 1; d < a->W; d++) {
        if (a->weights[d] < 1) return "weights: expected positive ones from distance 1 on";
        fits &= !__builtin_add_overflow(sum, a->weights[d], &sum);
    }
    fits = fits && !__builtin_mul_overflow(sum, a->symmetric ? 2 : 1, &sum) &&
           !__builtin_mul_overflow(sum, positions, &sum);
    return fits ? NULL : "weights: 64 bits do not hold their sums";
}

// Finds where each row's places begin: slots[0 .. R]. Returns what is wrong with the sizes, or NULL.
static const char *place_rows(const struct cooccurrence_count *a, int64_t *slots)
{
    const int64_t reach = (a->W - 1) * (a->symmetric ? 2 : 1);
    int64_t most_positions = 0;
    slots[0] = 0;
    for (int64_t r = 0; r < a->R; r++) {
        const int64_t positions = a->starts[r + 1] - a->starts[r], contexts = positions * reach;
        slots[r + 1] = slots[r] + least(contexts, a->vocabulary);
        most_positions = most(most_positions, positions);
    }
    if (slots[a->R] > a->C) return no_places;
    if (a->starts[a->R] - a->starts[0] > a->M) return "positions: fewer than starts says";
    return check_weights(a, most_positions);
}

// Counts the rows of R words. `positions` are those of these words: word r's are [starts[r], starts[r + 1]) -
// starts[0]. A context at distance d counts weights[d]; to the right only unless `symmetric`. Row r has min(vocabulary,
// contexts) places in `columns` and `sums` while it is counted; after that the rows stand one after the other and
// row_ends[r] says where r's ends.
//: cooccurrence_count(ids:i[N], boundaries:u64[B], positions:i[M], starts:l[R+1], weights:l[W], vocabulary:n>=1,
//:     symmetric:p, columns+i[C], sums+l[C], row_ends+l[R])
//:     where starts ascends to N; 0 <= weights; W >= 1; N < 2147483647 and B > N / 64; vocabulary <= 2147483647
KERNEL(cooccurrence_count)
{
    int64_t *slots = malloc(((size_t)a->R * 2 + 1) * sizeof *slots);
    if (!slots) return sq_no_memory;
    int64_t *const counts = slots + a->R + 1;
    const char *problem = place_rows(a, slots);
    if (problem) {
        free(slots);
        return problem;
    }
    bool failed = false;
    const int team = sq_team(a->M * (a->W - 1) * (a->symmetric ? 2 : 1));
#pragma omp parallel num_threads(team)
    {
        dense_row row;
        if (!dense_row_open(&row, a->vocabulary)) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp barrier
        if (!failed) {
#pragma omp for schedule(dynamic, 1)
            for (int64_t r = 0; r < a->R; r++) {
                const char *mine = count_row(&row, a, a->starts[r] - a->starts[0], a->starts[r + 1] - a->starts[0]);
                if (mine) __atomic_store_n(&problem, mine, __ATOMIC_RELAXED);
                counts[r] = dense_row_flush(&row, a->columns + slots[r], a->sums + slots[r]);
            }
        }
        dense_row_close(&row);
    }
    if (failed) problem = sq_no_memory;
    if (!problem) close_gaps(a, slots, counts);
    free(slots);
    return problem;
}

// Adds row r of all matrices to the counters. Returns what is wrong with them, or NULL.
static const char *add_parts(dense_row *row, const struct cooccurrence_merge *a, int64_t r)
{
    for (int64_t k = 0; k < a->K; k++) {
        const int64_t *bounds = a->bounds + k * (a->R + 1) + r;
        for (int64_t i = bounds[0]; i < bounds[1]; i++) {
            const uint32_t column = (uint32_t)READ_ONCE(a->parts[i]);
            const int64_t sum = READ_ONCE(a->part_sums[i]);
            if (column >= row->columns) return "parts: a value lies outside of the vocabulary";
            const uint64_t old = row->sums[column];
            if (sum < 0 || old + (uint64_t)sum > INT64_MAX) return "part_sums: expected 0 or more, and sums in 64 bits";
            if (sum == 0) continue;
            row->touched[row->count] = (int32_t)column;
            row->count += old == 0;
            row->sums[column] = old + (uint64_t)sum;
        }
    }
    return NULL;
}

// Adds K matrices of R rows each: row r of matrix k is [bounds[k, r], bounds[k, r + 1]) of `parts` and `part_sums`. The
// result is as in cooccurrence_count; C >= M is enough.
//: cooccurrence_merge(parts:i[M], part_sums:l[M], bounds:l[K,R+1], vocabulary:n>=1, columns+i[C], sums+l[C],
//:     row_ends+l[R])
//:     where bounds ascends to M; vocabulary <= 2147483647
KERNEL(cooccurrence_merge)
{
    dense_row row;
    const char *problem = dense_row_open(&row, a->vocabulary) ? NULL : sq_no_memory;
    int64_t end = 0;
    for (int64_t r = 0; r < a->R && !problem; r++) {
        problem = add_parts(&row, a, r);
        if (!problem && row.count > a->C - end) problem = no_places;
        if (!problem) a->row_ends[r] = end += dense_row_flush(&row, a->columns + end, a->sums + end);
    }
    dense_row_close(&row);
    return problem;
}
