// Convolution of many small images at once: the lanes of a tile hold one pixel of as many images. So there are no gaps
// between rows, steps cost nothing, and taps that see nothing but padding are left out.
#ifndef SEQNN_CONV_PIXELS_H
#define SEQNN_CONV_PIXELS_H

#include "conv/product.h"
#include "vec/transpose.h"

// The arrays of one call, in batches of TILE_WIDTH images: x [batch][pixel][channel][image], y [batch][channel][pixel]
// [image].
typedef struct batch_arrays {
    int64_t batches, pixel, plane; // elements of a pixel of x, and of a channel of y
    real *x, *y;                   // x is the memory of both
    int team;
} batch_arrays;

enum { PIXELS = 64 }; // that are turned at a time

// An odd number of cache lines: neighbours do not compete for the same sets of a cache.
static int64_t odd_lines(int64_t elements)
{
    const int64_t line = 64 / (int64_t)sizeof(real);
    return (blocks(elements, line) | 1) * line;
}

// Takes memory for images x of `channels` channels with `pixels` pixels each, and y likewise.
static bool take_batches(batch_arrays *b, int64_t images, int64_t channels, int64_t pixels, int64_t y_channels,
                         int64_t y_pixels)
{
    b->batches = blocks(images, TILE_WIDTH);
    b->pixel = odd_lines(times(channels, TILE_WIDTH));
    b->plane = odd_lines(times(y_pixels, TILE_WIDTH));
    const int64_t x = times(times(b->batches, pixels), b->pixel), y = times(times(b->batches, y_channels), b->plane);
    b->team = sq_team(x + y);
    b->x = sq_scratch_take((size_t)(x + y) * sizeof(real));
    b->y = b->x + x;
    return b->x != NULL;
}

// Turns images into x, as far as the gate, if there is one, is open; some pixels at a time, whose pages stay at hand.
static void put_images(const batch_arrays *b, const real *from, const real *gate, int64_t images, int64_t channels,
                       int64_t pixels)
{
    const int64_t parts = blocks(pixels, PIXELS);
#pragma omp parallel for num_threads(b->team) schedule(static) collapse(2)
    for (int64_t i = 0; i < b->batches * parts; i++)
        for (int64_t channel = 0; channel < channels; channel++) {
            const int64_t image = i / parts * TILE_WIDTH, rows = least(TILE_WIDTH, images - image);
            const int64_t pixel = i % parts * PIXELS, count = least(PIXELS, pixels - pixel);
            const int64_t at = (image * channels + channel) * pixels + pixel, apart = channels * pixels;
            real *to = b->x + (i / parts * pixels + pixel) * b->pixel + channel * TILE_WIDTH, open[TILE_WIDTH * PIXELS];
            for (int64_t n = 0; gate && n < rows; n++)
                copy_row(open + n * PIXELS, from + at + n * apart, gate + at + n * apart, 1, count);
            for (int64_t p = 0; rows < TILE_WIDTH && p < count; p++)
                memset(to + p * b->pixel, 0, TILE_WIDTH * sizeof(real));
            transpose(to, b->pixel, gate ? open : from + at, gate ? PIXELS : apart, rows, count);
        }
}

static void take_images(const batch_arrays *b, real *to, int64_t images, int64_t channels, int64_t pixels)
{
#pragma omp parallel for num_threads(b->team) schedule(static)
    for (int64_t i = 0; i < b->batches * channels; i++) {
        const int64_t first = i / channels * TILE_WIDTH, rows = least(TILE_WIDTH, images - first);
        transpose(to + (first * channels + i % channels) * pixels, channels * pixels, b->y + i * b->plane, TILE_WIDTH,
                  pixels, rows);
    }
}

