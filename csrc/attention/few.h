// Attention of few queries over many keys, as in decoding: keys and values are read once, as they lie.
#ifndef SEQNN_ATTENTION_FEW_H
#define SEQNN_ATTENTION_FEW_H

#include "attention/score_few.h"
#include "attention/softmax.h"

enum { FEW_VALUES = 8 }; // rows of values that are summed in one go

// sums += weights times rows of values
ALWAYS_INLINE void add_values(real *sums, const real *weights, const real *v, int64_t row, int64_t rows, int64_t wide)
{
    for (int64_t j = 0; j < wide; j += LANES) {
        vf sum = {0};
        for (int64_t i = 0; i < rows; i++) sum += weights[i] * vf_load(v + i * row + j);
        vf_store(sums + j, vf_load(sums + j) + sum);
    }
}

// The same for all rows; meanwhile asks for what lies AHEAD rows further.
static void sum_values(real *sums, const real *weights, const real *v, int64_t row, int64_t rows, int64_t wide)
{
    int64_t s = 0;
    for (; s + FEW_VALUES <= rows; s += FEW_VALUES) {
        ask_rows(v + (s + AHEAD) * row, row, least(FEW_VALUES, rows - s - AHEAD), wide);
        add_values(sums, weights + s, v + s * row, row, FEW_VALUES, wide);
    }
    if (s < rows) add_values(sums, weights + s, v + s * row, row, rows - s, wide);
}

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
        score_few(c, h, w->scores, q, k, columns);
        adjust(c, b, h, t, 1, s, columns, w->scores, ROW);
        weigh(f, w, b, h, t, 1, s, columns, block, at_once);
        if (!f->out) continue;
        int64_t row = c->v_step.row;
        const real *v = whole_rows(place(c->v, c->v_step, b, g, s), &row, columns, c->width, room);
        sum_values(w->sums, w->scores, v, row, columns, wide);
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
