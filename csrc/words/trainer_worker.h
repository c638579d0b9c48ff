// One thread's view of the training: which rows a window touches, and the functions that train on them.
#ifndef SEQNN_WORDS_TRAINER_WORKER_H
#define SEQNN_WORDS_TRAINER_WORKER_H

#include "words/trainer_hot.h"
#include "words/trainer_sample.h"
#include "words/trainer_window.h"

// A window is placed, and its rows prefetched, AHEAD centres before it is trained (RING > AHEAD windows are alive); its
// negatives are looked up RESOLVE (> AHEAD) centres before, and their entries of the alias table prefetched TABLE
// before.
enum { AHEAD = 2, RING = 4, RESOLVE = 3, TABLE = 10 };

// One window: its rows, the signs of its outputs, its errors.
struct window {
    int64_t contexts, groups;
    real **in, **out;  // [contexts], [groups][GROUP]
    real *weight;      // of the contexts, where the worker is `weighted`   [contexts]
    real total;        // the sum of the weights; else the number of contexts
    real *entering;    // the context row that comes into the window, wherever the windows begin
    const real **sign; // [groups] of [2 * STRIDE]
    real *error;       // [groups][error_rows][STRIDE], with one row a group for CBOW
    real *marks;       // signs of groups that are not all negatives   [groups][2 * STRIDE]
    real *copies;      // of rows that training does not change, where it is frozen   [contexts + outputs][P]
};

// What all threads of a call use.
struct shared {
    const struct training *a;
    uint64_t *alias;       // see join_alias; NULL without negatives
    struct hot_nodes *hot; // NULL where nothing is copied
    int64_t longest_path, most_rows, most_tags;
};

