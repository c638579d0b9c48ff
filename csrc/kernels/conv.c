// Convolution in two dimensions (one is a special case), as products of the weights with shifted planes of the input:
// no matrix of windows is ever written. The gradient of the input is a convolution of the output's gradient, that of
// the weights a correlation of both.
#include "conv_planes.h"
#include "scratch.h"

// What the three functions have in common.
typedef struct {
    int64_t stride_y, stride_x, top, left, dilation_y, dilation_x;
} window;

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
    int64_t height, width, at_y, at_x, step_y, step_x;
    // filled in by convolve
    int64_t panels, depth, part; // panels of outputs, taps of an output, panels that a unit of work takes
    real *packed;
    int64_t *offset;
} convolution;

static int64_t panel_start(const convolution *c, int64_t panel) { return panel * c->outputs / c->panels; }

// [group][panel][tap of an input][output of the panel]
static void pack_panel(const convolution *c, int64_t group, int64_t panel)
{
    const int64_t first = panel_start(c, panel), rows = panel_start(c, panel + 1) - first;
    real *to = c->packed + (group * c->outputs + first) * c->depth;
    for (int64_t i = 0; i < c->inputs; i++)
        for (int64_t t = 0; t < c->in.taps; t++, to += rows) {
            const real *from = c->w + group * c->w_group + first * c->w_output + i * c->w_input + c->w_tap[t];
            for (int64_t o = 0; o < rows; o++) to[o] = from[o * c->w_output];
        }
}

// Positions of a tile that are outputs, in runs along x.
typedef struct {
    int64_t image, y, x;
} position;

// The first output at or behind place q of a block; false when there is none.
static bool next_output(const convolution *c, const block *b, int64_t *q, position *at)
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

