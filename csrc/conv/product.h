// Convolution as products of the weights with shifted planes of the input: the forward direction, and the gradient of
// the input, which is one of the output's gradient.
#ifndef SEQNN_CONV_PRODUCT_H
#define SEQNN_CONV_PRODUCT_H

#include "base/scratch.h"
#include "conv/window.h"

// y[n, o, p] = sum over inputs i and taps t of w[o, i, t] x[n, i, p * step + tap[t]] + bias[o] for each group.
typedef struct {
    planes in;
    int64_t groups, inputs, outputs; // channels of a group
    const real *w;                   // w[o * w_output + i * w_input + w_tap[t]], groups w_group apart
    int64_t w_group, w_output, w_input;
    const int64_t *w_tap;
    const real *bias; // [groups * outputs] or NULL
    bool relu;
    real *y; // [images, groups * outputs, height, width], written at (at_y + step_y * y, at_x + step_x * x)
    const struct batch_arrays *batch; // where images lie in batches: they are what is read and written; or NULL
    int64_t height, width, at_y, at_x, step_y, step_x;
    // What convolve fills in.
    int64_t panels, depth, part; // panels of outputs, taps of an output, panels that a unit of work takes
    int64_t input_part;          // inputs that batches take at once
    int64_t group_part;          // groups that a unit of work takes
    real *packed;
    int64_t *offset;
} convolution;

static int64_t panel_start(const convolution *c, int64_t panel) { return panel * c->outputs / c->panels; }

// Packs the weights as [group][panel][input][tap][output of the panel]; for batches [part of the inputs][tap][input].
static void pack_panel(const convolution *c, int64_t group, int64_t panel)
{
    const int64_t first = panel_start(c, panel), rows = panel_start(c, panel + 1) - first;
    const int64_t part = c->batch ? c->input_part : 1;
    real *to = c->packed + (group * c->outputs + first) * c->depth;
    for (int64_t start = 0; start < c->inputs; start += part)
        for (int64_t t = 0; t < c->in.taps; t++)
            for (int64_t i = start; i < least(start + part, c->inputs); i++, to += rows) {
                const real *from = c->w + group * c->w_group + first * c->w_output + i * c->w_input + c->w_tap[t];
                for (int64_t o = 0; o < rows; o++) to[o] = from[o * c->w_output];
            }
}

// A position of a block that is an output.
typedef struct {
    int64_t image, y, x;
} position;

// Finds the first output at or after place q of a block; false when there is none.
static bool find_output(const convolution *c, const block *b, int64_t *q, position *at)
{
    const int64_t pitch = c->in.x.pitch, rows = c->in.y.pitch;
    position p = {*q / (rows * pitch), *q / pitch % rows, *q % pitch};
    if (p.x >= b->x_count) p = (position){p.image, p.y + 1, 0};
    if (p.y >= b->y_count) p = (position){p.image + 1, 0, 0};
    *q = (p.image * rows + p.y) * pitch + p.x;
    *at = p;
    return p.image < b->images;
}

static real *place(const convolution *c, const block *b, int64_t channel, position p)
{
    const int64_t row = ((b->image + p.image) * c->groups * c->outputs + channel) * c->height;
    return c->y + (row + c->at_y + (b->y + p.y) * c->step_y) * c->width + c->at_x + (b->x + p.x) * c->step_x;
}

// Copies the outputs in a tile [rows, width] at place q to where they belong, in runs along x.
static void copy_tile(const convolution *c, const block *b, int64_t channel, int64_t rows, int64_t q, int64_t width,
                      const real *tile)
{
    position p;
    for (int64_t at = q; find_output(c, b, &at, &p) && at < q + width;) {
        const int64_t step = c->step_x, run = least(b->x_count - p.x, q + width - at);
        real *to = place(c, b, channel, p);
        for (int64_t o = 0; o < rows; o++, to += c->height * c->width) {
            const real *from = tile + o * width + at - q;
            if (step == 1)
                copy_run(to, from, run);
            else
                for (int64_t i = 0; i < run; i++) to[i * step] = from[i];
        }
        at += run;
    }
}

// Computes all outputs of panels [panel, panel_end) of a group in a block, whose planes are laid out.
static void compute_panels(const convolution *c, const block *b, int64_t group, int64_t panel, int64_t panel_end,
                           const real *laid_out, real *tile)
{
    const int64_t width = TILE_WIDTH, plane = c->height * c->width;
    const bool gapless = c->in.x.pitch == b->x_count && c->width == b->x_count;
    const product_run whole = {.depth = c->depth};
    position p;
    for (int64_t q = 0; find_output(c, b, &q, &p); q += width) {
        const int64_t run = (gapless ? (b->y_count - p.y) * b->x_count : b->x_count) - p.x;
        const bool direct = c->step_x == 1 && run >= width && (!gapless || c->step_y == 1);
        for (int64_t k = panel; k < panel_end; k++) {
            const int64_t first = panel_start(c, k), rows = panel_start(c, k + 1) - first;
            const int64_t channel = group * c->outputs + first;
            const product_tile job = {
                .w = c->packed + channel * c->depth,
                .x = laid_out + q,
                .offset = c->offset,
                .run = &whole,
                .runs = 1,
                .bias = c->bias ? c->bias + channel : NULL,
                .relu = c->relu,
                .c = direct ? place(c, b, channel, p) : tile,
                .c_row = direct ? plane : width,
            };
            products[rows](&job);
            if (!direct) copy_tile(c, b, channel, rows, q, width, tile);
        }
    }
}

