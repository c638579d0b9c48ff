// Attention forward: query blocks over key blocks; and one of few queries over many keys.
#ifndef SEQNN_ATTENTION_FORWARD_H
#define SEQNN_ATTENTION_FORWARD_H

#include "attention.h"

enum {
    KEYS = 512,      // of a block: its weights stay in the L2 cache
    ROW = KEYS + 16, // of the block of weights: rows would lie in the same cache sets without the gap
    FEW = 4,         // queries up to which keys are read as they lie
    DOTS = 4         // keys whose scores are computed side by side then
};

typedef struct {
    const problem *c;
    real *out;
    strides out_step;
    real *lse, *weights; // or NULL
} forward_pass;

// What a thread works in.
typedef struct {
    real *scores; // [QUERIES][ROW]
    real *sums;   // [QUERIES][E, whole vectors]
    real *tops;   // [QUERIES][key blocks]: the maximum by which the weights of a block were computed
    real top[QUERIES], total[QUERIES];
} workspace;

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
                      real *weights, int64_t row)
{
    real factor[2 * DROP_KEYS];
    for (int64_t i = -(t & 1); i < rows; i += 2)
        for (int64_t j = -(s % DROP_KEYS); j < columns; j += DROP_KEYS) {
            draw_factors(c, b, h, t + i, s + j, factor);
            for (int64_t r = most(i, 0); r < least(i + 2, rows); r++)
                for (int64_t n = most(j, 0); n < least(j + DROP_KEYS, columns); n++)
                    weights[r * row + n] *= factor[(r - i) * DROP_KEYS + n - j];
        }
}

// Turns scores of keys [s, s + columns) into weights relative to the maximum so far, and adjusts what was summed.
static void weigh(const forward_pass *f, workspace *w, int64_t b, int64_t h, int64_t t, int64_t rows, int64_t s,
                  int64_t columns, int64_t block, int64_t row)
{
    const problem *c = f->c;
    const int64_t wide = padded(c->width), blocks = (c->keys + KEYS - 1) / KEYS + 1, whole = padded(columns);
    for (int64_t i = 0; i < rows; i++) {
        real *x = w->scores + i * row;
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
        if (f->weights) {
            memcpy(f->weights + ((b * c->heads + h) * c->queries + t + i) * c->keys + s, x, columns * sizeof(real));
            w->tops[i * blocks + block] = w->top[i];
        }
    }
    if (c->drop) drop_rows(c, b, h, t, rows, s, columns, w->scores, row);
}

// Writes the result of rows whose keys [first, end) were all summed.
static void finish_rows(const forward_pass *f, workspace *w, int64_t b, int64_t h, int64_t t, int64_t rows,
                        int64_t first, int64_t end)
{
    const problem *c = f->c;
    const int64_t wide = padded(c->width), blocks = (c->keys + KEYS - 1) / KEYS + 1;
    for (int64_t i = 0; i < rows; i++) {
        const real top = w->top[i], total = w->total[i];
        const bool none = top == -(real)INFINITY && total == 0;
        const real factor = none ? 0 : 1 / total;
        real *to = (real *)place(f->out, f->out_step, b, h, t + i);
        for (int64_t j = 0; j < c->width; j += LANES)
            vf_store_part(to + j, least(LANES, c->width - j), vf_load(w->sums + i * wide + j) * factor);
        const int64_t at = (b * c->heads + h) * c->queries + t + i;
        if (f->lse) f->lse[at] = none ? (real)INFINITY : top + log_weight(total);
        if (!f->weights) continue;
        real *weights = f->weights + at * c->keys;
        memset(weights, 0, first * sizeof(real));
        memset(weights + end, 0, (c->keys - end) * sizeof(real));
        for (int64_t s = first, block = 0; s < end; s += KEYS, block++) {
            const int64_t stop = least(end, s + KEYS);
            const real by = none ? 0 : factor * weight_of(vf_set(w->tops[i * blocks + block] - top))[0];
            if (by == 1) continue;
            for (int64_t j = s; j < stop; j++) weights[j] *= by;
        }
    }
}

static void start_rows(workspace *w, int64_t rows, int64_t wide)
{
    memset(w->sums, 0, rows * wide * sizeof(real));
    for (int64_t i = 0; i < rows; i++) w->top[i] = -(real)INFINITY, w->total[i] = 0;
}

static void zero_rows(const forward_pass *f, workspace *w, int64_t b, int64_t h, int64_t t, int64_t rows)
{
    start_rows(w, rows, padded(f->c->width));
    finish_rows(f, w, b, h, t, rows, 0, 0);
}

