// One thread's part of the training: the functions that train on a window, and the memory that they need.
#ifndef SEQNN_WORDS_TRAINER_WORKER_H
#define SEQNN_WORDS_TRAINER_WORKER_H

#include "words/trainer_place.h"

// How a window's contexts meet its outputs: each for itself, as one sum, in which they may have weights, or side by
// side.
enum shape { SKIPGRAM, CBOW, CBOW_WEIGHTED, CONCAT };

// Computes the dot products of a window over vectors [0, to) of the rows, where its errors will be.
ALWAYS_INLINE void window_dots(struct worker *w, const struct window *v, const enum shape shape, int64_t to)
{
    const int64_t n = v->contexts;
    if (shape == CONCAT) {
        dots_concat(v->error, w->hidden, v->in, n, v->out, v->groups, to);
        return;
    }
    if (shape != SKIPGRAM) {
        const real *const weight = shape == CBOW_WEIGHTED ? v->weight : NULL;
        dots_cbow(v->error, w->hidden, v->in, weight, n, w->a->mean ? 1 / v->total : 1, v->out, v->groups, 0, to);
        return;
    }
    for (int64_t g = 0; g < v->groups; g++)
        dots_skipgram(v->error + g * error_rows(n) * STRIDE, v->in, n, v->out + g * GROUP, 0, to);
}

// Puts the errors in the place of the dot products.
ALWAYS_INLINE void window_errors(struct worker *w, const struct window *v, const enum shape shape, real alpha)
{
    const int64_t n = shape == SKIPGRAM ? v->contexts : 1;
    for (int64_t g = 0; g < v->groups; g++)
        dots_to_errors(v->error + g * error_rows(n) * STRIDE, n, v->sign[g], alpha, &w->tally);
}

// Applies the errors to vectors [0, to) of the rows, and prefetches those of the window `ahead`.
ALWAYS_INLINE void window_update(struct worker *w, const struct window *v, const struct window *ahead,
                                 const enum shape shape, int64_t to)
{
    const struct training *a = w->a;
    const int64_t n = v->contexts;
    if (w->a->frozen) { // the one document of a text is the first of what is concatenated, else the last
        real *const document = v->in[shape == CONCAT ? 0 : n - 1];
        const real back = shape == CBOW && !w->a->mean ? 1 / v->total : 1;
        update_document(v->error, document, back, v->out, v->groups, to, ahead->out);
        return;
    }
    if (shape == CONCAT) {
        update_concat(v->error, w->hidden, v->in, n, v->out, v->groups, to, ahead->out, ahead->entering);
        return;
    }
    if (shape != SKIPGRAM) {
        update_cbow(v->error, w->hidden, v->in, n, a->mean ? 1 : 1 / v->total, v->out, v->groups, to, ahead->out,
                    ahead->entering);
        return;
    }
    for (int64_t g = 0; g < v->groups; g++)
        update_skipgram(v->error + g * error_rows(n) * STRIDE, v->in, n, v->out + g * GROUP, 0, to,
                        g < ahead->groups ? ahead->out + g * GROUP : w->nothing, g ? w->absent : ahead->entering);
}

// The functions that train on a window, for rows of `columns`: constants for shape and columns make them fast.
#define TRAIN_FUNCTION(name, shape, columns)                                                                           \
    static void name(struct worker *w, const struct window *v, const struct window *ahead, real alpha)                 \
    {                                                                                                                  \
        if (v->contexts == 0) return;                                                                                  \
        window_dots(w, v, shape, (columns) / LANES);                                                                   \
        window_errors(w, v, shape, alpha);                                                                             \
        window_update(w, v, ahead, shape, (columns) / LANES);                                                          \
    }
