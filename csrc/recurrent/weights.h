// What the time loop backward works on, and the large products behind it: gradients of weights, biases and x.
#ifndef SEQNN_RECURRENT_WEIGHTS_H
#define SEQNN_RECURRENT_WEIGHTS_H

#include "recurrent/share.h"

struct recurrent_gradient {
    struct recurrence r; // gates, memories and before are those that forward saved
    bool direct;         // part of the gradient of h reaches the h before past the product: see recurrent_step
    void (*cell)(const struct recurrent_gradient *, const struct recurrent_step *);
    const real *out, *h, *memory; // gradients of [T, B, H], [B, H], [B, memory], each may be NULL
    int64_t out_time, out_batch;
    real *grad_x, *grad_h0, *grad_memory0, *grad_w_ih, *grad_w_hh, *grad_bias; // to compute, or NULL
    int64_t grad_x_time, grad_x_batch;
    real *span_bias[2]; // of the spans' own biases, or NULL
    real *grad_norm;    // or NULL
    real *grad_project; // or NULL
    int64_t extra;      // so many columns the cell adds to grad_gates, to be summed:
    struct {
        int64_t columns;
        real *sum; // or NULL
    } extras[2];
    // Behind the second span's product in a net with r.middle: takes its gradient, which is in grad_memory.
    void (*middle)(const struct recurrent_gradient *, const struct recurrent_step *);
    int64_t row; // of grad_gates: set by recurrent_backward
};

enum recurrent_return_phase { RETURN_PACK, RETURN_STEP };

struct recurrent_return {
    const struct recurrent_gradient *g;
    struct recurrent_grid grid;
    int parts;
    enum recurrent_return_phase phase;
    int64_t step, step_first; // the steps of the phase, downwards; step -1 gives the gradient of the initial state
    real *packed, *grad_gates, *grad_h, *grad_memory, *memory0;
    real *packed_project, *grad_hidden, *grad_projected; // of a projection: weights, [B, units], [rows, H]
    real *product, *kept_h, *kept_memory; // with a mask the product apart; what zoneout hands to the step before
};

// The sum of a column in blocks of rows, which keeps the rounding error of long sums small.
static void recurrent_sum(const real *from, int64_t rows, int64_t columns, int64_t row_size, real *to)
{
    enum { SUM_ROWS = 128 };
    for (int64_t j = 0; j < columns; j += LANES) {
        const int64_t part = columns - j < LANES ? columns - j : LANES;
        vf total = {0};
        for (int64_t row = 0; row < rows; row += SUM_ROWS) {
            const int64_t end = row + SUM_ROWS < rows ? row + SUM_ROWS : rows;
            vf sum = {0};
            if (part == LANES)
                for (int64_t i = row; i < end; i++) sum += vf_load(from + i * row_size + j);
            else
                for (int64_t i = row; i < end; i++) sum += vf_load_part(from + i * row_size + j, part);
            total += sum;
        }
        vf_store_part(to + j, part, total);
    }
}

// C = A^T B over all rows.
static bool recurrent_weight_product(const struct recurrent_gradient *owner, const real *a, int64_t a_row, int64_t m,
                                     const real *b, int64_t n, real *c)
{
    const gemm g = {.m = m,
                    .n = n,
                    .k = owner->r.rows,
                    .a = a,
                    .a_row = 1,
                    .a_col = a_row,
                    .b = b,
                    .b_row = n,
                    .b_col = 1,
                    .c = c,
                    .c_row = n,
                    .alpha = 1};
    return gemm_run(&g, gemm_team(&g));
}

// grad_x = grad_gates W_ih, put where x lies.
static bool recurrent_return_x(const struct recurrent_return *w, real *rows)
{
    const struct recurrent_gradient *g = w->g;
    const struct recurrence *r = &g->r;
    const gemm product = {.m = r->rows,
                          .n = r->I,
                          .k = r->input_columns,
                          .a = w->grad_gates,
                          .a_row = g->row,
                          .a_col = 1,
                          .b = r->w_ih,
                          .b_row = r->I,
                          .b_col = 1,
                          .c = rows ? rows : g->grad_x,
                          .c_row = r->I,
                          .alpha = 1};
    if (!gemm_run(&product, gemm_team(&product))) return false;
    if (!rows) return true;
#pragma omp parallel for num_threads(sq_team(r->rows * r->I / 4)) schedule(static)
    for (int64_t t = 0; t < r->steps; t++)
        for (int64_t j = 0; j < r->running[t]; j++)
            memcpy(g->grad_x + recurrent_time(r, t, j) * g->grad_x_time + r->order[j] * g->grad_x_batch,
                   rows + (r->start[t] + j) * r->I, (size_t)r->I * sizeof(real));
    return true;
}

// The gradients of what is not a state. `rows` has room for the rows of x.
static bool recurrent_return_weights(const struct recurrent_return *w, real *rows)
{
    const struct recurrent_gradient *g = w->g;
    const struct recurrence *r = &g->r;
    const int64_t behind = r->norm ? r->columns : 0; // the columns whose sums are the gradient of the bias
    bool ok = true;
    for (int i = 0; i < r->spans_count; i++) {
        const struct recurrent_span *span = &r->spans[i];
        const real *columns = w->grad_gates + span->column;
        if (g->grad_w_hh)
            ok = ok &&
                 recurrent_weight_product(g, columns, g->row, span->rows, i > 0 && r->middle ? r->memories : r->before,
                                          r->H, g->grad_w_hh + span->row * r->H);
        if (g->span_bias[i]) recurrent_sum(columns + behind, r->rows, span->rows, g->row, g->span_bias[i]);
    }
    if (g->grad_project)
        ok = ok && recurrent_weight_product(g, w->grad_projected, r->H, r->H, r->hidden, r->units, g->grad_project);
    if (g->grad_bias) recurrent_sum(w->grad_gates + behind, r->rows, r->input_columns, g->row, g->grad_bias);
    if (g->grad_norm) recurrent_sum(w->grad_gates + 2 * r->columns, r->rows, r->columns, g->row, g->grad_norm);
    const real *extra = w->grad_gates + g->row - g->extra;
    for (int i = 0; i < 2; extra += g->extras[i++].columns)
        if (g->extras[i].sum) recurrent_sum(extra, r->rows, g->extras[i].columns, g->row, g->extras[i].sum);
    const bool in_order = recurrent_in_order(r);
    if (g->grad_w_ih) {
        if (!in_order) recurrent_gather(r, rows, 0, r->rows);
        ok = ok && recurrent_weight_product(g, w->grad_gates, g->row, r->input_columns, in_order ? r->x : rows, r->I,
                                            g->grad_w_ih);
    }
    struct recurrence like_x = *r;
    like_x.x_time = g->grad_x_time, like_x.x_batch = g->grad_x_batch;
    if (g->grad_x) ok = ok && recurrent_return_x(w, recurrent_in_order(&like_x) ? NULL : rows);
    return ok;
}

#endif
