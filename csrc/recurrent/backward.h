// The time loop backward: recurrent.h tells how the rows are numbered. At each step, from the last to the first, the
// gradient of h comes from the gates of the next step by one product with the recurrent weights, and the cell makes
// that of the gates from it; the gradients of weights, bias and x are large products behind the loop.
#ifndef SEQNN_RECURRENT_BACKWARD_H
#define SEQNN_RECURRENT_BACKWARD_H

#include "recurrent/norm.h"
#include "recurrent/pack.h"
#include "recurrent/recurrent.h"
#include "recurrent/weights.h"

// The gradient of units of h, from the columns of a span: block `block` of the units, weights [rows of the span,
// units].
static gemm recurrent_return_product(const struct recurrent_gradient *g, const struct recurrent_span *span,
                                     int64_t block, const real *packed)
{
    const struct recurrence *r = &g->r;
    const int64_t width = recurrent_h_block(r), before = span->row * (r->H / width) + span->rows * block;
    return (gemm){.n = width,
                  .k = span->rows,
                  .a_row = g->row,
                  .a_col = 1,
                  .b = r->w_hh + span->row * r->H + block * width,
                  .b_row = r->H,
                  .b_col = 1,
                  .packed = packed + gemm_packed_size(before, width),
                  .c_row = r->H,
                  .alpha = 1};
}

// The gradient of what the cell made, from that of h = made W^T.
static gemm recurrent_return_project(const struct recurrence *r, const real *packed)
{
    return (gemm){.n = r->units,
                  .k = r->H,
                  .a_row = r->H,
                  .a_col = 1,
                  .b = r->project,
                  .b_row = r->units,
                  .b_col = 1,
                  .packed = packed,
                  .c_row = r->units,
                  .alpha = 1};
}

static void recurrent_return_pack(struct recurrent_return *w, int part)
{
    const struct recurrence *r = &w->g->r;
    for (int s = 0; s < r->spans_count; s++)
        for (int64_t block = 0; block < r->H / recurrent_h_block(r); block++) {
            const gemm g = recurrent_return_product(w->g, &r->spans[s], block, w->packed);
            recurrent_pack_panels(&g, part, w->parts);
        }
    const gemm project = recurrent_return_project(r, w->packed_project);
    if (r->project) recurrent_pack_panels(&project, part, w->parts);
    for (int64_t b = recurrent_cut(r->B, w->parts, part); w->g->grad_x && b < recurrent_cut(r->B, w->parts, part + 1);
         b++)
        for (int64_t t = recurrent_length(r, b); t < r->T; t++)
            memset(w->g->grad_x + t * w->g->grad_x_time + b * w->g->grad_x_batch, 0, (size_t)r->I * sizeof(real));
}

// to[k] += from[k] for the elements of a part; from may be NULL. `fresh`: to[k] counts as 0.
static void recurrent_add(real *to, const real *from, const struct recurrent_blocks *part, bool fresh)
{
    EACH_ELEMENT(*part, k) to[k] = (fresh ? 0 : to[k]) + (from ? from[k] : 0);
}

// What reaches h and memory behind a step from outside.
static void recurrent_incoming(const struct recurrent_gradient *g, const struct recurrent_step *s)
{
    const struct recurrence *r = &g->r;
    const struct recurrent_blocks of_h = recurrent_of_h(r, s), of_memory = recurrent_of_memory(r, s);
    for (int64_t j = s->first; j < s->last; j++) {
        const int64_t b = r->order[j];
        real *h = s->grad_h + j * r->H, *memory = s->grad_memory + j * r->memory;
        if (j >= s->going_on) {
            recurrent_add(h, g->h ? g->h + b * r->H : NULL, &of_h, true);
            recurrent_add(memory, g->memory ? g->memory + b * r->memory : NULL, &of_memory, true);
        }
        if (g->out)
            recurrent_add(h, g->out + recurrent_time(r, s->step, j) * g->out_time + b * g->out_batch, &of_h, false);
    }
}

// c += the gradient through span i of rows [first, last) whose gates are at grad_gates.
static void recurrent_multiply_back(const struct recurrent_return *w, int i, const real *grad_gates, real *c, real beta,
                                    int64_t first, int64_t last, const struct recurrent_panels *panels)
{
    const struct recurrence *r = &w->g->r;
    const int64_t width = recurrent_h_block(r);
    for (int64_t block = 0; block < r->H / width; block++) {
        gemm product = recurrent_return_product(w->g, &r->spans[i], block, w->packed);
        product.m = last;
        product.a = grad_gates + r->spans[i].column;
        product.c = c + block * width;
        product.beta = beta;
        gemm_block(&product, first, last, r->project ? 0 : panels->first,
                   r->project ? gemm_panels(width) : panels->last);
    }
}

