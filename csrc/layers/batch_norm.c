// Batch norm of x[N, C, S] over N and S (S is the product of all axes after the channels). A channel is cut into pieces
// that stay in the cache; their moments are merged in double precision in a fixed order, so the statistics do not
// depend on the number of threads, and the variance is right however far the mean is from zero.
#include "batch_norm_args.h"
#include "layers/moments.h"

enum {
    PIECE = 8192, // elements
    WIDTH = 64    // columns that are summed together where S = 1
};

// Where S > 1, a group is a channel and a piece is some images of it or a part of one. Where S = 1, all channels are
// one group, whose pieces are blocks of rows.
typedef struct {
    int64_t N, C, S;
    int64_t groups, width; // width: channels of a group
    int64_t images, span;  // a piece has `span` of the S elements of `images` images
    int64_t parts, pieces; // pieces of an image, and of a group
    const real *x, *grad;
    real *out, *mean, *rstd;            // [N, C, S], [C], [C]
    double *partial;                    // [groups, pieces, 2, width]: mean and M2, or the sums of row_gradient
    real *own, *center, *slope, *shift; // [C] out = own * grad + slope * (x - center) + shift
    const struct batch_norm_train *train;
    const struct batch_norm_backward *backward;
} job;

typedef struct {
    int64_t image, images, at, span;
} piece;

static void plan(job *j)
{
    const bool rows = j->S == 1;
    j->groups = rows ? 1 : j->C, j->width = rows ? j->C : 1;
    const int64_t size = rows ? j->C : j->S;
    j->images = most(PIECE / most(1, size), rows ? 32 : 1);
    j->span = least(PIECE, j->S);
    j->parts = j->S ? blocks(j->S, j->span) : 0;
    j->pieces = blocks(j->N, j->images) * j->parts;
}

static piece piece_of(const job *j, int64_t index)
{
    piece p = {.image = index / j->parts * j->images, .at = index % j->parts * j->span};
    p.images = least(j->images, j->N - p.image), p.span = least(j->span, j->S - p.at);
    return p;
}

static double *partial_of(const job *j, int64_t group, int64_t index)
{
    return j->partial + (group * j->pieces + index) * 2 * j->width;
}

// The same in double precision, for numbers whose squares are too large: of `rows` rows of `span` numbers, `next`
// apart.
static void find_wide_moments(const real *x, int64_t rows, int64_t next, int64_t span, double *mean, double *squares)
{
    *mean = *squares = 0;
    for (int64_t i = 0; i < rows; i++) *mean += wide_sum(x + i * next, 0, false, span) / (double)(rows * span);
    for (int64_t i = 0; i < rows; i++) *squares += wide_sum(x + i * next, *mean, true, span);
}

static int64_t offset(const job *j, int64_t image, int64_t channel, int64_t at)
{
    return (image * j->C + channel) * j->S + at;
}

// Mean and M2 = sum of (x - mean)^2 of a piece.
static void find_moments(const job *j, int64_t channel, int64_t index)
{
    const piece p = piece_of(j, index);
    double *partial = partial_of(j, channel, index);
    const double count = (double)(p.images * p.span);
    const int64_t first = offset(j, p.image, channel, p.at), next = j->C * j->S;
    real sum = 0, squares = 0;
    for (int64_t n = 0; n < p.images; n++) sum += row_sum(j->x + first + n * next, p.span);
    partial[0] = sum / count;
    const real mean = (real)partial[0];
    for (int64_t n = 0; n < p.images; n++) squares += row_squares(j->x + first + n * next, mean, p.span);
    partial[1] = squares;
    if (!isfinite(squares)) find_wide_moments(j->x + first, p.images, next, p.span, partial, partial + 1);
}

