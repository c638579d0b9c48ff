// What the time loop backward works on, and its products with the weights. A part of engine.c.
#ifndef SEQNN_RECURRENT_BACKWARD_PRODUCTS_H
#define SEQNN_RECURRENT_BACKWARD_PRODUCTS_H

#include "recurrent/norm.h"
#include "recurrent/pack.h"

enum backward_phase { BACKWARD_BEGIN, BACKWARD_STEPS };

struct backward { // each thread has its own, for the phase that it is in
    const struct recurrence *r;
    const struct recurrent_gradients *g;
    struct recurrent_schedule schedule;
    struct grid grid;
    int parts;
    enum backward_phase phase;
    int64_t step, step_first;    // the steps of the phase, downwards; step -1 gives the gradient of the first state
    int64_t row, sums;           // numbers in a row of grad_gates; where those of recurrent_gradients.sums begin
    real *packed;                // recurrent weights
    real *grad_gates;            // [rows, row]
    real *grad_h, *grad_carried; // [B, .] of the step, in the order of the sequences
    real *carried_first;         // [B, .]
    real *product;               // [B, h_size] with a mask: the gradient of the masked h
    real *kept_h, *kept_carried; // [B, .] with zoneout: what goes to the old state
    real *packed_hr, *grad_output, *grad_projected; // with a projection: weights, [B, units], [rows, h_size]
};

// The gradient of block `block` of h, from the columns of a product: weights [rows of the product, width of a block].
static gemm backward_product(const struct backward *w, const struct recurrent_product *p, int64_t block)
{
    const struct recurrence *r = w->r;
    const int64_t size = r->net.h_size, width = h_block(r), before = p->row * (size / width) + p->rows * block;
    return (gemm){.n = width,
                  .k = p->rows,
                  .a_row = w->row,
                  .a_col = 1,
                  .b = r->weight_hh + p->row * size + block * width,
                  .b_row = size,
                  .b_col = 1,
                  .packed = w->packed + gemm_packed_size(before, width),
                  .c_row = size,
                  .alpha = 1};
}

static int64_t backward_packed_size(const struct recurrence *r)
{
    const int64_t width = h_block(r);
    return gemm_packed_size(recurrent_rows(&r->net) * (r->net.h_size / width), width);
}

// The gradient of what the cell made, from that of h.
static gemm backward_projection(const struct backward *w)
{
    const struct recurrent_net *net = &w->r->net;
    return (gemm){.n = net->units,
                  .k = net->h_size,
                  .a_row = net->h_size,
                  .a_col = 1,
                  .b = w->r->weight_hr,
                  .b_row = net->units,
                  .b_col = 1,
                  .packed = w->packed_hr,
                  .c_row = net->units,
                  .alpha = 1};
}

// Packs a part of the weights and clears the padding of the part's sequences.
static void begin_backward(struct backward *w, int part)
{
    const struct recurrence *r = w->r;
    const struct recurrent_gradients *g = w->g;
    for (int i = 0; i < r->net.products_count; i++)
        for (int64_t block = 0; block < r->net.h_size / h_block(r); block++) {
            const gemm product = backward_product(w, &r->net.products[i], block);
            gemm_pack_share(&product, part, w->parts);
        }
    const gemm projection = backward_projection(w);
    if (r->weight_hr) gemm_pack_share(&projection, part, w->parts);
    for (int64_t b = cut(r->B, w->parts, part); g->x && b < cut(r->B, w->parts, part + 1); b++)
        for (int64_t t = recurrent_length(r, b); t < r->T; t++)
            memset(g->x + t * g->x_time + b * g->x_batch, 0, (size_t)r->I * sizeof(real));
}

// c = beta c + the gradient through product i of rows [first, last) whose gates are at grad_gates.
static void multiply_back(const struct backward *w, int i, const real *grad_gates, real *c, real beta, int64_t first,
                          int64_t last, const struct share *share)
{
    const struct recurrence *r = w->r;
    const struct recurrent_product *p = &r->net.products[i];
    const int64_t width = h_block(r);
    for (int64_t block = 0; block < r->net.h_size / width; block++) {
        gemm product = backward_product(w, p, block);
        product.m = last;
        product.a = grad_gates + p->column;
        product.c = c + block * width;
        product.beta = beta;
        gemm_block(&product, first, last, r->weight_hr ? 0 : share->panel,
                   r->weight_hr ? gemm_panels(width) : share->panel_end);
    }
}

#endif
