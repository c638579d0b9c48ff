// The gradient of a convolution's weights from batches of small images: for each tap the pixels that see an input, all
// images of a batch at each, and outputs in the lanes.
#ifndef SEQNN_CONV_PIXEL_WEIGHTS_H
#define SEQNN_CONV_PIXEL_WEIGHTS_H

#include "conv/pixels.h"
#include "conv/weights.h"

// x [batch][channel][pixel][image] and the output's gradient [batch][group][panel][pixel]
// [image][output].
typedef struct {
    weight_gradient sums; // its blocks are rows of a batch
    int64_t batches, plane, channels, pixels, out_pixels;
    real *x, *grad;
} batch_gradient;

static void put_planes(const batch_gradient *g, const real *from, int64_t images, int team)
{
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < g->batches * g->channels; i++) {
        const int64_t first = i / g->channels * TILE_WIDTH, rows = least(TILE_WIDTH, images - first);
        real *to = g->x + i * g->plane;
        if (rows < TILE_WIDTH) memset(to, 0, (size_t)(g->pixels * TILE_WIDTH) * sizeof(real));
        transpose(to, TILE_WIDTH, from + (first * g->channels + i % g->channels) * g->pixels, g->channels * g->pixels,
                  rows, g->pixels);
    }
}

// Turns the outputs of a group of image n of a batch, as far as the gate is open.
static void put_outputs(const batch_gradient *g, const real *from, const real *gate, int64_t n, real *to)
{
    const int64_t outputs = g->sums.outputs, pixels = g->out_pixels;
    real open[GEMM_VECTORS * LANES * PIXELS];
    for (int64_t p = 0; p < gemm_panels(outputs); p++) {
        const int64_t first = gemm_panel_start(outputs, p) * LANES, end = gemm_panel_start(outputs, p + 1) * LANES;
        const int64_t rows = least(end, outputs) - first, wide = end - first;
        for (int64_t pixel = 0; pixel < pixels; pixel += PIXELS) {
            const int64_t count = least(PIXELS, pixels - pixel), at = first * pixels + pixel;
            for (int64_t o = 0; gate && o < rows; o++)
                copy_row(open + o * PIXELS, from + at + o * pixels, gate + at + o * pixels, 1, count);
            transpose(to + first * pixels * TILE_WIDTH + (pixel * TILE_WIDTH + n) * wide, TILE_WIDTH * wide,
                      gate ? open : from + at, gate ? PIXELS : pixels, rows, count);
        }
    }
}

static void put_gradient(const batch_gradient *g, const real *from, const real *gate, int64_t images, int team)
{
    const int64_t groups = g->sums.groups, size = g->sums.sums_row * g->out_pixels * TILE_WIDTH;
    const int64_t image = g->sums.outputs * g->out_pixels;
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < g->batches * groups; i++) {
        const int64_t first = i / groups * TILE_WIDTH, count = least(TILE_WIDTH, images - first);
        real *to = g->grad + i * size;
        if (count < TILE_WIDTH || g->sums.sums_row > g->sums.outputs) memset(to, 0, (size_t)size * sizeof(real));
        for (int64_t n = 0; n < count; n++) {
            const int64_t at = ((first + n) * groups + i % groups) * image;
            put_outputs(g, from + at, gate ? gate + at : NULL, n, to);
        }
    }
}

// Finds the outputs [begin, end) of an axis that see an input through a tap.
static void find_seeing(const axis *a, int64_t tap, int64_t *begin, int64_t *end)
{
    *begin = tap < 0 ? blocks(-tap, a->step) : 0;
    *end = least(a->count, divide_down(a->source - 1 - tap, a->step) + 1);
}

// Adds the products of a row of outputs, all images of a batch, with some inputs to the sums, [input][tap][output].
static void add_row(const batch_gradient *g, int64_t y, const real *grad, int64_t vectors, const real *x,
                    int64_t inputs, real *to)
{
    const planes *in = &g->sums.x;
    const int64_t line = TILE_WIDTH * vectors * LANES;
    for (int64_t t = 0; t < in->taps; t++) {
        const int64_t row = y * in->y.step + in->tap_y[t];
        int64_t begin, end;
        find_seeing(&in->x, in->tap_x[t], &begin, &end);
        if (row < 0 || row >= in->y.source || begin >= end) continue;
        for (int64_t i = 0; i < inputs; i += SPREAD_ROWS) {
            const int64_t rows = least(SPREAD_ROWS, inputs - i);
            int64_t offset[SPREAD_ROWS] = {0};
            for (int64_t k = 0; k < rows; k++) offset[k] = (i + k) * g->plane;
            const spread_tile job = {
                .y = grad + (y * in->x.count + begin) * line,
                .y_line = line,
                .x = x + (row * in->x.source + begin * in->x.step + in->tap_x[t]) * TILE_WIDTH,
                .x_line = in->x.step * TILE_WIDTH,
                .offset = offset,
                .lines = end - begin,
                .length = TILE_WIDTH,
                .rows = rows,
                .sums = to + (i * in->taps + t) * g->sums.sums_row,
                .sums_row = in->taps * g->sums.sums_row,
            };
            spreads[vectors](&job);
        }
    }
}

