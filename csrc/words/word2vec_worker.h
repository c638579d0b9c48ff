// One thread's view of the training: which rows a window touches, and the functions that train on them.
#ifndef SEQNN_WORDS_WORD2VEC_WORKER_H
#define SEQNN_WORDS_WORD2VEC_WORKER_H

#include "words/word2vec_hot.h"
#include "words/word2vec_sample.h"
#include "words/word2vec_window.h"

// Windows are placed, and their rows prefetched, AHEAD centres ahead (RING > AHEAD windows are
// alive); negatives are looked up RESOLVE (> AHEAD) ahead, and their entries of the alias table prefetched TABLE ahead.
enum { AHEAD = 2, RING = 4, RESOLVE = 3, TABLE = 10 };

// One window: its rows, the signs of its outputs, its errors.
struct window {
    int64_t contexts, groups;
    real **in, **out;  // [contexts], [groups][GROUP]
    real *weight;      // of the contexts in CBOW where INPUTS_WEIGHTED   [contexts]
    real total;        // the sum of the weights; else the number of contexts
    real *entering;    // the context row that comes into the window, wherever the windows begin
    const real **sign; // [groups] of [2 * STRIDE]
    real *error;       // [groups][error_rows][STRIDE], with one row a group for CBOW
    real *marks;       // signs of groups that are not all negatives   [groups][2 * STRIDE]
};

struct worker {
    const arguments *a;
    const uint64_t *alias;
    struct block block;    // the thread's own
    struct window *window; // [RING]; centre c is in window[c % RING]
    real *absent;          // the row of places that take no part: zeros
    real *hidden;          // [P]
    struct hot_copies hot;
    struct tally tally;
    int64_t loss, examples; // loss in units of 2^-FRACTION / ln 2
    bool bad;               // NaN was met
    real *nothing[GROUP];   // absent rows
    void (*train)(struct worker *, const struct window *, const struct window *ahead, real alpha);
    void *memory;
};

static const real all_negatives[2 * STRIDE] __attribute__((aligned(64))) = {1, 1, 1, 1, 1, 1};
static const real centre_first[2 * STRIDE] __attribute__((aligned(64))) = {-1, 1, 1, 1, 1, 1};

// Puts an output at place j of the window; sign 0 is a place that takes no part.
static void place_output(struct worker *w, struct window *v, int64_t j, real *row, real sign)
{
    v->out[j] = sign == 0 ? w->absent : row;
    v->marks[j / GROUP * 2 * STRIDE + j % GROUP] = sign;
}

// Outputs of hierarchical softmax: the inner nodes on the way from the root to the centre word.
static int64_t place_path(struct worker *w, struct window *v, int32_t centre)
{
    const arguments *a = w->a;
    const int64_t from = a->path_offsets[centre], length = a->path_offsets[centre + 1] - from;
    const int64_t groups = (length + GROUP - 1) / GROUP;
    for (int64_t j = 0; j < groups * GROUP; j++) {
        const bool inside = j < length;
        real *row = inside ? hot_row(&w->hot, a, a->path_nodes[from + j]) : NULL;
        place_output(w, v, j, row, inside ? (real)(2 * a->path_codes[from + j] - 1) : 0);
    }
    for (int64_t g = 0; g < groups; g++) v->sign[g] = v->marks + g * 2 * STRIDE;
    return groups;
}

