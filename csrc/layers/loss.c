// Losses between predictions and targets of one shape, and their derivatives.
#include "loss_args.h"
#include "vec/math.h"

// A loss of n consecutive elements: stores it in out unless that is NULL, and returns the sum. w and v are arrays that
// a loss may also take, or NULL; p is its parameter.
typedef double loss_span(const real *x, const real *y, const real *w, const real *v, real *out, int64_t n, real p);
// Its derivative by x, times `scale` or grad[i] * scale.
typedef void slope_span(const real *x, const real *y, const real *w, const real *v, const real *grad, real scale,
                        real *out, int64_t n, real p);

ALWAYS_INLINE vf load(const real *x, int64_t i, int64_t n)
{
    return n - i >= LANES ? vf_load(x + i) : vf_load_part(x + i, n - i);
}

ALWAYS_INLINE void store(real *x, int64_t i, int64_t n, vf value)
{
    if (n - i >= LANES)
        vf_store(x + i, value);
    else
        vf_store_part(x + i, n - i, value);
}

// `value` and `slope` are of x, y, w, v and p.
#define LOSS(name, value, slope)                                                                                       \
    ALWAYS_INLINE vf name##_value(vf x, vf y, vf w, vf v, vf p)                                                        \
    {                                                                                                                  \
        (void)w, (void)v, (void)p;                                                                                     \
        return value;                                                                                                  \
    }                                                                                                                  \
    ALWAYS_INLINE vf name##_slope(vf x, vf y, vf w, vf v, vf p)                                                        \
    {                                                                                                                  \
        (void)w, (void)v, (void)p;                                                                                     \
        return slope;                                                                                                  \
    }                                                                                                                  \
    static double name##_sum(const real *x, const real *y, const real *w, const real *v, real *out, int64_t n, real p) \
    {                                                                                                                  \
        const vf one = vf_set(1), parameter = vf_set(p);                                                               \
        vf sum = vf_set(0);                                                                                            \
        for (int64_t i = 0; i < n; i += LANES) {                                                                       \
            const vf each = name##_value(load(x, i, n), load(y, i, n), w ? load(w, i, n) : one,                        \
                                         v ? load(v, i, n) : one, parameter);                                          \
            sum += n - i >= LANES ? each : vf_select(vf_first(n - i), each, vf_set(0));                                \
            if (out) store(out, i, n, each);                                                                           \
        }                                                                                                              \
        return (double)vf_sum(sum);                                                                                    \
    }                                                                                                                  \
    static void name##_grad(const real *x, const real *y, const real *w, const real *v, const real *grad, real scale,  \
                            real *out, int64_t n, real p)                                                              \
    {                                                                                                                  \
        const vf one = vf_set(1), parameter = vf_set(p);                                                               \
        for (int64_t i = 0; i < n; i += LANES) {                                                                       \
            const vf each = name##_slope(load(x, i, n), load(y, i, n), w ? load(w, i, n) : one,                        \
                                         v ? load(v, i, n) : one, parameter);                                          \
            store(out, i, n, grad ? each * load(grad, i, n) * scale : each * scale);                                   \
        }                                                                                                              \
    }

enum { CHUNK = 4096 }; // elements of a partial sum

// total = the sum in the order of the chunks
static const char *forward(loss_span *f, const real *x, const real *y, const real *w, const real *v, real *out,
                           double *total, int64_t n, real p)
{
    const int64_t chunks = blocks(n, CHUNK);
    double *sums = malloc((chunks + 1) * sizeof(double));
    if (!sums) return sq_no_memory;
#pragma omp parallel for num_threads(sq_team(n)) schedule(static)
    for (int64_t c = 0; c < chunks; c++) {
        const int64_t i = c * CHUNK, count = least(CHUNK, n - i);
        sums[c] = f(x + i, y + i, w ? w + i : NULL, v ? v + i : NULL, out ? out + i : NULL, count, p);
    }
    *total = 0;
    for (int64_t c = 0; c < chunks; c++) *total += sums[c];
    free(sums);
    return NULL;
}

