// The best rows for a query: scores of rows that lie side by side are offered to a heap, and the heaps of all threads
// become one.
#ifndef SEQNN_WORDS_BEST_ROWS_H
#define SEQNN_WORDS_BEST_ROWS_H

#include "base/arith.h"
#include "base/heap.h"
#include "vec/dot.h"

// The best rows that a thread has found for a query.
struct best_rows {
    candidate *heap; // [capacity]
    int64_t filled, capacity;
    const int64_t *excluded; // [excluded_count] rows that must not be found
    int64_t excluded_count;
};

// Never inlined, so that a row has the same score bit by bit wherever it is computed.
static __attribute__((noinline)) real dot_row(const real *x, const real *y, int64_t n)
{
    dot_sums sums = dot_groups(x, y, n);
    int64_t i = sums.done;
    for (; i + LANES <= n; i += LANES) sums.a += vf_load(x + i) * vf_load(y + i);
    if (i < n) sums.b += vf_load_part(x + i, n - i) * vf_load_part(y + i, n - i);
    return dot_total(sums);
}

// Offers one row, unless its score is NaN or it is excluded.
static inline void offer_row(struct best_rows *b, candidate row)
{
    bool refused = row.score != row.score;
    for (int64_t e = 0; e < b->excluded_count; e++) refused |= b->excluded[e] == row.id;
    if (!refused) heap_push(b->heap, &b->filled, b->capacity, row);
}

enum { PIECE = 64 }; // scores that are looked at together: most pieces hold nothing of interest

// Tells whether some of n scores reach the least one that counts. A NaN never does.
static inline bool any_reaches(const real *score, int64_t n, real least_score)
{
    int any = 0;
#pragma omp simd reduction(| : any)
    for (int64_t i = 0; i < n; i++) any |= score[i] >= least_score;
    return any;
}

// Offers the scores of consecutive rows, the first being `id`.
static inline void offer_rows(struct best_rows *b, int64_t id, const real *score, int64_t n)
{
    for (int64_t from = 0; from < n; from += PIECE) {
        const int64_t to = least(from + PIECE, n);
        const real worst = b->filled == b->capacity ? (real)b->heap[0].score : -INFINITY;
        if (!any_reaches(score + from, to - from, worst)) continue;
        for (int64_t i = from; i < to; i++)
            if (score[i] >= worst) offer_row(b, (candidate){score[i], id + i});
    }
}

// Adds what `from` holds to `to`.
static inline void join_rows(struct best_rows *to, const struct best_rows *from)
{
    for (int64_t i = 0; i < from->filled; i++) heap_push(to->heap, &to->filled, to->capacity, from->heap[i]);
}

// Writes the rows, best first; places that stay empty hold id -1 and score NaN.
static inline void write_rows(struct best_rows *b, int64_t *ids, real *scores)
{
    heap_sort(b->heap, b->filled);
    for (int64_t i = 0; i < b->capacity; i++) {
        ids[i] = i < b->filled ? b->heap[i].id : -1;
        scores[i] = i < b->filled ? (real)b->heap[i].score : NAN;
    }
}

#endif
