// The scores of a row that penalties and constraints change: those of the tokens so far, of tokens that would repeat an
// n-gram, and of forbidden ones. They are few, so a row is not copied for them.
#ifndef SEQNN_DECODE_EDITS_H
#define SEQNN_DECODE_EDITS_H

#include "base/arith.h"
#include "base/table.h"
#include "seqnn.h"

// What all rows of a call share. An n-gram costs `ngram_penalty` for each time that it stands in the row.
typedef struct {
    double repetition, frequency, presence, ngram_penalty;
    int64_t ngram, prompt;                                    // tokens of an n-gram (0: off); columns of the prompt
    const int64_t *suppressed, *words, *word_offsets;         // forbidden tokens, and forbidden sequences of tokens
    int64_t suppressed_count, word_count, tokens, vocabulary; // `tokens`: columns of the tokens so far
} edit_rules;

#define EDIT_RULES(a)                                                                                                  \
    {a->repetition_penalty,                                                                                            \
     a->frequency_penalty,                                                                                             \
     a->presence_penalty,                                                                                              \
     a->ngram_penalty,                                                                                                 \
     a->ngram_size,                                                                                                    \
     a->prompt,                                                                                                        \
     a->suppressed,                                                                                                    \
     a->words,                                                                                                         \
     a->word_offsets,                                                                                                  \
     a->F,                                                                                                             \
     a->N,                                                                                                             \
     a->T,                                                                                                             \
     a->V}

typedef struct {
    int64_t token, written, ngrams; // times among the new tokens; times that its n-gram stands in the row
    bool seen, banned;              // whether it is one of the tokens so far
} edit;

// The edits of a row, and where each token's is: a table of places with twice as many slots.
typedef struct {
    edit *list;
    int32_t *slots; // -1: free
    int64_t count, mask;
} edits;

static inline bool edit_penalises(const edit_rules *r)
{
    return r->repetition != 1 || r->frequency != 0 || r->presence != 0;
}

// The most tokens that a row can have edits of, even if somebody changes the tokens meanwhile.
static inline int64_t edit_most(const edit_rules *r)
{
    const int64_t readings = edit_penalises(r) + (r->ngram > 0);
    return readings * r->tokens + r->suppressed_count + r->word_count;
}

static inline int64_t edit_slots(const edit_rules *r)
{
    int64_t slots = 4;
    while (slots < 2 * edit_most(r)) slots *= 2;
    return slots;
}

static inline size_t edit_bytes(const edit_rules *r)
{
    return (size_t)(edit_most(r) + 1) * sizeof(edit) + (size_t)edit_slots(r) * sizeof(int32_t);
}

static inline edits edit_room(const edit_rules *r, void *memory)
{
    edit *list = memory;
    return (edits){list, (int32_t *)(list + edit_most(r) + 1), 0, edit_slots(r) - 1};
}

// The slot of a token, or the free one where it belongs.
static inline int64_t edit_slot(const edits *e, int64_t token)
{
    int64_t at = (int64_t)(table_mix((uint64_t)token, TABLE_GOLDEN) & (uint64_t)e->mask);
    while (e->slots[at] >= 0 && e->list[e->slots[at]].token != token) at = (at + 1) & e->mask;
    return at;
}

static inline bool is_edited(const edits *e, int64_t token) { return e->count && e->slots[edit_slot(e, token)] >= 0; }

// The edit of a token of the vocabulary: what is there, or a new one.
static inline edit *edit_of(edits *e, int64_t token)
{
    const int64_t at = edit_slot(e, token);
    if (e->slots[at] < 0) {
        e->list[e->count] = (edit){.token = token};
        e->slots[at] = (int32_t)e->count++;
    }
    return e->list + e->slots[at];
}

static inline bool are_equal(const int64_t *x, const int64_t *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] != y[i]) return false;
    return true;
}

// Collects the edits of a row whose tokens are ids[begin .. tokens). What is not in the vocabulary is never written.
static inline void edit_row(edits *e, const edit_rules *r, const int64_t *ids, int64_t begin)
{
    const int64_t end = r->tokens, n = r->ngram;
    e->count = 0;
    if (!edit_most(r)) return;
    memset(e->slots, -1, (size_t)(e->mask + 1) * sizeof *e->slots);
    begin = least(most(begin, 0), end);
#define IN_VOCABULARY(token) ((uint64_t)(token) < (uint64_t)r->vocabulary)
    for (int64_t t = begin; edit_penalises(r) && t < end; t++) {
        const int64_t token = ids[t];
        if (!IN_VOCABULARY(token)) continue;
        edit *found = edit_of(e, token);
        found->seen = true, found->written += t >= r->prompt;
    }
    for (int64_t t = begin; n > 0 && t <= end - n; t++) {
        const int64_t token = ids[t + n - 1];
        if (are_equal(ids + t, ids + end - n + 1, n - 1) && IN_VOCABULARY(token)) edit_of(e, token)->ngrams++;
    }
    for (int64_t w = 0; w < r->word_count; w++) {
        const int64_t *word = r->words + r->word_offsets[w], before = r->word_offsets[w + 1] - r->word_offsets[w] - 1;
        if (before < 0 || before > end - begin || !are_equal(word, ids + end - before, before)) continue;
        const int64_t token = word[before];
        if (IN_VOCABULARY(token)) edit_of(e, token)->banned = true;
    }
    for (int64_t i = 0; i < r->suppressed_count; i++) {
        const int64_t token = r->suppressed[i];
        if (IN_VOCABULARY(token)) edit_of(e, token)->banned = true;
    }
#undef IN_VOCABULARY
}

// What becomes of a token's score.
static inline real edit_score(const edit_rules *r, const edit *e, real score)
{
    if (e->banned) return -(real)INFINITY;
    if (e->seen) score = score < 0 ? score * (real)r->repetition : score / (real)r->repetition;
    if (e->written) score -= (real)(r->frequency * (double)e->written + r->presence);
    return e->ngrams ? score - (real)(r->ngram_penalty * (double)e->ngrams) : score;
}

#endif
