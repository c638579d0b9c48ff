// The steps of a decoder backward, and the large products after them. A part of attention_decoder.c.
#ifndef SEQNN_DECODER_BACKWARD_H
#define SEQNN_DECODER_BACKWARD_H

#include "recurrent/attend.h"
#include "vec/columns.h"

// Gradients that are given, and those that are wanted; each may be NULL.
struct decoder_gradients {
    const real *out, *fed, *weights, *h_last, *carried_last; // [T, B, H], [T, B, F], [B, T, S], [B, H], [B, H]
    int64_t out_time, out_batch, fed_time, fed_batch;
    real *x; // [T, B, I]
    int64_t x_time, x_batch;
    real *keys, *values, *h_first, *carried_first, *feed_first;
    real *weight_ih, *weight_hh, *bias_ih, *bias_hh, *weight_query, *score_weight, *weight_out;
};

struct decoder_backward {
    struct decoder d;
    struct decoder_gradients g;
    real *grad_h, *grad_carried, *grad_feed; // [B, .] of the step, in the order of the sequences
    real *grad_joined;                       // [B, E + H], when it attends last
    // A row for each (step, sequence): of the gates, the query, and what goes into the tanh of the attentional states.
    real *grad_gates, *grad_query, *grad_made;
    // For the products of each sequence after the loop.
    real *slopes, *grad_mean, *asked; // [B, T, S], [B, T, E], and the queries, [B, T, A]
    real *grad_keys, *grad_weight;    // additive: [B, S, A]; [B, A], a part of the weight's gradient for each sequence
};

static bool is_additive(const struct decoder *d) { return d->score == ATTENTION_DECODER_ADDITIVE; }

static gemm feed_back(const struct decoder *d)
{
    return times_weight(d->weight_feed, d->weight_row, d->packed.feed, d->F, d->r.net.input_columns);
}

static gemm h_back(const struct decoder *d, int i)
{
    const struct recurrent_product *p = &d->r.net.products[i];
    const int64_t H = d->r.net.h_size;
    return times_weight(d->r.weight_hh + p->row * H, H, d->packed.h + gemm_packed_size(p->row, H), H, p->rows);
}

static gemm query_back(const struct decoder *d)
{
    return times_weight(d->weight_query, d->r.net.h_size, d->packed.query, d->r.net.h_size, d->A);
}

static gemm out_back(const struct decoder *d)
{
    const int64_t wide = d->E + d->r.net.h_size;
    return times_weight(d->weight_out, wide, d->packed.out, wide, d->F);
}

static void pack_backward(void *context, int part, int parts)
{
    const struct decoder *d = &((struct decoder_backward *)context)->d;
    const gemm feed = feed_back(d), query = query_back(d), out = out_back(d);
    gemm_pack_share(&feed, part, parts);
    if (d->weight_query) gemm_pack_share(&query, part, parts);
    if (d->weight_out) gemm_pack_share(&out, part, parts);
    for (int i = 0; i < d->r.net.products_count; i++) {
        const gemm g = h_back(d, i);
        gemm_pack_share(&g, part, parts);
    }
}

static void add_row(real *to, const real *from, int64_t n)
{
    for (int64_t k = 0; k < n; k++) to[k] += from[k];
}

// Makes the gradients at the end of sequences that end at this step, and adds those of out.
static void add_incoming(const struct decoder_backward *w, const struct recurrent_step *s)
{
    const struct decoder *d = &w->d;
    const struct decoder_gradients *g = &w->g;
    const int64_t H = d->r.net.h_size, carried = carried_size(d);
    for (int64_t j = s->first; j < s->last; j++) {
        const int64_t b = d->schedule.order[j];
        real *h = w->grad_h + j * H;
        if (j >= s->going_on) {
            clear_row(h, H);
            clear_row(w->grad_carried + j * carried, carried);
            clear_row(w->grad_feed + j * d->F, d->F);
            if (g->h_last) add_row(h, g->h_last + b * H, H);
            if (g->carried_last) add_row(w->grad_carried + j * carried, g->carried_last + b * carried, carried);
        }
        if (g->out) add_row(h, g->out + s->step * g->out_time + b * g->out_batch, H);
    }
}