struct worker {
    const struct training *a;
    const struct shared *shared;
    struct block block;    // the thread's own
    struct window *window; // [RING]; centre c is in window[c % RING]
    real *absent;          // the row of places that take no part: zeros
    real *hidden;          // [P]
    struct hot_copies hot;
    struct tally tally;
    int64_t loss, examples; // loss in units of 2^-FRACTION / ln 2
    bool bad;               // NaN was met
    bool weighted;          // contexts count as often as they have rows: CBOW of fastText
    const char *problem;    // what is wrong with the arguments, or NULL
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

// Places the outputs of hierarchical softmax: the inner nodes on the way from the root to the centre word.
static int64_t place_path(struct worker *w, struct window *v, int32_t centre)
{
    const struct training *a = w->a;
    int64_t from, length = read_part(a->path_offsets, centre, a->L, &from);
    if (length < 0 || length > w->shared->longest_path) {
        w->problem = "path_offsets: expected them to ascend to the length of path_nodes";
        length = 0;
    }
    const int64_t groups = blocks(length, GROUP);
    for (int64_t j = 0; j < groups * GROUP; j++) {
        const int32_t node = j < length ? READ_ONCE(a->path_nodes[from + j]) : 0;
        const bool inside = j < length && (uint32_t)node < a->M;
        if (j < length && !inside) w->problem = "path_nodes: a value lies outside of the nodes";
        place_output(w, v, j, inside ? hot_row(&w->hot, a, node) : NULL,
                     inside ? (real)(2 * a->path_codes[from + j] - 1) : 0);
    }
    for (int64_t g = 0; g < groups; g++) v->sign[g] = v->marks + g * 2 * STRIDE;
    return groups;
}

// Places the outputs of negative sampling: the centre and its negatives; repeated ones and the centre itself take no
// part.
ALWAYS_INLINE int64_t place_negatives(struct worker *w, struct window *v, int64_t group, int32_t centre,
                                      const int32_t *negative, int64_t negatives)
{
    const struct training *a = w->a;
    const int64_t count = negatives + 1, groups = blocks(count, GROUP);
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

// Adds the rows of the documents that centre c belongs to, to `count` rows of words. Returns how many there are then.
static int64_t place_documents(struct worker *w, struct window *v, const struct block *b, int64_t c, int64_t count)
{
    const struct training *a = w->a;
    if (b->tags[c] < 0 || b->tags[c] > w->shared->most_tags) {
        w->problem = "tag_offsets: expected them to ascend to the number of tags";
        return count;
    }
    for (int64_t k = 0; k < b->tags[c]; k++) {
        const int32_t row = READ_ONCE(a->tags[b->tag[c] + k]);
        if ((uint32_t)row < (uint64_t)a->G)
            v->in[count++] = a->documents + row * a->P;
        else
            w->problem = "tags: a value lies outside of the documents";
    }
    return count;
}

// Replaces rows that must not change by copies, which are trained in vain.
static void copy_frozen(struct worker *w, struct window *v, int64_t words)
{
    const int64_t P = w->a->P, outputs = v->groups * GROUP;
    for (int64_t i = 0; i < words + outputs; i++) {
        real **const row = i < words ? &v->in[i] : &v->out[i - words];
        if (*row == w->absent) continue;
        real *const copy = v->copies + i * P;
        memcpy(copy, *row, (size_t)P * sizeof *copy);
        *row = copy;
    }
}

// Places the rows of centre c of a block.
static void place_window(struct worker *w, struct window *v, const struct block *b, int64_t c)
{
    const struct training *a = w->a;
    const int64_t middle = b->first_centre + c;
    const int64_t before = a->no_words ? 0 : middle - b->begin[c], after = a->no_words ? 0 : b->end[c] - middle - 1;
    for (int64_t i = 0; i < before; i += COPY) memcpy(v->in + i, b->rows + b->begin[c] + i, COPY * sizeof *v->in);
    for (int64_t i = 0; i < after; i += COPY)
        memcpy(v->in + before + i, b->rows + middle + 1 + i, COPY * sizeof *v->in);
    v->contexts = before + after;
    if (a->tags) v->contexts = place_documents(w, v, b, c, v->contexts);
    v->total = (real)v->contexts;
    if (w->weighted) {
        v->total = 0;
        for (int64_t i = 0; i < v->contexts; i++) {
            const int32_t word = b->ids[b->begin[c] + i + (i >= before)];
            v->total += v->weight[i] = (real)(a->row_offsets[word + 1] - a->row_offsets[word]);
        }
    }
    const bool enters = !a->no_words && middle + a->window < b->kept;
    v->entering = enters ? b->rows[middle + a->window] : w->absent;
    v->groups = a->nodes ? place_path(w, v, b->ids[middle]) : 0;
    if (a->output) {
        const int32_t centre = b->ids[middle], *const negative = b->negatives + c * a->negative;
        v->groups += a->negative == 5 ? place_negatives(w, v, v->groups, centre, negative, 5)
                                      : place_negatives(w, v, v->groups, centre, negative, a->negative);
    }
    if (a->frozen) copy_frozen(w, v, before + after);
}

// How a window's contexts meet its outputs: each for itself, or as one sum, in which they may have weights.
enum shape { SKIPGRAM, CBOW, CBOW_WEIGHTED };

// Computes the dot products of a window over vectors [0, to) of the rows, where its errors will be.
ALWAYS_INLINE void window_dots(struct worker *w, const struct window *v, const enum shape shape, int64_t to)
{
    const int64_t n = v->contexts;
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
    if (shape != SKIPGRAM) {
        const real share = 1 / v->total, *const weight = shape == CBOW_WEIGHTED ? v->weight : NULL;
        update_cbow(v->error, v->in, weight, n, a->mean ? share : 1, a->mean ? 1 : share, v->out, v->groups, 0, to,
                    ahead->out, ahead->entering);
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
    TRAIN_FUNCTION(train_weighted_##name, CBOW_WEIGHTED, columns)
TRAIN_FUNCTIONS(any, w->a->P)
#if !SQ_DOUBLE
TRAIN_FUNCTIONS(112, 112)
TRAIN_FUNCTIONS(304, 304)
#endif

static void choose_function(struct worker *w)
{
    const enum shape shape = !w->a->cbow ? SKIPGRAM : w->weighted ? CBOW_WEIGHTED : CBOW;
#define FUNCTIONS_OF(columns)                                                                                          \
    (void (*[])(struct worker *, const struct window *, const struct window *, real)){                                 \
        train_skipgram_##columns, train_cbow_##columns, train_weighted_##columns}
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
    const int64_t marks = groups * 2 * STRIDE * size, row = a->P * size;
    const int64_t weights = w->weighted ? (contexts + 1) * size : 0;
    const int64_t frozen = a->frozen ? (contexts + groups * GROUP) * row : 0;
    const int64_t window =
        CARVED(in) + CARVED(weights) + CARVED(out) + CARVED(out) + CARVED(errors) + CARVED(marks) + CARVED(frozen);
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
        v->copies = carve(&at, frozen);
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
