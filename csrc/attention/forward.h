// Attention forward: blocks of queries over blocks of keys.
#ifndef SEQNN_ATTENTION_FORWARD_H
#define SEQNN_ATTENTION_FORWARD_H

#include "attention/few.h"

// Computes queries [t, t + rows) of a head: `packed` is K^T in panels, `v` has rows of whole vectors.
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
    int64_t q_row = c->q_step.row;
    const real *q = take_queries(c, place(c->q, c->q_step, b, h, t), &q_row, rows, w->powers);
    const bool at_once = end - first <= KEYS && !c->drop;
    start_rows(w, rows, wide);
    for (int64_t s = first, block = 0; s < end; s += KEYS, block++) {
        const int64_t columns = least(KEYS, end - s);
        for (int64_t j = 0; j < columns; j += PANEL) {
            // The last panel of all keys is as wide as it must be; others may be read in part.
            const int64_t panel_row = padded(least(PANEL, c->keys - s - j));
            score_seen(c, b, h, t, rows, s + j, least(PANEL, columns - j), w->scores + j, ROW, q, q_row,
                       packed + (s + j) * c->depth, panel_row);
            adjust(c, b, h, t, rows, s + j, least(PANEL, columns - j), w->scores + j, ROW);
        }
        weigh(f, w, b, h, t, rows, s, columns, block, at_once);
        const int64_t step = stair(c, b, t, rows, s, columns);
        for (int64_t i = 0; f->out && i < rows; i += step) {
            const int64_t count = least(step, rows - i), seen = seen_of(c, b, t + i + count - 1, s, columns);
            gemm_small(w->sums + i * wide, wide, w->scores + i * ROW, ROW, 1, v + s * v_row, v_row, count, seen,
                       wide / LANES, 1, true);
        }
    }
    finish_rows(f, w, b, h, t, rows, first, end, at_once);
}

// Packs K^T of a head, and its V where rows are no whole vectors; returns V.
static const real *prepare_head(const problem *c, real *packed, real *room, int64_t b, int64_t g, int64_t *v_row)
{
    const int64_t keys = key_count(c, b);
    for (int64_t s = 0; s < keys; s += PANEL)
        pack_keys(c, packed + s * c->depth, place(c->k, c->k_step, b, g, s), c->k_step.row, least(PANEL, c->keys - s));
    *v_row = c->v_step.row;
    return whole_rows(place(c->v, c->v_step, b, g, 0), v_row, keys, c->width, room);
}

static int64_t room_of(const problem *c) { return padded(c->width) == c->width ? 0 : c->keys * padded(c->width); }

// Each thread takes whole heads: it packs K^T, which stays in its cache for all queries of the head.
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

// The threads pack all heads first; then each takes blocks of queries, those with the most keys first.
static bool forward_blocks(const forward_pass *f, int team)
{
    const problem *c = f->c;
    const int64_t share = c->heads / c->groups, packed_size = padded(c->keys) * c->depth;
    const int64_t step = packed_size + room_of(c), count = c->batch * c->groups;
    const int64_t query_blocks = blocks(c->queries, QUERIES), heads = c->batch * c->heads;
    real *packed = sq_scratch_take((step * count + LANES) * sizeof(real));
    if (!packed) return false;
    bool ok = true;
#pragma omp parallel num_threads(team) reduction(&& : ok)
    {
        workspace *w = take_workspace(c);
        ok = w != NULL;
        int64_t v_row;
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < count; i++)
            if (ok)
                prepare_head(c, packed + i * step, packed + i * step + packed_size, i / c->groups, i % c->groups,
                             &v_row);
#pragma omp for schedule(dynamic)
        for (int64_t item = 0; item < query_blocks * heads; item++) {
            if (!ok) continue;
            const int64_t t = (query_blocks - 1 - item / heads) * QUERIES, b = item % heads / c->heads,
                          h = item % c->heads;
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

static bool forward_all(const forward_pass *f)
{
    const problem *c = f->c;
    const int64_t items = c->batch * c->groups;
    if (c->batch * c->heads * c->queries == 0) return true;
    const int team = sq_team(c->batch * c->heads * c->queries * c->keys * (c->depth + c->width) / 16);
    if (has_few_queries(c)) return forward_few(f, team);
    return items >= 4 * team || items % team == 0 ? forward_heads(f, team) : forward_blocks(f, team);
}

#endif