// sum(grad) and sum(grad * (x - mean)) of a piece.
static void find_gradients(const job *j, int64_t channel, int64_t index)
{
    const piece p = piece_of(j, index);
    double *partial = partial_of(j, channel, index);
    partial[0] = partial[1] = 0;
    for (int64_t n = p.image; n < p.image + p.images; n++) {
        const int64_t at = offset(j, n, channel, p.at);
        const row_sums s = row_gradient(j->grad + at, NULL, j->x + at, j->center[channel], p.span, false);
        partial[0] += s.sum, partial[1] += s.dot;
    }
}

// Both sums of columns of a block of rows: mean and M2, or with `grad` sum(grad) and sum(grad * (x - mean)).
ALWAYS_INLINE void sum_columns(const job *j, piece p, int64_t first, const int64_t columns, const bool grad,
                               double *partial)
{
    const real *from = (grad ? j->grad : j->x) + first, *x = j->x + first, *center = j->center + first;
    real sum[WIDTH] = {0}, mean[WIDTH], products[WIDTH] = {0};
    for (int64_t n = p.image; n < p.image + p.images; n++)
        for (int64_t c = 0; c < columns; c++) {
            const real value = from[n * j->C + c];
            sum[c] += value;
            if (grad) products[c] += value * (x[n * j->C + c] - center[c]);
        }
    for (int64_t c = 0; c < columns; c++) mean[c] = sum[c] / (real)p.images;
    for (int64_t n = p.image; n < p.image + p.images && !grad; n++)
        for (int64_t c = 0; c < columns; c++) {
            const real d = x[n * j->C + c] - mean[c];
            products[c] += d * d;
        }
    real infinite = 0; // NaN where some product is not finite
    for (int64_t c = 0; c < columns; c++) {
        partial[first + c] = grad ? sum[c] : mean[c];
        partial[j->C + first + c] = products[c];
        infinite += products[c] * 0;
    }
    if (grad || infinite == 0) return;
    for (int64_t c = 0; c < columns; c++) {
        double *moments = partial + first + c;
        if (!isfinite(products[c]))
            find_wide_moments(x + p.image * j->C + c, p.images, j->C, 1, moments, moments + j->C);
    }
}

ALWAYS_INLINE void sum_all_columns(const job *j, int64_t group, int64_t index, const bool grad)
{
    const piece p = piece_of(j, index);
    double *partial = partial_of(j, group, index);
    int64_t c = 0;
    for (; c + WIDTH <= j->C; c += WIDTH) sum_columns(j, p, c, WIDTH, grad, partial);
    if (c < j->C) sum_columns(j, p, c, j->C - c, grad, partial);
}

static void find_column_moments(const job *j, int64_t group, int64_t index) { sum_all_columns(j, group, index, false); }
static void find_column_gradients(const job *j, int64_t group, int64_t index)
{
    sum_all_columns(j, group, index, true);
}

// Merges the moments of all pieces (Chan, Golub, LeVeque 1983). The first piece's place holds the merged ones.
static void merge_moments(const job *j, int64_t group)
{
    double *mean = partial_of(j, group, 0), *squares = mean + j->width, count = 0;
    for (int64_t index = 0; index < j->pieces; index++) {
        const piece p = piece_of(j, index);
        const double *more = partial_of(j, group, index), size = (double)(p.images * p.span), total = count + size;
        for (int64_t c = 0; c < j->width && index > 0; c++) {
            const double delta = more[c] - mean[c];
            mean[c] += delta * (size / total);
            squares[c] += more[j->width + c] + delta * delta * (count * size / total);
        }
        count = total;
    }
}

