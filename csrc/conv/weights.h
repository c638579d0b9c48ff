// The gradient of a convolution's weights: a correlation of the output's gradient with shifted planes of the input.
// Where a group has many outputs they are the lanes, and the sums lie [tap][output] until they are turned at the end;
// few outputs are dot products over the places.
#ifndef SEQNN_CONV_WEIGHTS_H
#define SEQNN_CONV_WEIGHTS_H

#include "base/scratch.h"
#include "conv/window.h"
#include "gemm/gemm.h"
#include "vec/transpose.h"

// The sums over images are made in chunks of blocks, which then are added in order; shapes alone decide on both.
typedef struct {
    planes x, grad; // grad: the places of the outputs, zeros between the rows
    int64_t groups, inputs, outputs, depth;
    bool lanes; // outputs are the lanes
    int64_t input_part, output_part, chunks, blocks;
    int64_t group_part;           // groups that are taken at once: whole ones
    int64_t sums_row, sums_group; // sums [chunks, groups, ...]: [depth, sums_row] with lanes, else [outputs, depth]
    const int64_t *offset;
    real *sums, *db; // db [chunks, groups * outputs]
} weight_gradient;

// Places of a correlation at a time: the rows of dot products stay in the L1 cache, a panel of outputs in the L2
// cache. Taps that are turned at a time.
enum { DOT_LENGTH = 4096, LANE_LENGTH = 512, TURNED = 64 };

// Adds dot products of gradients and inputs to the sums, [output][tap].
static void add_dots(const weight_gradient *g, const real *grad, int64_t outputs, const real *x, int64_t taps,
                     int64_t places, real *to)
{
    real sums[DOT_ROWS * DOT_COLUMNS];
    for (int64_t q = 0; q < places; q += DOT_LENGTH) {
        const int64_t length = least(DOT_LENGTH, places - q);
        for (int64_t o = 0; o < outputs; o += DOT_ROWS) {
            const int64_t rows = least(DOT_ROWS, outputs - o);
            const int64_t wide = rows == 1 ? DOT_COLUMNS : DOT_WIDE, narrow = rows == 1 ? DOT_FEW : DOT_NARROW;
            for (int64_t k = 0, columns; k < taps; k += columns) {
                const bool few = round_up(taps - k, wide) - (taps - k) >= wide - narrow;
                columns = least(few ? narrow : wide, taps - k);
                correlations[rows](few, grad + o * g->grad.plane + q, g->grad.plane, x + q, g->offset + k, length,
                                   sums);
                for (int64_t i = 0; i < rows; i++)
                    for (int64_t j = 0; j < columns; j++)
                        to[(o + i) * g->sums_row + k + j] += sums[i * DOT_COLUMNS + j];
            }
        }
    }
}

// Adds products of `lines` lines of `length` places each to the sums, [tap][output].
static void add_lines(const weight_gradient *g, const real *grad, int64_t outputs, const real *x, int64_t taps,
                      int64_t lines, int64_t length, real *packed, real *to)
{
    const int64_t line = gemm_packed_size(length, outputs), pitch = g->x.x.pitch;
    for (int64_t i = 0; i < lines; i++) {
        const gemm turned = {.n = outputs, .k = length, .b = grad + i * pitch, .b_row = 1, .b_col = g->grad.plane};
        gemm_pack(&turned, packed + i * line, 0, gemm_panels(outputs));
    }
    for (int64_t p = 0; p < gemm_panels(outputs); p++) {
        const int64_t first = gemm_panel_start(outputs, p), vectors = gemm_panel_start(outputs, p + 1) - first;
        for (int64_t k = 0; k < taps; k += SPREAD_ROWS) {
            const spread_tile job = {
                .y = packed + first * LANES * length,
                .y_line = line,
                .x = x,
                .x_line = pitch,
                .offset = g->offset + k,
                .lines = lines,
                .length = length,
                .rows = least(SPREAD_ROWS, taps - k),
                .sums = to + k * g->sums_row + first * LANES,
                .sums_row = g->sums_row,
            };
            spreads[vectors](&job);
        }
    }
}

// Adds the products of a block; takes the rows of its images one by one where the gaps between them would cost more.
static void add_lanes(const weight_gradient *g, const block *b, const real *grad, int64_t outputs, const real *x,
                      int64_t taps, int64_t places, real *packed, real *to)
{
    const int64_t width = b->x_count, lines = most(1, LANE_LENGTH / width);
    if (width < 2 * LANES || 8 * g->x.x.pitch * g->x.y.pitch <= 9 * width * b->y_count) {
        for (int64_t q = 0; q < places; q += LANE_LENGTH)
            add_lines(g, grad + q, outputs, x + q, taps, 1, least(LANE_LENGTH, places - q), packed, to);
        return;
    }
    for (int64_t n = 0; n < b->images; n++)
        for (int64_t y = 0; y < b->y_count; y += lines)
            for (int64_t column = 0; column < width; column += LANE_LENGTH) {
                const int64_t q = (n * g->x.y.pitch + y) * g->x.x.pitch + column;
                add_lines(g, grad + q, outputs, x + q, taps, least(lines, b->y_count - y),
                          least(LANE_LENGTH, width - column), packed, to);
            }
}

