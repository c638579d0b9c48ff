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

// The columns of a window are combined first, then what is left: so NaN and equals win as they do in strips. What wins
// is an offset, found without branches, as numbers follow no order that a processor could foresee.
static void max_of_rows(const real *x, int64_t place, int64_t width, int64_t n, real *y, int32_t *index)
{
    for (int64_t i = 0; i < n; i++, x += 2, place += 2) {
        const int64_t lower = (x[width] > x[0]) | (x[width] != x[width]);
        const int64_t end = (x[width + 1] > x[1]) | (x[width + 1] != x[width + 1]);
        const int64_t left = -lower & width, right = 1 + (-end & width);
        const real first = x[left], second = x[right];
        const int64_t take = (second > first) | ((second == first) & (right < left)) | (second != second);
        const int64_t at = left + (-take & (right - left));
        y[i] = x[at];
        if (index) index[i] = (int32_t)(place + at);
    }
}

static void max_of_quads(const struct max_pool_forward *a)
{
    const int64_t lines = a->N * a->C * a->rows, columns = a->columns;
    const int team = sq_team(4 * lines * columns);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t line = 0; line < lines; line++) {
        const int64_t plane = line / a->rows, row = 2 * (line % a->rows);
        max_of_rows(a->x + (plane * a->H + row) * a->W, row * a->W, a->W, columns, a->y + line * columns,
                    a->index ? a->index + line * columns : NULL);
    }
}

#endif
