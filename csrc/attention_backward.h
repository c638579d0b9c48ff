// Attention backward. A unit of work is a chunk of the keys of a head, whose dk and dv only it writes; dq is summed
// from the chunks in order. Chunks depend on the shape alone, so results are the same for any number of threads.
#ifndef SEQNN_ATTENTION_BACKWARD_H
#define SEQNN_ATTENTION_BACKWARD_H

#include "attention.h"

enum {
    BLOCK = 64,          // keys of a block
    SQUARE = BLOCK + 16, // its row: with gap
    CHUNK = 512,         // keys that a chunk has at least
    UNITS = 16           // chunks are made until there are so many units
};

typedef struct {
    const problem *c;
    const real *grad, *out, *lse, *weights, *grad_weights;
    strides grad_step, out_step, grad_weights_step;
    real *dq, *dk, *dv; // or NULL
    strides dq_step, dk_step, dv_step;
    real *dbias; // or NULL
    strides dbias_step;
    int64_t relative_heads;
    real *drelative; // [relative_heads, T + S - 1] or NULL
    // What is made on the way.
    int64_t chunks;
    real *delta;          // [B, H, T]: the sum over keys of P dP
    real *dq_parts;       // [chunks][B, H, T, D, whole vectors], or NULL where dq is written at once
    real *relative_parts; // [chunks][B][H][T + S - 1]
} backward_pass;

typedef struct {
    real *p, *dp;       // [QUERIES][SQUARE]
    real *kt, *vt;      // K^T and V^T of the key block, in panels
    real *k, *q, *grad; // rows of whole vectors, where they are not whole already
    real *dk, *dv;      // [BLOCK][D or E, whole vectors]
} backward_room;

static void find_delta(const backward_pass *f, int64_t at)
{
    const problem *c = f->c;
    const int64_t t = at % c->queries, h = at / c->queries % c->heads, b = at / c->queries / c->heads;
    const real *x = place(f->grad, f->grad_step, b, h, t), *y = place(f->out, f->out_step, b, h, t);
    vf sum = {0};
    for (int64_t j = 0; j < c->width; j += LANES) {
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
    f->delta[at] = vf_sum(sum);
}

// p = the weights of the scores p, dp = P (dP - delta): the plain case.
static void slopes(const backward_pass *f, int64_t at, int64_t rows, int64_t columns, real *p, real *dp)
{
    for (int64_t i = 0; i < rows; i++) {
        const vf lse = vf_set(f->lse[at + i]), delta = vf_set(f->delta[at + i]);
        real *x = p + i * SQUARE, *y = dp + i * SQUARE;
        for (int64_t j = 0; j < columns; j += LANES) {
            const vf weight = weight_of(vf_load(x + j) - lse);
            vf_store(x + j, weight);
            vf_store(y + j, weight * (vf_load(y + j) - delta));
        }
    }
}

// The same with dropout, P' = P factor and dP = factor dP', and with the gradient of the weights added to dP.
static void other_slopes(const backward_pass *f, int64_t b, int64_t h, int64_t t, int64_t s, int64_t rows,
                         int64_t columns, real *p, real *dp)
{
    real factor[2 * DROP_KEYS];
    for (int j = 0; j < 2 * DROP_KEYS; j++) factor[j] = 1;
    const int64_t at = (b * f->c->heads + h) * f->c->queries + t;
    for (int64_t i = 0; i < rows; i++) {
        if (f->c->drop && i % 2 == 0) draw_factors(f->c, b, h, t + i, s, factor);
        const vf lse = vf_set(f->lse[at + i]), delta = vf_set(f->delta[at + i]);
        const real *extra = f->grad_weights ? place(f->grad_weights, f->grad_weights_step, b, h, t + i) + s : NULL;
        real *x = p + i * SQUARE, *y = dp + i * SQUARE;
        for (int64_t j = 0; j < columns; j += LANES) {
            const vf weight = weight_of(vf_load(x + j) - lse), by = vf_load(factor + i % 2 * DROP_KEYS + j);
            vf slope = vf_load(y + j) * by - delta;
            if (extra) slope += vf_load_part(extra + j, least(LANES, columns - j));
            vf_store(x + j, weight * by);
            vf_store(y + j, weight * slope);
        }
    }
}

static void add_rows(real *to, int64_t to_row, const real *from, int64_t from_row, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) to[i * to_row + j] += from[i * from_row + j];
}

// The gradients of the biases, from dS of queries [t, t + rows) and keys [s, s + columns).
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

