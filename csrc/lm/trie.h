// A trie of n-grams, in two arrays that the caller holds: nodes for n-grams shorter than the order, leaves for those of
// the full order. A slot is a place in the nodes, or M + a place in the leaves.
//
// Slot 0 is the root, slot 1 + w the unigram of word w, then follow the bigrams, the trigrams ... The children of node
// i, the n-grams that are one word longer, lie in its region, the slots [child(i), child(i + 1)). The unigrams are
// found by their number, a region of at most four slots is searched from its beginning, a larger one is a hash table, a
// third of which is free.
//
// The arrays are too large to be checked in every call: only where each length begins is. A child, a region and a slot
// are checked where they are read, so arrays that are no trie give odd numbers, but nothing beyond the arrays is read.
#ifndef SEQNN_LM_TRIE_H
#define SEQNN_LM_TRIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/once.h"

typedef struct {
    uint32_t word;
    float log_prob;
    union {
        float log_backoff;
        uint32_t count; // while a model is made
    };
    uint32_t child;
} ngram_node;

typedef struct {
    uint32_t word;
    union {
        float log_prob;
        uint32_t count;
    };
} ngram_leaf;

typedef struct {
    const ngram_node *nodes;
    const ngram_leaf *leaves;
    int64_t order, M, L; // M nodes (and one more, which ends the last region), L leaves
    int64_t level[18];   // slots of n words: [level[n], level[n + 1])
} trie;

typedef struct {
    int64_t begin, end;
} trie_region;

enum { TRIE_FEW = 4, TRIE_MOST_ORDER = 16 };
#define TRIE_FREE UINT32_MAX // the word of a free slot

static const char trie_damaged[] = "nodes and leaves: no trie of n-grams of this order";

// Fills `level`. False where the arrays are no trie.
static inline bool trie_open(trie *t)
{
    if (t->M < 1 || t->order < 1 || t->order > TRIE_MOST_ORDER) return false;
    t->level[0] = 0;
    t->level[1] = 1;
    for (int64_t n = 1; n <= t->order; n++) {
        if (t->level[n] > t->M) return false;
        t->level[n + 1] = READ_ONCE(t->nodes[t->level[n]].child);
        if (t->level[n + 1] < t->level[n]) return false;
    }
    return t->nodes[0].child == 1 && t->level[t->order] == t->M && t->level[t->order + 1] == t->M + t->L;
}

static inline uint32_t trie_word(const trie *t, int64_t slot)
{
    return slot < t->M ? READ_ONCE(t->nodes[slot].word) : READ_ONCE(t->leaves[slot - t->M].word);
}

static inline float trie_log_prob(const trie *t, int64_t slot)
{
    return slot < t->M ? t->nodes[slot].log_prob : t->leaves[slot - t->M].log_prob;
}

// Returns the region of the children of a node of n - 1 words; an empty one where the node names slots of another
// length.
static inline trie_region trie_children(const trie *t, int64_t n, int64_t node)
{
    const int64_t begin = READ_ONCE(t->nodes[node].child), end = READ_ONCE(t->nodes[node + 1].child);
    const bool good = (begin >= t->level[n]) & (begin <= end) & (end <= t->level[n + 1]);
    return (trie_region){good ? begin : t->level[n], good ? end : t->level[n]};
}

// The slots that a number of children needs.
static inline int64_t trie_room(int64_t children) { return children <= TRIE_FEW ? children : children + children / 2; }

// The slot at which the search for a word begins.
static inline int64_t trie_home(trie_region r, uint32_t word)
{
    const int64_t size = r.end - r.begin, places = size > TRIE_FEW ? size : 0;
    return r.begin + (int64_t)((uint64_t)(word * UINT32_C(0x9E3779B1)) * (uint64_t)places >> 32);
}

// Returns where a word lies in a region, -1 where it is not there.
static inline int64_t trie_search(const uint32_t *slots, int64_t width, trie_region r, uint32_t word)
{
    int64_t i = trie_home(r, word);
    for (int64_t steps = r.end - r.begin; steps > 0; steps--) {
        const uint32_t found = READ_ONCE(slots[i * width]);
        if (found == TRIE_FREE) return -1;
        if (found == word) return i;
        i = i + 1 < r.end ? i + 1 : r.begin;
    }
    return -1;
}

// Returns the slot of the n-gram of n words whose last word is `word` and whose context has this region, or 0.
static inline int64_t trie_find_in(const trie *t, int64_t n, trie_region r, uint32_t word)
{
    if (n < t->order) {
        const int64_t at = trie_search((const uint32_t *)t->nodes, 4, r, word);
        return at < 0 ? 0 : at;
    }
    r.begin -= t->M;
    r.end -= t->M;
    const int64_t at = trie_search((const uint32_t *)t->leaves, 2, r, word);
    return at < 0 ? 0 : at + t->M;
}

// Does the same from the context's node.
static inline int64_t trie_find(const trie *t, int64_t n, int64_t node, uint32_t word)
{
    if (n == 1) return word < t->level[2] - 1 ? 1 + (int64_t)word : 0;
    return trie_find_in(t, n, trie_children(t, n, node), word);
}

// Fetches what trie_find_in will look at first.
static inline void trie_fetch(const trie *t, int64_t n, trie_region r, uint32_t word)
{
    const int64_t home = trie_home(r, word);
    if (n < t->order)
        __builtin_prefetch(t->nodes + home);
    else
        __builtin_prefetch(t->leaves + home - t->M);
}

#endif