static void add_bias(const batch_gradient *g, int64_t y, const real *grad, int64_t vectors, int64_t outputs, real *db)
{
    const int64_t places = g->sums.x.x.count * TILE_WIDTH, wide = vectors * LANES;
    vf sums[GEMM_VECTORS] = {0};
    grad += y * places * wide;
    for (int64_t q = 0; q < places; q++)
        for (int64_t v = 0; v < vectors; v++) sums[v] += vf_load(grad + q * wide + v * LANES);
    for (int64_t o = 0; o < outputs; o++) db[o] += ((const real *)sums)[o];
}

// Computes the sums of some inputs and a panel of outputs over a chunk of rows.
static void batch_gradient_unit(const batch_gradient *g, int64_t unit)
{
    const weight_gradient *s = &g->sums;
    const int64_t across = blocks(s->inputs, s->input_part), panels = gemm_panels(s->outputs), down = s->x.y.count;
    const int64_t input = unit % across * s->input_part, panel = unit / across % panels;
    const int64_t group = unit / (across * panels) % s->groups, chunk = unit / (across * panels * s->groups);
    const int64_t first = gemm_panel_start(s->outputs, panel),
                  vectors = gemm_panel_start(s->outputs, panel + 1) - first;
    const int64_t inputs = least(s->input_part, s->inputs - input),
                  outputs = least(vectors * LANES, s->outputs - first * LANES);
    real *sums =
        s->sums + (chunk * s->groups + group) * s->sums_group + input * s->x.taps * s->sums_row + first * LANES;
    for (int64_t i = 0; i < inputs * s->x.taps; i++)
        memset(sums + i * s->sums_row, 0, (size_t)(vectors * LANES) * sizeof(real));
    real *db = input == 0 && s->db ? s->db + (chunk * s->groups + group) * s->outputs + first * LANES : NULL;
    if (db) memset(db, 0, (size_t)outputs * sizeof(real));
    for (int64_t n = chunk * s->blocks / s->chunks; n < (chunk + 1) * s->blocks / s->chunks; n++) {
        const int64_t batch = n / down, y = n % down;
        const real *x = g->x + (batch * g->channels + group * s->inputs + input) * g->plane;
        const int64_t place = (batch * s->groups + group) * s->sums_row + first * LANES;
        const real *grad = g->grad + place * g->out_pixels * TILE_WIDTH;
        add_row(g, y, grad, vectors, x, inputs, sums);
        if (db) add_bias(g, y, grad, vectors, outputs, db);
    }
}

static const char *correlate_batches(batch_gradient *g, const real *grad, const real *gate, const real *x, real *dw,
                                     real *db)
{
    weight_gradient *s = &g->sums;
    const int64_t images = s->x.images, outputs = s->groups * s->outputs;
    set_sums(s);
    g->channels = s->groups * s->inputs;
    g->pixels = s->x.y.source * s->x.x.source, g->out_pixels = s->x.y.count * s->x.x.count;
    g->batches = blocks(images, TILE_WIDTH);
    g->plane = odd_lines(times(g->pixels, TILE_WIDTH));
    s->blocks = g->batches * s->x.y.count;
    const int64_t units = blocks(s->inputs, s->input_part) * gemm_panels(s->outputs) * s->groups;
    s->chunks = least(s->blocks, blocks(16, units));

    const int64_t x_size = times(times(g->batches, g->channels), g->plane);
    const int64_t grad_size = times(times(g->batches, s->groups), times(s->sums_row, times(g->out_pixels, TILE_WIDTH)));
    const int64_t sums = times(s->chunks, s->groups * s->sums_group + outputs);
    real *memory = sq_scratch_take((size_t)(x_size + grad_size + sums) * sizeof(real));
    const char *error = memory ? NULL : sq_no_memory;
    if (!error) {
        g->x = memory, g->grad = g->x + x_size;
        s->sums = g->grad + grad_size;
        s->db = db ? s->sums + s->chunks * s->groups * s->sums_group : NULL;
        const int few = sq_team(x_size + grad_size), team = sq_team(images * g->out_pixels * outputs * s->depth / 16);
        put_planes(g, x, images, few);
        put_gradient(g, grad, gate, images, few);
#pragma omp parallel for num_threads(team) schedule(dynamic)
        for (int64_t unit = 0; unit < units * s->chunks; unit++) batch_gradient_unit(g, unit);
        finish_all(s, team, dw, db);
    }
    sq_scratch_give(memory);
    return error;
}

#endif