// Computes all outputs of a group of one output channel in a block. Few products are fewer than what the gaps between
// rows and the copies of tiles cost: then some rows at a time, stored where they belong.
static void compute_single(const convolution *c, const block *b, int64_t group, const real *laid_out, real *tile)
{
    row_product job = {
        .w = c->packed + group * c->depth,
        .x_row = c->in.x.pitch,
        .offset = c->offset,
        .depth = c->depth,
        .bias = c->bias ? c->bias[group] : 0,
        .relu = c->relu,
        .c_row = c->step_y * c->width,
    };
    position p;
    if (c->step_x > 1 || c->depth > ROW_DEPTH) {
        job.c = tile;
        job.width = ROW_VECTORS * LANES;
        for (int64_t q = 0; find_output(c, b, &q, &p); q += job.width) {
            job.x = laid_out + q;
            product_rows(&job, 1);
            copy_tile(c, b, group, 1, q, job.width, tile);
        }
        return;
    }
    for (p.image = 0; p.image < b->images; p.image++)
        for (p.x = 0; p.x < b->x_count; p.x += job.width) {
            const int64_t left = b->x_count - p.x;
            job.width = least(left, (left >= ROW_VECTORS * LANES ? ROW_VECTORS : 4) * LANES);
            for (p.y = 0; p.y < b->y_count;) {
                job.x = laid_out + (p.image * c->in.y.pitch + p.y) * c->in.x.pitch + p.x;
                job.c = place(c, b, group, p);
                p.y += product_rows(&job, b->y_count - p.y);
            }
        }
}

enum { PANELS = 1 << 16 }; // elements of the panels that are used together

static void compute_unit(const convolution *c, int64_t unit, real *laid_out, real *tile)
{
    const int64_t parts = blocks(c->panels, c->part), ranges = blocks(c->groups, c->group_part);
    const int64_t first = unit % parts * c->part, end = least(c->panels, first + c->part);
    const int64_t group = unit / parts % ranges * c->group_part, groups = least(c->group_part, c->groups - group);
    const block b = nth_block(&c->in, unit / parts / ranges);
    const int64_t together = most(1, PANELS / most(1, c->depth * TILE_ROWS));
    copy_planes(&c->in, &b, group * c->inputs, groups * c->inputs, laid_out);
    for (int64_t g = group; g < group + groups; g++, laid_out += c->inputs * c->in.plane) {
        if (c->outputs == 1) compute_single(c, &b, g, laid_out, tile);
        for (int64_t panel = first; panel < end && c->outputs > 1; panel += together)
            compute_panels(c, &b, g, panel, least(end, panel + together), laid_out, tile);
    }
}

// Sets the blocks, and the groups that a unit takes: of single channels, a few small ones one after another, as they
// lie in memory.
static void set_blocks_and_groups(convolution *c, int64_t enough)
{
    const int64_t planes = most(1, c->in.phases * c->inputs), images = c->in.images * c->groups / enough;
    c->group_part = 1;
    if (c->outputs > 1 || c->depth > ROW_DEPTH) {
        set_blocks(&c->in, planes, c->in.x.apart ? BLOCK / 4 : BLOCK, most(1, images));
        return;
    }
    set_blocks(&c->in, planes, least(BLOCK, times(planes, SMALL_BLOCK)), 1);
    const int64_t least_units = count_blocks(&c->in) * c->groups / enough;
    c->group_part = most(1, least(SMALL_BLOCK / most(1, c->inputs * c->in.plane), least_units));
}

static const char *convolve(convolution *c)
{
    c->depth = c->inputs * c->in.taps;
    c->panels = blocks(c->outputs, TILE_ROWS);
    const int64_t places = c->in.images * c->in.y.count * c->in.x.count;
    const int team = sq_team(places * c->groups * c->outputs * most(1, c->depth) / 16);
    const int64_t enough = team > 1 ? 4 * team : 1; // units of work
    set_blocks_and_groups(c, enough);
    const int64_t in_blocks = count_blocks(&c->in) * blocks(c->groups, c->group_part);
    const int64_t parts = team > 1 ? least(blocks(enough, in_blocks), blocks(c->panels, 2)) : 1;
    c->part = blocks(c->panels, parts);
    const int64_t units = in_blocks * blocks(c->panels, c->part);

    const int64_t planes = times(c->group_part * c->inputs, c->in.plane), private = planes + TILE_ROWS * TILE_WIDTH;
    const int64_t weights = round_up(c->groups * c->outputs * c->depth, 16);
    c->packed = sq_scratch_take((size_t)(weights + times(team, private)) * sizeof(real));
    c->offset = malloc((size_t)(c->depth + 1) * sizeof(int64_t));
    const char *error = c->packed && c->offset ? NULL : sq_no_memory;
    if (!error) {
        write_offsets(&c->in, c->inputs, c->offset);
#pragma omp parallel num_threads(team)
        {
            real *own = c->packed + weights + omp_get_thread_num() * private;
#pragma omp for schedule(static)
            for (int64_t i = 0; i < c->groups * c->panels; i++) pack_panel(c, i / c->panels, i % c->panels);
#pragma omp for schedule(dynamic)
            for (int64_t unit = 0; unit < units; unit++) compute_unit(c, unit, own, own + planes);
        }
    }
    sq_scratch_give(c->packed);
    free(c->offset);
    return error;
}

#endif