#define TRAIN_FUNCTIONS(name, columns)                                                                                 \
    TRAIN_FUNCTION(train_skipgram_##name, SKIPGRAM, columns)                                                           \
    TRAIN_FUNCTION(train_cbow_##name, CBOW, columns)                                                                   \
    TRAIN_FUNCTION(train_weighted_##name, CBOW_WEIGHTED, columns)                                                      \
    TRAIN_FUNCTION(train_concat_##name, CONCAT, columns)
TRAIN_FUNCTIONS(any, w->a->P)
#if !SQ_DOUBLE
TRAIN_FUNCTIONS(112, 112)
TRAIN_FUNCTIONS(304, 304)
#endif

static void choose_function(struct worker *w)
{
    const enum shape shape = w->a->null_word ? CONCAT : !w->a->cbow ? SKIPGRAM : w->weighted ? CBOW_WEIGHTED : CBOW;
#define FUNCTIONS_OF(columns)                                                                                          \
    (void (*[])(struct worker *, const struct window *, const struct window *, real)){                                 \
        train_skipgram_##columns, train_cbow_##columns, train_weighted_##columns, train_concat_##columns}
    w->train = FUNCTIONS_OF(any)[shape];
#if !SQ_DOUBLE
    if (w->a->P == 112) w->train = FUNCTIONS_OF(112)[shape];
    if (w->a->P == 304) w->train = FUNCTIONS_OF(304)[shape];
#endif
#undef FUNCTIONS_OF
}

static int64_t most_contexts(const struct shared *shared)
{
    return least(2 * shared->a->window, MOST_KEPT) + shared->most_tags;
}

// Returns the most tags of any sentence.
static int64_t find_most_tags(const struct training *a)
{
    int64_t found = 0, start;
    for (int64_t s = 0; a->tags && s < a->S; s++) found = most(found, read_part(a->tag_offsets, s, a->U, &start));
    return found;
}

// Returns the length of the longest path.
static int64_t find_longest_path(const struct training *a)
{
    int64_t longest = 0, start;
    for (int64_t v = 0; a->nodes && v < a->V; v++) longest = most(longest, read_part(a->path_offsets, v, a->L, &start));
    return longest;
}

static int64_t most_groups(const struct shared *shared)
{
    const struct training *a = shared->a;
    return blocks(shared->longest_path, GROUP) + (a->output ? blocks(a->negative + 1, GROUP) : 0);
}

// Cuts the next `bytes` off a piece of memory, on a cache line of their own. The piece needs CARVED(bytes) for them.
#define CARVED(bytes) ((bytes) + 64)
static void *carve(char **at, int64_t bytes)
{
    char *const piece = (char *)(((uintptr_t)*at + 63) & ~(uintptr_t)63);
    *at = piece + bytes;
    return piece;
}

static bool worker_allocate(struct worker *w, const struct shared *shared)
{
    const struct training *a = shared->a;
    const struct hot_nodes *hot = shared->hot;
    *w = (struct worker){.a = a, .shared = shared, .tally = tally_start(), .weighted = a->rows && a->cbow};
    choose_function(w);
    if (!block_allocate(&w->block, a, shared->most_rows)) return false;
    const int64_t groups = most_groups(shared), contexts = most_contexts(shared), size = (int64_t)sizeof(real);
    const int64_t in = (contexts + 1 + 2 * COPY) * (int64_t)sizeof(void *);
    const int64_t out = groups * GROUP * (int64_t)sizeof(void *);
    const int64_t errors = groups * (error_rows(a->cbow ? 1 : contexts) + 1) * STRIDE * size;
    const int64_t marks = groups * 2 * STRIDE * size, row = a->Q * size;
    const int64_t weights = w->weighted ? (contexts + 1) * size : 0;
    const int64_t window = CARVED(in) + CARVED(weights) + CARVED(out) + CARVED(out) + CARVED(errors) + CARVED(marks);
    const int64_t places = RING * (int64_t)sizeof *w->window, copies = hot ? hot->count * row : 0;
    w->memory = calloc(1, (size_t)(2 * CARVED(row) + RING * window + CARVED(places) + 2 * CARVED(copies)));
    if (!w->memory) return false;
    char *at = w->memory;
    w->absent = carve(&at, row);
    w->hidden = carve(&at, row);
    for (int j = 0; j < GROUP; j++) w->nothing[j] = w->absent;
    w->window = carve(&at, places);
    for (int64_t i = 0; i < RING; i++) {
        struct window *v = &w->window[i];
        v->in = carve(&at, in);
        v->weight = carve(&at, weights);
        v->out = carve(&at, out);
        v->sign = carve(&at, out);
        v->error = carve(&at, errors);
        v->marks = carve(&at, marks);
        v->entering = w->absent;
        for (int64_t j = 0; j < groups * GROUP; j++) v->out[j] = w->absent;
    }
    if (hot) {
        w->hot = (struct hot_copies){.nodes = shared->hot, .mine = carve(&at, copies), .before = carve(&at, copies)};
        hot_start(&w->hot, a);
    }
    return true;
}

// Adds what the worker has counted to the outputs of the call, and says what was wrong.
static void worker_report(const struct worker *w, const char **problem)
{
    const double loss = w->bad ? NAN : (double)w->loss / (1 << FRACTION) * 0.69314718055994531;
#pragma omp critical(trainer_report)
    {
        w->a->loss[0] += loss;
        w->a->examples[0] += w->examples;
        if (w->problem) *problem = w->problem;
    }
}

static void worker_free(struct worker *w)
{
    free(w->memory);
    block_free(&w->block);
}

#endif
