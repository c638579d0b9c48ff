// One thread's view of the training, and which rows a window touches.
#ifndef SEQNN_WORDS_TRAINER_PLACE_H
#define SEQNN_WORDS_TRAINER_PLACE_H

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
    real *absent;          // the row of places that take no part: zeros   [Q]
    real *hidden;          // [Q]
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
    out[0] = a->output + centre * a->Q;
    for (int64_t j = 0; j < negatives; j++) {
        bool repeated = negative[j] == centre;
        for (int64_t k = 0; k < j; k++) repeated |= negative[k] == negative[j];
        out[j + 1] = repeated ? w->absent : a->output + negative[j] * a->Q;
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

// Places the documents of centre c, if they are as many as are concatenated, and then a row for each place of its
// window.
static void place_concatenated(struct worker *w, struct window *v, const struct block *b, int64_t c)
{
    const struct training *a = w->a;
    const int64_t middle = b->first_centre + c, before = middle - b->begin[c], after = b->end[c] - middle - 1;
    v->contexts = 0;
    if (b->tags[c] != a->tag_count || place_documents(w, v, b, c, 0) != a->tag_count) return;
    real **const left = v->in + a->tag_count, **const right = left + a->window;
    for (int64_t i = 0; i < a->window; i++) {
        left[a->window - 1 - i] = i < before ? b->rows[middle - 1 - i] : a->null_word;
        right[i] = i < after ? b->rows[middle + 1 + i] : a->null_word;
    }
    v->contexts = a->tag_count + 2 * a->window;
}

// Places the words around centre c, and then its documents.
static void place_contexts(struct worker *w, struct window *v, const struct block *b, int64_t c)
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
}

// Places the rows of centre c of a block.
static void place_window(struct worker *w, struct window *v, const struct block *b, int64_t c)
{
    const struct training *a = w->a;
    const int64_t middle = b->first_centre + c;
    if (a->null_word)
        place_concatenated(w, v, b, c);
    else
        place_contexts(w, v, b, c);
    const bool enters = !a->no_words && middle + a->window < b->kept;
    v->entering = enters ? b->rows[middle + a->window] : w->absent;
    v->groups = a->nodes ? place_path(w, v, b->ids[middle]) : 0;
    if (a->output) {
        const int32_t centre = b->ids[middle], *const negative = b->negatives + c * a->negative;
        v->groups += a->negative == 5 ? place_negatives(w, v, v->groups, centre, negative, 5)
                                      : place_negatives(w, v, v->groups, centre, negative, a->negative);
    }
}

#endif
