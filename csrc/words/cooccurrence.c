// Word co-occurrence counts as sparse rows (CSR), in whole multiples of a unit weight: sums of integers, which are the
// same for any number of threads and however the text was cut into pieces.
//
// The contexts of a word are gathered at all its positions (an inverted index) into a dense row of counters; the
// columns that were touched go through a bitmap of two levels, which puts them in order.
#include "cooccurrence_args.h"
#include "seqnn.h"

enum { AHEAD = 12 }; // positions that are prefetched before they are visited

// Inverted index of a text: positions[starts[v] .. starts[v + 1]) are the places of word v, ascending; bit p of
// `boundaries` says that a sentence begins at p, and bit N ends the last one.
//: cooccurrence_index(ids:i[N]<V, offsets:l[S+1], starts+l[V+1], positions+i[N], boundaries+u64[B])
KERNEL(cooccurrence_index)
{
    const int64_t n = a->N, words = a->V;
    if (a->B < n / 64 + 1 || n >= INT32_MAX) return "boundaries: expected one bit a word and one more, below 2^31";
    memset(a->boundaries, 0, (size_t)a->B * sizeof(uint64_t));
    for (int64_t s = 0; s <= a->S; s++) {
        int64_t at = a->offsets[s];
        if (at < 0 || at > n) return "offsets: expected positions within the text";
        a->boundaries[at >> 6] |= UINT64_C(1) << (at & 63);
    }
    a->boundaries[n >> 6] |= UINT64_C(1) << (n & 63);
    a->boundaries[0] |= 1;

    // A counting sort: each part of the text counts its words, then knows where it may write them.
    const int parts = sq_team(n);
    int64_t *next = calloc((size_t)(parts * words + 1), sizeof *next);
    if (!next) return sq_no_memory;
#pragma omp parallel for num_threads(parts) schedule(static, 1)
    for (int t = 0; t < parts; t++)
        for (int64_t p = n * t / parts; p < n * (t + 1) / parts; p++) next[t * words + a->ids[p]]++;
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
#pragma omp parallel for num_threads(parts) schedule(static, 1)
    for (int t = 0; t < parts; t++)
        for (int64_t p = n * t / parts; p < n * (t + 1) / parts; p++)
            a->positions[next[t * words + a->ids[p]]++] = (int32_t)p;
    free(next);
    return NULL;
}

// How many words before position p stand in its sentence, at most `most`.
static inline int64_t reach_left(const uint64_t *restrict boundaries, int64_t p, int64_t most)
{
    int64_t i = p;
    uint64_t bits = boundaries[i >> 6] << (63 - (i & 63));
    while (!bits) {
        i = (i & ~INT64_C(63)) - 1;
        if (p - i >= most) return most;
        bits = boundaries[i >> 6];
    }
    int64_t reach = p - i + __builtin_clzll(bits);
    return reach < most ? reach : most;
}

// How many words after position p stand in its sentence, at most `most`.
static inline int64_t reach_right(const uint64_t *restrict boundaries, int64_t p, int64_t most)
{
    int64_t i = p + 1;
    uint64_t bits = boundaries[i >> 6] >> (i & 63);
    while (!bits) {
        i = (i | 63) + 1;
        if (i - p - 1 >= most) return most;
        bits = boundaries[i >> 6];
    }
    int64_t reach = i - p - 1 + __builtin_ctzll(bits);
    return reach < most ? reach : most;
}