// The gradient of the h behind step t, for the sequences that go on.
static void recurrent_product_back(const struct recurrent_return *w, const struct recurrent_step *s, int64_t t,
                                   const struct recurrent_panels *panels)
{
    const struct recurrent_gradient *g = w->g;
    const struct recurrence *r = &g->r;
    const bool direct = g->direct || r->zone_h.keep;
    const int64_t last = s->last < s->going_on ? s->last : s->going_on;
    if (s->first >= last) return;
    for (int i = 0; i < (r->middle ? 1 : r->spans_count); i++)
        recurrent_multiply_back(w, i, w->grad_gates + r->start[t + 1] * g->row, r->mask ? w->product : w->grad_h,
                                (!r->mask && direct) || i > 0, s->first, last, panels);
    const struct recurrent_blocks of_h = recurrent_of_h(r, s);
    for (int64_t j = s->first; r->mask && j < last; j++) {
        real *to = w->grad_h + j * r->H;
        const real *product = w->product + j * r->H, *mask = r->mask + r->order[j] * r->H;
        EACH_ELEMENT(of_h, k) to[k] = (direct ? to[k] : 0) + product[k] * mask[k];
    }
}

// Splits grad into what goes through the cell and, in kept, what goes to the old state; or joins them again.
static void recurrent_zone_back(const struct recurrence *r, const struct recurrent_zone *zone, real *grad, real *kept,
                                const struct recurrent_blocks *part, const struct recurrent_step *s, bool join,
                                bool fresh)
{
    for (int64_t j = s->first; zone->keep && j < s->last; j++) {
        const real *keep = recurrent_keep(r, zone, s->step, j);
        real *g = grad + j * part->size, *old = kept + j * part->size;
        EACH_ELEMENT(*part, k)
        {
            if (join) {
                g[k] = (fresh ? 0 : g[k]) + old[k];
            } else {
                old[k] = keep[k * zone->unit] * g[k];
                g[k] -= old[k];
            }
        }
    }
}

// What the cell sees as the gradient of h where a projection made that.
static void recurrent_project_back(const struct recurrent_return *w, struct recurrent_step *s)
{
    const struct recurrence *r = &w->g->r;
    gemm product = recurrent_return_project(r, w->packed_project);
    product.m = s->last;
    product.a = s->grad_h;
    product.c = w->grad_hidden;
    memcpy(w->grad_projected + (r->start[s->step] + s->first) * r->H, s->grad_h + s->first * r->H,
           (size_t)((s->last - s->first) * r->H) * sizeof(real));
    gemm_block(&product, s->first, s->last, 0, gemm_panels(product.n));
    s->grad_h = w->grad_hidden;
}

static void recurrent_retreat(struct recurrent_return *w, int part)
{
    const struct recurrent_gradient *g = w->g;
    const struct recurrence *r = &g->r;
    const struct recurrent_panels panels = recurrent_panels_of(r, &w->grid, part);
    for (int64_t t = w->step; t >= w->step_first; t--) {
        struct recurrent_step s = recurrent_part(r, &w->grid, part, t < 0 ? 0 : t);
        if (t < 0) s.going_on = r->running[0];
        s.unit = panels.unit, s.unit_end = panels.unit_end;
        recurrent_product_back(w, &s, t, &panels);
        if (t < 0 || s.first >= s.last) continue;
        s.gates = r->gates + r->start[t] * r->columns;
        s.before = r->before + r->start[t] * r->H;
        s.memory = t == 0 ? w->memory0 : r->memories + r->start[t - 1] * r->memory;
        s.grad_gates = w->grad_gates + r->start[t] * g->row;
        s.grad_row = g->row, s.extra = g->row - g->extra;
        s.grad_h = w->grad_h, s.grad_memory = w->grad_memory;
        recurrent_incoming(g, &s);
        const struct recurrent_blocks of_h = recurrent_of_h(r, &s), of_memory = recurrent_of_memory(r, &s);
        recurrent_zone_back(r, &r->zone_h, w->grad_h, w->kept_h, &of_h, &s, false, false);
        recurrent_zone_back(r, &r->zone_memory, w->grad_memory, w->kept_memory, &of_memory, &s, false, false);
        if (r->project) recurrent_project_back(w, &s);
        g->cell(g, &s);
        if (g->middle) {
            recurrent_multiply_back(w, 1, s.grad_gates, w->grad_memory, 0, s.first, s.last, &panels);
            g->middle(g, &s);
        }
        if (r->norm) recurrent_norm_backward(r, &s);
        recurrent_zone_back(r, &r->zone_h, w->grad_h, w->kept_h, &of_h, &s, true, !g->direct);
        recurrent_zone_back(r, &r->zone_memory, w->grad_memory, w->kept_memory, &of_memory, &s, true, false);
    }
}