static void settle_forward(const job *j, int64_t group)
{
    merge_moments(j, group);
    const double *mean = partial_of(j, group, 0), *squares = mean + j->width, count = (double)(j->N * j->S);
    const struct batch_norm_train *a = j->train;
    for (int64_t w = 0; w < j->width; w++) {
        const int64_t c = group * j->width + w;
        const double rstd = 1 / sqrt(squares[w] / count + a->eps), m = a->momentum;
        if (a->running_mean) a->running_mean[c] = (real)((1 - m) * a->running_mean[c] + m * mean[w]);
        if (a->running_var) a->running_var[c] = (real)((1 - m) * a->running_var[c] + m * squares[w] / (count - 1));
        j->center[c] = j->mean[c] = (real)mean[w];
        j->rstd[c] = (real)rstd;
        j->slope[c] = j->rstd[c] * (a->weight ? a->weight[c] : 1);
        j->shift[c] = a->bias ? a->bias[c] : 0;
    }
}

// Forward computes, for each channel over its M elements with h = (x - mean) * rstd:
//     out = h * weight + bias,  mean = sum(x) / M,  rstd = 1 / sqrt(sum((x - mean)^2) / M + eps)
// dweight = sum(grad * h), dbias = sum(grad), dx = weight * rstd * (grad - (dbias + h * dweight) / M); with running
// statistics mean and rstd are constants: dx = weight * rstd * grad.
static void settle_backward(const job *j, int64_t group)
{
    const struct batch_norm_backward *a = j->backward;
    double *sum = partial_of(j, group, 0), *dot = sum + j->width;
    for (int64_t index = 1; index < j->pieces; index++)
        for (int64_t w = 0; w < 2 * j->width; w++) sum[w] += partial_of(j, group, index)[w];
    for (int64_t w = 0; w < j->width; w++) {
        const int64_t c = group * j->width + w;
        const double rstd = a->rstd[c], scale = rstd * (a->weight ? a->weight[c] : 1), count = (double)(j->N * j->S);
        if (a->dweight) a->dweight[c] = (real)(dot[w] * rstd);
        if (a->dbias) a->dbias[c] = (real)sum[w];
        j->own[c] = (real)scale;
        j->slope[c] = a->training ? (real)(-scale * rstd * rstd * dot[w] / count) : 0;
        j->shift[c] = a->training ? (real)(-scale * sum[w] / count) : 0;
    }
}

// Computes n elements from `at` on, of one channel (step 0) or of consecutive ones (step 1).
ALWAYS_INLINE void apply_line(const job *j, int64_t at, int64_t channel, int64_t n, const int64_t step)
{
    const real *restrict x = j->x + at, *restrict slope = j->slope + channel, *restrict center = j->center + channel;
    const real *restrict shift = j->shift + channel, *restrict own = j->own + channel;
    real *restrict out = j->out + at;
    if (j->grad) {
        const real *restrict grad = j->grad + at;
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            out[i] = own[i * step] * grad[i] + (slope[i * step] * (x[i] - center[i * step]) + shift[i * step]);
    } else {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = slope[i * step] * (x[i] - center[i * step]) + shift[i * step];
    }
}

static void apply(const job *j, int64_t group, int64_t index)
{
    const piece p = piece_of(j, index);
    for (int64_t n = p.image; n < p.image + p.images; n++)
        if (j->S == 1)
            apply_line(j, n * j->C, 0, j->C, 1);
        else
            apply_line(j, offset(j, n, group, p.at), group, p.span, 0);
}

typedef void collector(const job *, int64_t group, int64_t index);
typedef void settler(const job *, int64_t group);

// With enough groups for all threads a channel is finished while it is in the cache; the sums are the same either way.
static void run(const job *j, collector *collect, settler *settle)
{
    const int team = sq_team(4 * j->N * j->C * j->S);
    const int64_t tasks = j->groups * j->pieces;
    if (j->groups >= 2 * team) {
#pragma omp parallel for num_threads(team) schedule(static)
        for (int64_t g = 0; g < j->groups; g++) {
            for (int64_t p = 0; p < j->pieces && collect; p++) collect(j, g, p);
            if (settle) settle(j, g);
            for (int64_t p = 0; p < j->pieces && j->out; p++) apply(j, g, p);
        }
        return;
    }
#pragma omp parallel num_threads(team)
    {
        if (collect) {
#pragma omp for schedule(static)
            for (int64_t t = 0; t < tasks; t++) collect(j, t / j->pieces, t % j->pieces);
        }
        if (settle) {
#pragma omp for schedule(static)
            for (int64_t g = 0; g < j->groups; g++) settle(j, g);
        }
        if (j->out) {
#pragma omp for schedule(static)
            for (int64_t t = 0; t < tasks; t++) apply(j, t / j->pieces, t % j->pieces);
        }
    }
}

