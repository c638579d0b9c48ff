// A trie of n-grams, in two arrays that the caller holds: nodes for n-grams shorter than the order, leaves for those of
// the full order. A slot is a place in the nodes, or M + a place in the leaves.
//
// Slot 0 is the root, slot 1 + w the unigram of word w, then follow the bigrams, the trigrams ... The children of node
// i, the n-grams that are one word longer, lie in its region, the slots [child(i), child(i + 1)). The unigrams are
// found by their number, a region of at most SMALL slots is searched from its beginning, a larger one is a hash table
// with free slots.
#ifndef SEQNN_LM_TRIE_H
#define SEQNN_LM_TRIE_H

#include <stdbool.h>
#include <stdint.h>

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

enum { TRIE_SMALL = 8, TRIE_MOST_ORDER = 16 };
#define TRIE_FREE UINT32_MAX // the word of a free slot

// The slots of a region for a number of children: a third of a hash table stays free.
static inline int64_t trie_room(int64_t children)
{
    return children <= TRIE_SMALL ? children : children + children / 2;
}

static inline int64_t trie_home(int64_t begin, int64_t end, uint32_t word)
{
    return begin + (int64_t)((uint64_t)(word * UINT32_C(0x9E3779B1)) * (uint64_t)(end - begin) >> 32);
}

static const char trie_damaged[] = "nodes and leaves: no trie of n-grams of this order";

typedef struct {
    const ngram_node *nodes;
    const ngram_leaf *leaves;
    int64_t order, M, L;                // M nodes (and one more, which ends the last region), L leaves
    int64_t level[TRIE_MOST_ORDER + 2]; // slots of n words: [level[n], level[n + 1])
} trie;

// Fill `level`. False where the arrays are no trie.
static inline bool trie_open(trie *t)
{
    if (t->M < 1 || t->order < 1 || t->order > TRIE_MOST_ORDER) return false;
    t->level[0] = 0;
    t->level[1] = 1;
    for (int64_t n = 1; n <= t->order; n++) {
        if (t->level[n] > t->M) return false;
        t->level[n + 1] = t->nodes[t->level[n]].child;
        if (t->level[n + 1] < t->level[n]) return false;
    }
    return t->nodes[0].child == 1 && t->level[t->order] == t->M && t->level[t->order + 1] == t->M + t->L;
}

// The region of a node of n - 1 words; an empty one where it does not lie among the slots of n words.
static inline void trie_region(const trie *t, int64_t n, int64_t node, int64_t *begin, int64_t *end)
{
    const int64_t from = t->nodes[node].child, to = t->nodes[node + 1].child;
    const bool good = from >= t->level[n] && from <= to && to <= t->level[n + 1];
    *begin = good ? from : t->level[n];
    *end = good ? to : t->level[n];
}

#define TRIE_FIND(slots, offset)                                                                                       \
    do {                                                                                                               \
        if (end - begin <= TRIE_SMALL) {                                                                               \
            for (int64_t i = begin; i < end; i++)                                                                      \
                if ((slots)[i - (offset)].word == word) return i;                                                      \
            return 0;                                                                                                  \
        }                                                                                                              \
        int64_t i = trie_home(begin, end, word);                                                                       \
        for (int64_t steps = end - begin; steps > 0; steps--) {                                                        \
            const uint32_t found = (slots)[i - (offset)].word;                                                         \
            if (found == word) return i;                                                                               \
            if (found == TRIE_FREE) return 0;                                                                          \
            if (++i == end) i = begin;                                                                                 \
        }                                                                                                              \
        return 0;                                                                                                      \
    } while (0)

// The slot of the n-gram of n words that is a node's n-gram and `word`, 0 where there is none.
static inline int64_t trie_find(const trie *t, int64_t n, int64_t node, uint32_t word)
{
    if (n == 1) return word < t->level[2] - 1 ? 1 + (int64_t)word : 0;
    int64_t begin, end;
    trie_region(t, n, node, &begin, &end);
    if (n < t->order) TRIE_FIND(t->nodes, 0);
    TRIE_FIND(t->leaves, t->M);
}

// Fetch what trie_find will look at first.
static inline void trie_prefetch(const trie *t, int64_t n, int64_t node, uint32_t word)
{
    int64_t begin, end;
    trie_region(t, n, node, &begin, &end);
    const int64_t at = end - begin <= TRIE_SMALL ? begin : trie_home(begin, end, word);
    if (n < t->order)
        __builtin_prefetch(t->nodes + at);
    else
        __builtin_prefetch(t->leaves + at - t->M);
}

static inline uint32_t trie_word(const trie *t, int64_t slot)
{
    return slot < t->M ? t->nodes[slot].word : t->leaves[slot - t->M].word;
}

static inline float trie_log_prob(const trie *t, int64_t slot)
{
    return slot < t->M ? t->nodes[slot].log_prob : t->leaves[slot - t->M].log_prob;
}

#endif
