// The input rows of word2vec: a token's is the row of its word in a->input, trained where it lies.
// fasttext_inputs.h is the other answer to the same questions.
#ifndef SEQNN_WORDS_WORD2VEC_INPUTS_H
#define SEQNN_WORDS_WORD2VEC_INPUTS_H

#include "vec/vec.h"
#include "words/word2vec_sample.h"

enum { INPUTS_WEIGHTED = false };

struct stay {
    char nothing;
};

static bool slots_allocate(struct slots *s, const arguments *a)
{
    (void)a;
    *s = (struct slots){0};
    return true;
}

static real *input_row(const struct block *b, const arguments *a, int64_t i) { return a->input + b->ids[i] * a->P; }

// How much token i counts in the mean of CBOW.
ALWAYS_INLINE real input_weight(const arguments *a, const struct block *b, int64_t i)
{
    (void)a, (void)b, (void)i;
    return 1;
}

// Called before the windows of a block are trained.
ALWAYS_INLINE struct stay inputs_start(const arguments *a, const struct block *b)
{
    (void)a, (void)b;
    return (struct stay){0};
}

// Called before the window of centre c is trained.
ALWAYS_INLINE void inputs_move(struct stay *s, const arguments *a, const struct block *b, int64_t c)
{
    (void)s, (void)a, (void)b, (void)c;
}

// Called after the last window of a block.
ALWAYS_INLINE void inputs_end(struct stay *s, const arguments *a, const struct block *b) { (void)s, (void)a, (void)b; }

#endif