// From the gradient of the mean of values to that of the query, in grad_query; the rest waits for its products.
static void attend_back(const struct decoder_backward *w, int64_t t, int64_t j, const real *grad_mean)
{
    const struct decoder *d = &w->d;
    const int64_t b = d->schedule.order[j], row = d->schedule.start[t] + j, at = b * d->r.T + t;
    const int64_t count = source_length(d, b);
    const real *keys = d->keys + b * d->S * d->A, *query = query_of(d, row);
    real *slopes = w->slopes + at * d->S, *grad_query = w->grad_query + row * d->A;
    clear_row(slopes, d->S);
    copy_row(w->grad_mean + at * d->E, grad_mean, d->E);
    score_slopes(d, d->weights + at * d->S, grad_mean, w->g.weights ? w->g.weights + at * d->S : NULL, b, count,
                 slopes);
    if (is_additive(d)) {
        additive_slopes(slopes, query, keys, count, d->A, d->score_weight, grad_query, w->grad_keys + b * d->S * d->A,
                        w->grad_weight + b * d->A);
        return;
    }
    sum_of_rows(slopes, keys, count, d->A, grad_query);
    copy_row(w->asked + at * d->A, query, d->A);
}

// grad_h += the gradient of the states that made the queries of the step.
static void states_back(const struct decoder_backward *w, const struct recurrent_step *s)
{
    const struct decoder *d = &w->d;
    const int64_t H = d->r.net.h_size, row = d->schedule.start[s->step];
    const real *grad_query = w->grad_query + row * d->A;
    int64_t state_row;
    const real *states = asking_states(d, row, &state_row);
    if (is_additive(d)) {
        multiply_step(query_back(d), grad_query, d->A, w->grad_h, H, 1, s->first, s->last);
        return;
    }
    for (int64_t j = s->first; j < s->last; j++) {
        const real *grad = grad_query + j * d->A, *query = query_of(d, row + j);
        real *to = w->grad_h + j * H, along = 0, by = 1;
        if (d->score == ATTENTION_DECODER_COSINE) {
            by = inverse_size(states + j * state_row, H);
            for (int64_t k = 0; k < H; k++) along += grad[k] * query[k];
            along /= (real)H;
            for (int64_t k = 0; k < H; k++) to[k] += by * (grad[k] - along * query[k]);
        } else {
            add_row(to, grad, H);
        }
    }
}

// From the attentional states to their queries and h.
static void attend_after_back(const struct decoder_backward *w, const struct recurrent_step *s)
{
    const struct decoder *d = &w->d;
    const struct decoder_gradients *g = &w->g;
    const int64_t H = d->r.net.h_size, wide = d->E + H, row = d->schedule.start[s->step];
    for (int64_t j = s->first; j < s->last; j++) {
        const int64_t b = d->schedule.order[j];
        const real *made = fed_row(d, s->step, b), *fed = w->grad_feed + j * d->F;
        const real *given = g->fed ? g->fed + s->step * g->fed_time + b * g->fed_batch : NULL;
        real *to = w->grad_made + (row + j) * d->F;
        for (int64_t k = 0; k < d->F; k++) to[k] = (fed[k] + (given ? given[k] : 0)) * (1 - made[k] * made[k]);
    }
    multiply_step(out_back(d), w->grad_made + row * d->F, d->F, w->grad_joined, wide, 0, s->first, s->last);
    for (int64_t j = s->first; j < s->last; j++) {
        add_row(w->grad_h + j * H, w->grad_joined + j * wide + d->E, H);
        attend_back(w, s->step, j, w->grad_joined + j * wide);
    }
    states_back(w, s);
}

// From what the cell was fed, the means of values, to their queries.
static void attend_before_back(const struct decoder_backward *w, const struct recurrent_step *s)
{
    const struct decoder *d = &w->d;
    const struct decoder_gradients *g = &w->g;
    for (int64_t j = s->first; j < s->last; j++) {
        real *grad = w->grad_feed + j * d->F;
        if (g->fed) add_row(grad, g->fed + s->step * g->fed_time + d->schedule.order[j] * g->fed_batch, d->F);
        attend_back(w, s->step, j, grad);
    }
    states_back(w, s);
}

