// Convolution in two dimensions (one is a special case), as products of the weights with shifted planes of the input:
// no matrix of windows is ever written.
#include "conv/pixel_weights.h"
#include "conv/pixels.h"
#include "conv/weights.h"
#include "conv_args.h"

// The part of a geometry that all three functions name alike.
#define NAMED_ALIKE(a)                                                                                                 \
    .images = (a)->N, .groups = (a)->groups, .outputs = (a)->O / (a)->groups, .stride_y = (a)->stride_y,               \
    .stride_x = (a)->stride_x, .top = (a)->top, .left = (a)->left, .dilation_y = (a)->dilation_y,                      \
    .dilation_x = (a)->dilation_x

// Computes the forward direction; bias may be NULL, as may be the batches that stand for x and y.
static const char *convolve_forward(const geometry *g, const real *x, const real *w, const real *bias, bool relu,
                                    const batch_arrays *batch, real *y)
{
    const int64_t window = g->rows * g->columns;
    tap_lists taps = make_taps(window);
    if (!taps.memory) return sq_no_memory;
    list_window_taps(g, &taps);
    const bool apart = g->inputs == 1 && g->outputs >= 2 * TILE_ROWS && g->out_width < TILE_WIDTH; // few copies
    const axis down = {.source = g->height, .count = g->out_height, .step = g->stride_y, .apart = apart};
    const axis across = {.source = g->width, .count = g->out_width, .step = g->stride_x, .apart = apart};
    convolution c = {
        .in = make_planes(x, NULL, g->images, g->groups * g->inputs, down, across, window, &taps),
        .groups = g->groups,
        .inputs = g->inputs,
        .outputs = g->outputs,
        .w = w,
        .w_group = g->outputs * g->inputs * window,
        .w_output = g->inputs * window,
        .w_input = window,
        .w_tap = taps.w,
        .bias = bias,
        .relu = relu,
        .batch = batch,
        .y = y,
        .height = g->out_height,
        .width = g->out_width,
        .step_y = 1,
        .step_x = 1,
    };
    const char *error = batch ? convolve_pixels(&c) : convolve(&c);
    free(taps.memory);
    return error;
}

// Computes the gradient of the input from that of the output, which counts where `gate` is open, plus a bias, which may
// be NULL, as may be the batches that stand for the gradients. The input pixels that lie a stride apart are one
// convolution of it, each remainder with its own taps.
static const char *convolve_backward(const geometry *g, const real *grad, const real *gate, const real *w,
                                     const real *bias, const batch_arrays *batch, real *dx)
{
    const int64_t window = g->rows * g->columns;
    tap_lists taps = make_taps(window);
    if (!taps.memory) return sq_no_memory;
    const char *error = NULL;
    for (int64_t at_y = 0; at_y < least(g->stride_y, g->height) && !error; at_y++) {
        for (int64_t at_x = 0; at_x < least(g->stride_x, g->width) && !error; at_x++) {
            const int64_t count = list_gradient_taps(g, at_y, at_x, &taps);
            const int64_t columns = blocks(g->width - at_x, g->stride_x);
            const axis y = {.source = g->out_height, .count = blocks(g->height - at_y, g->stride_y), .step = 1};
            const axis x = {.source = g->out_width, .count = columns, .step = 1};
            convolution c = {
                .in = make_planes(grad, gate, g->images, g->groups * g->outputs, y, x, count, &taps),
                .groups = g->groups,
                .inputs = g->outputs,
                .outputs = g->inputs,
                .w = w,
                .w_group = g->outputs * g->inputs * window,
                .w_output = window,
                .w_input = g->inputs * window,
                .w_tap = taps.w,
                .bias = bias,
                .batch = batch,
                .y = dx,
                .height = g->height,
                .width = g->width,
                .at_y = at_y,
                .at_x = at_x,
                .step_y = g->stride_y,
                .step_x = g->stride_x,
            };
            error = batch ? convolve_pixels(&c) : convolve(&c);
        }
    }
    free(taps.memory);
    return error;
}

// Computes the gradient of the weights and, unless db is NULL, of the bias; the output's gradient counts where `gate`
// is open.
static const char *correlate_weights(const geometry *g, const real *grad, const real *gate, const real *x, real *dw,
                                     real *db)
{
    tap_lists taps = make_taps(g->rows * g->columns), here = make_taps(1);
    const char *error = sq_no_memory;
    if (taps.memory && here.memory) {
        list_window_taps(g, &taps);
        here.y[0] = here.x[0] = 0;
        const axis down = {.source = g->height, .count = g->out_height, .step = g->stride_y};
        const axis across = {.source = g->width, .count = g->out_width, .step = g->stride_x};
        const axis p = {.source = g->out_height, .count = g->out_height, .step = 1};
        const axis q = {.source = g->out_width, .count = g->out_width, .step = 1};
        weight_gradient sums = {
            .x = make_planes(x, NULL, g->images, g->groups * g->inputs, down, across, g->rows * g->columns, &taps),
            .grad = make_planes(grad, gate, g->images, g->groups * g->outputs, p, q, 1, &here),
            .groups = g->groups,
            .inputs = g->inputs,
            .outputs = g->outputs,
        };
        batch_gradient batches = {.sums = sums};
        const int64_t widest = g->out_height == 1 ? WIDEST : NARROW;
        error = worth_batches(g, widest) && worth_lanes(g->outputs, g->inputs * g->rows * g->columns)
                    ? correlate_batches(&batches, grad, gate, x, dw, db)
                    : correlate_all(&sums, dw, db);
    }
    free(taps.memory);
    free(here.memory);
    return error;
}

