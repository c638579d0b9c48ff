// The best tokens of a row of scores, in the pass that also sums its exponentials: nothing is sorted or copied.
#ifndef SEQNN_DECODE_BEST_H
#define SEQNN_DECODE_BEST_H

#include "base/heap.h"
#include "decode/edits.h"
#include "decode/log_sum.h"

typedef struct {
    candidate *heap;
    int64_t count, capacity;
} best_heap;

enum { STRIP = 4 * LANES }; // scores that are compared with the worst candidate at once

static real best_worst(const best_heap *best)
{
    return best->count == best->capacity ? (real)best->heap[0].score : -(real)INFINITY;
}

// Offers scores first .. first + n - 1 of a row that are not edited.
static void best_offer(best_heap *best, const real *x, const bool *allowed, const edits *e, int64_t first, int64_t n)
{
    for (int64_t at = first; at < first + n; at += STRIP) {
        const int64_t end = least(at + STRIP, first + n);
        const real worst = best_worst(best);
        if (!(row_largest(x + at, NULL, end - at) > worst)) continue;
        for (int64_t i = at; i < end; i++)
            if (x[i] > worst && (!allowed || allowed[i]) && !is_edited(e, i))
                heap_push(best->heap, &best->count, best->capacity, (candidate){(double)x[i], i});
    }
}

// Fills the heap with the best tokens of a row, best first, with their scores: log-probabilities where the row is to be
// normalised, which happens before the edits. Returns what is wrong with the row.
static uint8_t best_of_row(best_heap *best, const real *x, int64_t n, const bool *allowed, const edits *e,
                           const edit_rules *rules, bool normalise)
{
    log_sum sum = log_sum_none();
    best->count = 0;
    for (int64_t at = 0; at < n; at += ROW_BLOCK) {
        const int64_t size = least(ROW_BLOCK, n - at);
        const real top = normalise ? log_sum_add(&sum, x + at, size) : row_largest(x + at, NULL, size);
        if (top > best_worst(best)) best_offer(best, x, allowed, e, at, size);
    }
    if (normalise && !is_finite_row(sum)) return ROW_NOT_FINITE;
    const double shift = normalise ? log_sum_value(sum) : 0;
    for (int64_t k = 0; k < e->count; k++) {
        const edit *edited = e->list + k;
        const double score = (double)edit_score(rules, edited, (real)((double)x[edited->token] - shift)) + shift;
        if (score > -INFINITY && (!allowed || allowed[edited->token]))
            heap_push(best->heap, &best->count, best->capacity, (candidate){score, edited->token});
    }
    heap_sort(best->heap, best->count);
    for (int64_t k = 0; k < best->count; k++) best->heap[k].score -= shift;
    return best->count ? ROW_FINE : ROW_NOTHING_ALLOWED;
}

#endif
