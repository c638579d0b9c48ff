// Attention backward. A unit of work is a chunk of the keys of a head, whose dk and dv only it writes; dq is summed
// from the chunks in order. Chunks depend on the shape alone, so results are the same for any number of threads.
#ifndef SEQNN_ATTENTION_BACKWARD_H
#define SEQNN_ATTENTION_BACKWARD_H

#include "attention/block.h"

enum {
    CHUNK = 512, // keys that a chunk has at least
    UNITS = 16   // chunks are made until there are this many units
};

static void write_rows(real *to, int64_t to_row, const real *from, int64_t from_row, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++) memcpy(to + i * to_row, from + i * from_row, columns * sizeof(real));
}

// Writes rows of dk from dk^T, [D][BLOCK], by way of panels in `room`.
static void write_columns(real *to, int64_t to_row, const real *from, int64_t rows, int64_t columns, real *room)
{
    for (int64_t d = 0; d < columns; d += PANEL) {
        const int64_t n = least(PANEL, columns - d);
        pack_transposed(room, from + d * BLOCK, BLOCK, n, rows);
        write_rows(to + d, to_row, room, padded(n), rows, n);
    }
}

// The end of the queries that see a key before `end`.
static int64_t end_query(const problem *c, int64_t b, int64_t end)
{
    return most(0, least(query_count(c, b), end - c->from));
}

static void backward_keys(const backward_pass *f, backward_room *w, int64_t chunk, int64_t b, int64_t g, int64_t s,
                          int64_t all)
{
    const problem *c = f->c;
    const int64_t share = c->heads / c->groups, deep = padded(c->depth), wide = padded(c->width);
    const int64_t columns = most(0, least(all, key_count(c, b) - s));
    memset(w->dk, 0, BLOCK * deep * sizeof(real));
    memset(w->dv, 0, all * wide * sizeof(real));
    if (columns) {
        int64_t k_row = c->k_step.row;
        const real *k = place(c->k, c->k_step, b, g, s), *v = place(c->v, c->v_step, b, g, s);
        for (int64_t j = 0; j < columns; j += PANEL) {
            const int64_t n = least(PANEL, columns - j);
            if (c->additive || !has_few_queries(c)) pack_keys(c, w->kt + j * c->depth, k + j * k_row, k_row, n);
            pack_transposed(w->vt + j * c->width, v + j * c->v_step.row, c->v_step.row, n, c->width);
        }
        k = whole_rows(k, &k_row, columns, c->depth, w->k);
        const int64_t first = first_query(c, s) / QUERIES * QUERIES, end = end_query(c, b, s + columns);
        for (int64_t h = g * share; h < (g + 1) * share; h++)
            for (int64_t t = first; t < end; t += QUERIES)
                backward_block(f, w, chunk, b, h, t, least(QUERIES, end - t), s, columns, k, k_row);
    }
    if (f->dk && c->additive)
        write_columns((real *)place(f->dk, f->dk_step, b, g, s), f->dk_step.row, w->dk, all, c->depth, w->kt);
    else if (f->dk)
        write_rows((real *)place(f->dk, f->dk_step, b, g, s), f->dk_step.row, w->dk, deep, all, c->depth);
    if (f->dv) write_rows((real *)place(f->dv, f->dv_step, b, g, s), f->dv_step.row, w->dv, wide, all, c->width);
}

static int64_t cut_keys(const problem *c, int64_t chunks, int64_t i)
{
    return least(c->keys, blocks(c->keys, BLOCK) * i / chunks * BLOCK);
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

// Sums dq of query `at` over the chunks.
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

// Sums the parts of each head, [chunks][B][H][length], or of all heads where `heads` is 1.
static void sum_parts(const backward_pass *f, real *to, int64_t heads, const real *parts, int64_t length)
{
    const problem *c = f->c;
    memset(to, 0, heads * length * sizeof(real));
    for (int64_t i = 0; i < f->chunks * c->batch * c->heads; i++)
        add_rows(to + (heads > 1 ? i % c->heads : 0) * length, 0, parts + i * length, 0, 1, length);
}

static bool take_room(const problem *c, backward_room *w, real **memory)
{
    const int64_t deep = padded(c->depth), wide = padded(c->width), square = QUERIES * SQUARE;
    const int64_t size =
        2 * square + BLOCK * (3 * deep + 2 * wide) + QUERIES * (deep + wide) + (c->additive ? c->depth * LANES : 0);
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
    w->grad = at, at += QUERIES * wide;
    w->dw = at;
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
    const int64_t wanted = units ? blocks(UNITS, units) : 1;
    f->chunks = most(1, least(wanted, c->keys / CHUNK));
    const bool parts = f->dq && (f->chunks > 1 || padded(c->depth) != c->depth);
    const int64_t parts_count = f->chunks * c->batch * c->heads;
    const int64_t relative = f->drelative ? parts_count * (c->queries + c->keys - 1) : 0;
    const int64_t additive = f->dadditive ? parts_count * c->depth : 0;
    const int64_t head = round_up(rows, 16), size = parts ? f->chunks * rows * padded(c->depth) : 0;
    real *memory = sq_scratch_take((head + size + relative + additive + 1) * sizeof(real));
    if (!memory) return false;
    f->delta = memory, f->dq_parts = parts ? memory + head : NULL;
    f->relative_parts = memory + head + size, f->additive_parts = f->relative_parts + relative;
    memset(f->relative_parts, 0, (relative + additive) * sizeof(real));
    const int team = sq_team(rows * c->keys * (c->depth + c->width) / 6);
    const bool ok = backward_units(f, team);
    if (ok && f->drelative) sum_parts(f, f->drelative, f->relative_heads, f->relative_parts, c->queries + c->keys - 1);
    if (ok && f->dadditive) sum_parts(f, f->dadditive, f->additive_heads, f->additive_parts, c->depth);
    sq_scratch_give(memory);
    return ok;
}

#endif