// The number of places of a window along a padded axis; the boundary has found that it is not negative.
static int64_t output_size(int64_t padded, int64_t window, int64_t dilation, int64_t stride)
{
    return divide_down(padded - dilation * (window - 1) - 1, stride) + 1;
}

//: conv_forward(x:f[N,C,H,W], w:f[O,I,R,S], bias?f[O], groups:n>=1=1, stride_y:n>=1=1, stride_x:n>=1=1, top:n>=0=0,
//:   bottom:n>=0=0, left:n>=0=0, right:n>=0=0, dilation_y:n>=1=1, dilation_x:n>=1=1, relu:p=0)
//:   -> y:f[N,O,(H+top+bottom-dilation_y*(R-1)-1)/stride_y+1,(W+left+right-dilation_x*(S-1)-1)/stride_x+1]
//:   where C == groups * I; O % groups == 0; stride_y <= 2147483647; stride_x <= 2147483647;
//:   top + bottom <= 2147483647; left + right <= 2147483647; dilation_y <= 2147483647; dilation_x <= 2147483647
// y[n, o, p, q] = sum over i, r, s of w[o, i, r, s] x[n, i, p * stride_y + r * dilation_y - top, ...] + bias[o]
KERNEL(conv_forward)
{
    if (a->y_size == 0) return NULL;
    const geometry g = {
        .inputs = a->I,
        .height = a->H,
        .width = a->W,
        .out_height = output_size(a->H + a->top + a->bottom, a->R, a->dilation_y, a->stride_y),
        .out_width = output_size(a->W + a->left + a->right, a->S, a->dilation_x, a->stride_x),
        .rows = a->R,
        .columns = a->S,
        NAMED_ALIKE(a),
    };
    if (!worth_batches(&g, NARROW)) return convolve_forward(&g, a->x, a->w, a->bias, a->relu, NULL, a->y);
    batch_arrays b;
    const int64_t pixels = a->H * a->W, y_pixels = g.out_height * g.out_width;
    if (!take_batches(&b, a->N, a->C, pixels, a->O, y_pixels)) return sq_no_memory;
    put_images(&b, a->x, NULL, a->N, a->C, pixels);
    const char *error = convolve_forward(&g, NULL, a->w, a->bias, a->relu, &b, NULL);
    take_images(&b, a->y, a->N, a->O, y_pixels);
    sq_scratch_give(b.x);
    return error;
}

//: conv_backward_input(grad:f[N,O,P,Q], w:f[O,I,R,S], y?f[N,O,P,Q], bias?f[groups*I], height:n>=0, width:n>=0,
//:   groups:n>=1=1, stride_y:n>=1=1, stride_x:n>=1=1, top:n>=0=0, left:n>=0=0, dilation_y:n>=1=1, dilation_x:n>=1=1)
//:   -> dx:f[N,groups*I,height,width]
//:   where O % groups == 0; stride_y <= 2147483647; stride_x <= 2147483647; top <= 2147483647; left <= 2147483647;
//:   dilation_y <= 2147483647; dilation_x <= 2147483647
// Forward computes y[n, o, p, q] += w[o, i, r, s] x[n, i, p * stride_y + r * dilation_y - top, ...]. Where y is
// given, the gradient goes through its ReLU first. With a bias this is also the transposed convolution of `grad`.
KERNEL(conv_backward_input)
{
    if (a->dx_size == 0) return NULL;
    const geometry g = {
        .inputs = a->I,
        .height = a->height,
        .width = a->width,
        .out_height = a->P,
        .out_width = a->Q,
        .rows = a->R,
        .columns = a->S,
        NAMED_ALIKE(a),
    };
    const int64_t widest = a->stride_y > 1 || a->stride_x > 1 ? WIDEST : NARROW; // planes are cheap but for steps
    if (!worth_batches(&g, widest)) return convolve_backward(&g, a->grad, a->y, a->w, a->bias, NULL, a->dx);
    batch_arrays b;
    const int64_t pixels = a->P * a->Q, dx_pixels = a->height * a->width;
    if (!take_batches(&b, a->N, a->O, pixels, a->groups * a->I, dx_pixels)) return sq_no_memory;
    put_images(&b, a->grad, a->y, a->N, a->O, pixels);
    const char *error = convolve_backward(&g, NULL, NULL, a->w, a->bias, &b, NULL);
    take_images(&b, a->dx, a->N, a->groups * a->I, dx_pixels);
    sq_scratch_give(b.x);
    return error;
}

//: conv_backward_weight(grad:f[N,O,P,Q], x:f[N,C,H,W], y?f[N,O,P,Q], rows:n>=1, columns:n>=1, groups:n>=1=1,
//:   stride_y:n>=1=1, stride_x:n>=1=1, top:n>=0=0, left:n>=0=0, dilation_y:n>=1=1, dilation_x:n>=1=1)
//:   -> dw:f[O,C/groups,rows,columns], db?f[O]
//:   where O % groups == 0; C % groups == 0; rows <= 2147483647; columns <= 2147483647; stride_y <= 2147483647;
//:   stride_x <= 2147483647; top <= 2147483647; left <= 2147483647; dilation_y <= 2147483647; dilation_x <= 2147483647
// Forward computes y[n, o, p, q] += w[o, i, r, s] x[n, i, p * stride_y + r * dilation_y - top, ...] + bias[o].
// Where y is given, the gradient goes through its ReLU first.
KERNEL(conv_backward_weight)
{
    if (a->O == 0) return NULL;
    const geometry g = {
        .inputs = a->C / a->groups,
        .height = a->H,
        .width = a->W,
        .out_height = a->P,
        .out_width = a->Q,
        .rows = a->C ? a->rows : 0,
        .columns = a->columns,
        NAMED_ALIKE(a),
    };
    return correlate_weights(&g, a->grad, a->y, a->x, a->dw, a->db);
}
