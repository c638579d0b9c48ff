// The maximum over windows of 2 x 2 side by side, the usual pooling: each is read once, without a strip in between.
#ifndef SEQNN_CONV_POOL_QUADS_H
#define SEQNN_CONV_POOL_QUADS_H

#include "conv/pool_strips.h"

static bool has_quads(const struct max_pool_forward *a)
{
    const bool window = a->kernel_y == 2 && a->kernel_x == 2 && a->stride_y == 2 && a->stride_x == 2;
    const bool inside = a->top == 0 && a->left == 0 && 2 * a->rows <= a->H && 2 * a->columns <= a->W;
    return window && inside && a->dilation_y == 1 && a->dilation_x == 1;
}

// The columns of a window are combined first, then what is left: so NaN and equals win as they do in strips.
ALWAYS_INLINE void max_of_rows(const real *restrict above, const real *restrict below, int32_t place, int32_t width,
                               int64_t n, real *restrict y, int32_t *restrict index)
{
    for (int64_t i = 0; i < n; i++) {
        const int32_t at = place + 2 * (int32_t)i;
        const real first = above[2 * i], under = below[2 * i], second = above[2 * i + 1], last = below[2 * i + 1];
        const bool lower = (under > first) | (under != under), end = (last > second) | (last != last);
        const real left = lower ? under : first, right = end ? last : second;
        const int32_t at_left = lower ? at + width : at, at_right = end ? at + width + 1 : at + 1;
        const bool take = better(right, at_right, left, at_left);
        y[i] = take ? right : left;
        if (index) index[i] = take ? at_right : at_left;
    }
}

static void max_of_quads(const struct max_pool_forward *a)
{
    const int64_t lines = a->N * a->C * a->rows, columns = a->columns;
    const int team = sq_team(4 * lines * columns);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t line = 0; line < lines; line++) {
        const int64_t plane = line / a->rows, row = 2 * (line % a->rows);
        const real *above = a->x + (plane * a->H + row) * a->W;
        const int32_t place = (int32_t)(row * a->W), width = (int32_t)a->W;
        if (a->index)
            max_of_rows(above, above + a->W, place, width, columns, a->y + line * columns, a->index + line * columns);
        else
            max_of_rows(above, above + a->W, place, width, columns, a->y + line * columns, NULL);
    }
}

#endif