// Plans the job and gives it its memory, in one block that the caller frees.
static void *prepare(job *j)
{
    plan(j);
    const size_t partials = (size_t)(2 * j->groups * (j->pieces + 1) * j->width), columns = (size_t)(4 * j->C + 1);
    char *memory = calloc(1, partials * sizeof(double) + columns * sizeof(real));
    if (!memory) return NULL;
    j->partial = (double *)memory;
    j->own = (real *)(memory + partials * sizeof(double));
    j->center = j->own + j->C, j->slope = j->center + j->C, j->shift = j->slope + j->C;
    return memory;
}

// out = (x - mean) * rstd * weight + bias with the mean and the biased variance of the batch, rstd = 1 / sqrt(var +
// eps). running = (1 - momentum) * running + momentum * batch, with the unbiased variance.
//: batch_norm_train(x:f[N,C,S], weight?f[C], bias?f[C], running_mean+?f[C], running_var+?f[C], momentum:d=0.1,
//:     eps:d=1e-5) -> out:f[N,C,S], mean:f[C], rstd:f[C]
KERNEL(batch_norm_train)
{
    if (a->N * a->S < 2) return "expected more than one value per channel to train on";
    job j = {.N = a->N, .C = a->C, .S = a->S, .x = a->x, .out = a->out, .mean = a->mean, .rstd = a->rstd, .train = a};
    void *memory = prepare(&j);
    if (!memory) return sq_no_memory;
    run(&j, a->S == 1 ? find_column_moments : find_moments, settle_forward);
    free(memory);
    return NULL;
}

// out = (x - mean) * rstd * weight + bias with given statistics, rstd = 1 / sqrt(var + eps).
//: batch_norm_eval(x:f[N,C,S], mean:f[C], var:f[C], weight?f[C], bias?f[C], eps:d=1e-5) -> out:f[N,C,S], rstd?f[C]
KERNEL(batch_norm_eval)
{
    job j = {.N = a->N, .C = a->C, .S = a->S, .x = a->x, .out = a->out};
    void *memory = prepare(&j);
    if (!memory) return sq_no_memory;
    for (int64_t c = 0; c < a->C; c++) {
        const real rstd = (real)(1 / sqrt(a->var[c] + a->eps));
        j.center[c] = a->mean[c];
        j.slope[c] = rstd * (a->weight ? a->weight[c] : 1);
        j.shift[c] = a->bias ? a->bias[c] : 0;
        if (a->rstd) a->rstd[c] = rstd;
    }
    run(&j, NULL, NULL);
    free(memory);
    return NULL;
}

// See settle_backward.
//: batch_norm_backward(grad:f[N,C,S], x:f[N,C,S], weight?f[C], mean:f[C], rstd:f[C], training:p=1)
//:     -> dx?f[N,C,S], dweight?f[C], dbias?f[C]
KERNEL(batch_norm_backward)
{
    job j = {.N = a->N, .C = a->C, .S = a->S, .x = a->x, .grad = a->grad, .out = a->dx, .backward = a};
    void *memory = prepare(&j);
    if (!memory) return sq_no_memory;
    memcpy(j.center, a->mean, (size_t)a->C * sizeof(real));
    collector *collect = a->S == 1 ? find_column_gradients : find_gradients;
    run(&j, a->training || a->dweight || a->dbias ? collect : NULL, settle_backward);
    free(memory);
    return NULL;
}
