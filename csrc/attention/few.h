// Attention of few queries over many keys, as in decoding: keys and values are read once, as they lie.
#ifndef SEQNN_ATTENTION_FEW_H
#define SEQNN_ATTENTION_FEW_H

#include "attention/score.h"
#include "attention/softmax.h"

enum {
    FEW = 4,        // queries up to which that pays
    DOTS = 4,       // keys whose scores are computed side by side
    FEW_VALUES = 8, // rows of values that are summed in one go
    AHEAD = 32      // rows that are asked for before their turn
};

// Asks for rows that are read soon. The processor's own guesses end with each page, and rows may be far apart.
ALWAYS_INLINE void ask_rows(const real *x, int64_t row, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j += 64 / (int64_t)sizeof(real)) __builtin_prefetch(x + i * row + j);
}

// The scores of a query and keys [s, s + columns), read as they lie.
static void few_scores(const problem *c, real *scores, const real *q, const real *k, int64_t columns)
{
    const int64_t row = c->k_step.row, whole = c->depth / LANES * LANES, rest = c->depth - whole;
    for (int64_t j = 0; j < columns; j += DOTS) {
        ask_rows(k + (j + AHEAD) * row, row, least(DOTS, columns - j - AHEAD), c->depth);
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

// sums += weights of a query times rows of values: what is `AHEAD` rows further is asked for meanwhile.
static void few_sums(real *sums, const real *weights, const real *v, int64_t row, int64_t columns, int64_t wide)
{
    for (int64_t s = 0; s < columns; s += FEW_VALUES) {
        const int64_t count = least(FEW_VALUES, columns - s);
        ask_rows(v + (s + AHEAD) * row, row, least(count, columns - s - AHEAD), wide);
        product(sums, wide, weights + s, ROW, 1, v + s * row, row, 1, count, wide / LANES, 1, true);
    }
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
    const bool at_once = end - first <= KEYS && !c->drop;
    start_rows(w, 1, wide);
    for (int64_t s = first, block = 0; s < end; s += KEYS, block++) {
        const int64_t columns = least(KEYS, end - s);
        const real *q = place(c->q, c->q_step, b, h, t), *k = place(c->k, c->k_step, b, g, s);
        ask_rows(place(c->v, c->v_step, b, g, s), c->v_step.row, least(AHEAD, columns), c->width);
        if (c->additive)
            few_additive(c, h, w->scores, q, k, columns);
        else
            few_scores(c, w->scores, q, k, columns);
        adjust(c, b, h, t, 1, s, columns, w->scores, ROW);
        weigh(f, w, b, h, t, 1, s, columns, block, at_once);
        if (!f->out) continue;
        int64_t row = c->v_step.row;
        const real *v = whole_rows(place(c->v, c->v_step, b, g, s), &row, columns, c->width, room);
        few_sums(w->sums, w->scores, v, row, columns, wide);
    }
    finish_rows(f, w, b, h, t, 1, first, end, at_once);
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

#endif