// Keys [s, s + columns) and queries [t, t + rows) of head h.
static void backward_block(const backward_pass *f, backward_room *w, int64_t chunk, int64_t b, int64_t h, int64_t t,
                           int64_t rows, int64_t s, int64_t columns, const real *k, int64_t k_row)
{
    const problem *c = f->c;
    const int64_t deep = padded(c->depth), wide = padded(c->width);
    int64_t q_row = c->q_step.row, grad_row = f->grad_step.row;
    const real *q = place(c->q, c->q_step, b, h, t), *grad = place(f->grad, f->grad_step, b, h, t);
    for (int64_t j = 0; j < columns; j += PANEL) {
        const int64_t vectors = vectors_of(least(PANEL, columns - j));
        product(w->p + j, SQUARE, q, q_row, 1, w->kt + j * c->depth, vectors * LANES, rows, c->depth, vectors,
                c->scale * (real)UNIT, false);
        product(w->dp + j, SQUARE, grad, grad_row, 1, w->vt + j * c->width, vectors * LANES, rows, c->width, vectors, 1,
                false);
    }
    adjust(c, b, h, t, rows, s, columns, w->p, SQUARE);
    const int64_t at = (b * c->heads + h) * c->queries + t;
    if (c->drop || f->grad_weights)
        other_slopes(f, b, h, t, s, rows, columns, w->p, w->dp);
    else
        slopes(f, at, rows, columns, w->p, w->dp);
    if (f->dbias || f->drelative) bias_slopes(f, chunk, b, h, t, s, rows, columns, w->dp);
    if (f->dv) {
        const real *x = whole_rows(grad, &grad_row, rows, c->width, w->grad);
        product(w->dv, wide, w->p, 1, SQUARE, x, grad_row, columns, rows, wide / LANES, 1, true);
    }
    if (f->dk) {
        const real *x = whole_rows(q, &q_row, rows, c->depth, w->q);
        product(w->dk, deep, w->dp, 1, SQUARE, x, q_row, columns, rows, deep / LANES, c->scale, true);
    }
    if (f->dq) {
        int64_t dq_row;
        real *dq = dq_place(f, chunk, b, h, t, &dq_row);
        product(dq, dq_row, w->dp, SQUARE, 1, k, k_row, rows, columns, deep / LANES, c->scale, true);
    }
}

static void write_rows(real *to, int64_t to_row, const real *from, int64_t from_row, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++) memcpy(to + i * to_row, from + i * from_row, columns * sizeof(real));
}

// The first query that sees a key from `end` - 1 down, and the end of those that see one from s on.
static int64_t first_query(const problem *c, int64_t s) { return most(0, s - c->offset - c->after); }
static int64_t end_query(const problem *c, int64_t b, int64_t end)
{
    return most(0, least(query_count(c, b), end - c->offset + c->before));
}

static void backward_keys(const backward_pass *f, backward_room *w, int64_t chunk, int64_t b, int64_t g, int64_t s,
                          int64_t all)
{
    const problem *c = f->c;
    const int64_t share = c->heads / c->groups, deep = padded(c->depth), wide = padded(c->width);
    const int64_t columns = most(0, least(all, key_count(c, b) - s));
    memset(w->dk, 0, all * deep * sizeof(real));
    memset(w->dv, 0, all * wide * sizeof(real));
    if (columns) {
        int64_t k_row = c->k_step.row;
        const real *k = place(c->k, c->k_step, b, g, s), *v = place(c->v, c->v_step, b, g, s);
        for (int64_t j = 0; j < columns; j += PANEL) {
            const int64_t n = least(PANEL, columns - j);
            pack_transposed(w->kt + j * c->depth, k + j * k_row, k_row, n, c->depth);
            pack_transposed(w->vt + j * c->width, v + j * c->v_step.row, c->v_step.row, n, c->width);
        }
        k = whole_rows(k, &k_row, columns, c->depth, w->k);
        const int64_t first = first_query(c, s) / QUERIES * QUERIES, end = end_query(c, b, s + columns);
        for (int64_t h = g * share; h < (g + 1) * share; h++)
            for (int64_t t = first; t < end; t += QUERIES)
                backward_block(f, w, chunk, b, h, t, least(QUERIES, end - t), s, columns, k, k_row);
    }
    if (f->dk) write_rows((real *)place(f->dk, f->dk_step, b, g, s), f->dk_step.row, w->dk, deep, all, c->depth);
    if (f->dv) write_rows((real *)place(f->dv, f->dv_step, b, g, s), f->dv_step.row, w->dv, wide, all, c->width);
}

static int64_t cut_keys(const problem *c, int64_t chunks, int64_t i)
{
    const int64_t blocks = (c->keys + BLOCK - 1) / BLOCK;
    return least(c->keys, blocks * i / chunks * BLOCK);
}

static void backward_chunk(const backward_pass *f, backward_room *w, int64_t chunk, int64_t b, int64_t g)
{
    const problem *c = f->c;
    const int64_t share = c->heads / c->groups;
    for (int64_t h = g * share; f->dq && h < (g + 1) * share; h++)
        for (int64_t t = 0; t < c->queries; t++) {
            int64_t row;
            real *dq = dq_place(f, chunk, b, h, t, &row);
            memset(dq, 0, (f->dq_parts ? row : c->depth) * sizeof(real));
        }
    const int64_t end = cut_keys(c, f->chunks, chunk + 1);
    for (int64_t s = cut_keys(c, f->chunks, chunk); s < end; s += BLOCK)
        backward_keys(f, w, chunk, b, g, s, least(BLOCK, end - s));
}

