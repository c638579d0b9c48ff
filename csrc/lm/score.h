// How a trie of log10 probabilities scores a word: by the longest n-gram that ends with it, and the weights of the
// longer contexts.
//
// A state is what a model must know of a text to score what follows: the slots of the n-grams of 1 .. order - 1 words
// that end it; 0 where the text is shorter, ABSENT where the model lacks the n-gram.
#ifndef SEQNN_LM_SCORE_H
#define SEQNN_LM_SCORE_H

#include "base/arith.h"
#include "lm/trie.h"
#include "ngram_score_args.h"
#include "seqnn.h"

// DIRECT: only the n-gram with the whole context counts, and the weight of a context is the probability of a word that
// never followed it. CLOSED: every n-gram without its first word is there, too. `absent` is the weight of a context
// that the model lacks.
typedef struct {
    trie t;
    bool direct, closed;
    float absent;
    int64_t words;
} model;

#define OPEN_MODEL()                                                                                                   \
    model m = {.t = {(const ngram_node *)a->nodes, (const ngram_leaf *)a->leaves, a->order, a->M, a->L, {0}},          \
               .direct = a->kind & NGRAM_SCORE_DIRECT,                                                                 \
               .closed = a->kind & NGRAM_SCORE_CLOSED,                                                                 \
               .absent = (float)a->absent};                                                                            \
    if (!trie_open(&m.t)) return trie_damaged;                                                                         \
    m.words = m.t.level[2] - 1;                                                                                        \
    if (m.words <= NGRAM_SCORE_EOS) return trie_damaged

static inline uint32_t known(const model *m, int32_t id)
{
    return id >= 0 && id < m->words ? (uint32_t)id : NGRAM_SCORE_UNK;
}

static inline float weight(const model *m, uint32_t context)
{
    return context ? m->t.nodes[context].log_backoff : m->absent;
}

// Returns the log-probability of a word whose longest n-gram has `length` words and lies at `slot`. The context of k
// words lies at context[k * stride], and the longest has `reach` words.
static inline float log_prob(const model *m, int64_t slot, int64_t length, const uint32_t *context, int64_t stride,
                             int64_t reach)
{
    float p = trie_log_prob(&m->t, slot);
    if (m->direct) return length > reach ? p : weight(m, context[reach * stride]);
    for (int64_t k = length; k <= reach; k++) p += weight(m, context[k * stride]);
    return p;
}

// Reads a state into context[1 ..] and returns its reach, -1 where it is none of this model.
static inline int64_t read_state(const model *m, const uint32_t *state, uint32_t *context)
{
    int64_t reach = 0;
    for (int64_t n = 1; n < m->t.order; n++) {
        const uint32_t slot = READ_ONCE(state[n - 1]);
        if (!slot) break;
        const bool absent = slot == NGRAM_SCORE_ABSENT;
        if (!absent && (slot < m->t.level[n] || slot >= m->t.level[n + 1])) return -1;
        context[n] = absent ? 0 : slot;
        reach = n;
    }
    return reach;
}

// Returns the log-probability of a word after a state that read_state has read, and writes the state after it to
// next[order - 1]. BOS has the probability 1 and the state of a text that begins with it.
static inline float advance(const model *m, const uint32_t *context, int64_t reach, uint32_t word, uint32_t *next)
{
    int64_t length = 1, longest = 1 + word;
    for (int64_t n = 1; n < m->t.order; n++) next[n - 1] = 0;
    if (word == NGRAM_SCORE_BOS) { // a text begins anew
        if (m->t.order > 1) next[0] = 1 + NGRAM_SCORE_BOS;
        return 0;
    }
    for (int64_t n = 1; n <= reach + 1; n++) {
        const int64_t slot = n == 1           ? 1 + (int64_t)word
                             : context[n - 1] ? trie_find(&m->t, n, context[n - 1], word)
                                              : 0;
        if (slot) length = n, longest = slot;
        if (n < m->t.order) next[n - 1] = slot ? (uint32_t)slot : NGRAM_SCORE_ABSENT;
    }
    return log_prob(m, longest, length, context, 1, reach);
}

#endif
