// The best n of many candidates: a heap with the worst on top.
//
// Candidates are in one total order: higher score first, then lower id. So the best n do not depend on who finds them.
#ifndef SEQNN_BASE_HEAP_H
#define SEQNN_BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    double score;
    int64_t id;
} candidate;

static inline bool is_better(candidate a, candidate b)
{
    return a.score > b.score || (a.score == b.score && a.id < b.id);
}

static inline void heap_sift_down(candidate *heap, int64_t n, int64_t at, candidate item)
{
    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_better(heap[child], heap[child + 1])) child++;
        if (!is_better(item, heap[child])) break;
        heap[at] = heap[child];
    }
    heap[at] = item;
}

// Offers a candidate to a heap of *n, which holds `capacity` at most, 1 or more.
static inline void heap_push(candidate *heap, int64_t *n, int64_t capacity, candidate item)
{
    if (*n == capacity) {
        if (is_better(item, heap[0])) heap_sift_down(heap, capacity, 0, item);
        return;
    }
    int64_t at = (*n)++;
    for (int64_t parent; at > 0 && is_better(heap[parent = (at - 1) / 2], item); at = parent) heap[at] = heap[parent];
    heap[at] = item;
}

// Sorts a heap in place, best first.
static inline void heap_sort(candidate *heap, int64_t n)
{
    while (n > 1) {
        const candidate worst = heap[0];
        n--;
        heap_sift_down(heap, n, 0, heap[n]);
        heap[n] = worst;
    }
}

#endif