// dq of query `at` from the parts of the chunks.
static void sum_dq(const backward_pass *f, int64_t at)
{
    const problem *c = f->c;
    const int64_t t = at % c->queries, h = at / c->queries % c->heads, b = at / c->queries / c->heads;
    const int64_t row = padded(c->depth), step = c->batch * c->heads * c->queries * row;
    real *to = (real *)place(f->dq, f->dq_step, b, h, t);
    for (int64_t j = 0; j < c->depth; j += LANES) {
        vf sum = {0};
        for (int64_t i = 0; i < f->chunks; i++) sum += vf_load(f->dq_parts + i * step + at * row + j);
        vf_store_part(to + j, least(LANES, c->depth - j), sum);
    }
}

static void sum_relative(const backward_pass *f)
{
    const problem *c = f->c;
    const int64_t length = c->queries + c->keys - 1;
    memset(f->drelative, 0, f->relative_heads * length * sizeof(real));
    for (int64_t i = 0; i < f->chunks * c->batch * c->heads; i++)
        add_rows(f->drelative + (f->relative_heads > 1 ? i % c->heads : 0) * length, 0, f->relative_parts + i * length,
                 0, 1, length);
}

static bool take_room(const problem *c, backward_room *w, real **memory)
{
    const int64_t deep = padded(c->depth), wide = padded(c->width), square = QUERIES * SQUARE;
    const int64_t size = 2 * square + BLOCK * (3 * deep + 2 * wide) + QUERIES * (deep + wide);
    real *at = *memory = sq_scratch_take(size * sizeof(real));
    if (!at) return false;
    w->p = at, at += square;
    w->dp = at, at += square;
    w->kt = at, at += BLOCK * deep;
    w->vt = at, at += BLOCK * wide;
    w->k = at, at += BLOCK * deep;
    w->dk = at, at += BLOCK * deep;
    w->dv = at, at += BLOCK * wide;
    w->q = at, at += QUERIES * deep;
    w->grad = at;
    return true;
}

// A unit takes all batches and heads that share an element of dbias.
static bool backward_units(const backward_pass *f, int team)
{
    const problem *c = f->c;
    const bool same_batch = f->dbias && f->dbias_step.batch == 0, same_head = f->dbias && f->dbias_step.query == 0;
    const int64_t batches = same_batch ? 1 : c->batch, groups = same_head ? 1 : c->groups;
    const int64_t rows = c->batch * c->heads * c->queries;
    bool ok = true;
#pragma omp parallel num_threads(team) reduction(&& : ok)
    {
        backward_room w;
        real *memory;
        ok = take_room(c, &w, &memory);
#pragma omp for schedule(static)
        for (int64_t at = 0; at < rows; at++) find_delta(f, at);
#pragma omp for schedule(dynamic)
        for (int64_t unit = 0; unit < f->chunks * batches * groups; unit++) {
            const int64_t chunk = unit / (batches * groups), b = unit / groups % batches, g = unit % groups;
            for (int64_t i = b; ok && i < (same_batch ? c->batch : b + 1); i++)
                for (int64_t j = g; j < (same_head ? c->groups : g + 1); j++) backward_chunk(f, &w, chunk, i, j);
        }
        sq_scratch_give(memory);
        if (f->dq && f->dq_parts) {
#pragma omp for schedule(static)
            for (int64_t at = 0; at < rows; at++) sum_dq(f, at);
        }
    }
    return ok;
}

static bool backward_all(backward_pass *f)
{
    const problem *c = f->c;
    const int64_t rows = c->batch * c->heads * c->queries, units = c->batch * c->groups;
    const int64_t wanted = units ? (UNITS + units - 1) / units : 1;
    f->chunks = most(1, least(wanted, c->keys / CHUNK));
    const bool parts = f->dq && (f->chunks > 1 || padded(c->depth) != c->depth);
    const int64_t relative = f->drelative ? f->chunks * c->batch * c->heads * (c->queries + c->keys - 1) : 0;
    const int64_t head = (rows + 15) / 16 * 16, size = parts ? f->chunks * rows * padded(c->depth) : 0;
    real *memory = sq_scratch_take((head + size + relative + 1) * sizeof(real));
    if (!memory) return false;
    f->delta = memory, f->dq_parts = parts ? memory + head : NULL, f->relative_parts = memory + head + size;
    memset(f->relative_parts, 0, relative * sizeof(real));
    const int team = sq_team(rows * c->keys * (c->depth + c->width) / 6);
    const bool ok = backward_units(f, team);
    if (ok && f->drelative) sum_relative(f);
    sq_scratch_give(memory);
    return ok;
}

#endif