static const char *backward(slope_span *f, const real *x, const real *y, const real *w, const real *v, const real *grad,
                            double scale, real *out, int64_t n, real p)
{
#pragma omp parallel for num_threads(sq_team(n)) schedule(static)
    for (int64_t i = 0; i < n; i += CHUNK)
        f(x + i, y + i, w ? w + i : NULL, v ? v + i : NULL, grad ? grad + i : NULL, (real)scale, out + i,
          least(CHUNK, n - i), p);
    return NULL;
}

ALWAYS_INLINE vf sign(vf x) { return vf_select(x > 0, vf_set(1), vf_select(x < 0, vf_set(-1), x * (real)0)); }

// loss = (x - y)^2
LOSS(mse, (x - y) * (x - y), (real)2 * (x - y))
//: mse_forward(x:f[N], y:f[N]) -> total:f64[1], loss?f[N]
KERNEL(mse_forward) { return forward(mse_sum, a->x, a->y, NULL, NULL, a->loss, a->total, a->N, 0); }

//: mse_backward(x:f[N], y:f[N], grad?f[N], scale:d=1) -> grad_x:f[N]
KERNEL(mse_backward) { return backward(mse_grad, a->x, a->y, NULL, NULL, a->grad, a->scale, a->grad_x, a->N, 0); }

// loss = |x - y|
LOSS(l1, vf_abs(x - y), sign(x - y))
//: l1_forward = mse_forward
KERNEL(l1_forward) { return forward(l1_sum, a->x, a->y, NULL, NULL, a->loss, a->total, a->N, 0); }

//: l1_backward = mse_backward
KERNEL(l1_backward) { return backward(l1_grad, a->x, a->y, NULL, NULL, a->grad, a->scale, a->grad_x, a->N, 0); }

// loss = d^2 / 2 for d = |x - y| <= p, p (d - p / 2) beyond
LOSS(huber, vf_select(vf_abs(x - y) <= p, (real)0.5 * (x - y) * (x - y), p *(vf_abs(x - y) - (real)0.5 * p)),
     vf_select(vf_abs(x - y) <= p, x - y, p *sign(x - y)))
//: huber_forward(x:f[N], y:f[N], delta:d) -> total:f64[1], loss?f[N]
KERNEL(huber_forward) { return forward(huber_sum, a->x, a->y, NULL, NULL, a->loss, a->total, a->N, (real)a->delta); }

//: huber_backward(x:f[N], y:f[N], delta:d, grad?f[N], scale:d=1) -> grad_x:f[N]
KERNEL(huber_backward)
{
    return backward(huber_grad, a->x, a->y, NULL, NULL, a->grad, a->scale, a->grad_x, a->N, (real)a->delta);
}

// loss = d^2 / (2 p) for d = |x - y| < p, d - p / 2 beyond
LOSS(smooth_l1, vf_select(vf_abs(x - y) < p, (real)0.5 * (x - y) * (x - y) / p, vf_abs(x - y) - (real)0.5 * p),
     vf_select(vf_abs(x - y) < p, (x - y) / p, sign(x - y)))
//: smooth_l1_forward(x:f[N], y:f[N], beta:d) -> total:f64[1], loss?f[N]
KERNEL(smooth_l1_forward)
{
    return forward(smooth_l1_sum, a->x, a->y, NULL, NULL, a->loss, a->total, a->N, (real)a->beta);
}

//: smooth_l1_backward(x:f[N], y:f[N], beta:d, grad?f[N], scale:d=1) -> grad_x:f[N]
KERNEL(smooth_l1_backward)
{
    return backward(smooth_l1_grad, a->x, a->y, NULL, NULL, a->grad, a->scale, a->grad_x, a->N, (real)a->beta);
}

// loss = w (y - x) where y > x, (1 - w) (x - y) elsewhere
LOSS(pinball, vf_select(x < y, w *(y - x), ((real)1 - w) * (x - y)),
     vf_select(x < y, -w, vf_select(x > y, (real)1 - w, (x - y) * (real)0)))
//: pinball_forward(x:f[N], y:f[N], quantile:f[N]) -> total:f64[1], loss?f[N]
KERNEL(pinball_forward) { return forward(pinball_sum, a->x, a->y, a->quantile, NULL, a->loss, a->total, a->N, 0); }

