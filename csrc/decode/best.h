// The best tokens of a row of scores. One pass sums its exponentials and notes the largest score of each strip; then
// the few strips that may hold one of the best are looked at. Nothing is sorted or copied.
#ifndef SEQNN_DECODE_BEST_H
#define SEQNN_DECODE_BEST_H

#include "base/heap.h"
#include "decode/edits.h"
#include "decode/log_sum.h"

enum {
    STRIP = 256,           // scores whose largest one is noted
    STRIP_LOOK = 4 * LANES // that are compared with the worst candidate at once
};

// The candidates, and of each strip of the row its largest score and whether it has an edit.
typedef struct {
    candidate *heap;
    int64_t count, capacity;
    real *tops;
    bool *edited;
} best_heap;

static inline size_t best_bytes(int64_t vocabulary)
{
    return (size_t)round_up(blocks(vocabulary, STRIP) * (int64_t)(sizeof(real) + sizeof(bool)), 64);
}

static inline best_heap best_room(candidate *heap, int64_t capacity, int64_t vocabulary, void *memory)
{
    real *tops = memory;
    return (best_heap){heap, 0, capacity, tops, (bool *)(tops + blocks(vocabulary, STRIP))};
}

static real best_worst(const best_heap *best)
{
    return best->count == best->capacity ? (real)best->heap[0].score : -(real)INFINITY;
}

// A score that as many tokens reach as are wanted, or more: the worst of the best strips' largest ones. Only scores
// that nothing changes count.
static real best_floor(best_heap *best, int64_t strips, const edits *e)
{
    memset(best->edited, 0, (size_t)strips);
    for (int64_t k = 0; k < e->count; k++) best->edited[e->list[k].token / STRIP] = true;
    for (int64_t i = 0; i < strips; i++)
        if (!best->edited[i] && best->tops[i] > -(real)INFINITY)
            heap_push(best->heap, &best->count, best->capacity, (candidate){(double)best->tops[i], i});
    const real floor = best_worst(best);
    best->count = 0;
    return floor;
}

// Offers scores first .. end - 1 of a row that are not edited and not below the floor.
static void best_offer(best_heap *best, const real *x, const bool *allowed, const edits *e, int64_t first, int64_t end,
                       real floor)
{
    for (int64_t at = first; at < end; at += STRIP_LOOK) {
        const int64_t stop = least(at + STRIP_LOOK, end);
        const real worst = best_worst(best), top = row_largest(x + at, NULL, stop - at);
        if (!(top > worst && top >= floor)) continue;
        for (int64_t i = at; i < stop; i++)
            if (x[i] > worst && x[i] >= floor && (!allowed || allowed[i]) && !is_edited(e, i))
                heap_push(best->heap, &best->count, best->capacity, (candidate){(double)x[i], i});
    }
}

// Fills the heap with the best tokens of a row, best first, with their scores: log-probabilities where the row is to be
// normalised, which happens before the edits. Returns what is wrong with the row.
static uint8_t best_of_row(best_heap *best, const real *x, int64_t n, const bool *allowed, const edits *e,
                           const edit_rules *rules, bool normalise)
{
    const int64_t strips = blocks(n, STRIP);
    log_sum sum = log_sum_none();
    best->count = 0;
    for (int64_t at = 0; at < n; at += ROW_BLOCK) {
        const int64_t end = least(n, at + ROW_BLOCK);
        real top = -(real)INFINITY;
        for (int64_t from = at; from < end; from += STRIP) {
            const real largest = row_largest(x + from, NULL, least(STRIP, end - from));
            best->tops[from / STRIP] = largest, top = largest > top ? largest : top;
        }
        if (normalise) log_sum_add(&sum, x + at, end - at, top);
    }
    if (normalise && !is_finite_row(sum)) return ROW_NOT_FINITE;
    const real floor = allowed ? -(real)INFINITY : best_floor(best, strips, e);
    for (int64_t i = 0; i < strips; i++)
        if (best->tops[i] >= floor && best->tops[i] > best_worst(best))
            best_offer(best, x, allowed, e, i * STRIP, least(n, (i + 1) * STRIP), floor);
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
