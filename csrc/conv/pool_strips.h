// The maximum over windows, for a strip of rows at a time: the rows of a window are combined first, as whole vectors
// along x, and then the columns.
#ifndef SEQNN_CONV_POOL_STRIPS_H
#define SEQNN_CONV_POOL_STRIPS_H

#include "pool_args.h"
#include "vec/vec.h"

enum { OUTSIDE = INT32_MAX }; // the index of padding: larger than that of any element

// A strip of rows is combined to `row` and `row_index` [strip, pitch], where pitch is a multiple of the stride: so the
// columns of all rows are combined in one loop, in vain at some places between the rows. A single column has no stride.
typedef struct {
    int64_t width, stride, pitch, strip;
    real *row, *best;
    int32_t *row_index, *best_index;
} strip_buffer;

ALWAYS_INLINE bool better(real x, int32_t index, real best, int32_t best_index)
{
    return (x > best) | ((x == best) & (index < best_index)) | (x != x);
}

static void larger_rows(const real *x, int64_t row, int64_t width, int64_t n, real *restrict best,
                        int32_t *restrict index)
{
    const real *from = x + row * width;
    const int32_t first = (int32_t)(row * width);
    for (int64_t i = 0; i < n; i++) {
        const bool take = better(from[i], first + (int32_t)i, best[i], index[i]);
        best[i] = take ? from[i] : best[i];
        index[i] = take ? first + (int32_t)i : index[i];
    }
}

ALWAYS_INLINE void larger_columns(const real *restrict row, const int32_t *restrict row_index, const int64_t stride,
                                  int64_t n, real *restrict best, int32_t *restrict index)
{
    for (int64_t i = 0; i < n; i++) {
        const real x = row[i * stride];
        const int32_t at = row_index[i * stride];
        const bool take = better(x, at, best[i], index[i]);
        best[i] = take ? x : best[i];
        index[i] = take ? at : index[i];
    }
}

static void combine_columns(const struct max_pool_forward *a, const strip_buffer *s, int64_t n, real *best,
                            int32_t *index)
{
    for (int64_t i = 0; i < n; i++) best[i] = -INFINITY, index[i] = OUTSIDE;
    for (int64_t k = 0; k < a->kernel_x; k++) {
        const real *row = s->row + k * a->dilation_x;
        const int32_t *row_index = s->row_index + k * a->dilation_x;
        if (s->stride == 1)
            larger_columns(row, row_index, 1, n, best, index);
        else if (s->stride == 2)
            larger_columns(row, row_index, 2, n, best, index);
        else
            larger_columns(row, row_index, s->stride, n, best, index);
    }
}

static void max_of_plane(const struct max_pool_forward *a, const strip_buffer *s, const real *x, real *y,
                         int32_t *index)
{
    const int64_t left = a->left, n = most(0, least(a->W, s->width - left));
    for (int64_t p = 0; p < a->rows; p += s->strip) {
        const int64_t rows = least(s->strip, a->rows - p);
        for (int64_t i = 0; i < rows; i++) {
            real *best = s->row + i * s->pitch + left;
            int32_t *best_index = s->row_index + i * s->pitch + left;
            for (int64_t j = 0; j < n; j++) best[j] = -INFINITY, best_index[j] = OUTSIDE;
            const int64_t first = (p + i) * a->stride_y - a->top;           // the row that the window begins with
            const int64_t last = first + (a->kernel_y - 1) * a->dilation_y; // divisions are for windows over the edge
            const int64_t from = first < 0 ? blocks(-first, a->dilation_y) : 0;
            const int64_t end = last < a->H ? a->kernel_y : blocks(most(0, a->H - first), a->dilation_y);
            for (int64_t r = from; r < end; r++) larger_rows(x, first + r * a->dilation_y, a->W, n, best, best_index);
        }
        const int64_t across = s->pitch / s->stride;
        combine_columns(a, s, rows * across, s->best, s->best_index);
        for (int64_t i = 0; i < rows; i++) {
            memcpy(y + (p + i) * a->columns, s->best + i * across, (size_t)a->columns * sizeof(real));
            if (index)
                memcpy(index + (p + i) * a->columns, s->best_index + i * across, (size_t)a->columns * sizeof(int32_t));
        }
    }
}

#endif