// Finds the taps that see an input from output (y, x), each a run over some inputs.
static int64_t find_runs(const convolution *c, int64_t y, int64_t x, int64_t inputs, product_run *run)
{
    int64_t runs = 0;
    for (int64_t t = 0; t < c->in.taps; t++) {
        const int64_t row = y * c->in.y.step + c->in.tap_y[t], column = x * c->in.x.step + c->in.tap_x[t];
        if (row < 0 || row >= c->in.y.source || column < 0 || column >= c->in.x.source) continue;
        const int64_t at = (row * c->in.x.source + column) * c->batch->pixel;
        run[runs++] = (product_run){.w = t * inputs, .x = at, .depth = inputs};
    }
    return runs;
}

// Products of an element from which on turning it pays: steps would make planes dear. Gaps between narrow rows would,
// too.
enum { WORTH_BATCHES = 256, WORTH_BATCHES_WITH_STEPS = 128, NARROW = 32, WIDEST = 8 * LANES };

static bool worth_batches(const geometry *g, int64_t widest)
{
    const int64_t taps = g->rows * g->columns, channels = least(g->inputs, g->outputs);
    const bool steps = g->stride_y > 1 || g->stride_x > 1, small = most(g->width, g->out_width) <= widest;
    const bool full = 4 * round_up(g->images, TILE_WIDTH) <= 5 * g->images; // few lanes without an image
    if (taps == 1 || channels == 1 || g->out_height * g->out_width == 0 || !small || !full) return false;
    return times(channels, taps) >= (steps ? WORTH_BATCHES_WITH_STEPS : WORTH_BATCHES);
}

// A row of outputs of a batch, or a part of it, of some panels of a group.
typedef struct {
    int64_t batch, group, y, x, x_end, panel, panel_end;
} pixel_unit;

static pixel_unit nth_pixel_unit(const convolution *c, int64_t n)
{
    const int64_t parts = blocks(c->panels, c->part), across = blocks(c->in.x.count, c->in.x.block);
    pixel_unit u = {.panel = n % parts * c->part};
    n /= parts;
    u.x = n % across * c->in.x.block, n /= across;
    u.y = n % c->in.y.count, n /= c->in.y.count;
    u.group = n % c->groups, u.batch = n / c->groups;
    u.x_end = least(c->in.x.count, u.x + c->in.x.block);
    u.panel_end = least(c->panels, u.panel + c->part);
    return u;
}

// Computes panels [panel, panel_end) of a unit from the inputs [input, input + inputs); the sums of earlier inputs are
// those of the unit.
static void compute_pixels(const convolution *c, const pixel_unit *u, int64_t panel, int64_t panel_end, int64_t input,
                           int64_t inputs, real *sums, product_run *run)
{
    const bool more = input + inputs < c->inputs;
    const int64_t pixels = c->in.y.source * c->in.x.source;
    const real *from = c->batch->x + u->batch * pixels * c->batch->pixel + (u->group * c->inputs + input) * TILE_WIDTH;
    for (int64_t x = u->x; x < u->x_end; x++) {
        const int64_t runs = find_runs(c, u->y, x, inputs, run);
        const int64_t pixel = (c->at_y + u->y * c->step_y) * c->width + c->at_x + x * c->step_x;
        for (int64_t k = panel; k < panel_end; k++) {
            const int64_t first = panel_start(c, k), rows = panel_start(c, k + 1) - first;
            const int64_t channel = u->group * c->outputs + first;
            real *tile = sums + ((k - u->panel) * c->in.x.block + x - u->x) * TILE_ROWS * TILE_WIDTH;
            const int64_t plane = u->batch * c->groups * c->outputs + channel;
            const product_tile job = {
                .w = c->packed + channel * c->depth + input * c->in.taps * rows,
                .x = from,
                .offset = c->offset,
                .run = run,
                .runs = runs,
                .before = input > 0 ? tile : NULL,
                .bias = c->bias && !more ? c->bias + channel : NULL,
                .relu = c->relu && !more,
                .c = more ? tile : c->batch->y + plane * c->batch->plane + pixel * TILE_WIDTH,
                .c_row = more ? TILE_WIDTH : c->batch->plane,
            };
            products[rows](&job);
        }
    }
}

