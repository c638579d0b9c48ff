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
    bool in_parts; // inputs in parts whose planes stay in the cache, and taps that see nothing but padding left out
    real *y;       // [images, groups * outputs, height, width], written at (at_y + step_y * y, at_x + step_x * x)
    int64_t height, width, at_y, at_x, step_y, step_x;
    // What convolve fills in.
    int64_t panels, depth, part; // panels of outputs, taps of an output, panels that a unit of work takes
    int64_t input_part, tiles;   // inputs of a part, tiles of a block (when in parts)
    real *packed;
    int64_t *offset;
} convolution;

// Working memory of a thread.
typedef struct {
    real *laid_out, *tile, *sums; // planes of a part of the inputs; a tile; the sums so far of all tiles of a unit
    product_run *run;             // [taps]
} workplace;

static int64_t panel_start(const convolution *c, int64_t panel) { return panel * c->outputs / c->panels; }

// Packs the weights as [group][panel][input][tap][output of the panel]; with inputs in parts [part][tap][input].
static void pack_panel(const convolution *c, int64_t group, int64_t panel)
{
    const int64_t first = panel_start(c, panel), rows = panel_start(c, panel + 1) - first;
    const int64_t part = c->in_parts ? c->input_part : 1;
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
    const int64_t x = b->x + p.x, pixel = x / c->in.x.unit * c->in.x.unit;
    return c->y + (row + c->at_y + (b->y + p.y) * c->step_y) * c->width + c->at_x + pixel * c->step_x + x - pixel;
}

// Copies the outputs in a tile [rows, width] at place q to where they belong, in runs along x.
static void copy_tile(const convolution *c, const block *b, int64_t channel, int64_t rows, int64_t q, int64_t width,
                      const real *tile)
{
    position p;
    for (int64_t at = q; find_output(c, b, &at, &p) && at < q + width;) {
        const int64_t step = c->step_x, unit = c->in.x.unit, whole = least(b->x_count - p.x, q + width - at);
        const int64_t run = step == 1 || unit == 1 ? whole : least(whole, unit - (b->x + p.x) % unit);
        real *to = place(c, b, channel, p);
        for (int64_t o = 0; o < rows; o++, to += c->height * c->width) {
            const real *from = tile + o * width + at - q;
            if (step == 1 || unit > 1)
                copy_run(to, from, run);
            else
                for (int64_t i = 0; i < run; i++) to[i * step] = from[i];
        }
        at += run;
    }
}

// Whether outputs [first, last] along an axis see anything but padding through a tap.
static bool sees(const axis *a, int64_t tap, int64_t first, int64_t last)
{
    const int64_t from = first / a->unit * a->unit, to = last / a->unit * a->unit;
    return to * a->step + tap >= 0 && from * a->step + tap < a->source;
}

// Finds the taps that the tile at p needs, each a run over the inputs of a part.
static int64_t find_runs(const convolution *c, const block *b, position p, int64_t width, int64_t inputs,
                         product_run *run)
{
    const int64_t beyond = p.x + width - 1, y = b->y + p.y, x = b->x + p.x;
    const bool one_row = beyond < c->in.x.pitch;
    int64_t runs = 0;
    for (int64_t t = 0; t < c->in.taps; t++) {
        if (!sees(&c->in.y, c->in.tap_y[t], y, one_row ? y : y + beyond / c->in.x.pitch)) continue;
        if (one_row && !sees(&c->in.x, c->in.tap_x[t], x, b->x + least(beyond, b->x_count - 1))) continue;
        run[runs++] = (product_run){.w = t * inputs, .offset = t * c->input_part, .depth = inputs};
    }
    return runs;
}

// Computes all outputs of panels [panel, panel_end) of a group in a block, from the inputs [input, input + inputs)
// whose planes are laid out; sums of earlier inputs are those of the unit, whose first panel is `start`.
static void compute_panels(const convolution *c, const block *b, int64_t group, int64_t start, int64_t panel,
                           int64_t panel_end, int64_t input, int64_t inputs, const workplace *at)
{
    const int64_t width = c->outputs == 1 ? SINGLE_WIDTH : TILE_WIDTH, plane = c->height * c->width;
    const bool gapless = c->in.x.pitch == b->x_count && c->width == b->x_count;
    const bool more = input + inputs < c->inputs;
    product_run whole = {.depth = c->depth};
    position p;
    for (int64_t q = 0, tiles = 0; find_output(c, b, &q, &p); q += width, tiles++) {
        const int64_t run = (gapless ? (b->y_count - p.y) * b->x_count : b->x_count) - p.x;
        const bool direct = c->step_x == 1 && run >= width && (!gapless || c->step_y == 1);
        const int64_t runs = c->in_parts ? find_runs(c, b, p, width, inputs, at->run) : 1;
        for (int64_t k = panel; k < panel_end; k++) {
            const int64_t first = panel_start(c, k), rows = panel_start(c, k + 1) - first;
            const int64_t channel = group * c->outputs + first;
            real *sums = at->sums + ((k - start) * c->tiles + tiles) * TILE_ROWS * TILE_WIDTH;
            real *to = more ? sums : direct ? place(c, b, channel, p) : at->tile;
            const product_tile job = {
                .w = c->packed + channel * c->depth + input * c->in.taps * rows,
                .x = at->laid_out + q,
                .offset = c->offset,
                .run = c->in_parts ? at->run : &whole,
                .runs = runs,
                .before = input > 0 ? sums : NULL,
                .bias = c->bias && !more ? c->bias + channel : NULL,
                .relu = c->relu && !more,
                .c = to,
                .c_row = direct && !more ? plane : width,
            };
            products[rows](&job);
            if (!direct && !more) copy_tile(c, b, channel, rows, q, width, at->tile);
        }
    }
}

