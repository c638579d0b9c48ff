// Small images side by side: with the image as the fastest axis a plane [height, width * images] has hardly any gaps,
// and a convolution of it is one of wider pixels. So the lanes of a tile hold the same pixel of many images.
#ifndef SEQNN_CONV_BESIDE_H
#define SEQNN_CONV_BESIDE_H

#include "base/scratch.h"
#include "conv/window.h"
#include "vec/transpose.h"

enum { WORTH_TURNING = 256 }; // products of an element from which on that pays

// How many images belong side by side: 1 where planes are as good as they lie.
static int64_t images_beside(const geometry *g)
{
    const bool gaps = g->rows * g->columns > 1, strided = g->stride_y > 1 || g->stride_x > 1;
    const int64_t widest = strided ? 2 * LANES : LANES; // steps cost planes more, where pixels are single elements
    const bool small = g->width <= widest && g->out_width <= widest && g->out_width > 0 && g->images >= LANES;
    if (!gaps || !small || least(g->inputs, g->outputs) * g->rows * g->columns < WORTH_TURNING) return 1;
    return blocks(g->images, blocks(g->images, TILE_WIDTH));
}

static geometry set_beside(const geometry *g, int64_t images)
{
    geometry b = *g;
    b.images = blocks(g->images, images);
    b.width *= images, b.out_width *= images;
    b.left *= images, b.dilation_x *= images;
    b.unit = images;
    return b;
}

// to[n, channel, pixel, image] = from[n * beside + image, channel, pixel], zero after the last image
static void put_beside(real *to, const real *from, int64_t images, int64_t channels, int64_t pixels, int64_t beside,
                       int team)
{
    const int64_t groups = blocks(images, beside);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < groups * channels; i++) {
        const int64_t first = i / channels * beside, rows = least(beside, images - first);
        real *at = to + i * pixels * beside;
        if (rows < beside) memset(at, 0, (size_t)(pixels * beside) * sizeof(real));
        transpose(at, beside, from + (first * channels + i % channels) * pixels, channels * pixels, rows, pixels);
    }
}

// The way back.
static void take_apart(real *to, const real *from, int64_t images, int64_t channels, int64_t pixels, int64_t beside,
                       int team)
{
    const int64_t groups = blocks(images, beside);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < groups * channels; i++) {
        const int64_t first = i / channels * beside, rows = least(beside, images - first);
        transpose(to + (first * channels + i % channels) * pixels, channels * pixels, from + i * pixels * beside,
                  beside, pixels, rows);
    }
}

// The arrays of one call, side by side: x and the output (or its gradient), and what a ReLU let through.
typedef struct {
    geometry g;
    int64_t beside;
    int team;
    real *x, *y, *gate; // x is the memory of all three
} beside_arrays;

static bool take_beside(beside_arrays *b, const geometry *g, int64_t beside)
{
    b->g = set_beside(g, beside);
    b->beside = beside;
    const int64_t x = b->g.images * g->groups * g->inputs * g->height * b->g.width;
    const int64_t y = b->g.images * g->groups * g->outputs * g->out_height * b->g.out_width;
    b->team = sq_team(x + y);
    b->x = sq_scratch_take((size_t)(x + 2 * y + 2 * 16) * sizeof(real));
    b->y = b->x + round_up(x, 16), b->gate = b->y + round_up(y, 16);
    return b->x != NULL;
}

static void put_x(const beside_arrays *b, const geometry *g, const real *x)
{
    put_beside(b->x, x, g->images, g->groups * g->inputs, g->height * g->width, b->beside, b->team);
}
static void put_y(const beside_arrays *b, const geometry *g, const real *y, real *to)
{
    put_beside(to, y, g->images, g->groups * g->outputs, g->out_height * g->out_width, b->beside, b->team);
}

#endif
