// One thread's part of the training of a classifier of texts: the body of fasttext_classifier.c.
#ifndef SEQNN_WORDS_CLASSIFIER_WORKER_H
#define SEQNN_WORDS_CLASSIFIER_WORKER_H

#include "base/arith.h"
#include "base/once.h"
#include "random/rng.h"
#include "vec/math.h"
#include "words/mean_rows.h"

enum { OUTPUTS = 4, LOSS_UNITS = 1 << 24 }; // outputs that are worked on at once; the loss is summed in whole numbers

struct classifier {
    const int32_t *features, *labels, *order;
    const int64_t *offsets, *label_offsets;
    int64_t K, M, T; // features, labels of all texts, texts to train on
    real *input, *output;
    int64_t R, L, P; // rows of input, labels, columns
    enum fasttext_classifier_form form;
    const real *sigmoid;
    const uint32_t *alias_threshold;
    const int32_t *alias_other;
    const int64_t *path_offsets;
    const int32_t *path_nodes;
    const uint8_t *path_codes;
    int64_t negative;
    double alpha, slope;
    int64_t first, seed, epoch;
    int64_t longest; // most features of a text
};

// A text: its rows, checked, and where its labels are.
struct text {
    int32_t *row;
    int64_t count, label, labels;
};

struct worker {
    const struct classifier *c;
    struct text text[2]; // text k of the order is text[k & 1]
    real *mean, *change; // [P]
    int64_t outputs;     // of the current text
    real **out;          // [most outputs, whole groups] their rows
    real *score, *step;  // [same]
    int64_t loss, examples;
    bool bad; // NaN was met
    const char *problem;
    void *memory;
};

// Returns the most features of any text to train on.
static int64_t find_longest(const struct classifier *c)
{
    int64_t longest = 0, start;
    for (int64_t k = 0; k < c->T; k++) longest = most(longest, read_part(c->offsets, c->order[k], c->K, &start));
    return longest;
}

static int64_t most_outputs(const struct classifier *c)
{
    int64_t longest = 0;
    for (int64_t l = 0; c->form == FASTTEXT_CLASSIFIER_HS && l < c->L; l++)
        longest = most(longest, c->path_offsets[l + 1] - c->path_offsets[l]);
    return c->form == FASTTEXT_CLASSIFIER_HS   ? longest
           : c->form == FASTTEXT_CLASSIFIER_NS ? least(c->negative, c->L) + 1
                                               : c->L;
}

static bool worker_allocate(struct worker *w, const struct classifier *c)
{
    const int64_t room = blocks(most_outputs(c), 64) * 64, size = (int64_t)sizeof(real);
    const int64_t bytes = 2 * (c->P + room) * size + room * (int64_t)sizeof(real *) + 2 * c->longest * 4;
    *w = (struct worker){.c = c, .memory = calloc(1, (size_t)(bytes + 64))};
    if (!w->memory) return false;
    w->out = (real **)(((uintptr_t)w->memory + 63) & ~(uintptr_t)63);
    w->score = (real *)(w->out + room);
    w->step = w->score + room;
    w->mean = w->step + room;
    w->change = w->mean + c->P;
    w->text[0].row = (int32_t *)(w->change + c->P);
    w->text[1].row = w->text[0].row + c->longest;
    if (c->form == FASTTEXT_CLASSIFIER_SOFTMAX || c->form == FASTTEXT_CLASSIFIER_OVA) {
        for (int64_t l = 0; l < c->L; l++) w->out[l] = c->output + l * c->P;
        w->outputs = c->L;
    }
    return true;
}