//: pinball_backward(x:f[N], y:f[N], quantile:f[N], grad?f[N], scale:d=1) -> grad_x:f[N]
KERNEL(pinball_backward)
{
    return backward(pinball_grad, a->x, a->y, a->quantile, NULL, a->grad, a->scale, a->grad_x, a->N, 0);
}

// loss = v (softplus(-x) (1 + (w - 1) y) + (1 - y) x), which is -v (w y log s + (1 - y) log(1 - s)) for s = sigmoid(x);
// its derivative by x = v ((1 - y) s - w y (1 - s))
ALWAYS_INLINE vf bce_derivative(vf x, vf y, vf w, vf v)
{
    return v * (((real)1 - y) * vf_sigmoid(x) - w * y * vf_sigmoid(-x));
}

LOSS(bce, v *(vf_softplus(-x) * ((real)1 + (w - (real)1) * y) + ((real)1 - y) * x), bce_derivative(x, y, w, v))
//: bce_forward(x:f[N], y:f[N], pos_weight?f[N], weight?f[N]) -> total:f64[1], loss?f[N]
KERNEL(bce_forward) { return forward(bce_sum, a->x, a->y, a->pos_weight, a->weight, a->loss, a->total, a->N, 0); }

//: bce_backward(x:f[N], y:f[N], pos_weight?f[N], weight?f[N], grad?f[N], scale:d=1) -> grad_x:f[N]
KERNEL(bce_backward)
{
    return backward(bce_grad, a->x, a->y, a->pos_weight, a->weight, a->grad, a->scale, a->grad_x, a->N, 0);
}

// What the cosine of two rows is made of.
typedef struct {
    real product, left, right; // x . y, x . x + e, y . y + e; e keeps zero vectors from dividing by 0
} products;

static products multiply(const real *x, const real *y, int64_t n)
{
    vf p = vf_set(0), l = p, r = p;
    for (int64_t i = 0; i < n; i += LANES) {
        const vf u = load(x, i, n), v = load(y, i, n);
        p += u * v, l += u * u, r += v * v;
    }
    const real e = (real)1e-12;
    return (products){vf_sum(p), vf_sum(l) + e, vf_sum(r) + e};
}

// loss = 1 - cos for a target of 1, max(0, cos - margin) for -1, 0 for others; cos = x . y / sqrt(x . x  y . y)
//: cosine_embedding_forward(x:f[N,D], y:f[N,D], target:l[N], margin:d) -> loss:f[N], cosine:f[N]
KERNEL(cosine_embedding_forward)
{
#pragma omp parallel for num_threads(sq_team(a->N * a->D)) schedule(static)
    for (int64_t r = 0; r < a->N; r++) {
        const products p = multiply(a->x + r * a->D, a->y + r * a->D, a->D);
        const real cosine = p.product / (real)sqrt((double)p.left * (double)p.right);
        const real over = cosine - (real)a->margin;
        a->cosine[r] = cosine;
        a->loss[r] = a->target[r] == 1 ? 1 - cosine : a->target[r] == -1 ? (over < 0 ? 0 : over) : 0;
    }
    return NULL;
}

// d cos / d x = y / sqrt(x . x  y . y) - cos x / x . x
//: cosine_embedding_backward(x:f[N,D], y:f[N,D], target:l[N], cosine:f[N], grad:f[N], margin:d)
//:     -> grad_x:f[N,D], grad_y:f[N,D]
KERNEL(cosine_embedding_backward)
{
#pragma omp parallel for num_threads(sq_team(a->N * a->D)) schedule(static)
    for (int64_t r = 0; r < a->N; r++) {
        const real *x = a->x + r * a->D, *y = a->y + r * a->D;
        const products p = multiply(x, y, a->D);
        const bool over = a->cosine[r] - (real)a->margin > 0;
        const real g = a->target[r] == 1 ? -a->grad[r] : a->target[r] == -1 && over ? a->grad[r] : 0;
        const real across = g / (real)sqrt((double)p.left * (double)p.right);
        const real along_x = g * a->cosine[r] / p.left, along_y = g * a->cosine[r] / p.right;
        for (int64_t i = 0; i < a->D; i++) {
            a->grad_x[r * a->D + i] = across * y[i] - along_x * x[i];
            a->grad_y[r * a->D + i] = across * x[i] - along_y * y[i];
        }
    }
    return NULL;
}