static real sum_places(const real *x, int64_t n)
{
    vf sum = {0};
    for (int64_t i = 0; i < n; i += LANES) sum += vf_load(x + i);
    return vf_sum(sum);
}

static void gradient_unit(const weight_gradient *g, int64_t unit, real *x, real *grad, real *packed)
{
    const int64_t across = most(1, blocks(g->inputs, g->input_part)), down = blocks(g->outputs, g->output_part);
    const int64_t input = unit % across * g->input_part, inputs = least(g->input_part, g->inputs - input);
    const int64_t output = unit / across % down * g->output_part, outputs = least(g->output_part, g->outputs - output);
    const int64_t ranges = blocks(g->groups, g->group_part), chunk = unit / (across * down * ranges);
    const int64_t group = unit / (across * down) % ranges * g->group_part;
    const int64_t groups = least(g->group_part, g->groups - group);
    const int64_t first = chunk * g->blocks / g->chunks, end = (chunk + 1) * g->blocks / g->chunks;
    const int64_t row = (chunk * g->groups + group) * g->outputs + output, taps = inputs * g->x.taps;
    const int64_t rows = g->lanes ? taps : outputs, columns = g->lanes ? gemm_vectors(outputs) * LANES : taps;
    const int64_t down_at = g->lanes ? input * g->x.taps : output, across_at = g->lanes ? output : input * g->x.taps;
    real *sums = g->sums + (chunk * g->groups + group) * g->sums_group + down_at * g->sums_row + across_at;
    for (int64_t k = 0; k < groups; k++)
        for (int64_t i = 0; i < rows; i++)
            memset(sums + k * g->sums_group + i * g->sums_row, 0, (size_t)columns * sizeof(real));
    if (input == 0 && g->db)
        for (int64_t k = 0; k < groups; k++) memset(g->db + row + k * g->outputs, 0, (size_t)outputs * sizeof(real));
    for (int64_t n = first; n < end; n++) {
        const block b = nth_block(&g->x, n);
        const int64_t places = round_up(b.images * g->x.y.pitch * g->x.x.pitch, LANES);
        copy_planes(&g->x, &b, group * g->inputs + input, groups * inputs, x);
        copy_planes(&g->grad, &b, group * g->outputs + output, groups * outputs, grad);
        for (int64_t k = 0; k < groups; k++) {
            const real *x_k = x + k * inputs * g->x.plane, *grad_k = grad + k * outputs * g->grad.plane;
            if (g->lanes)
                add_lanes(g, &b, grad_k, outputs, x_k, taps, places, packed, sums + k * g->sums_group);
            else
                add_dots(g, grad_k, outputs, x_k, taps, places, sums + k * g->sums_group);
            if (input == 0 && g->db)
                for (int64_t o = 0; o < outputs; o++)
                    g->db[row + k * g->outputs + o] += sum_places(grad_k + o * g->grad.plane, places);
        }
    }
}

// Adds [n, n + size) of the later chunks, each `total` long, to the first.
static void add_chunks(real *sums, int64_t chunks, int64_t total, int64_t n, int64_t size)
{
    for (int64_t chunk = 1; chunk < chunks; chunk++)
        for (int64_t i = n; i < n + size; i++) sums[i] += sums[chunk * total + i];
}

// Writes dw, the sum of the chunks.
static void finish_sums(const weight_gradient *g, int team, real *dw)
{
    const int64_t total = g->groups * g->sums_group, strips = blocks(g->depth, TURNED);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < g->groups * strips; i++) {
        const int64_t group = i / strips, first = i % strips * TURNED, taps = least(TURNED, g->depth - first);
        if (!g->lanes) {
            for (int64_t o = 0; o < g->outputs; o++) {
                const int64_t at = (group * g->outputs + o) * g->depth + first;
                add_chunks(g->sums, g->chunks, total, at, taps);
                memcpy(dw + at, g->sums + at, (size_t)taps * sizeof(real));
            }
            continue;
        }
        const int64_t at = group * g->sums_group + first * g->sums_row;
        add_chunks(g->sums, g->chunks, total, at, taps * g->sums_row);
        transpose(dw + group * g->outputs * g->depth + first, g->depth, g->sums + at, g->sums_row, taps, g->outputs);
    }
}