// A thread's dense row of counters; `touched` lists the columns that are not zero.
typedef struct {
    uint64_t *sums, *low, *high; // high: a bit for each word of low; low: a bit a column
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

static inline void dense_row_add(dense_row *row, int32_t column, int64_t weight)
{
    uint64_t old = row->sums[column];
    row->touched[row->count] = column;
    row->count += old == 0;
    row->sums[column] = old + (uint64_t)weight;
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

// Rows that were written at slots[r] move together; row_ends says where each ends then.
static void close_gaps(int32_t *columns, int64_t *sums, const int64_t *slots, int64_t *row_ends, int64_t rows)
{
    int64_t end = 0;
    for (int64_t r = 0; r < rows; r++) {
        int64_t count = row_ends[r];
        if (slots[r] != end) {
            memmove(columns + end, columns + slots[r], (size_t)count * sizeof *columns);
            memmove(sums + end, sums + slots[r], (size_t)count * sizeof *sums);
        }
        row_ends[r] = end += count;
    }
}

static void count_row(dense_row *row, const struct cooccurrence_count *a, int64_t first, int64_t last)
{
    const int32_t *ids = a->ids;
    const int64_t *weights = a->weights;
    const int64_t window = a->W - 1;
    for (int64_t k = first; k < last; k++) {
        int64_t p = a->positions[k];
        if (k + AHEAD < a->M) {
            const int32_t *next = ids + a->positions[k + AHEAD];
            __builtin_prefetch(next);
            __builtin_prefetch(next + 10);
        }
        int64_t right = reach_right(a->boundaries, p, window);
        for (int64_t d = 1; d <= right; d++) dense_row_add(row, ids[p + d], weights[d]);
        if (a->symmetric) {
            int64_t left = reach_left(a->boundaries, p, window);
            for (int64_t d = 1; d <= left; d++) dense_row_add(row, ids[p - d], weights[d]);
        }
    }
}

// The rows of R words: `positions` are those of these words, word r's are [starts[r], starts[r + 1]) - starts[0]. A
// context at distance d counts weights[d]; to the right only unless `symmetric`. Row r has min(V, contexts) places in
// `columns` and `sums` while it is counted; afterwards the rows stand one after the other and row_ends[r] says where
// r's ends.
//: cooccurrence_count(ids:i[N], boundaries:u64[B], positions:i[M], starts:l[R+1], weights:l[W], vocabulary:n>=1,
//:     symmetric:p, columns+i[C], sums+l[C], row_ends+l[R])
KERNEL(cooccurrence_count)
{
    const int64_t reach = (a->W - 1) * (a->symmetric ? 2 : 1);
    int64_t *slots = malloc(((size_t)a->R + 1) * sizeof *slots);
    if (!slots) return sq_no_memory;
    slots[0] = 0;
    for (int64_t r = 0; r < a->R; r++) {
        int64_t contexts = (a->starts[r + 1] - a->starts[r]) * reach;
        slots[r + 1] = slots[r] + (contexts < a->vocabulary ? contexts : a->vocabulary);
    }
    if (slots[a->R] > a->C) {
        free(slots);
        return "columns: too few places for these rows";
    }
    bool failed = false;
    const int team = sq_team(a->M * reach);
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
                count_row(&row, a, a->starts[r] - a->starts[0], a->starts[r + 1] - a->starts[0]);
                a->row_ends[r] = dense_row_flush(&row, a->columns + slots[r], a->sums + slots[r]);
            }
        }
        dense_row_close(&row);
    }
    if (!failed) close_gaps(a->columns, a->sums, slots, a->row_ends, a->R);
    free(slots);
    return failed ? sq_no_memory : NULL;
}

// The sum of K matrices, R rows of each: row r of matrix k is [bounds[k, r], bounds[k, r + 1]) of `parts` and
// `part_sums`. Output as in cooccurrence_count; C >= M.
//: cooccurrence_merge(parts:i[M], part_sums:l[M], bounds:l[K,R+1], vocabulary:n>=1, columns+i[C], sums+l[C],
//:     row_ends+l[R])
KERNEL(cooccurrence_merge)
{
    dense_row row;
    if (!dense_row_open(&row, a->vocabulary)) {
        dense_row_close(&row);
        return sq_no_memory;
    }
    int64_t end = 0;
    for (int64_t r = 0; r < a->R && end + row.count <= a->C; r++) {
        for (int64_t k = 0; k < a->K; k++) {
            const int64_t *bounds = a->bounds + k * (a->R + 1) + r;
            for (int64_t i = bounds[0]; i < bounds[1]; i++) dense_row_add(&row, a->parts[i], a->part_sums[i]);
        }
        if (end + row.count <= a->C) a->row_ends[r] = end += dense_row_flush(&row, a->columns + end, a->sums + end);
    }
    const bool full = row.count > 0;
    dense_row_close(&row);
    return full ? "columns: too few places for these rows" : NULL;
}
