// Attention backward of one block of queries and keys: what it adds to dq, dk, dv and the other gradients.
#ifndef SEQNN_ATTENTION_BLOCK_H
#define SEQNN_ATTENTION_BLOCK_H

#include "attention/score_few.h"
#include "attention/slopes.h"

typedef struct {
    real *p, *dp;       // [QUERIES][SQUARE]
    real *kt, *vt;      // K^T and V^T of the key block, in panels
    real *k, *q, *grad; // rows of whole vectors, where they are not whole already
    real *dk, *dv;      // [BLOCK][D or E, whole vectors]; of additive scores dk^T, [D][BLOCK]
    real *dw;           // [D][LANES]: of additive scores
} backward_room;

// Where dq of a row is summed, and how far rows are apart.
static real *dq_place(const backward_pass *f, int64_t chunk, int64_t b, int64_t h, int64_t t, int64_t *row)
{
    const problem *c = f->c;
    if (!f->dq_parts) {
        *row = f->dq_step.row;
        return (real *)place(f->dq, f->dq_step, b, h, t);
    }
    *row = padded(c->depth);
    return f->dq_parts + (((chunk * c->batch + b) * c->heads + h) * c->queries + t) * *row;
}

// to += factor m^T x for keys [s, s + columns), where row i of m [rows, SQUARE] is of query t + i, and so is that of x.
// A step of keys leaves out the queries before the first one that sees any of them.
static void add_to_keys(const problem *c, int64_t b, int64_t t, int64_t rows, int64_t s, int64_t columns, const real *m,
                        const real *x, int64_t x_row, real *to, int64_t wide, real factor)
{
    const int64_t step = stair(c, b, t, rows, s, columns) == rows ? columns : STAIR;
    for (int64_t j = 0; j < columns; j += step) {
        const int64_t i = most(0, first_query(c, s + j) - t);
        if (i < rows)
            gemm_small(to + j * wide, wide, m + i * SQUARE + j, 1, SQUARE, x + i * x_row, x_row,
                       least(step, columns - j), rows - i, wide / LANES, factor, true);
    }
}

// dq = scale dS k, dk = scale dS^T q of a block.
static void product_block(const backward_pass *f, backward_room *w, int64_t chunk, int64_t b, int64_t h, int64_t t,
                          int64_t rows, int64_t s, int64_t columns, const real *k, int64_t k_row)
{
    const problem *c = f->c;
    const int64_t deep = padded(c->depth);
    if (f->dk) {
        int64_t q_row = c->q_step.row;
        const real *q = whole_rows(place(c->q, c->q_step, b, h, t), &q_row, rows, c->depth, w->q);
        add_to_keys(c, b, t, rows, s, columns, w->dp, q, q_row, w->dk, deep, c->scale);
    }
    if (f->dq) {
        int64_t dq_row;
        real *dq = dq_place(f, chunk, b, h, t, &dq_row);
        const int64_t step = stair(c, b, t, rows, s, columns);
        for (int64_t i = 0; i < rows; i += step) {
            const int64_t count = least(step, rows - i), seen = seen_of(c, b, t + i + count - 1, s, columns);
            gemm_small(dq + i * dq_row, dq_row, w->dp + i * SQUARE, SQUARE, 1, k, k_row, count, seen, deep / LANES,
                       c->scale, true);
        }
    }
}

// The same for additive scores: all three gradients come from one pass over the pairs.
static void additive_block(const backward_pass *f, backward_room *w, int64_t chunk, int64_t b, int64_t h, int64_t t,
                           int64_t rows, int64_t columns, const real *q, int64_t q_row)
{
    const problem *c = f->c;
    int64_t dq_row = 0;
    real *dq = f->dq ? dq_place(f, chunk, b, h, t, &dq_row) : NULL;
    memset(w->dw, 0, c->depth * LANES * sizeof(real));
    for (int64_t j = 0; j < columns; j += PANEL) {
        const int64_t vectors = vectors_of(least(PANEL, columns - j));
        const real *ds = w->dp + j, *kt = w->kt + j * c->depth;
        if (c->far)
            additive_slopes(c, h, ds, SQUARE, q, q_row, kt, rows, vectors, dq, dq_row, w->dk + j, BLOCK, w->dw, true);
        else
            additive_slopes(c, h, ds, SQUARE, q, q_row, kt, rows, vectors, dq, dq_row, w->dk + j, BLOCK, w->dw, false);
    }
    if (!f->dadditive) return;
    real *dw = f->additive_parts + ((chunk * c->batch + b) * c->heads + h) * c->depth;
    for (int64_t d = 0; d < c->depth; d++) dw[d] += c->scale * vf_sum(vf_load(w->dw + d * LANES));
}

