// The large products after the time loop backward: gradients of weights, biases and x. A part of engine.c.
#ifndef SEQNN_RECURRENT_WEIGHTS_H
#define SEQNN_RECURRENT_WEIGHTS_H

#include "recurrent/backward_products.h"
#include "vec/columns.h"

// c = a^T b over all rows. False: no memory.
static bool multiply_over_rows(const struct backward *w, const real *a, int64_t a_row, int64_t m, const real *b,
                               int64_t n, real *c)
{
    return gemm_over_rows(w->r->rows, a, a_row, m, b, n, n, c, n, false);
}

// The gradient of x = grad_gates W_ih, put where x lies. `rows` has room for the rows of x.
static bool propagate_x(const struct backward *w, real *rows)
{
    const struct recurrence *r = w->r;
    const struct recurrent_gradients *g = w->g;
    const struct recurrent_schedule *q = &w->schedule;
    const bool in_order = is_in_order(r, g->x_time, g->x_batch);
    const gemm product = {.m = r->rows,
                          .n = r->I,
                          .k = r->net.input_columns,
                          .a = w->grad_gates,
                          .a_row = w->row,
                          .a_col = 1,
                          .b = r->weight_ih,
                          .b_row = r->I,
                          .b_col = 1,
                          .c = in_order ? g->x : rows,
                          .c_row = r->I,
                          .alpha = 1};
    if (!gemm_run(&product, gemm_team(&product))) return false;
    if (in_order) return true;
#pragma omp parallel for num_threads(sq_team(r->rows * r->I / 4)) schedule(static)
    for (int64_t t = 0; t < q->steps; t++)
        for (int64_t j = 0; j < q->running[t]; j++)
            memcpy(g->x + recurrent_time(r, q, t, j) * g->x_time + q->order[j] * g->x_batch,
                   rows + (q->start[t] + j) * r->I, (size_t)r->I * sizeof(real));
    return true;
}

static void sum_biases(const struct backward *w)
{
    const struct recurrent_net *net = &w->r->net;
    const real *grad = w->grad_gates + (w->r->norm ? net->columns : 0);
    real *ih = w->g->bias_ih, *hh = w->g->bias_hh;
    if (ih) sum_columns(grad, w->r->rows, net->input_columns, w->row, ih);
    for (int i = 0; hh && i < net->products_count; i++) {
        const struct recurrent_product *p = &net->products[i];
        if (ih && p->adds) // both biases are added to the same columns
            memcpy(hh + p->row, ih + p->column, (size_t)p->rows * sizeof(real));
        else
            sum_columns(grad + p->column, w->r->rows, p->rows, w->row, hh + p->row);
    }
}

// All gradients but those of the states. `rows` has room for the rows of x. False: no memory.
static bool multiply_weights(const struct backward *w, real *rows)
{
    const struct recurrence *r = w->r;
    const struct recurrent_gradients *g = w->g;
    const struct recurrent_net *net = &r->net;
    bool ok = true;
    for (int i = 0; g->weight_hh && i < net->products_count; i++) {
        const struct recurrent_product *p = &net->products[i];
        const real *seen = i > 0 && net->between ? r->carried_all : r->h_before;
        ok = ok && multiply_over_rows(w, w->grad_gates + p->column, w->row, p->rows, seen, net->h_size,
                                      g->weight_hh + p->row * net->h_size);
    }
    if (g->weight_hr)
        ok = ok && multiply_over_rows(w, w->grad_projected, net->h_size, net->h_size, r->cell_output, net->units,
                                      g->weight_hr);
    sum_biases(w);
    if (g->norm) sum_columns(w->grad_gates + 2 * net->columns, r->rows, net->columns, w->row, g->norm);
    const real *summed = w->grad_gates + w->sums;
    for (int i = 0; i < 2; summed += g->sums[i++].columns)
        if (g->sums[i].total) sum_columns(summed, r->rows, g->sums[i].columns, w->row, g->sums[i].total);
    if (g->weight_ih) {
        const bool in_order = is_in_order(r, r->x_time, r->x_batch);
        if (!in_order) gather_x(r, &w->schedule, rows, 0, r->rows);
        ok = ok && multiply_over_rows(w, w->grad_gates, w->row, net->input_columns, in_order ? r->x : rows, r->I,
                                      g->weight_ih);
    }
    return ok && (!g->x || propagate_x(w, rows));
}

#endif