// Copies what is output in a tile [rows, width] at place q to where it belongs.
static void copy_tile(const convolution *c, const block *b, int64_t channel, int64_t rows, int64_t q, int64_t width,
                      const real *tile)
{
    position p;
    for (int64_t at = q; next_output(c, b, &at, &p) && at < q + width;) {
        const int64_t run = min64(b->x_count - p.x, q + width - at), step = c->step_x;
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

// All outputs of panels [panel, panel_end) of a group in a block whose planes are laid out.
static void compute_panels(const convolution *c, const block *b, int64_t group, int64_t panel, int64_t panel_end,
                           const real *laid_out, real *tile)
{
    const int64_t width = c->outputs == 1 ? SINGLE_WIDTH : TILE_WIDTH, plane = c->height * c->width;
    const bool gapless = c->in.x.pitch == b->x_count && c->width == b->x_count;
    position p;
    for (int64_t q = 0; next_output(c, b, &q, &p); q += width) {
        const int64_t run = (gapless ? (b->y_count - p.y) * b->x_count : b->x_count) - p.x;
        const bool direct = c->step_x == 1 && run >= width && (!gapless || c->step_y == 1);
        for (int64_t k = panel; k < panel_end; k++) {
            const int64_t first = panel_start(c, k), rows = panel_start(c, k + 1) - first;
            const int64_t channel = group * c->outputs + first;
            real *to = direct ? place(c, b, channel, p) : tile;
            const product_tile job = {
                .w = c->packed + channel * c->depth,
                .x = laid_out + q,
                .offset = c->offset,
                .depth = c->depth,
                .bias = c->bias ? c->bias + channel : NULL,
                .relu = c->relu,
                .c = to,
                .c_row = direct ? plane : width,
            };
            products[rows](&job);
            if (!direct) copy_tile(c, b, channel, rows, q, width, tile);
        }
    }
}

enum { BLOCK = 1 << 17, PANELS = 1 << 16 }; // elements of a block's planes, of the panels that are used together

static void compute_unit(const convolution *c, int64_t unit, real *laid_out, real *tile)
{
    const int64_t parts = divide_up(c->panels, c->part);
    const int64_t first = unit % parts * c->part, end = min64(c->panels, first + c->part);
    const int64_t group = unit / parts % c->groups;
    const block b = nth_block(&c->in, unit / parts / c->groups);
    copy_planes(&c->in, &b, group * c->inputs, c->inputs, laid_out);
    const int64_t together = max64(1, PANELS / max64(1, c->depth * TILE_ROWS));
    for (int64_t panel = first; panel < end; panel += together)
        compute_panels(c, &b, group, panel, min64(end, panel + together), laid_out, tile);
}

static const char *convolve(convolution *c)
{
    c->depth = c->inputs * c->in.taps;
    c->panels = divide_up(c->outputs, TILE_ROWS);
    const int64_t places = c->in.images * c->in.y.count * c->in.x.count;
    if (c->outputs == 0 || c->groups == 0 || places == 0) return NULL;
    const int team = sq_team(places * c->groups * c->outputs * max64(1, c->depth) / 16);
    set_blocks(&c->in, max64(1, c->in.phases * c->inputs), BLOCK,
               max64(1, c->in.images * c->groups / (team > 1 ? 4 * team : 1)));
    const int64_t blocks = count_blocks(&c->in) * c->groups;
    const int64_t parts = team > 1 ? min64(divide_up(4 * team, blocks), divide_up(c->panels, 2)) : 1;
    c->part = divide_up(c->panels, parts);
    const int64_t units = blocks * divide_up(c->panels, c->part);

    const int64_t private = c->inputs * c->in.plane + TILE_ROWS * SINGLE_WIDTH;
    const int64_t weights = divide_up(c->groups * c->outputs * c->depth, 16) * 16;
    c->packed = sq_scratch_take((size_t)(weights + team * private) * sizeof(real));
    c->offset = malloc((size_t)(c->depth + 1) * sizeof(int64_t));
    if (c->packed && c->offset) {
        write_offsets(&c->in, c->inputs, c->offset);
#pragma omp parallel num_threads(team)
        {
            real *laid_out = c->packed + weights + omp_get_thread_num() * private;
#pragma omp for schedule(static)
            for (int64_t i = 0; i < c->groups * c->panels; i++) pack_panel(c, i / c->panels, i % c->panels);
#pragma omp for schedule(dynamic)
            for (int64_t unit = 0; unit < units; unit++)
                compute_unit(c, unit, laid_out, laid_out + c->inputs * c->in.plane);
        }
    }
    const char *error = c->packed && c->offset ? NULL : sq_no_memory;
    sq_scratch_give(c->packed);
    free(c->offset);
    return error;
}

static const char not_grouped[] = "channels, groups and weights do not agree: expected x with groups * w.shape[1] "
                                  "channels and w with a multiple of groups rows";

// Six lists of a number for each tap.
typedef struct {
    int64_t *memory, *y, *x, *w, *phase_y, *phase_x, *other;
} tap_lists;

static tap_lists make_taps(int64_t taps)
{
    tap_lists t = {.memory = malloc((size_t)(6 * taps + 1) * sizeof(int64_t))};
    if (!t.memory) return t;
    t.y = t.memory, t.x = t.y + taps, t.w = t.x + taps, t.phase_y = t.w + taps, t.phase_x = t.phase_y + taps;
    return t;
}

// All taps of a window: in the forward direction.
static void window_taps(const window *v, int64_t rows, int64_t columns, tap_lists *taps)
{
    for (int64_t t = 0; t < rows * columns; t++) {
        taps->y[t] = t / columns * v->dilation_y - v->top;
        taps->x[t] = t % columns * v->dilation_x - v->left;
        taps->w[t] = t;
    }
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

//: conv_forward(x:f[N,C,H,W], w:f[O,I,R,S], bias?f[O], groups:n>=1=1, stride_y:n>=1=1, stride_x:n>=1=1, top:n>=0=0,
//:   bottom:n>=0=0, left:n>=0=0, right:n>=0=0, dilation_y:n>=1=1, dilation_x:n>=1=1, relu:p=0)
//:   -> y:f[N,O,(H+top+bottom-dilation_y*(R-1)-1)/stride_y+1,(W+left+right-dilation_x*(S-1)-1)/stride_x+1]
// y[n, o, p, q] = sum over i, r, s of w[o, i, r, s] x[n, i, p * stride_y + r * dilation_y - top, ...] + bias[o]
KERNEL(conv_forward)
{
    if (a->C != a->groups * a->I || a->O % a->groups) return not_grouped;
    const window v = {a->stride_y, a->stride_x, a->top, a->left, a->dilation_y, a->dilation_x};
    tap_lists taps = make_taps(a->R * a->S);
    if (!taps.memory) return sq_no_memory;
    window_taps(&v, a->R, a->S, &taps);
    const int64_t height = (a->H + a->top + a->bottom - a->dilation_y * (a->R - 1) - 1) / a->stride_y + 1;
    const int64_t width = (a->W + a->left + a->right - a->dilation_x * (a->S - 1) - 1) / a->stride_x + 1;
    const axis y = {.source = a->H, .count = height, .step = a->stride_y};
    const axis x = {.source = a->W, .count = width, .step = a->stride_x};
    convolution c = {
        .in = make_planes(a->x, NULL, a->N, a->C, y, x, a->R * a->S, &taps),
        .groups = a->groups,
        .inputs = a->I,
        .outputs = a->O / a->groups,
        .w = a->w,
        .w_group = a->O / a->groups * a->I * a->R * a->S,
        .w_output = a->I * a->R * a->S,
        .w_input = a->R * a->S,
        .w_tap = taps.w,
        .bias = a->bias,
        .relu = a->relu,
        .y = a->y,
        .height = height,
        .width = width,
        .step_y = 1,
        .step_x = 1,
    };
    const char *error = convolve(&c);
    free(taps.memory);
    return error;
}

// The taps of input pixels (at_y + stride_y * i, at_x + stride_x * j): those r with at_y + top - r * dilation_y
// divisible.
static int64_t gradient_taps(const window *v, int64_t rows, int64_t columns, int64_t at_y, int64_t at_x,
                             tap_lists *taps)
{
    int64_t n = 0;
    for (int64_t t = 0; t < rows * columns; t++) {
        const int64_t y = at_y + v->top - t / columns * v->dilation_y;
        const int64_t x = at_x + v->left - t % columns * v->dilation_x;
        if (y % v->stride_y || x % v->stride_x) continue;
        taps->y[n] = y / v->stride_y;
        taps->x[n] = x / v->stride_x;
        taps->w[n++] = t;
    }
    return n;
}

//: conv_backward_input(grad:f[N,O,P,Q], w:f[O,I,R,S], y?f[N,O,P,Q], height:n>=0, width:n>=0, groups:n>=1=1,
//:   stride_y:n>=1=1, stride_x:n>=1=1, top:n>=0=0, left:n>=0=0, dilation_y:n>=1=1, dilation_x:n>=1=1)
//:   -> dx:f[N,groups*I,height,width]
// forward: y[n, o, p, q] += w[o, i, r, s] x[n, i, p * stride_y + r * dilation_y - top, ...]; given y, its ReLU comes
// first. The input pixels that lie stride apart are one convolution of grad, each remainder with its own taps.
KERNEL(conv_backward_input)
{
    if (a->O % a->groups) return not_grouped;
    const window v = {a->stride_y, a->stride_x, a->top, a->left, a->dilation_y, a->dilation_x};
    tap_lists taps = make_taps(a->R * a->S);
    if (!taps.memory) return sq_no_memory;
    const char *error = NULL;
    for (int64_t at_y = 0; at_y < min64(v.stride_y, a->height) && !error; at_y++) {
        for (int64_t at_x = 0; at_x < min64(v.stride_x, a->width) && !error; at_x++) {
            const int64_t count = gradient_taps(&v, a->R, a->S, at_y, at_x, &taps);
            const axis y = {.source = a->P, .count = divide_up(a->height - at_y, v.stride_y), .step = 1};
            const axis x = {.source = a->Q, .count = divide_up(a->width - at_x, v.stride_x), .step = 1};
            convolution c = {
                .in = make_planes(a->grad, a->y, a->N, a->O, y, x, count, &taps),
                .groups = a->groups,
                .inputs = a->O / a->groups,
                .outputs = a->I,
                .w = a->w,
                .w_group = a->O / a->groups * a->I * a->R * a->S,
                .w_output = a->R * a->S,
                .w_input = a->I * a->R * a->S,
                .w_tap = taps.w,
                .y = a->dx,
                .height = a->height,
                .width = a->width,
                .at_y = at_y,
                .at_x = at_x,
                .step_y = v.stride_y,
                .step_x = v.stride_x,
            };
            error = convolve(&c);
        }
    }
    free(taps.memory);
    return error;
}

// The sums over images are made in chunks of blocks, which then are added in order; shapes alone decide on both.
typedef struct {
    planes x, grad; // grad: the places of the outputs, zeros between the rows
    int64_t groups, inputs, outputs, depth;
    int64_t input_part, output_part, chunks, blocks;
    const int64_t *offset;
    real *dw, *db; // [chunks, groups * outputs, depth], [chunks, groups * outputs]
} weight_gradient;

enum { LENGTH = 4096 }; // places of a correlation, so that the rows of a tile stay in the L1 cache

static void add_correlations(const weight_gradient *g, const real *grad, int64_t outputs, const real *x, int64_t inputs,
                             int64_t places, real *dw)
{
    const int64_t taps = inputs * g->x.taps;
    real sums[DOT_ROWS * DOT_COLUMNS];
    for (int64_t q = 0; q < places; q += LENGTH) {
        const int64_t length = min64(LENGTH, places - q);
        for (int64_t o = 0; o < outputs; o += DOT_ROWS) {
            const int64_t rows = min64(DOT_ROWS, outputs - o);
            for (int64_t k = 0; k < taps; k += DOT_COLUMNS) {
                const int64_t columns = min64(DOT_COLUMNS, taps - k);
                correlations[rows](grad + o * g->grad.plane + q, g->grad.plane, x + q, g->offset + k, length, sums);
                for (int64_t i = 0; i < rows; i++)
                    for (int64_t j = 0; j < columns; j++) dw[(o + i) * g->depth + k + j] += sums[i * DOT_COLUMNS + j];
            }
        }
    }
}

static real sum_places(const real *x, int64_t n)
{
    vf sum = {0};
    for (int64_t i = 0; i < n; i += LANES) sum += vf_load(x + i);
    return vf_sum(sum);
}

static void gradient_unit(const weight_gradient *g, int64_t unit, real *x, real *grad)
{
    const int64_t across = max64(1, divide_up(g->inputs, g->input_part)), down = divide_up(g->outputs, g->output_part);
    const int64_t input = unit % across * g->input_part, inputs = min64(g->input_part, g->inputs - input);
    const int64_t output = unit / across % down * g->output_part, outputs = min64(g->output_part, g->outputs - output);
    const int64_t group = unit / (across * down) % g->groups, chunk = unit / (across * down * g->groups);
    const int64_t first = chunk * g->blocks / g->chunks, end = (chunk + 1) * g->blocks / g->chunks;
    const int64_t row = (chunk * g->groups + group) * g->outputs + output;
    real *dw = g->dw + row * g->depth + input * g->x.taps;
    for (int64_t o = 0; o < outputs; o++) memset(dw + o * g->depth, 0, (size_t)(inputs * g->x.taps) * sizeof(real));
    if (input == 0 && g->db) memset(g->db + row, 0, (size_t)outputs * sizeof(real));
    for (int64_t n = first; n < end; n++) {
        const block b = nth_block(&g->x, n);
        const int64_t places = divide_up(b.images * g->x.y.pitch * g->x.x.pitch, LANES) * LANES;
        copy_planes(&g->x, &b, group * g->inputs + input, inputs, x);
        copy_planes(&g->grad, &b, group * g->outputs + output, outputs, grad);
        add_correlations(g, grad, outputs, x, inputs, places, dw);
        if (input == 0 && g->db)
            for (int64_t o = 0; o < outputs; o++) g->db[row + o] += sum_places(grad + o * g->grad.plane, places);
    }
}

// to[i] = sum of the chunks
static void add_chunks(const real *from, int64_t chunks, int64_t n, real *to)
{
    memcpy(to, from, (size_t)n * sizeof(real));
    for (int64_t chunk = 1; chunk < chunks; chunk++)
        for (int64_t i = 0; i < n; i++) to[i] += from[chunk * n + i];
}

static const char *correlate_all(weight_gradient *g, real *dw, real *db)
{
    const int64_t channels = g->groups * g->outputs, places = g->x.images * g->x.y.count * g->x.x.count;
    g->depth = g->inputs * g->x.taps;
    if (places == 0 || channels == 0) {
        memset(dw, 0, (size_t)(channels * g->depth) * sizeof(real));
        if (db) memset(db, 0, (size_t)channels * sizeof(real));
        return NULL;
    }
    g->output_part = min64(g->outputs, 64);
    g->input_part = max64(1, min64(g->inputs, max64(16, min64(128, 288 / max64(1, g->x.taps)))));
    set_blocks(&g->x, g->output_part + max64(1, g->x.phases) * g->input_part, 2 * BLOCK, g->x.images);
    g->grad.block_images = g->x.block_images;
    g->grad.y.block = g->grad.y.filled = g->x.y.block;
    g->grad.x.block = g->grad.x.filled = g->x.x.block;
    g->grad.y.pitch = g->x.y.pitch;
    g->grad.x.pitch = g->x.x.pitch;
    set_sizes(&g->grad);
    g->blocks = count_blocks(&g->x);
    const int64_t across = max64(1, divide_up(g->inputs, g->input_part));
    const int64_t units = across * divide_up(g->outputs, g->output_part) * g->groups;
    g->chunks = min64(g->blocks, divide_up(16, units));

    const int team = sq_team(places * channels * max64(1, g->depth) / 16);
    const int64_t planes_of_x = g->input_part * g->x.plane, private = planes_of_x + g->output_part * g->grad.plane;
    const int64_t sums = divide_up(g->chunks * channels * (g->depth + 1), 16) * 16;
    real *memory = sq_scratch_take((size_t)(sums + team * private) * sizeof(real));
    int64_t *offset = malloc((size_t)(g->input_part * g->x.taps + DOT_COLUMNS) * sizeof(int64_t));
    if (memory && offset) {
        write_offsets(&g->x, g->input_part, offset);
        for (int64_t i = 0; i < DOT_COLUMNS; i++) offset[g->input_part * g->x.taps + i] = 0; // of columns thrown away
        g->offset = offset;
        g->dw = memory;
        g->db = db ? memory + g->chunks * channels * g->depth : NULL;
#pragma omp parallel for num_threads(team) schedule(dynamic)
        for (int64_t unit = 0; unit < units * g->chunks; unit++) {
            real *x = memory + sums + omp_get_thread_num() * private;
            gradient_unit(g, unit, x, x + planes_of_x);
        }
        add_chunks(g->dw, g->chunks, channels * g->depth, dw);
        if (db) add_chunks(g->db, g->chunks, channels, db);
    }
    const char *error = memory && offset ? NULL : sq_no_memory;
    sq_scratch_give(memory);
    free(offset);
    return error;
}

//: conv_backward_weight(grad:f[N,O,P,Q], x:f[N,C,H,W], y?f[N,O,P,Q], rows:n>=1, columns:n>=1, groups:n>=1=1,
//:   stride_y:n>=1=1, stride_x:n>=1=1, top:n>=0=0, left:n>=0=0, dilation_y:n>=1=1, dilation_x:n>=1=1)
//:   -> dw:f[O,C/groups,rows,columns], db?f[O]
// forward: y[n, o, p, q] += w[o, i, r, s] x[n, i, p * stride_y + r * dilation_y - top, ...] + bias[o]; given y, its
// ReLU comes first.
KERNEL(conv_backward_weight)
{
    if (a->O % a->groups || a->C % a->groups) return not_grouped;
    const window v = {a->stride_y, a->stride_x, a->top, a->left, a->dilation_y, a->dilation_x};
    tap_lists taps = make_taps(a->rows * a->columns), here = make_taps(1);
    const char *error = sq_no_memory;
    if (taps.memory && here.memory) {
        window_taps(&v, a->rows, a->columns, &taps);
        here.y[0] = here.x[0] = 0;
        const axis y = {.source = a->H, .count = a->P, .step = a->stride_y};
        const axis x = {.source = a->W, .count = a->Q, .step = a->stride_x};
        const axis p = {.source = a->P, .count = a->P, .step = 1}, q = {.source = a->Q, .count = a->Q, .step = 1};
        weight_gradient g = {
            .x = make_planes(a->x, NULL, a->N, a->C, y, x, a->rows * a->columns, &taps),
            .grad = make_planes(a->grad, a->y, a->N, a->O, p, q, 1, &here),
            .groups = a->groups,
            .inputs = a->C / a->groups,
            .outputs = a->O / a->groups,
        };
        error = correlate_all(&g, a->dw, a->db);
    }
    free(taps.memory);
    free(here.memory);
    return error;
}
