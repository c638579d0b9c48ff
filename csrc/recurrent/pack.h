// The products of forward with the weights, and packing these once a call or once for many. A part of engine.c.
#ifndef SEQNN_RECURRENT_PACK_H
#define SEQNN_RECURRENT_PACK_H

#include "gemm/packed_tag.h"
#include "recurrent/share.h"

// x W_ih^T + bias, for the first columns of the gates.
static gemm input_product(const struct recurrence *r, const real *packed, const real *bias)
{
    return (gemm){.n = r->net.input_columns,
                  .k = r->I,
                  .a_row = r->I,
                  .a_col = 1,
                  .b = r->weight_ih,
                  .b_row = 1,
                  .b_col = r->I,
                  .packed = packed,
                  .c_row = r->net.columns,
                  .alpha = 1,
                  .bias = r->norm ? NULL : bias};
}

// h W^T for the block of units that begins at `row` of the recurrent weights.
static gemm block_product(const struct recurrence *r, const real *packed, int64_t row)
{
    const int64_t units = r->net.units, size = r->net.h_size;
    return (gemm){.n = units,
                  .k = size,
                  .a_row = size,
                  .a_col = 1,
                  .b = r->weight_hh + row * size,
                  .b_row = 1,
                  .b_col = size,
                  .packed = packed + row / units * gemm_packed_size(size, units),
                  .c_row = r->net.columns,
                  .alpha = 1};
}

// What the cell made times the projection.
static gemm projection_product(const struct recurrence *r, const real *packed)
{
    return (gemm){.n = r->net.h_size,
                  .k = r->net.units,
                  .a_row = r->net.units,
                  .a_col = 1,
                  .b = r->weight_hr,
                  .b_row = 1,
                  .b_col = r->net.units,
                  .packed = packed,
                  .c_row = r->net.h_size,
                  .alpha = 1};
}

// Panels of the weights of the input, of h, and of the projection.
struct packed_weights {
    real *ih, *hh, *hr;
};

// Rows of the recurrent weights.
static int64_t recurrent_rows(const struct recurrent_net *net)
{
    int64_t rows = 0;
    for (int i = 0; i < net->products_count; i++) rows += net->products[i].rows;
    return rows;
}

static int64_t packed_ih_size(const struct recurrence *r) { return gemm_packed_size(r->I, r->net.input_columns); }

static int64_t packed_hh_size(const struct recurrence *r)
{
    return recurrent_rows(&r->net) / r->net.units * gemm_packed_size(r->net.h_size, r->net.units);
}

static int64_t packed_size(const struct recurrence *r)
{
    const int64_t hr = r->weight_hr ? gemm_packed_size(r->net.units, r->net.h_size) : 0;
    return packed_ih_size(r) + packed_hh_size(r) + hr;
}

static struct packed_weights packed_at(const struct recurrence *r, real *at)
{
    real *hh = at + packed_ih_size(r);
    return (struct packed_weights){at, hh, hh + packed_hh_size(r)};
}

static void pack_weights(const struct recurrence *r, const struct packed_weights *to, int part, int parts)
{
    const gemm input = input_product(r, to->ih, NULL), projection = projection_product(r, to->hr);
    gemm_pack_share(&input, part, parts);
    if (r->weight_hr) gemm_pack_share(&projection, part, parts);
    for (int64_t row = 0; row < recurrent_rows(&r->net); row += r->net.units) {
        const gemm g = block_product(r, to->hh, row);
        gemm_pack_share(&g, part, parts);
    }
}

static packed_tag tag_of(const struct recurrence *r)
{
    const struct recurrent_net *net = &r->net;
    return (packed_tag){.kind = {'n', 'e', 't'},
                        .sizes = {r->I, net->h_size, net->units, net->columns, r->weight_hr != NULL}};
}

void recurrent_pack(const struct recurrence *r, real *packed)
{
    const struct packed_weights to = packed_at(r, write_tag(packed, r->packed_size, tag_of(r)));
    pack_weights(r, &to, 0, 1);
}

// Finds the panels in r->packed. Returns an error or NULL.
static const char *open_packed(const struct recurrence *r, struct packed_weights *weights)
{
    const real *panels;
    const char *error = read_net_tag(r->packed, r->packed_size, packed_size(r), tag_of(r), &panels);
    if (!error) *weights = packed_at(r, (real *)panels);
    return error;
}

#endif
