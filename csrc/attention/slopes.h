// The gradient of attention's weights and scores, block by block. The weights are computed again, from the largest
// score of each row and the sum of its weights (as in Dao et al., "FlashAttention", NeurIPS 2022); these stay two
// numbers, because in one, the logarithm of the sum, large scores would leave no digits for it.
#ifndef SEQNN_ATTENTION_SLOPES_H
#define SEQNN_ATTENTION_SLOPES_H

#include "attention/score.h"

enum {
    BLOCK = 64,         // keys of a block
    SQUARE = BLOCK + 16 // from row to row: without the gap all rows would lie in the same sets of the cache
};

typedef struct {
    const problem *c;
    const real *grad, *out, *norms, *weights, *grad_weights;
    const int32_t *chosen;  // of hard attention, or NULL
    const real *grad_log_p; // the gradient of its logarithms
    bool straight;          // whether scores get the gradient of soft attention too
    strides grad_step, out_step, grad_weights_step;
    real *dq, *dk, *dv; // or NULL
    strides dq_step, dk_step, dv_step;
    real *dbias; // or NULL
    strides dbias_step;
    int64_t relative_heads;
    real *drelative; // [relative_heads, T + S - 1] or NULL
    int64_t additive_heads;
    real *dadditive; // [additive_heads, D] or NULL
    // What is computed on the way.
    int64_t chunks;
    real *delta;          // [B, H, T]: the sum over keys of P dP
    real *dq_parts;       // [chunks][B, H, T, D, whole vectors], or NULL where dq is written at once
    real *relative_parts; // [chunks][B][H][T + S - 1]
    real *additive_parts; // [chunks][B][H][D]
} backward_pass;

static void find_delta(const backward_pass *f, int64_t at)
{
    const problem *c = f->c;
    const int64_t t = at % c->queries, h = at / c->queries % c->heads, b = at / c->queries / c->heads;
    const real *x = place(f->grad, f->grad_step, b, h, t), *y = place(f->out, f->out_step, b, h, t);
    vf sum = {0};
    for (int64_t j = 0; (f->straight || !f->chosen) && j < c->width; j += LANES) {
        const int64_t n = least(LANES, c->width - j);
        sum += vf_load_part(x + j, n) * vf_load_part(y + j, n);
    }
    if (f->grad_weights) {
        x = f->weights + at * c->keys, y = place(f->grad_weights, f->grad_weights_step, b, h, t);
        for (int64_t j = 0; j < c->keys; j += LANES) {
            const int64_t n = least(LANES, c->keys - j);
            sum += vf_load_part(x + j, n) * vf_load_part(y + j, n);
        }
    }
    f->delta[at] = vf_sum(sum) + (f->chosen ? f->grad_log_p[at] : 0);
}

// The weight of a score before dropout: what forward computed, to the last bit.
typedef struct {
    vf top, factor;
} row_norm;

static row_norm norm_of(const backward_pass *f, int64_t at)
{
    return (row_norm){vf_set(f->norms[2 * at]), vf_set(f->norms[2 * at + 1])};
}
ALWAYS_INLINE vf weight_again(vf score, row_norm n) { return weight_of(score - n.top) * n.factor; }

// p = the weights of the scores p, dp = P (dP - delta): the plain case.
static void slopes(const backward_pass *f, int64_t at, int64_t rows, int64_t columns, real *p, real *dp)
{
    for (int64_t i = 0; i < rows; i++) {
        const row_norm norm = norm_of(f, at + i);
        const vf delta = vf_set(f->delta[at + i]);
        real *x = p + i * SQUARE, *y = dp + i * SQUARE;
        for (int64_t j = 0; j < columns; j += LANES) {
            const vf weight = weight_again(vf_load(x + j), norm);
            vf_store(x + j, weight);
            vf_store(y + j, weight * (vf_load(y + j) - delta));
        }
    }
}

// The same with dropout, P' = P factor and dP = factor dP', or with the gradient of the weights added to dP.
static void other_slopes(const backward_pass *f, int64_t b, int64_t h, int64_t t, int64_t s, int64_t rows,
                         int64_t columns, real *p, real *dp)
{
    real factor[2 * DROP_KEYS];
    for (int j = 0; j < 2 * DROP_KEYS; j++) factor[j] = 1;
    const int64_t at = (b * f->c->heads + h) * f->c->queries + t;
    for (int64_t i = 0; i < rows; i++) {
        if (f->c->drop && i % 2 == 0) draw_factors(f->c, b, h, t + i, s, factor);
        const row_norm norm = norm_of(f, at + i);
        const vf delta = vf_set(f->delta[at + i]);
        const real *extra = f->grad_weights ? place(f->grad_weights, f->grad_weights_step, b, h, t + i) + s : NULL;
        real *x = p + i * SQUARE, *y = dp + i * SQUARE;
        for (int64_t j = 0; j < columns; j += LANES) {
            const vf weight = weight_again(vf_load(x + j), norm), by = vf_load(factor + i % 2 * DROP_KEYS + j);
            vf slope = vf_load(y + j) * by - delta;
            if (extra) slope += vf_load_part(extra + j, least(LANES, columns - j));
            vf_store(x + j, weight * by);
            vf_store(y + j, weight * slope);
        }
    }
}

// The same of hard attention, whose value is that of one key: P' = 1 there. The logarithm of its weight has the slopes
// grad_log_p (P' - P); where the gradient goes straight through the choice, those of soft attention are added.
static void hard_slopes(const backward_pass *f, int64_t at, int64_t s, int64_t rows, int64_t columns, real *p, real *dp)
{
    for (int64_t i = 0; i < rows; i++) {
        const row_norm norm = norm_of(f, at + i);
        const vf delta = vf_set(f->delta[at + i]);
        const int64_t chosen = f->chosen[at + i] - s;
        real *x = p + i * SQUARE, *y = dp + i * SQUARE;
        for (int64_t j = 0; j < columns; j += LANES) {
            const vf slope = f->straight ? vf_load(y + j) : vf_set(0);
            vf_store(y + j, weight_again(vf_load(x + j), norm) * (slope - delta));
            vf_store(x + j, vf_set(0));
        }
        if (chosen >= 0 && chosen < columns) x[chosen] = 1, y[chosen] += f->grad_log_p[at + i];
    }
}

static void add_rows(real *to, int64_t to_row, const real *from, int64_t from_row, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) to[i * to_row + j] += from[i * from_row + j];
}

// Adds the gradients of the biases, from dS of queries [t, t + rows) and keys [s, s + columns).
static void bias_slopes(const backward_pass *f, int64_t chunk, int64_t b, int64_t h, int64_t t, int64_t s, int64_t rows,
                        int64_t columns, const real *ds)
{
    const problem *c = f->c;
    if (f->dbias)
        add_rows((real *)place(f->dbias, f->dbias_step, b, h, t) + s, f->dbias_step.row, ds, SQUARE, rows, columns);
    if (!f->drelative) return;
    const int64_t length = c->queries + c->keys - 1;
    real *to = f->relative_parts + ((chunk * c->batch + b) * c->heads + h) * length + c->queries - 1 - t + s;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) to[j - i] += ds[i * SQUARE + j];
}

#endif