// Looks up what text k of the order is made of, and asks for its rows.
static void look_up(struct worker *w, int64_t k)
{
    const struct classifier *c = w->c;
    struct text *const t = &w->text[k & 1];
    int64_t start;
    t->count = read_part(c->offsets, c->order[k], c->K, &start);
    t->labels = read_part(c->label_offsets, c->order[k], c->M, &t->label);
    if (t->count < 0 || t->count > c->longest || t->labels < 0) {
        w->problem = "offsets, label_offsets: expected parts of features and of labels";
        t->count = t->labels = 0;
    }
    for (int64_t i = 0; i < t->count; i++) {
        const int32_t row = READ_ONCE(c->features[start + i]);
        const bool good = (uint32_t)row < (uint64_t)c->R;
        if (!good) w->problem = "features: a value lies outside of the rows of input";
        t->row[i] = good ? row : 0;
        prefetch_row(c->input + t->row[i] * c->P, c->P);
    }
}

// Computes the scores of the outputs.
static void score_outputs(struct worker *w)
{
    const int64_t P = w->c->P;
    for (int64_t j = 0; j < w->outputs; j += OUTPUTS) {
        const real *row[OUTPUTS];
        vf sum[OUTPUTS] = {{0}};
        for (int i = 0; i < OUTPUTS; i++) row[i] = w->out[least(j + i, w->outputs - 1)];
        for (int64_t at = 0; at < P; at += LANES)
            for (int i = 0; i < OUTPUTS; i++) sum[i] += vf_load(row[i] + at) * vf_load(w->mean + at);
        for (int64_t i = 0; i < OUTPUTS && j + i < w->outputs; i++) w->score[j + i] = vf_sum(sum[i]);
    }
}

// Moves an output by its step, and adds what this means for the mean.
ALWAYS_INLINE void move_outputs(struct worker *w, int64_t j, const int count)
{
    for (int64_t at = 0; at < w->c->P; at += LANES) {
        const vf mean = vf_load(w->mean + at);
        vf change = vf_load(w->change + at);
        for (int i = 0; i < count; i++) {
            real *const row = w->out[j + i] + at;
            const vf old = vf_load(row);
            change += old * w->step[j + i];
            vf_store(row, old + mean * w->step[j + i]);
        }
        vf_store(w->change + at, change);
    }
}

// Adds a loss, in nats.
static inline void add_loss(struct worker *w, real loss)
{
    w->bad |= !(loss < (real)1e6);
    if (!w->bad) w->loss += (int64_t)(loss * (real)LOSS_UNITS);
}

// Sets the steps of a softmax whose right label is `label`, and returns the loss.
static void step_softmax(struct worker *w, int64_t label, real alpha)
{
    real highest = w->score[0], total = 0;
    for (int64_t j = 1; j < w->outputs; j++) highest = w->score[j] > highest ? w->score[j] : highest;
    const real own = w->score[label] - highest;
    for (int64_t j = 0; j < w->outputs; j += LANES) vf_store(w->score + j, vf_exp(vf_load(w->score + j) - highest));
    for (int64_t j = 0; j < w->outputs; j++) total += w->score[j];
    for (int64_t j = 0; j < w->outputs; j++) w->step[j] = -alpha * w->score[j] / total;
    w->step[label] += alpha;
    add_loss(w, logf(total) - own);
}

// Sets the step of an output that is to be true or false; `times` it counts.
static void step_logistic(struct worker *w, int64_t j, bool truth, real times, real alpha)
{
    const real x = w->score[j];
    const int64_t at = x > 8 ? 512 : x > -8 ? (int64_t)((x + 8) * 32) : 0;
    const real probability = x > 8 ? 1 : x > -8 ? w->c->sigmoid[at] : 0;
    w->bad |= x != x;
    w->step[j] = alpha * times * ((real)truth - probability);
    add_loss(w, -times * logf((truth ? probability : 1 - probability) + (real)1e-5));
}

