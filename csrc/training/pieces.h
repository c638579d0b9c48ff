// A list of arrays seen as pieces of fixed length, which threads share and which partial sums belong to. The pieces
// depend on the sizes alone, so results do not depend on the number of threads.
#ifndef SEQNN_TRAINING_PIECES_H
#define SEQNN_TRAINING_PIECES_H

#include "base/arith.h"
#include "seqnn.h"

enum { PIECE = 4096 }; // elements; a multiple of any register's lanes

// The piece [begin, end) of array k; `number` counts the pieces of all arrays.
struct piece {
    int64_t k, begin, end, number;
};

// The pieces of one thread: those that start in its share [from, to) of all elements put end to end.
struct pieces {
    const int64_t *size;
    int64_t count, offset, from, to; // offset: elements of the arrays before array k
    struct piece at;
};

static inline int64_t pieces_in(int64_t size) { return blocks(size, PIECE); }

static inline int64_t pieces_elements(const int64_t *size, int64_t count)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < count; k++) sum += size[k];
    return sum;
}

// The pieces of the calling thread of a parallel region. They depend on the number of threads that the region really
// has: it may get fewer than it asks for (OMP_THREAD_LIMIT, OMP_DYNAMIC, a build without OpenMP).
static inline struct pieces pieces_of_thread(const int64_t *size, int64_t count)
{
    const int64_t all = pieces_elements(size, count), thread = omp_get_thread_num(), team = omp_get_num_threads();
    return (struct pieces){.size = size,
                           .count = count,
                           .from = cut(all, team, thread),
                           .to = cut(all, team, thread + 1),
                           .at = {.number = -1}};
}

// Moves on to the next piece of the thread; false when there is none.
static inline bool pieces_next(struct pieces *p)
{
    struct piece *at = &p->at;
    at->begin = at->end;
    at->number++;
    for (; at->k < p->count; at->k++) {
        const int64_t size = p->size[at->k];
        if (p->offset + at->begin < p->from) { // skip what earlier threads do
            const int64_t skipped = pieces_in(p->from - p->offset - at->begin);
            const int64_t left = pieces_in(size - at->begin);
            at->number += least(skipped, left);
            at->begin = skipped < left ? at->begin + skipped * PIECE : size;
        }
        if (at->begin < size) {
            at->end = least(size, at->begin + PIECE);
            return p->offset + at->begin < p->to;
        }
        p->offset += size;
        at->begin = 0;
    }
    return false;
}

#endif