static void decode_back(void *context, int64_t first, int64_t end)
{
    const struct decoder_backward *w = context;
    const struct decoder *d = &w->d;
    const struct recurrent_net *net = &d->r.net;
    const int64_t H = net->h_size;
    for (int64_t j = first; is_additive(d) && j < end; j++) {
        const int64_t b = d->schedule.order[j];
        clear_row(w->grad_keys + b * d->S * d->A, d->S * d->A);
        clear_row(w->grad_weight + b * d->A, d->A);
    }
    for (int64_t t = d->schedule.steps - 1; t >= 0; t--) {
        struct recurrent_step s = decoder_step(d, t, first, end);
        if (s.first >= s.last) continue;
        s.grad_gates = w->grad_gates + d->schedule.start[t] * net->columns;
        s.grad_row = net->columns;
        s.grad_h = w->grad_h, s.grad_carried = w->grad_carried;
        add_incoming(w, &s);
        if (!d->attends_first) attend_after_back(w, &s);
        net->backward(&d->r, &s);
        multiply_step(feed_back(d), s.grad_gates, net->columns, w->grad_feed, d->F, 0, first, s.last);
        for (int i = 0; i < net->products_count; i++)
            multiply_step(h_back(d, i), s.grad_gates + net->products[i].column, net->columns, w->grad_h, H,
                          net->h_is_direct || i > 0, first, s.last);
        if (d->attends_first) attend_before_back(w, &s);
    }
}

// The gradients of the first states from those in the order of the sequences.
static void write_state_gradients(const struct decoder_backward *w)
{
    const struct decoder *d = &w->d;
    const struct decoder_gradients *g = &w->g;
    const int64_t H = d->r.net.h_size, carried = carried_size(d);
    for (int64_t j = 0; j < d->r.B; j++) {
        const int64_t b = d->schedule.order[j];
        const bool ran = j < d->schedule.running[0];
        const real *h = ran ? w->grad_h + j * H : g->h_last ? g->h_last + b * H : NULL;
        const real *c = ran ? w->grad_carried + j * carried : g->carried_last ? g->carried_last + b * carried : NULL;
        for (int64_t k = 0; g->h_first && k < H; k++) g->h_first[b * H + k] = h ? h[k] : 0;
        for (int64_t k = 0; g->carried_first && k < carried; k++) g->carried_first[b * carried + k] = c ? c[k] : 0;
        for (int64_t k = 0; g->feed_first && k < d->F; k++)
            g->feed_first[b * d->F + k] = ran && !d->attends_first ? w->grad_feed[j * d->F + k] : 0;
    }
}

// The gradients of keys and values, a sequence at a time.
static bool multiply_sources(const struct decoder_backward *w)
{
    const struct decoder *d = &w->d;
    const struct decoder_gradients *g = &w->g;
    const int64_t T = d->r.T, S = d->S;
    bool ok = true;
    if (!g->keys && !g->values) return true;
#pragma omp parallel for num_threads(sq_team(d->r.rows * S * (d->A + d->E) / 16)) schedule(static) reduction(&& : ok)
    for (int64_t b = 0; b < d->r.B; b++) {
        const int64_t steps = recurrent_length(&d->r, b);
        if (g->values)
            ok = gemm_over_rows(steps, d->weights + b * T * S, S, S, w->grad_mean + b * T * d->E, d->E, d->E,
                                g->values + b * S * d->E, d->E, true) &&
                 ok;
        if (g->keys && !is_additive(d))
            ok = gemm_over_rows(steps, w->slopes + b * T * S, S, S, w->asked + b * T * d->A, d->A, d->A,
                                g->keys + b * S * d->A, d->A, true) &&
                 ok;
    }
    return ok;
}

// The gradient of x = grad_gates W_x, put where x lies. `rows` has room for the rows of x. False: no memory.
static bool propagate_x(const struct decoder_backward *w, real *rows)
{
    const struct recurrence *r = &w->d.r;
    const struct recurrent_schedule *q = &w->d.schedule;
    gemm g = times_weight(r->weight_ih, w->d.weight_row, NULL, r->I, r->net.input_columns);
    const bool in_order = is_in_order(r, w->g.x_time, w->g.x_batch);
    g.m = r->rows, g.a = w->grad_gates, g.a_row = r->net.columns, g.c = in_order ? w->g.x : rows, g.c_row = r->I;
    if (!gemm_run(&g, gemm_team(&g))) return false;
    for (int64_t b = 0; b < r->B; b++)
        for (int64_t t = recurrent_length(r, b); t < r->T; t++)
            clear_row(w->g.x + t * w->g.x_time + b * w->g.x_batch, r->I);
    for (int64_t t = 0; !in_order && t < q->steps; t++)
        for (int64_t j = 0; j < q->running[t]; j++)
            copy_row(w->g.x + t * w->g.x_time + q->order[j] * w->g.x_batch, rows + (q->start[t] + j) * r->I, r->I);
    return true;
}