enum { PANELS = 1 << 16 }; // elements of the panels that are used together

static void compute_unit(const convolution *c, int64_t unit, const workplace *at)
{
    const int64_t parts = blocks(c->panels, c->part);
    const int64_t first = unit % parts * c->part, end = least(c->panels, first + c->part);
    const int64_t group = unit / parts % c->groups;
    const block b = nth_block(&c->in, unit / parts / c->groups);
    const int64_t together = most(1, PANELS / most(1, c->input_part * c->in.taps * TILE_ROWS));
    int64_t input = 0;
    do {
        const int64_t inputs = least(c->input_part, c->inputs - input);
        copy_planes(&c->in, &b, group * c->inputs + input, inputs, at->laid_out);
        for (int64_t panel = first; panel < end; panel += together)
            compute_panels(c, &b, group, first, panel, least(end, panel + together), input, inputs, at);
        input += inputs;
    } while (input < c->inputs);
}

// Sets blocks and parts of the inputs, for a team of threads.
static void set_shares(convolution *c, int team)
{
    c->input_part = c->inputs;
    if (!c->in_parts) {
        set_blocks(&c->in, most(1, c->in.phases * c->inputs), BLOCK,
                   most(1, c->in.images * c->groups / (team > 1 ? 4 * team : 1)));
        return;
    }
    // A block decides about its tiles and so about the taps that are left out, so it may depend on shapes alone.
    c->in.block_images = 1;
    set_block(&c->in.y, least(c->in.y.count, most(1, 2 * BLOCK / (c->outputs * c->in.x.count))));
    set_block(&c->in.x, c->in.x.count);
    set_sizes(&c->in);
    const int64_t parts = blocks(c->inputs, most(16, BLOCK / 2 / c->in.plane));
    c->input_part = blocks(c->inputs, most(1, parts));
    c->tiles = blocks(times(c->in.y.pitch, c->in.x.pitch), TILE_WIDTH);
}

static const char *convolve(convolution *c)
{
    c->depth = c->inputs * c->in.taps;
    c->panels = blocks(c->outputs, TILE_ROWS);
    const int64_t places = c->in.images * c->in.y.count * c->in.x.count;
    const int team = sq_team(places * c->groups * c->outputs * most(1, c->depth) / 16);
    set_shares(c, team);
    const int64_t in_blocks = count_blocks(&c->in) * c->groups;
    const int64_t parts = team > 1 ? least(blocks(4 * team, in_blocks), blocks(c->panels, 2)) : 1;
    c->part = blocks(c->panels, parts);
    const int64_t units = in_blocks * blocks(c->panels, c->part);

    const int64_t planes = times(c->input_part, c->in.plane), tile = TILE_ROWS * SINGLE_WIDTH;
    const int64_t private = planes + tile + times(c->part * TILE_ROWS * TILE_WIDTH, c->tiles);
    const int64_t weights = round_up(c->groups * c->outputs * c->depth, 16);
    c->packed = sq_scratch_take((size_t)(weights + times(team, private)) * sizeof(real));
    c->offset = malloc((size_t)(c->depth + 1) * sizeof(int64_t));
    product_run *run = malloc((size_t)(team * c->in.taps + 1) * sizeof *run);
    const char *error = c->packed && c->offset && run ? NULL : sq_no_memory;
    if (!error) {
        write_offsets(&c->in, c->input_part, c->in_parts, c->offset);
#pragma omp parallel num_threads(team)
        {
            real *own = c->packed + weights + omp_get_thread_num() * private;
            const workplace at = {own, own + planes, own + planes + tile, run + omp_get_thread_num() * c->in.taps};
#pragma omp for schedule(static)
            for (int64_t i = 0; i < c->groups * c->panels; i++) pack_panel(c, i / c->panels, i % c->panels);
#pragma omp for schedule(dynamic)
            for (int64_t unit = 0; unit < units; unit++) compute_unit(c, unit, &at);
        }
    }
    sq_scratch_give(c->packed);
    free(c->offset);
    free(run);
    return error;
}

#endif