// Queries [t, t + rows) of a head: `packed` is K^T in panels, `v` has rows of whole vectors.
static void forward_block(const forward_pass *f, workspace *w, const real *packed, const real *v, int64_t v_row,
                          int64_t b, int64_t h, int64_t t, int64_t rows)
{
    const problem *c = f->c;
    const int64_t wide = padded(c->width), real_rows = least(rows, query_count(c, b) - t);
    if (real_rows < rows) {
        const int64_t zero = real_rows > 0 ? real_rows : 0;
        zero_rows(f, w, b, h, t + zero, rows - zero);
        if (zero == 0) return;
        rows = zero;
    }
    const int64_t end = end_key(c, b, t + rows - 1), first = least(first_key(c, t) / PANEL * PANEL, end);
    const real *q = place(c->q, c->q_step, b, h, t);
    start_rows(w, rows, wide);
    for (int64_t s = first, block = 0; s < end; s += KEYS, block++) {
        const int64_t columns = least(KEYS, end - s);
        for (int64_t j = 0; j < columns; j += PANEL) {
            const int64_t vectors = vectors_of(least(PANEL, columns - j));
            // The last panel of all keys is as wide as it must be; others may be read in part.
            const int64_t panel_row = padded(least(PANEL, c->keys - s - j));
            product(w->scores + j, ROW, q, c->q_step.row, 1, packed + (s + j) * c->depth, panel_row, rows, c->depth,
                    vectors, c->scale * (real)UNIT, false);
            adjust(c, b, h, t, rows, s + j, least(PANEL, columns - j), w->scores + j, ROW);
        }
        weigh(f, w, b, h, t, rows, s, columns, block, ROW);
        product(w->sums, wide, w->scores, ROW, 1, v + s * v_row, v_row, rows, columns, wide / LANES, 1, true);
    }
    finish_rows(f, w, b, h, t, rows, first, end);
}

// The scores of a query and keys [s, s + columns), read as they lie.
static void few_scores(const problem *c, real *scores, const real *q, const real *k, int64_t columns)
{
    const int64_t row = c->k_step.row, whole = c->depth / LANES * LANES, rest = c->depth - whole;
    for (int64_t j = 0; j < columns; j += DOTS) {
        const real *k0 = k + j * row, *k1 = k + least(j + 1, columns - 1) * row;
        const real *k2 = k + least(j + 2, columns - 1) * row, *k3 = k + least(j + 3, columns - 1) * row;
        vf a0 = {0}, a1 = a0, a2 = a0, a3 = a0;
        for (int64_t i = 0; i < whole; i += LANES) {
            const vf x = vf_load(q + i);
            a0 += x * vf_load(k0 + i), a1 += x * vf_load(k1 + i), a2 += x * vf_load(k2 + i), a3 += x * vf_load(k3 + i);
        }
        if (rest) {
            const vf x = vf_load_part(q + whole, rest);
            a0 += x * vf_load_part(k0 + whole, rest), a1 += x * vf_load_part(k1 + whole, rest);
            a2 += x * vf_load_part(k2 + whole, rest), a3 += x * vf_load_part(k3 + whole, rest);
        }
        const real by = c->scale * (real)UNIT;
        scores[j] = vf_sum(a0) * by, scores[j + 1] = vf_sum(a1) * by;
        scores[j + 2] = vf_sum(a2) * by, scores[j + 3] = vf_sum(a3) * by;
    }
    for (int64_t j = columns; j < padded(columns); j++) scores[j] = 0;
}

// One query: K and V are read once, as they lie.
static void forward_query(const forward_pass *f, workspace *w, real *room, int64_t b, int64_t h, int64_t t)
{
    const problem *c = f->c;
    if (t >= query_count(c, b)) {
        zero_rows(f, w, b, h, t, 1);
        return;
    }
    const int64_t g = h / (c->heads / c->groups), wide = padded(c->width);
    const int64_t end = end_key(c, b, t), first = least(first_key(c, t), end);
    start_rows(w, 1, wide);
    for (int64_t s = first, block = 0; s < end; s += KEYS, block++) {
        const int64_t columns = least(KEYS, end - s);
        few_scores(c, w->scores, place(c->q, c->q_step, b, h, t), place(c->k, c->k_step, b, g, s), columns);
        adjust(c, b, h, t, 1, s, columns, w->scores, ROW);
        weigh(f, w, b, h, t, 1, s, columns, block, ROW);
        int64_t row = c->v_step.row;
        const real *v = whole_rows(place(c->v, c->v_step, b, g, s), &row, columns, c->width, room);
        product(w->sums, wide, w->scores, ROW, 1, v, row, 1, columns, wide / LANES, 1, true);
    }
    finish_rows(f, w, b, h, t, 1, first, end);
}

static workspace *take_workspace(const problem *c)
{
    const int64_t blocks = (c->keys + KEYS - 1) / KEYS + 1, head = (sizeof(workspace) + 63) / 64 * 64;
    const int64_t size = QUERIES * (ROW + padded(c->width) + blocks);
    workspace *w = sq_scratch_take(head + size * sizeof(real));
    if (!w) return NULL;
    w->scores = (real *)((char *)w + head);
    w->sums = w->scores + QUERIES * ROW;
    w->tops = w->sums + QUERIES * padded(c->width);
    return w;
}

