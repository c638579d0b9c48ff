// The softmax of attention, carried along over blocks of keys (Milakov and Gimelshein, "Online normalizer calculation
// for softmax", 2018): the weights of a block, and the result of a row when all its keys were seen.
#ifndef SEQNN_ATTENTION_SOFTMAX_H
#define SEQNN_ATTENTION_SOFTMAX_H

#include "attention/attention.h"

enum {
    KEYS = 512,     // of a block: its weights stay in the L2 cache
    ROW = KEYS + 16 // of the block of weights: without the gap all rows would lie in the same sets of the cache
};

typedef struct {
    const problem *c;
    real *out; // NULL where only a key is chosen
    strides out_step;
    real *norms;     // or NULL: of each row its largest score and 1 / the sum of its weights relative to that
    real *weights;   // or NULL
    int32_t *chosen; // hard attention: the key, -1 where none is seen; or NULL
    real *log_p;     // and the logarithm of its weight
    bool sample;
} forward_pass;

// The working memory of a thread.
typedef struct {
    real *scores; // [QUERIES][ROW]
    real *sums;   // [QUERIES][E, whole vectors]
    real *powers; // [QUERIES][D, whole vectors]: of additive queries
    real *tops;   // [QUERIES][key blocks]: the maximum by which the weights of a block were computed
    real top[QUERIES], total[QUERIES];
    real best[QUERIES], best_score[QUERIES]; // of hard attention: with the noise, and without
    int64_t best_key[QUERIES];
} workspace;

static int64_t tops_row(const problem *c) { return blocks(c->keys, KEYS) + 1; }

static workspace *take_workspace(const problem *c)
{
    const int64_t head = round_up(sizeof(workspace), 64);
    const int64_t size = QUERIES * (ROW + padded(c->width) + padded(c->depth) + tops_row(c));
    workspace *w = sq_scratch_take(head + size * sizeof(real));
    if (!w) return NULL;
    w->scores = (real *)((char *)w + head);
    w->sums = w->scores + QUERIES * ROW;
    w->powers = w->sums + QUERIES * padded(c->width);
    w->tops = w->powers + QUERIES * padded(c->depth);
    return w;
}

// x[0 .. columns) = weight(x - top); returns their sum. The columns are whole vectors.
static real weigh_row(real *x, int64_t columns, real top)
{
    vf a = {0}, b = {0};
    int64_t j = 0;
    for (; j + 2 * LANES <= columns; j += 2 * LANES) {
        const vf left = weight_of(vf_load(x + j) - top), right = weight_of(vf_load(x + j + LANES) - top);
        vf_store(x + j, left), vf_store(x + j + LANES, right);
        a += left, b += right;
    }
    if (j < columns) {
        const vf last = weight_of(vf_load(x + j) - top);
        vf_store(x + j, last);
        a += last;
    }
    return vf_sum(a + b);
}

static real top_of_row(const real *x, int64_t columns)
{
    vf a = vf_set(-(real)INFINITY), b = a;
    int64_t j = 0;
    for (; j + 2 * LANES <= columns; j += 2 * LANES)
        a = vf_max(a, vf_load(x + j)), b = vf_max(b, vf_load(x + j + LANES));
    if (j < columns) a = vf_max(a, vf_load(x + j));
    return vf_largest(vf_max(a, b));
}

static void scale_row(real *x, int64_t columns, real factor)
{
    for (int64_t j = 0; j < columns; j += LANES) vf_store(x + j, vf_load(x + j) * factor);
}

static void drop_rows(const problem *c, int64_t b, int64_t h, int64_t t, int64_t rows, int64_t s, int64_t columns,
                      real *weights)
{
    real factor[2 * DROP_KEYS];
    for (int64_t i = -(t & 1); i < rows; i += 2)
        for (int64_t j = -(s % DROP_KEYS); j < columns; j += DROP_KEYS) {
            draw_factors(c, b, h, t + i, s + j, factor);
            for (int64_t r = most(i, 0); r < least(i + 2, rows); r++)
                for (int64_t n = most(j, 0); n < least(j + DROP_KEYS, columns); n++)
                    weights[r * ROW + n] *= factor[(r - i) * DROP_KEYS + n - j];
        }
}

// Draws Gumbel noise for keys [s, s + DROP_KEYS) of query t: the key with the largest score and noise is a draw from
// the softmax of the scores (Gumbel, "Statistical theory of extreme values", 1954).
static void gumbel_noise(const problem *c, int64_t b, int64_t h, int64_t t, int64_t s, real *noise)
{
    uint32_t word[4 * SQ_PHILOX_LANES];
    const int64_t block = ((b * c->heads + h) * c->queries + t) * blocks(c->keys, DROP_KEYS) + s / DROP_KEYS;
    sq_philox_words(word, c->seed, c->stream, (uint64_t)block * SQ_PHILOX_LANES);
    for (int i = 0; i < DROP_KEYS; i++) noise[i] = ((word[i] >> 9) + (real)0.5) * (real)0x1p-23;
    for (int i = 0; i < DROP_KEYS; i += LANES) vf_store(noise + i, -vf_log(-vf_log(vf_load(noise + i))) * (real)UNIT);
}