// Outputs of negative sampling: the centre and its negatives; repeated ones and the centre itself take no part.
ALWAYS_INLINE int64_t place_negatives(struct worker *w, struct window *v, int64_t group, int32_t centre,
                                      const int32_t *negative, int64_t negatives)
{
    const arguments *a = w->a;
    const int64_t count = negatives + 1, groups = (count + GROUP - 1) / GROUP;
    real **const out = v->out + group * GROUP;
    bool plain = count % GROUP == 0;
    out[0] = a->output + centre * a->P;
    for (int64_t j = 0; j < negatives; j++) {
        bool repeated = negative[j] == centre;
        for (int64_t k = 0; k < j; k++) repeated |= negative[k] == negative[j];
        out[j + 1] = repeated ? w->absent : a->output + negative[j] * a->P;
        plain &= !repeated;
    }
    if (plain) {
        for (int64_t g = 0; g < groups; g++) v->sign[group + g] = g ? all_negatives : centre_first;
        return groups;
    }
    for (int64_t j = 0; j < groups * GROUP; j++) {
        const bool seen = j < count && out[j] != w->absent;
        place_output(w, v, group * GROUP + j, out[j], j == 0 ? -1 : seen);
    }
    for (int64_t g = group; g < group + groups; g++) v->sign[g] = v->marks + g * 2 * STRIDE;
    return groups;
}

// The rows of centre c of a block.
static void place_window(struct worker *w, struct window *v, const struct block *b, int64_t c)
{
    const arguments *a = w->a;
    const int64_t middle = b->first_centre + c, before = middle - b->begin[c], after = b->end[c] - middle - 1;
    for (int64_t i = 0; i < before; i += COPY) memcpy(v->in + i, b->rows + b->begin[c] + i, COPY * sizeof *v->in);
    for (int64_t i = 0; i < after; i += COPY)
        memcpy(v->in + before + i, b->rows + middle + 1 + i, COPY * sizeof *v->in);
    v->contexts = before + after;
    v->total = (real)v->contexts;
    if (INPUTS_WEIGHTED) {
        v->total = 0;
        for (int64_t i = 0; i < v->contexts; i++)
            v->total += v->weight[i] = input_weight(a, b, b->begin[c] + i + (i >= before));
    }
    v->entering = middle + a->window < b->kept ? b->rows[middle + a->window] : w->absent;
    v->groups = a->nodes ? place_path(w, v, b->ids[middle]) : 0;
    if (!a->output) return;
    const int32_t centre = b->ids[middle], *const negative = b->negatives + c * a->negative;
    v->groups += a->negative == 5 ? place_negatives(w, v, v->groups, centre, negative, 5)
                                  : place_negatives(w, v, v->groups, centre, negative, a->negative);
}

// The dot products of a window over vectors [from, to) of the rows, where its errors will be. Called with constants,
// this and the update become functions of their own.
ALWAYS_INLINE void window_dots(struct worker *w, const struct window *v, int64_t from, int64_t to)
{
    const int64_t n = v->contexts;
    if (n == 0) return;
    if (w->a->cbow) {
        const real *const weight = INPUTS_WEIGHTED ? v->weight : NULL;
        dots_cbow(v->error, w->hidden, v->in, weight, n, w->a->mean ? 1 / v->total : 1, v->out, v->groups, from, to);
        return;
    }
    for (int64_t g = 0; g < v->groups; g++)
        dots_skipgram(v->error + g * error_rows(n) * STRIDE, v->in, n, v->out + g * GROUP, from, to);
}

// The errors in place of the dot products.
ALWAYS_INLINE void window_errors(struct worker *w, const struct window *v, real alpha)
{
    const int64_t n = v->contexts == 0 ? 0 : w->a->cbow ? 1 : v->contexts;
    for (int64_t g = 0; g < v->groups; g++)
        dots_to_errors(v->error + g * error_rows(n) * STRIDE, n, v->sign[g], alpha, &w->tally);
}

// Applies the errors to vectors [from, to) of the rows, and prefetches those of the window `ahead`.
ALWAYS_INLINE void window_update(struct worker *w, const struct window *v, const struct window *ahead, int64_t from,
                                 int64_t to)
{
    const arguments *a = w->a;
    const int64_t n = v->contexts;
    if (n == 0) return;
    if (a->cbow) {
        const real share = 1 / v->total, *const weight = INPUTS_WEIGHTED ? v->weight : NULL;
        update_cbow(v->error, v->in, weight, n, a->mean ? share : 1, a->mean ? 1 : share, v->out, v->groups, from, to,
                    ahead->out, ahead->entering);
        return;
    }
    for (int64_t g = 0; g < v->groups; g++)
        update_skipgram(v->error + g * error_rows(n) * STRIDE, v->in, n, v->out + g * GROUP, from, to,
                        g < ahead->groups ? ahead->out + g * GROUP : w->nothing, g ? w->absent : ahead->entering);
}