// Adds up the chunks, and writes dw and db, unless that is NULL.
static void finish_all(const weight_gradient *g, int team, real *dw, real *db)
{
    const int64_t channels = g->groups * g->outputs;
    finish_sums(g, team, dw);
    if (!db) return;
    add_chunks(g->db, g->chunks, channels, 0, channels);
    memcpy(db, g->db, (size_t)channels * sizeof(real));
}

static bool worth_lanes(int64_t outputs, int64_t depth) { return outputs >= LANES && depth >= 8 * SPREAD_ROWS; }

// Sets how the sums lie, and the inputs of a part.
static void set_sums(weight_gradient *g)
{
    g->depth = g->inputs * g->x.taps;
    g->lanes = worth_lanes(g->outputs, g->depth);
    g->sums_row = g->lanes ? gemm_vectors(g->outputs) * LANES : g->depth;
    g->sums_group = g->sums_row * (g->lanes ? g->depth : g->outputs);
    g->input_part = most(1, least(g->inputs, most(16, least(128, 288 / most(1, g->x.taps)))));
}

static void set_parts(weight_gradient *g)
{
    set_sums(g);
    g->output_part = least(g->outputs, 64);
    const int64_t each = g->output_part + most(1, g->x.phases) * g->input_part;
    const bool small = g->groups > 1 && !g->lanes; // a few places of several groups, which lie side by side
    set_blocks(&g->x, each, small ? least(2 * BLOCK, each * SMALL_BLOCK / 2) : 2 * BLOCK, g->x.images);
    g->grad.block_images = g->x.block_images;
    g->grad.y.block = g->grad.y.filled = g->x.y.block;
    g->grad.x.block = g->grad.x.filled = g->x.x.block;
    g->grad.y.pitch = g->x.y.pitch;
    g->grad.x.pitch = g->x.x.pitch;
    set_sizes(&g->grad);
    g->blocks = count_blocks(&g->x);
    g->group_part = 1;
    if (small && g->input_part >= g->inputs && g->output_part == g->outputs) {
        const int64_t size = g->inputs * g->x.plane + g->outputs * g->grad.plane;
        g->group_part = most(1, least(BLOCK / 2 / size, g->groups / 16));
    }
}

static const char *correlate_all(weight_gradient *g, real *dw, real *db)
{
    const int64_t channels = g->groups * g->outputs, places = g->x.images * g->x.y.count * g->x.x.count;
    if (places == 0 || channels == 0) {
        memset(dw, 0, (size_t)(channels * g->inputs * g->x.taps) * sizeof(real));
        if (db) memset(db, 0, (size_t)channels * sizeof(real));
        return NULL;
    }
    set_parts(g);
    const int64_t across = most(1, blocks(g->inputs, g->input_part));
    const int64_t units = across * blocks(g->outputs, g->output_part) * blocks(g->groups, g->group_part);
    g->chunks = least(g->blocks, blocks(16, units));

    const int team = sq_team(places * channels * most(1, g->depth) / 16);
    const int64_t x_size = times(g->group_part * g->input_part, g->x.plane);
    const int64_t grad_size = times(g->group_part * g->output_part, g->grad.plane);
    const int64_t private = x_size + grad_size + gemm_packed_size(LANE_LENGTH, g->output_part);
    const int64_t sums = round_up(times(g->chunks, g->groups * g->sums_group + channels), 16);
    real *memory = sq_scratch_take((size_t)(sums + times(team, private)) * sizeof(real));
    const int64_t spare = most(DOT_COLUMNS, SPREAD_ROWS); // of rows and columns thrown away
    int64_t *offset = malloc((size_t)(g->input_part * g->x.taps + spare) * sizeof(int64_t));
    if (memory && offset) {
        write_offsets(&g->x, g->input_part, offset);
        for (int64_t i = 0; i < spare; i++) offset[g->input_part * g->x.taps + i] = 0;
        g->offset = offset;
        g->sums = memory;
        g->db = db ? memory + g->chunks * g->groups * g->sums_group : NULL;
#pragma omp parallel for num_threads(team) schedule(dynamic)
        for (int64_t unit = 0; unit < units * g->chunks; unit++) {
            real *x = memory + sums + omp_get_thread_num() * private;
            gradient_unit(g, unit, x, x + x_size, x + x_size + grad_size);
        }
        finish_all(g, team, dw, db);
    }
    const char *error = memory && offset ? NULL : sq_no_memory;
    sq_scratch_give(memory);
    free(offset);
    return error;
}

#endif