static void compute_pixel_unit(const convolution *c, const pixel_unit *u, real *sums, product_run *run)
{
    const int64_t together = most(1, PANELS / most(1, c->input_part * c->in.taps * TILE_ROWS));
    int64_t input = 0;
    do {
        const int64_t inputs = least(c->input_part, c->inputs - input);
        for (int64_t panel = u->panel; panel < u->panel_end; panel += together)
            compute_pixels(c, u, panel, least(u->panel_end, panel + together), input, inputs, sums, run);
        input += inputs;
    } while (input < c->inputs);
}

// How many inputs neighbouring outputs along an axis see through taps from the first to the last.
static int64_t count_seen(const axis *a, const int64_t *tap, int64_t taps, int64_t outputs)
{
    int64_t first = taps ? tap[0] : 0, last = first;
    for (int64_t t = 1; t < taps; t++) first = least(first, tap[t]), last = most(last, tap[t]);
    return least(a->source, last - first + (outputs - 1) * a->step + 1);
}

// Sets parts of rows and of inputs so that what a unit reads stays in the L2 cache.
static void set_pixel_shares(convolution *c)
{
    const int64_t rows = count_seen(&c->in.y, c->in.tap_y, c->in.taps, 1) * c->inputs * TILE_WIDTH;
    int64_t *outputs = &c->in.x.block, columns;
    *outputs = c->in.x.count;
    while ((columns = count_seen(&c->in.x, c->in.tap_x, c->in.taps, *outputs)),
           *outputs > 8 && times(rows, columns) > BLOCK)
        *outputs = blocks(*outputs, 2);
    c->input_part = blocks(c->inputs, most(1, blocks(times(rows, columns), BLOCK)));
}

static const char *convolve_pixels(convolution *c)
{
    c->depth = c->inputs * c->in.taps;
    c->panels = blocks(c->outputs, TILE_ROWS);
    set_pixel_shares(c);
    const int64_t rows = c->batch->batches * c->groups * c->in.y.count * blocks(c->in.x.count, c->in.x.block);
    const int team =
        sq_team(c->in.images * c->in.y.count * c->in.x.count * c->groups * c->outputs * most(1, c->depth) / 16);
    c->part = blocks(c->panels, team > 1 ? least(blocks(4 * team, rows), blocks(c->panels, 2)) : 1);
    const int64_t units = rows * blocks(c->panels, c->part);

    const int64_t sums = c->input_part < c->inputs ? c->part * c->in.x.block * TILE_ROWS * TILE_WIDTH : 0;
    const int64_t weights = round_up(c->groups * c->outputs * c->depth, 16);
    c->packed = sq_scratch_take((size_t)(weights + times(team, sums)) * sizeof(real));
    c->offset = malloc((size_t)(c->input_part + 1) * sizeof(int64_t));
    product_run *run = malloc((size_t)(team * c->in.taps + 1) * sizeof *run);
    const char *error = c->packed && c->offset && run ? NULL : sq_no_memory;
    if (!error) {
        for (int64_t i = 0; i < c->input_part; i++) c->offset[i] = i * TILE_WIDTH;
#pragma omp parallel num_threads(team)
        {
            const int64_t thread = omp_get_thread_num();
#pragma omp for schedule(static)
            for (int64_t i = 0; i < c->groups * c->panels; i++) pack_panel(c, i / c->panels, i % c->panels);
#pragma omp for schedule(dynamic)
            for (int64_t i = 0; i < units; i++) {
                const pixel_unit u = nth_pixel_unit(c, i);
                compute_pixel_unit(c, &u, c->packed + weights + thread * sums, run + thread * c->in.taps);
            }
        }
    }
    sq_scratch_give(c->packed);
    free(c->offset);
    free(run);
    return error;
}

#endif
