// Activation functions and elementary functions, element by element, and their derivatives times a gradient.
#include "activation_args.h"
#include "vec/slope.h"

// A function of n consecutive elements of x (and y); p and q are its parameters. `stream`: store past the caches.
typedef void span(const real *x, const real *y, real *out, int64_t n, bool stream, real p, real q);

// Elements that are asked for before their turn: the processor's own prefetching stops at every page, and it does not
// look past a long formula.
enum { AHEAD = 512 };

#define SPAN(name, value)                                                                                              \
    ALWAYS_INLINE vf name##_value(vf x, vf y, vf p, vf q)                                                              \
    {                                                                                                                  \
        (void)x, (void)y, (void)p, (void)q;                                                                            \
        return value;                                                                                                  \
    }                                                                                                                  \
    static void name(const real *x, const real *y, real *out, int64_t n, bool stream, real p, real q)                  \
    {                                                                                                                  \
        const vf first = vf_set(p), second = vf_set(q);                                                                \
        int64_t i = 0;                                                                                                 \
        if (stream) {                                                                                                  \
            i = vf_unaligned_head(out, n);                                                                             \
            vf_store_part(out, i, name##_value(vf_load_part(x, i), vf_load_part(y, i), first, second));                \
            for (; i + LANES <= n; i += LANES) {                                                                       \
                __builtin_prefetch(x + i + AHEAD);                                                                     \
                __builtin_prefetch(y + i + AHEAD);                                                                     \
                vf_stream(out + i, name##_value(vf_load(x + i), vf_load(y + i), first, second));                       \
            }                                                                                                          \
            vf_stream_end();                                                                                           \
        }                                                                                                              \
        for (; i + LANES <= n; i += LANES) {                                                                           \
            __builtin_prefetch(x + i + AHEAD);                                                                         \
            __builtin_prefetch(y + i + AHEAD);                                                                         \
            prefetch_write(out + i + AHEAD);                                                                           \
            vf_store(out + i, name##_value(vf_load(x + i), vf_load(y + i), first, second));                            \
        }                                                                                                              \
        const int64_t rest = n - i;                                                                                    \
        vf_store_part(out + i, rest,                                                                                   \
                      name##_value(vf_load_part(x + i, rest), vf_load_part(y + i, rest), first, second));              \
    }

enum {
    CHUNK = 16384,           // elements that a thread takes at a time
    STREAM_BYTES = 16 << 20, // results from this size on would not stay in a cache: stored past it
};

// Applies f to all elements; `cost` is about how many operations one takes.
static const char *map(span *f, const real *x, const real *y, real *out, int64_t n, int64_t cost, double p, double q)
{
    const bool stream = n * (int64_t)sizeof(real) >= STREAM_BYTES;
#pragma omp parallel for num_threads(sq_team(n *cost)) schedule(static)
    for (int64_t i = 0; i < n; i += CHUNK) f(x + i, y + i, out + i, least(CHUNK, n - i), stream, (real)p, (real)q);
    return NULL;
}

SPAN(exp_span, vf_exp(x))
//: exp_forward(x:f[N...]) -> out:f[N...]
KERNEL(exp_forward) { return map(exp_span, a->x, a->x, a->out, a->N, 4, 0, 0); }

// out = e^x
SPAN(exp_slope, x *y)
//: exp_backward(grad:f[N...], out:f[N...]) -> grad_x:f[N...]
KERNEL(exp_backward) { return map(exp_slope, a->grad, a->out, a->grad_x, a->N, 1, 0, 0); }

SPAN(log_span, vf_log(x))
//: log_forward = exp_forward
KERNEL(log_forward) { return map(log_span, a->x, a->x, a->out, a->N, 4, 0, 0); }

// out = log x
SPAN(log_slope, x / y)
//: log_backward(grad:f[N...], x:f[N...]) -> grad_x:f[N...]
KERNEL(log_backward) { return map(log_slope, a->grad, a->x, a->grad_x, a->N, 1, 0, 0); }

SPAN(erf_span, vf_erf(x))
//: erf_forward = exp_forward
KERNEL(erf_forward) { return map(erf_span, a->x, a->x, a->out, a->N, 8, 0, 0); }

// out = erf x = 2 / sqrt(pi) * integral of e^(-t^2) to x
SPAN(erf_slope, x *((real)1.1283791670955126 * vf_exp(-y * y)))
//: erf_backward = log_backward
KERNEL(erf_backward) { return map(erf_slope, a->grad, a->x, a->grad_x, a->N, 4, 0, 0); }

SPAN(tanh_span, vf_tanh(x))
//: tanh_forward = exp_forward
KERNEL(tanh_forward) { return map(tanh_span, a->x, a->x, a->out, a->N, 4, 0, 0); }

// out = tanh x
SPAN(tanh_slope, vf_tanh_slope(x, y))
//: tanh_backward = exp_backward
KERNEL(tanh_backward) { return map(tanh_slope, a->grad, a->out, a->grad_x, a->N, 1, 0, 0); }

SPAN(sigmoid_span, vf_sigmoid(x))
//: sigmoid_forward = exp_forward
KERNEL(sigmoid_forward) { return map(sigmoid_span, a->x, a->x, a->out, a->N, 4, 0, 0); }

// out = 1 / (1 + e^-x)
SPAN(sigmoid_slope, vf_sigmoid_slope(x, y))
//: sigmoid_backward = exp_backward
KERNEL(sigmoid_backward) { return map(sigmoid_slope, a->grad, a->out, a->grad_x, a->N, 1, 0, 0); }

SPAN(relu_span, vf_max(vf_set(0), x))
//: relu_forward = exp_forward
KERNEL(relu_forward) { return map(relu_span, a->x, a->x, a->out, a->N, 1, 0, 0); }

// out = x > 0 ? x : 0
SPAN(relu_slope, vf_relu_slope(x, y))
//: relu_backward = exp_backward
KERNEL(relu_backward) { return map(relu_slope, a->grad, a->out, a->grad_x, a->N, 1, 0, 0); }

SPAN(leaky_relu_span, vf_select(x > 0, x, x *p))
//: leaky_relu_forward(x:f[N...], negative_slope:d) -> out:f[N...]
KERNEL(leaky_relu_forward) { return map(leaky_relu_span, a->x, a->x, a->out, a->N, 1, a->negative_slope, 0); }

// out = x > 0 ? x : negative_slope * x
SPAN(leaky_relu_slope, vf_select(y > 0, x, x *p))
//: leaky_relu_backward(grad:f[N...], x:f[N...], negative_slope:d) -> grad_x:f[N...]
KERNEL(leaky_relu_backward) { return map(leaky_relu_slope, a->grad, a->x, a->grad_x, a->N, 1, a->negative_slope, 0); }

SPAN(silu_span, vf_silu(x))
//: silu_forward = exp_forward
KERNEL(silu_forward) { return map(silu_span, a->x, a->x, a->out, a->N, 4, 0, 0); }

// out = silu x
SPAN(silu_slope, vf_silu_slope(x, y))
//: silu_backward = log_backward
KERNEL(silu_backward) { return map(silu_slope, a->grad, a->x, a->grad_x, a->N, 4, 0, 0); }

SPAN(gelu_span, vf_gelu(x))
//: gelu_forward = exp_forward
KERNEL(gelu_forward) { return map(gelu_span, a->x, a->x, a->out, a->N, 8, 0, 0); }

// out = gelu x
SPAN(gelu_slope, vf_gelu_slope(x, y))
//: gelu_backward = log_backward
KERNEL(gelu_backward) { return map(gelu_slope, a->grad, a->x, a->grad_x, a->N, 8, 0, 0); }

SPAN(gelu_tanh_span, vf_gelu_tanh(x))
//: gelu_tanh_forward = exp_forward
KERNEL(gelu_tanh_forward) { return map(gelu_tanh_span, a->x, a->x, a->out, a->N, 5, 0, 0); }

// out = gelu x, by its approximation with tanh
SPAN(gelu_tanh_slope, vf_gelu_tanh_slope(x, y))
//: gelu_tanh_backward = log_backward
KERNEL(gelu_tanh_backward) { return map(gelu_tanh_slope, a->grad, a->x, a->grad_x, a->N, 5, 0, 0); }

SPAN(softplus_span, vf_select(x *p > q, x, vf_softplus(x *p) / p))
//: softplus_forward(x:f[N...], beta:d, threshold:d) -> out:f[N...]
KERNEL(softplus_forward) { return map(softplus_span, a->x, a->x, a->out, a->N, 8, a->beta, a->threshold); }

// out = beta x > threshold ? x : log(1 + e^(beta x)) / beta
SPAN(softplus_slope, vf_select(y *p > q, x, x *vf_sigmoid(y *p)))
//: softplus_backward(grad:f[N...], x:f[N...], beta:d, threshold:d) -> grad_x:f[N...]
KERNEL(softplus_backward) { return map(softplus_slope, a->grad, a->x, a->grad_x, a->N, 4, a->beta, a->threshold); }