// Places the outputs of negative sampling: the label, then other labels, each once; `times` says how often it was
// drawn.
static void place_negatives(struct worker *w, int64_t label, uint64_t draws, real *times)
{
    const struct classifier *c = w->c;
    w->outputs = 0;
    w->out[w->outputs++] = c->output + label * c->P;
    for (int64_t n = 0, tries = 0; n < c->negative && tries < 20 * c->negative; tries++) {
        draws = draws * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const int64_t cell = (int64_t)((draws >> 33) * (uint64_t)c->L >> 31);
        draws = draws * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const int64_t other = (uint32_t)(draws >> 32) < c->alias_threshold[cell] ? cell : c->alias_other[cell];
        if (other == label) continue;
        n++;
        real *const row = c->output + other * c->P;
        int64_t j = 1;
        while (j < w->outputs && w->out[j] != row) j++;
        if (j == w->outputs) {
            w->out[w->outputs++] = row;
            times[j] = 0;
        }
        times[j] += 1;
    }
}

static bool has_label(const struct classifier *c, const struct text *t, int64_t label)
{
    for (int64_t i = 0; i < t->labels; i++)
        if (READ_ONCE(c->labels[t->label + i]) == label) return true;
    return false;
}

// Sets the steps of the outputs of a text.
static void step_outputs(struct worker *w, const struct text *t, int64_t k, real alpha)
{
    const struct classifier *c = w->c;
    if (c->form == FASTTEXT_CLASSIFIER_OVA) {
        score_outputs(w);
        for (int64_t l = 0; l < c->L; l++) step_logistic(w, l, has_label(c, t, l), 1, alpha);
        return;
    }
    uint32_t draws[4] = {0};
    if (c->form == FASTTEXT_CLASSIFIER_NS || t->labels > 1)
        sq_philox(draws, 1, (uint64_t)c->seed, (uint64_t)c->epoch, (uint64_t)(c->first + k));
    const int64_t chosen = (int64_t)((uint64_t)draws[0] * (uint64_t)t->labels >> 32);
    const int32_t label = READ_ONCE(c->labels[t->label + chosen]);
    if ((uint32_t)label >= (uint64_t)c->L) {
        w->problem = "labels: a value lies outside of the rows of output";
        w->outputs = 0;
        return;
    }
    if (c->form == FASTTEXT_CLASSIFIER_SOFTMAX) {
        score_outputs(w);
        step_softmax(w, label, alpha);
    } else if (c->form == FASTTEXT_CLASSIFIER_HS) {
        const int64_t start = c->path_offsets[label];
        w->outputs = c->path_offsets[label + 1] - start;
        for (int64_t j = 0; j < w->outputs; j++) w->out[j] = c->output + c->path_nodes[start + j] * c->P;
        score_outputs(w);
        for (int64_t j = 0; j < w->outputs; j++) step_logistic(w, j, c->path_codes[start + j], 1, alpha);
    } else {
        place_negatives(w, label, (uint64_t)draws[1] << 32 | draws[2], w->step);
        score_outputs(w);
        for (int64_t j = 0; j < w->outputs; j++) step_logistic(w, j, j == 0, j ? w->step[j] : 1, alpha);
    }
}

// Trains on text k of the order.
static void train_text(struct worker *w, const struct text *t, int64_t k)
{
    const struct classifier *c = w->c;
    const real alpha = (real)(c->alpha + c->slope * (double)(c->first + k));
    mean_of_rows(w->mean, c->input, c->P, t->row, t->count);
    memset(w->change, 0, (size_t)c->P * sizeof(real));
    step_outputs(w, t, k, alpha);
    int64_t j = 0;
    for (; j + OUTPUTS <= w->outputs; j += OUTPUTS) move_outputs(w, j, OUTPUTS);
    for (; j < w->outputs; j++) move_outputs(w, j, 1);
    const real share = 1 / (real)t->count;
    for (int64_t at = 0; at < c->P; at += LANES) vf_store(w->change + at, vf_load(w->change + at) * share);
    add_to_rows(w->change, c->input, c->P, t->row, t->count);
    w->examples++;
}

#endif