static void recurrent_return_work(void *context, int part)
{
    struct recurrent_return *w = context;
    if (w->phase == RETURN_PACK)
        recurrent_return_pack(w, part);
    else if (part < w->grid.row_parts * w->grid.unit_parts)
        recurrent_retreat(w, part);
}

static bool recurrent_return_next(void *context)
{
    struct recurrent_return *w = context;
    const struct recurrent_gradient *g = w->g;
    const int64_t first = g->grad_h0 ? -1 : 0;
    w->step = w->phase == RETURN_PACK ? g->r.steps - 1 : w->step_first - 1;
    w->phase = RETURN_STEP;
    w->step_first = w->grid.unit_parts > 1 ? w->step : first;
    return g->r.steps > 0 && w->step >= first;
}

// The gradients of the initial state from those in the order of the sequences.
static void recurrent_return_states(const struct recurrent_return *w)
{
    const struct recurrent_gradient *g = w->g;
    const struct recurrence *r = &g->r;
    for (int64_t j = 0; j < r->B; j++) {
        const int64_t b = r->order[j];
        const real *h = w->grad_h + j * r->H, *memory = r->memory ? w->grad_memory + j * r->memory : NULL;
        if (j >= r->running[0]) {
            h = g->h ? g->h + b * r->H : NULL;
            memory = g->memory ? g->memory + b * r->memory : NULL;
        }
        for (int64_t k = 0; g->grad_h0 && k < r->H; k++) g->grad_h0[b * r->H + k] = h ? h[k] : 0;
        for (int64_t k = 0; g->grad_memory0 && k < r->memory; k++)
            g->grad_memory0[b * r->memory + k] = memory ? memory[k] : 0;
    }
}

static const char *recurrent_backward(struct recurrent_gradient *g)
{
    struct recurrence *r = &g->r;
    const char *error = recurrent_sort(r);
    if (error) return error;
    struct recurrent_return w = {.g = g, .parts = sq_team(r->rows * r->columns * r->H / 16)};
    int64_t span_rows = 0;
    for (int i = 0; i < r->spans_count; i++) span_rows += r->spans[i].rows;
    g->row = r->columns * (r->norm ? 3 : 1) + g->extra;
    real *scratch = NULL, *rows = NULL;
    const int64_t states = r->B * r->H, memories = r->B * r->memory;
    const bool x_moves = r->rows && (g->grad_w_ih || g->grad_x);
    const int64_t width = recurrent_h_block(r);
    const int64_t sizes[] = {gemm_packed_size(span_rows * (r->H / width), width),
                             r->rows * g->row,
                             states,
                             memories,
                             memories,
                             x_moves ? r->rows * r->I : 0,
                             r->mask ? states : 0,
                             r->zone_h.keep ? states : 0,
                             r->zone_memory.keep ? memories : 0,
                             r->project ? gemm_packed_size(r->H, r->units) : 0,
                             r->project ? r->B * r->units : 0,
                             r->project ? r->rows * r->H : 0};
    real **arrays[] = {&w.packed,  &w.grad_gates, &w.grad_h,      &w.grad_memory,    &w.memory0,     &rows,
                       &w.product, &w.kept_h,     &w.kept_memory, &w.packed_project, &w.grad_hidden, &w.grad_projected};
    error = sq_no_memory;
    if (recurrent_allocate(&scratch, arrays, sizes, 12) && recurrent_share(r, &w.grid, w.parts)) {
        if (w.grid.row_parts * w.grid.unit_parts == 1) w.parts = 1;
        for (int64_t j = 0; j < r->B && r->memory0; j++)
            memcpy(w.memory0 + j * r->memory, r->memory0 + r->order[j] * r->memory0_row,
                   (size_t)r->memory * sizeof(real));
        if (recurrent_team(w.parts, recurrent_return_work, recurrent_return_next, &w)) {
            recurrent_return_states(&w);
            if (recurrent_return_weights(&w, rows)) error = NULL;
        }
    }
    sq_scratch_give(w.grid.cuts);
    sq_scratch_give(scratch);
    recurrent_unsort(r);
    return error;
}

// What all kernels' structs have in common.
#define RECURRENT_GRADIENTS(a)                                                                                         \
    .r.rows = (a)->R, .out = (a)->grad_out, .out_time = (a)->grad_out_stride[0], .out_batch = (a)->grad_out_stride[1], \
    .h = (a)->grad_h, .grad_x = (a)->grad_x, .grad_x_time = (a)->grad_x_stride[0],                                     \
    .grad_x_batch = (a)->grad_x_stride[1], .grad_h0 = (a)->grad_h0, .grad_w_ih = (a)->grad_w_ih,                       \
    .grad_w_hh = (a)->grad_w_hh, .grad_bias = (a)->grad_bias, .grad_norm = (a)->grad_norm

#endif