// Looks for a better key of each row among keys [s, s + columns); of equal ones the first counts.
static void choose(const forward_pass *f, workspace *w, int64_t b, int64_t h, int64_t t, int64_t rows, int64_t s,
                   int64_t columns)
{
    real noise[DROP_KEYS] = {0};
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = -(s % DROP_KEYS); j < columns; j += DROP_KEYS) {
            if (f->sample) gumbel_noise(f->c, b, h, t + i, s + j, noise);
            const real *x = w->scores + i * ROW + j;
            real top = -(real)INFINITY;
            int64_t from = most(0, -j), best = from;
            if (from == 0 && j + DROP_KEYS <= columns) {
                vf tops = vf_set(top);
                for (int n = 0; n < DROP_KEYS; n += LANES) tops = vf_max(tops, vf_load(x + n) + vf_load(noise + n));
                top = vf_largest(tops);
                if (!(top > w->best[i])) continue;
                while (best < DROP_KEYS - 1 && x[best] + noise[best] != top) best++;
            } else {
                for (int64_t n = from; n < least(DROP_KEYS, columns - j); n++)
                    if (x[n] + noise[n] > top) top = x[n] + noise[n], best = n;
                if (!(top > w->best[i])) continue;
            }
            w->best[i] = top, w->best_score[i] = x[best], w->best_key[i] = s + j + best;
        }
}

// Turns scores of keys [s, s + columns) into weights relative to the maximum so far, and adjusts what was summed.
static void weigh(const forward_pass *f, workspace *w, int64_t b, int64_t h, int64_t t, int64_t rows, int64_t s,
                  int64_t columns, int64_t block, bool at_once)
{
    const problem *c = f->c;
    const int64_t wide = padded(c->width), whole = padded(columns);
    if (f->chosen) choose(f, w, b, h, t, rows, s, columns);
    for (int64_t i = 0; i < rows; i++) {
        real *x = w->scores + i * ROW;
        const int64_t seen = most(0, least(whole, padded(end_key(c, b, t + i) - s)));
        const real top = top_of_row(x, seen);
        if (top > w->top[i]) {
            if (w->top[i] > -(real)INFINITY) {
                const real factor = weight_of(vf_set(w->top[i] - top))[0];
                w->total[i] *= factor;
                scale_row(w->sums + i * wide, wide, factor);
            }
            w->top[i] = top;
        }
        // No key seen so far: all scores are -inf, and so are their weights 0.
        w->total[i] += weigh_row(x, seen, w->top[i] > -(real)INFINITY ? w->top[i] : 0);
        memset(x + seen, 0, (whole - seen) * sizeof(real));
        if (f->weights && !at_once) {
            memcpy(f->weights + ((b * c->heads + h) * c->queries + t + i) * c->keys + s, x, columns * sizeof(real));
            w->tops[i * tops_row(c) + block] = w->top[i];
        }
    }
    if (c->drop) drop_rows(c, b, h, t, rows, s, columns, w->scores);
}

// Writes the weights of a row, which so far are relative to the maxima of their blocks, or all in `scores`.
static void finish_weights(const forward_pass *f, const workspace *w, int64_t i, real *weights, real factor,
                           int64_t first, int64_t end, const real *scores)
{
    const int64_t keys = f->c->keys, row = tops_row(f->c);
    memset(weights, 0, first * sizeof(real));
    memset(weights + end, 0, (keys - end) * sizeof(real));
    for (int64_t j = first; scores && j < end; j += LANES)
        vf_store_part(weights + j, least(LANES, end - j), vf_load(scores + j - first) * factor);
    for (int64_t s = first, block = 0; !scores && s < end; s += KEYS, block++) {
        const int64_t stop = least(end, s + KEYS);
        const real by = factor == 0 ? 0 : factor * weight_of(vf_set(w->tops[i * row + block] - w->top[i]))[0];
        if (by == 1) continue;
        for (int64_t j = s; j < stop; j++) weights[j] *= by;
    }
}

// Writes the result of rows whose keys [first, end) were all summed. at_once: those of one block, still in w->scores.
static void finish_rows(const forward_pass *f, workspace *w, int64_t b, int64_t h, int64_t t, int64_t rows,
                        int64_t first, int64_t end, bool at_once)
{
    const problem *c = f->c;
    const int64_t wide = padded(c->width);
    for (int64_t i = 0; i < rows; i++) {
        const real top = w->top[i], total = w->total[i];
        const bool none = top == -(real)INFINITY && total == 0;
        const real factor = none ? 0 : 1 / total;
        real *to = f->out ? (real *)place(f->out, f->out_step, b, h, t + i) : NULL;
        for (int64_t j = 0; to && j < c->width; j += LANES)
            vf_store_part(to + j, least(LANES, c->width - j), vf_load(w->sums + i * wide + j) * factor);
        const int64_t at = (b * c->heads + h) * c->queries + t + i;
        if (f->norms) f->norms[2 * at] = none ? 0 : top, f->norms[2 * at + 1] = factor;
        if (f->chosen) {
            f->chosen[at] = (int32_t)w->best_key[i];
            f->log_p[at] = none ? 0 : (w->best_score[i] - top - log_weight(total)) / (real)UNIT;
        }
        if (f->weights)
            finish_weights(f, w, i, f->weights + at * c->keys, factor, first, end,
                           at_once ? w->scores + i * ROW : NULL);
    }
}

static void start_rows(workspace *w, int64_t rows, int64_t wide)
{
    memset(w->sums, 0, rows * wide * sizeof(real));
    for (int64_t i = 0; i < rows; i++) {
        w->top[i] = w->best[i] = -(real)INFINITY, w->total[i] = w->best_score[i] = 0;
        w->best_key[i] = -1;
    }
}

static void zero_rows(const forward_pass *f, workspace *w, int64_t b, int64_t h, int64_t t, int64_t rows)
{
    start_rows(w, rows, padded(f->c->width));
    finish_rows(f, w, b, h, t, rows, 0, 0, false);
}

#endif