static void sum_biases(const struct decoder_backward *w)
{
    const struct recurrence *r = &w->d.r;
    const struct recurrent_net *net = &r->net;
    if (w->g.bias_ih) sum_columns(w->grad_gates, r->rows, net->input_columns, net->columns, w->g.bias_ih);
    for (int i = 0; w->g.bias_hh && i < net->products_count; i++) {
        const struct recurrent_product *p = &net->products[i];
        sum_columns(w->grad_gates + p->column, r->rows, p->rows, net->columns, w->g.bias_hh + p->row);
    }
}

// The gradients of the weights. `rows` has room for the rows of x. False: no memory.
static bool multiply_weights(const struct decoder_backward *w, real *rows)
{
    const struct decoder *d = &w->d;
    const struct decoder_gradients *g = &w->g;
    const struct recurrence *r = &d->r;
    const struct recurrent_net *net = &r->net;
    const int64_t H = net->h_size, n = r->rows, gates = net->columns;
    int64_t state_row;
    const real *states = asking_states(d, 0, &state_row);
    bool ok = true;
    if (g->weight_ih)
        ok = gemm_over_rows(n, w->grad_gates, gates, net->input_columns, d->feeds, d->F, d->F, g->weight_ih + r->I,
                            d->weight_row, false);
    for (int i = 0; g->weight_hh && i < net->products_count; i++) {
        const struct recurrent_product *p = &net->products[i];
        ok = ok && gemm_over_rows(n, w->grad_gates + p->column, gates, p->rows, r->h_before, H, H,
                                  g->weight_hh + p->row * H, H, false);
    }
    if (g->weight_query)
        ok = ok && gemm_over_rows(n, w->grad_query, d->A, d->A, states, state_row, H, g->weight_query, H, false);
    if (g->weight_out)
        ok = ok &&
             gemm_over_rows(n, w->grad_made, d->F, d->F, d->joined, d->E + H, d->E + H, g->weight_out, d->E + H, false);
    if (g->score_weight) sum_columns(w->grad_weight, r->B, d->A, d->A, g->score_weight);
    sum_biases(w);
    if (g->weight_ih) {
        const bool in_order = is_in_order(r, r->x_time, r->x_batch);
        if (!in_order) gather_x(r, &d->schedule, rows, 0, n);
        ok = ok && gemm_over_rows(n, w->grad_gates, gates, net->input_columns, in_order ? r->x : rows, r->I, r->I,
                                  g->weight_ih, d->weight_row, false);
    }
    return ok && multiply_sources(w) && (!g->x || propagate_x(w, rows));
}

static const char *decoder_backward(struct decoder_backward *w)
{
    struct decoder *d = &w->d;
    const struct recurrence *r = &d->r;
    const struct recurrent_net *net = &r->net;
    const char *error = make_schedule(r, &d->schedule);
    if (error) return error;
    const int64_t H = net->h_size, wide = d->E + H, B = r->B, T = r->T;
    const bool additive = is_additive(d);
    real *rows = NULL, *own_keys = NULL;
    const int64_t sizes[] = {gemm_packed_size(net->input_columns, d->F),
                             gemm_packed_size(net->columns, H),
                             d->weight_query ? gemm_packed_size(d->A, H) : 0,
                             d->weight_out ? gemm_packed_size(d->F, wide) : 0,
                             B * carried_size(d),
                             B * H,
                             B * carried_size(d),
                             B * d->F,
                             d->weight_out ? B * wide : 0,
                             r->rows * net->columns,
                             r->rows * d->A,
                             d->weight_out ? r->rows * d->F : 0,
                             B * T * d->S,
                             B * T * d->E,
                             additive ? 0 : B * T * d->A,
                             additive && !w->g.keys ? B * d->S * d->A : 0,
                             additive ? B * d->A : 0,
                             r->rows * r->I};
    real **arrays[] = {
        &d->packed.feed,  &d->packed.h,  &d->packed.query, &d->packed.out, &d->carried_first, &w->grad_h,
        &w->grad_carried, &w->grad_feed, &w->grad_joined,  &w->grad_gates, &w->grad_query,    &w->grad_made,
        &w->slopes,       &w->grad_mean, &w->asked,        &own_keys,      &w->grad_weight,   &rows};
    real *scratch = take_arrays(arrays, sizes, 18);
    error = sq_no_memory;
    if (scratch) {
        w->grad_keys = own_keys ? own_keys : w->g.keys;
        order_carried(d);
        run_decoder(pack_backward, decode_back, w, d);
        write_state_gradients(w);
        if (multiply_weights(w, rows)) error = NULL;
    }
    sq_scratch_give(scratch);
    drop_schedule(&d->schedule);
    return error;
}

#endif