#define ROW_FUNCTIONS(name, nv)                                                                                        \
    static void train_##name(struct worker *w, const struct window *v, const struct window *ahead, real alpha)         \
    {                                                                                                                  \
        window_dots(w, v, 0, nv);                                                                                      \
        window_errors(w, v, alpha);                                                                                    \
        window_update(w, v, ahead, 0, nv);                                                                             \
    }
ROW_FUNCTIONS(any, w->a->P / LANES)
#if !SQ_DOUBLE
ROW_FUNCTIONS(112, 112 / LANES)
ROW_FUNCTIONS(304, 304 / LANES)
#endif

static void choose_functions(struct worker *w)
{
    w->train = train_any;
#if !SQ_DOUBLE
    if (w->a->P == 112) w->train = train_112;
    if (w->a->P == 304) w->train = train_304;
#endif
}

static int64_t most_contexts(const arguments *a)
{
    const int64_t kept = BLOCK + 2 * MARGIN;
    return a->window < kept / 2 ? 2 * a->window : kept;
}

static int64_t most_groups(const arguments *a)
{
    int64_t path = 0;
    if (a->nodes)
        for (int64_t v = 0; v < a->V; v++) {
            const int64_t length = a->path_offsets[v + 1] - a->path_offsets[v];
            if (length > path) path = length;
        }
    return (path + GROUP - 1) / GROUP + (a->output ? (a->negative + GROUP) / GROUP : 0);
}

// Reals that hold the errors of any window.
static int64_t error_size(const arguments *a)
{
    return most_groups(a) * (error_rows(a->cbow ? 1 : most_contexts(a)) + 1) * STRIDE;
}

// The next `bytes` of a piece of memory, on a cache line of its own. A piece needs CARVED(bytes) for each.
#define CARVED(bytes) ((bytes) + 64)
static void *carve(char **at, int64_t bytes)
{
    char *const piece = (char *)(((uintptr_t)*at + 63) & ~(uintptr_t)63);
    *at = piece + bytes;
    return piece;
}

static bool worker_allocate(struct worker *w, const arguments *a, const uint64_t *alias, struct hot_nodes *hot)
{
    const int64_t groups = most_groups(a), contexts = most_contexts(a);
    const int64_t in = (contexts + 1 + 2 * COPY) * (int64_t)sizeof(void *),
                  out = groups * GROUP * (int64_t)sizeof(void *);
    const int64_t errors = error_size(a) * (int64_t)sizeof(real);
    const int64_t marks = groups * 2 * STRIDE * (int64_t)sizeof(real), row = a->P * (int64_t)sizeof(real);
    *w = (struct worker){.a = a, .alias = alias, .tally = tally_start()};
    choose_functions(w);
    if (!block_allocate(&w->block, a)) return false;
    const int64_t weights = INPUTS_WEIGHTED ? (contexts + 1) * (int64_t)sizeof(real) : 0;
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
        w->hot = (struct hot_copies){.nodes = hot, .mine = carve(&at, copies), .before = carve(&at, copies)};
        hot_start(&w->hot, a);
    }
    return true;
}

// Adds what the worker has counted to the outputs of the call.
static void worker_report(const struct worker *w)
{
    const double loss = w->bad ? NAN : (double)w->loss / (1 << FRACTION) * 0.69314718055994531;
#pragma omp critical(word2vec_report)
    {
        w->a->loss[0] += loss;
        w->a->examples[0] += w->examples;
    }
}

static void worker_free(struct worker *w)
{
    free(w->memory);
    block_free(&w->block);
}

#endif
