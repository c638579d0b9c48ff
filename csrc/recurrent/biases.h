// The biases of a net as one array.
#ifndef SEQNN_RECURRENT_BIASES_H
#define SEQNN_RECURRENT_BIASES_H

#include "recurrent/recurrent.h"

// The biases of all columns as one array: that of the input's part, and those of the products in their columns. Returns
// NULL where there are none.
static inline const real *join_biases(const struct recurrence *r, real *to)
{
    if (!r->bias_ih && !r->bias_hh) return NULL;
    const struct recurrent_net *net = &r->net;
    memset(to, 0, (size_t)net->columns * sizeof(real));
    if (r->bias_ih) memcpy(to, r->bias_ih, (size_t)net->input_columns * sizeof(real));
    for (int i = 0; r->bias_hh && i < net->products_count; i++) {
        const struct recurrent_product *p = &net->products[i];
        for (int64_t k = 0; k < p->rows; k++) to[p->column + k] += r->bias_hh[p->row + k];
    }
    return to;
}

#endif