// Packs K^T of a head, and its V where rows are no whole vectors; returns V.
static const real *prepare_head(const problem *c, real *packed, real *room, int64_t b, int64_t g, int64_t *v_row)
{
    const int64_t keys = key_count(c, b);
    for (int64_t s = 0; s < keys; s += PANEL)
        pack_transposed(packed + s * c->depth, place(c->k, c->k_step, b, g, s), c->k_step.row,
                        least(PANEL, c->keys - s), c->depth);
    *v_row = c->v_step.row;
    return whole_rows(place(c->v, c->v_step, b, g, 0), v_row, keys, c->width, room);
}

static int64_t room_of(const problem *c) { return padded(c->width) == c->width ? 0 : c->keys * padded(c->width); }

// Each thread takes heads: packs K^T, which stays in its cache for the head's queries.
static bool forward_heads(const forward_pass *f, int team)
{
    const problem *c = f->c;
    const int64_t share = c->heads / c->groups, packed_size = padded(c->keys) * c->depth;
    bool ok = true;
#pragma omp parallel num_threads(team) reduction(&& : ok)
    {
        workspace *w = take_workspace(c);
        real *packed = sq_scratch_take((packed_size + room_of(c) + LANES) * sizeof(real));
        ok = w && packed;
#pragma omp for schedule(dynamic)
        for (int64_t item = 0; item < c->batch * c->groups; item++) {
            if (!ok) continue;
            const int64_t b = item / c->groups, g = item % c->groups;
            int64_t v_row;
            const real *v = prepare_head(c, packed, packed + packed_size, b, g, &v_row);
            for (int64_t h = g * share; h < (g + 1) * share; h++)
                for (int64_t t = 0; t < c->queries; t += QUERIES)
                    forward_block(f, w, packed, v, v_row, b, h, t, least(QUERIES, c->queries - t));
        }
        sq_scratch_give(packed);
        sq_scratch_give(w);
    }
    return ok;
}

// All heads are packed first; then each thread takes blocks of queries, those with the most keys first.
static bool forward_blocks(const forward_pass *f, int team)
{
    const problem *c = f->c;
    const int64_t share = c->heads / c->groups, packed_size = padded(c->keys) * c->depth;
    const int64_t step = packed_size + room_of(c), count = c->batch * c->groups;
    const int64_t blocks = (c->queries + QUERIES - 1) / QUERIES, heads = c->batch * c->heads;
    real *packed = sq_scratch_take((step * count + LANES) * sizeof(real));
    bool ok = packed != NULL;
#pragma omp parallel num_threads(team) reduction(&& : ok)
    {
        workspace *w = take_workspace(c);
        ok = ok && w;
        int64_t v_row;
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < count; i++)
            if (ok)
                prepare_head(c, packed + i * step, packed + i * step + packed_size, i / c->groups, i % c->groups,
                             &v_row);
#pragma omp for schedule(dynamic)
        for (int64_t item = 0; item < blocks * heads; item++) {
            if (!ok) continue;
            const int64_t t = (blocks - 1 - item / heads) * QUERIES, b = item % heads / c->heads, h = item % c->heads;
            const int64_t g = h / share, i = b * c->groups + g;
            const bool moved = room_of(c) > 0;
            const real *v = moved ? packed + i * step + packed_size : place(c->v, c->v_step, b, g, 0);
            forward_block(f, w, packed + i * step, v, moved ? padded(c->width) : c->v_step.row, b, h, t,
                          least(QUERIES, c->queries - t));
        }
        sq_scratch_give(w);
    }
    sq_scratch_give(packed);
    return ok;
}

static bool forward_few(const forward_pass *f, int team)
{
    const problem *c = f->c;
    const int64_t share = c->heads / c->groups;
    bool ok = true;
#pragma omp parallel num_threads(team) reduction(&& : ok)
    {
        workspace *w = take_workspace(c);
        real *room = sq_scratch_take((KEYS * padded(c->width) + LANES) * sizeof(real));
        ok = w && room;
#pragma omp for schedule(dynamic)
        for (int64_t item = 0; item < c->batch * c->groups; item++) {
            if (!ok) continue;
            const int64_t b = item / c->groups, g = item % c->groups;
            for (int64_t h = g * share; h < (g + 1) * share; h++)
                for (int64_t t = 0; t < c->queries; t++) forward_query(f, w, room, b, h, t);
        }
        sq_scratch_give(room);
        sq_scratch_give(w);
    }
    return ok;
}

static bool forward_all(const forward_pass *f)
{
    const problem *c = f->c;
    const int64_t items = c->batch * c->groups;
    if (c->batch * c->heads * c->queries == 0) return true;
    const int team = sq_team(c->batch * c->heads * c->queries * c->keys * (c->depth + c->width) / 16);
    if (c->queries * (c->heads / c->groups) <= FEW) return forward_few(f, team);
    return items >= 4 * team || items % team == 0 ? forward_heads(f, team) : forward_blocks(f, team);
}

#endif
