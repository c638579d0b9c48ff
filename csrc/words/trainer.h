// The trainer of word2vec, fastText and doc2vec: skip-gram and CBOW with negative sampling and hierarchical softmax.
// They differ in what the input row of a token is: with `rows` it is the mean of several rows of the matrix, else one.
// With `tags`, the rows of a sentence's documents are contexts of each of its tokens, too.
#ifndef SEQNN_WORDS_TRAINER_H
#define SEQNN_WORDS_TRAINER_H

#include "word2vec_args.h"

// What is trained, on which blocks of which corpus; the lines of word2vec_train and fasttext_train say what it means.
// Nothing that the arrays of integers hold is checked yet, but `order`.
struct training {
    const int32_t *ids, *order;
    const int64_t *offsets;
    int64_t N, S, K; // tokens, sentences, blocks to train on
    real *input, *output, *nodes;
    int64_t V, M, R, P; // words, inner nodes, rows of input, columns
    int64_t Q;          // columns of output and nodes: P, but where rows of input are concatenated
    const uint32_t *keep, *alias_threshold;
    const int32_t *alias_other;
    const int64_t *path_offsets;
    const int32_t *path_nodes;
    const uint8_t *path_codes;
    int64_t L; // length of all paths
    const int64_t *row_offsets;
    const int32_t *rows; // NULL for word2vec
    const real *factors; // of the changes of rows of input, with `rows` only; or NULL
    int64_t T;           // rows of all words
    const int64_t *tag_offsets;
    const int32_t *tags; // NULL but for doc2vec
    real *documents;     // [G][P]
    int64_t G, U;        // rows of documents, tags of all sentences
    real *null_word;     // [P] stands where a window reaches beyond its text; NULL where rows are not concatenated
    int64_t tag_count;   // with null_word: the tags of a sentence that is trained on
    bool no_words;       // words are no contexts: only documents are
    bool frozen;         // only documents change
    int64_t window, negative, seed, epoch;
    bool cbow, mean, shrink, deterministic;
    double alpha, slope;
    double *loss;
    int64_t *examples;
};

// The fields that the arguments of both kernels have.
#define TRAINING_OF(a)                                                                                                 \
    .ids = (a)->ids, .order = (a)->order, .offsets = (a)->offsets, .N = (a)->N, .S = (a)->S, .K = (a)->K,              \
    .input = (a)->input, .output = (a)->output, .nodes = (a)->nodes, .V = (a)->V, .M = (a)->M, .P = (a)->P,            \
    .keep = (a)->keep, .alias_threshold = (a)->alias_threshold, .alias_other = (a)->alias_other,                       \
    .path_offsets = (a)->path_offsets, .path_nodes = (a)->path_nodes, .path_codes = (a)->path_codes, .L = (a)->L,      \
    .window = (a)->window, .negative = (a)->negative, .seed = (a)->seed, .epoch = (a)->epoch, .cbow = (a)->cbow,       \
    .mean = (a)->mean, .shrink = (a)->shrink, .deterministic = (a)->deterministic, .alpha = (a)->alpha,                \
    .slope = (a)->slope, .loss = (a)->loss, .examples = (a)->examples

// Trains; returns NULL, or what is wrong.
const char *SQ_SHARED(train_words)(const struct training *a);

// Trains row s of `documents` on sentence s alone, for each sentence: `epochs` times, as frozen; the learning rate is
// alpha + slope * epoch. Returns NULL, or what is wrong.
const char *SQ_SHARED(infer_documents)(const struct training *a, int64_t epochs);

#endif
