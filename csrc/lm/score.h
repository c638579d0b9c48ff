// How a trie of log10 probabilities scores a word: by the longest n-gram that ends with it, and the weights of the
// longer contexts.
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

#endif
