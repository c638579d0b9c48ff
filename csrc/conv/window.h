// What the functions of a convolution share: sizes, window, and the taps of the window as shifts.
#ifndef SEQNN_CONV_WINDOW_H
#define SEQNN_CONV_WINDOW_H

#include "conv/planes.h"

// y [images, groups * outputs, out_height, out_width] from x [images, groups * inputs, height, width] and
// w [groups * outputs, inputs, rows, columns].
typedef struct {
    int64_t images, groups, inputs, outputs, height, width, out_height, out_width;
    int64_t rows, columns, stride_y, stride_x, top, left, dilation_y, dilation_x;
} geometry;

// Five lists of a number for each tap.
typedef struct {
    int64_t *memory, *y, *x, *w, *phase_y, *phase_x;
} tap_lists;

static tap_lists make_taps(int64_t taps)
{
    tap_lists t = {.memory = malloc((size_t)times(5, taps + 1) * sizeof(int64_t))};
    if (!t.memory) return t;
    t.y = t.memory, t.x = t.y + taps, t.w = t.x + taps, t.phase_y = t.w + taps, t.phase_x = t.phase_y + taps;
    return t;
}

// Lists all taps of a window, for the forward direction.
static void list_window_taps(const geometry *g, tap_lists *taps)
{
    for (int64_t t = 0; t < g->rows * g->columns; t++) {
        taps->y[t] = t / g->columns * g->dilation_y - g->top;
        taps->x[t] = t % g->columns * g->dilation_x - g->left;
        taps->w[t] = t;
    }
}

// Lists the taps of input pixels (at_y + stride_y * i, at_x + stride_x * j): those r for which stride_y divides at_y +
// top - r * dilation_y.
static int64_t list_gradient_taps(const geometry *g, int64_t at_y, int64_t at_x, tap_lists *taps)
{
    int64_t n = 0;
    for (int64_t t = 0; t < g->rows * g->columns; t++) {
        const int64_t y = at_y + g->top - t / g->columns * g->dilation_y;
        const int64_t x = at_x + g->left - t % g->columns * g->dilation_x;
        if (y % g->stride_y || x % g->stride_x) continue;
        taps->y[n] = y / g->stride_y;
        taps->x[n] = x / g->stride_x;
        taps->w[n++] = t;
    }
    return n;
}

static planes make_planes(const real *source, const real *gate, int64_t images, int64_t channels, axis y, axis x,
                          int64_t taps, const tap_lists *lists)
{
    planes p = {.images = images, .channels = channels, .source = source, .gate = gate, .y = y, .x = x, .taps = taps};
    p.tap_y = lists->y, p.tap_x = lists->x, p.phase_y = lists->phase_y, p.phase_x = lists->phase_x;
    set_taps(&p.y, p.tap_y, taps);
    set_taps(&p.x, p.tap_x, taps);
    set_phases(&p);
    return p;
}

#endif
