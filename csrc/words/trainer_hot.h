// Hierarchical softmax on several threads: the inner nodes near the root are in every path, and a row that all threads
// write travels between their caches all the time. Each thread therefore works on copies of its own of these rows, and
// adds what it changed to the shared row every few uses.
#ifndef SEQNN_WORDS_TRAINER_HOT_H
#define SEQNN_WORDS_TRAINER_HOT_H

#include "base/once.h"
#include "vec/vec.h"
#include "words/trainer.h"

enum { HOT_MOST = 255, HOT_LEVELS = 8, HOT_WORDS = 2048, HOT_USES = 8 };

// Which nodes are copied: the first levels of the paths of the first words. Shared by the threads.
struct hot_nodes {
    int64_t count;
    uint8_t *slot; // [M] place among the copies + 1, 0 for the others
    bool locked[HOT_MOST];
    int32_t node[HOT_MOST];
};

// Finds the nodes to copy. False where memory ran out.
static bool hot_find(struct hot_nodes *h, const struct training *a)
{
    h->slot = calloc((size_t)a->M + 1, 1);
    if (!h->slot) return false;
    for (int64_t level = 0; level < HOT_LEVELS; level++)
        for (int64_t v = 0; v < a->V && v < HOT_WORDS && h->count < HOT_MOST; v++) {
            int64_t start;
            if (read_part(a->path_offsets, v, a->L, &start) <= level) continue;
            const int32_t node = READ_ONCE(a->path_nodes[start + level]);
            if ((uint32_t)node >= a->M || h->slot[node]) continue;
            h->node[h->count] = node;
            h->slot[node] = (uint8_t)++h->count;
        }
    return true;
}

// One thread's copies, and what the shared rows were when they were copied.
struct hot_copies {
    struct hot_nodes *nodes;
    real *mine, *before; // [count][Q]
    int32_t uses[HOT_MOST];
};

// Adds the change of copy s to the shared row, and takes over what others added; false if another thread is at it.
static bool hot_merge(struct hot_copies *h, const struct training *a, int64_t s)
{
    if (__atomic_exchange_n(&h->nodes->locked[s], true, __ATOMIC_ACQUIRE)) return false;
    real *restrict shared = a->nodes + h->nodes->node[s] * a->Q, *restrict mine = h->mine + s * a->Q;
    real *restrict before = h->before + s * a->Q;
    for (int64_t i = 0; i < a->Q; i++) {
        const real sum = shared[i] + (mine[i] - before[i]);
        shared[i] = mine[i] = before[i] = sum;
    }
    __atomic_store_n(&h->nodes->locked[s], false, __ATOMIC_RELEASE);
    h->uses[s] = 0;
    return true;
}

static void hot_start(struct hot_copies *h, const struct training *a)
{
    for (int64_t s = 0; s < h->nodes->count; s++) {
        memcpy(h->mine + s * a->Q, a->nodes + h->nodes->node[s] * a->Q, (size_t)a->Q * sizeof(real));
        memcpy(h->before + s * a->Q, h->mine + s * a->Q, (size_t)a->Q * sizeof(real));
    }
}

static void hot_finish(struct hot_copies *h, const struct training *a)
{
    for (int64_t s = 0; s < h->nodes->count; s++)
        while (!hot_merge(h, a, s)) continue;
}

// Returns the row to train for a node: the thread's copy where it has one.
ALWAYS_INLINE real *hot_row(struct hot_copies *h, const struct training *a, int32_t node)
{
    real *const shared = a->nodes + node * a->Q;
    if (!h->nodes || !h->nodes->slot[node]) return shared;
    const int64_t s = h->nodes->slot[node] - 1;
    const int32_t uses = ++h->uses[s];
    if (uses == HOT_USES)
        for (int64_t at = 0; at < a->Q; at += 64 / (int64_t)sizeof(real)) prefetch_write(shared + at);
    if (uses > HOT_USES) hot_merge(h, a, s);
    return h->mine + s * a->Q;
}

#endif