// The scores of queries [t, t + rows) of head h and keys [s, s + columns), rounded as in forward. `scored` are the
// queries as score_panel takes them.
static void score_again(const problem *c, backward_room *w, int64_t b, int64_t h, int64_t t, int64_t rows, int64_t s,
                        int64_t columns, const real *scored, int64_t scored_row)
{
    if (has_few_queries(c)) {
        const real *k = place(c->k, c->k_step, b, h / (c->heads / c->groups), s);
        for (int64_t i = 0; i < rows; i++)
            score_few(c, h, w->p + i * SQUARE, place(c->q, c->q_step, b, h, t + i), k, columns);
    } else {
        for (int64_t j = 0; j < columns; j += PANEL) {
            const int64_t n = least(PANEL, columns - j);
            score_seen(c, b, h, t, rows, s + j, n, w->p + j, SQUARE, scored, scored_row, w->kt + j * c->depth,
                       padded(n));
        }
    }
    adjust(c, b, h, t, rows, s, columns, w->p, SQUARE);
}

// dP = grad V^T of queries [t, t + rows) and keys [s, s + columns); 0 where no query of a step sees the keys.
static void weight_gradient(const problem *c, backward_room *w, int64_t b, int64_t t, int64_t rows, int64_t s,
                            int64_t columns, const real *grad, int64_t grad_row)
{
    for (int64_t j = 0; j < columns; j += PANEL) {
        const int64_t n = least(PANEL, columns - j), step = stair(c, b, t, rows, s + j, n);
        for (int64_t i = 0; i < rows; i += step) {
            const int64_t count = least(step, rows - i);
            const int64_t seen = padded(seen_of(c, b, t + i + count - 1, s + j, n));
            real *to = w->dp + i * SQUARE + j;
            gemm_small(to, SQUARE, grad + i * grad_row, grad_row, 1, w->vt + j * c->width, padded(n), count, c->width,
                       seen / LANES, 1, false);
            for (int64_t r = 0; r < count; r++)
                memset(to + r * SQUARE + seen, 0, (size_t)(padded(n) - seen) * sizeof(real));
        }
    }
}

// Adds what keys [s, s + columns) and queries [t, t + rows) of head h give.
static void backward_block(const backward_pass *f, backward_room *w, int64_t chunk, int64_t b, int64_t h, int64_t t,
                           int64_t rows, int64_t s, int64_t columns, const real *k, int64_t k_row)
{
    const problem *c = f->c;
    const int64_t wide = padded(c->width);
    int64_t scored_row = c->q_step.row, grad_row = f->grad_step.row;
    const real *scored = take_queries(c, place(c->q, c->q_step, b, h, t), &scored_row, rows, w->q);
    const real *grad = place(f->grad, f->grad_step, b, h, t);
    score_again(c, w, b, h, t, rows, s, columns, scored, scored_row);
    weight_gradient(c, w, b, t, rows, s, columns, grad, grad_row);
    const int64_t at = (b * c->heads + h) * c->queries + t;
    if (f->chosen)
        hard_slopes(f, at, s, rows, columns, w->p, w->dp);
    else if (c->drop || f->grad_weights)
        other_slopes(f, b, h, t, s, rows, columns, w->p, w->dp);
    else
        slopes(f, at, rows, columns, w->p, w->dp);
    if (f->dbias || f->drelative) bias_slopes(f, chunk, b, h, t, s, rows, columns, w->dp);
    if (f->dv) {
        const real *x = whole_rows(grad, &grad_row, rows, c->width, w->grad);
        add_to_keys(c, b, t, rows, s, columns, w->p, x, grad_row, w->dv, wide, 1);
    }
    if (c->additive)
        additive_block(f, w, chunk, b, h, t, rows, columns, scored, scored_row);
    else
        product_block(f, w, chunk, b, h, t, rows, s, columns, k, k_row);
}

#endif
