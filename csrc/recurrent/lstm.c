// LSTM over whole sequences (Hochreiter and Schmidhuber 1997; Gers et al. 2000), gates i, f, g, o as in PyTorch:
//     i, f, o = sigmoid(.), g = tanh(.) of x W_ih^T + h W_hh^T + bias;  c' = f c + i g;  h = o tanh(c')
// With a projection (Sak, Senior and Beaufays 2014) h is that times W_hr^T, and shorter.
// With a norm (Ba, Kiros and Hinton 2016) of the gates h also sees c' normalised, scaled and shifted.
// With peepholes (Gers and Schmidhuber 2000) i and f also see c, o sees c', each through a weight a unit.
#include "lstm_args.h"
#include "recurrent/backward.h"
#include "recurrent/stream.h"

// Gates and c' of n units.
ALWAYS_INLINE void lstm_remember(const real *peephole, real *gates, int64_t H, const real *memory, real *memory_after,
                                 int64_t n)
{
    const vf old = vf_load_part(memory, n);
    vf i = vf_load_part(gates, n), f = vf_load_part(gates + H, n), o = vf_load_part(gates + 3 * H, n);
    if (peephole) i += vf_load_part(peephole, n) * old, f += vf_load_part(peephole + H, n) * old;
    i = vf_sigmoid(i), f = vf_sigmoid(f);
    const vf g = vf_tanh(vf_load_part(gates + 2 * H, n)), c = f * old + i * g;
    if (peephole) o += vf_load_part(peephole + 2 * H, n) * c;
    vf_store_part(gates, n, i);
    vf_store_part(gates + H, n, f);
    vf_store_part(gates + 2 * H, n, g);
    vf_store_part(gates + 3 * H, n, vf_sigmoid(o));
    vf_store_part(memory_after, n, c);
}

// h of n units: o tanh(c), or o tanh((c - mean) rstd scale + shift).
ALWAYS_INLINE void lstm_tell(const real *o, const real *c, const real *norm, int64_t H, real mean, real rstd, real *out,
                             real *after, int64_t n)
{
    vf seen = vf_load_part(c, n);
    if (norm) seen = (seen - mean) * rstd * vf_load_part(norm, n) + vf_load_part(norm + H, n);
    const vf h = vf_load_part(o, n) * vf_tanh(seen);
    vf_store_part(out, n, h);
    vf_store_part(after, n, h);
}

static void lstm_moments(const real *c, int64_t H, real *mean, real *rstd)
{
    real sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < H; k++) sum += c[k];
    sum /= (real)H;
#pragma omp simd reduction(+ : squares)
    for (int64_t k = 0; k < H; k++) squares += (c[k] - sum) * (c[k] - sum);
    *mean = sum;
    *rstd = 1 / (real)sqrt((double)(squares / (real)H + RECURRENT_EPSILON));
}

static void lstm_cell(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t H = r->units;
    const real *p = r->own, *norm = r->norm_memory;
    for (int64_t j = s->first; j < s->last; j++) {
        real *gates = s->gates + j * 4 * H, *c = s->memory_after + j * H, *out = recurrent_made(r, s, j);
        real *after = recurrent_made_again(r, s, j), mean = 0, rstd = 0;
        const real *memory = s->memory + j * H, *o = gates + 3 * H;
        if (norm) {
            EACH_UNITS(s, lstm_remember(p ? p + u : NULL, gates + u, H, memory + u, c + u, n));
            lstm_moments(c, H, &mean, &rstd);
            EACH_UNITS(s, lstm_tell(o + u, c + u, norm + u, H, mean, rstd, out + u, after + u, n));
        } else {
            EACH_UNITS(s, {
                lstm_remember(p ? p + u : NULL, gates + u, H, memory + u, c + u, n);
                lstm_tell(o + u, c + u, NULL, H, 0, 0, out + u, after + u, n);
            });
        }
    }
}

#define LSTM_SHAPE(a)                                                                                                  \
    .H = (a)->O, .project = (a)->w_hr, .columns = 4 * (a)->H, .units = (a)->H, .memory = (a)->H,                       \
    .input_columns = 4 * (a)->H, .spans = {{.rows = 4 * (a)->H, .adds = true}}, .spans_count = 1
#define LSTM(a)                                                                                                        \
    RECURRENT_ARGUMENTS(a), LSTM_SHAPE(a), .memory0 = (a)->c0, .memory0_row = (a)->c0_stride[0],                       \
        .memories = (real *)(a)->cells, .hidden = (real *)(a)->hidden, .own = (a)->peephole,                           \
        .norm_memory = (a)->norm_cell, .zone_memory = RECURRENT_ZONE(a, zone_c)

// What does not go together, or NULL.
static const char *lstm_check(int64_t H, int64_t O, const real *w_hr, const real *norm, const real *norm_cell)
{
    if (!w_hr && O != H) return "w_hh: expected as many columns as hidden units, unless w_hr projects these";
    return norm_cell && !norm ? "norm_cell goes with norm" : NULL;
}

// out, h, c = the outputs of all steps and the states behind each row's last one. From gates on: for backward.
//: lstm_forward(x~f[T,B,I], h0~f[B,O], c0~f[B,H], w_ih:f[4H,I], w_hh:f[4H,O], bias?f[4H], w_hr?f[O,H],
//:     peephole?f[3,H], norm?f[4H], norm_cell?f[2,H], mask?f[B,O], zone_h~?f[T~,B~,O~], zone_c~?f[T~,B~,H~],
//:     lengths?i[B], rows:n>=0, out~+f[T,B,O], reverse:p=0, packed?f[S]) -> h:f[B,O], c:f[B,H], gates?f[rows,4H],
//:     cells?f[rows,H], before?f[rows,O], hidden?f[rows,H], normal?f[rows,4H], rstd?f[rows,4]
KERNEL(lstm_forward)
{
    const char *error = lstm_check(a->H, a->O, a->w_hr, a->norm, a->norm_cell);
    if (error) return error;
    struct recurrence r = {LSTM(a), RECURRENT_FORWARD(a), .memory_last = a->c, .cell = lstm_cell};
    return recurrent_forward(&r);
}

// c' = f c + i g: from dc, the gradient of c', and grad_o. The sums of `extra` over all rows are the gradients of the
// peepholes.
ALWAYS_INLINE void lstm_forget(const real *peephole, const real *gates, real *grad_gates, real *extra, int64_t H,
                               const real *memory, real *grad_memory, vf c, vf dc, vf grad_o, int64_t n)
{
    const vf i = vf_load_part(gates, n), f = vf_load_part(gates + H, n), g = vf_load_part(gates + 2 * H, n);
    const vf old = vf_load_part(memory, n);
    dc += vf_load_part(grad_memory, n);
    if (peephole) dc += grad_o * vf_load_part(peephole + 2 * H, n);
    const vf grad_i = dc * g * i * ((real)1 - i), grad_f = dc * old * f * ((real)1 - f);
    vf grad_old = dc * f;
    if (peephole) {
        grad_old += grad_i * vf_load_part(peephole, n) + grad_f * vf_load_part(peephole + H, n);
        vf_store_part(extra, n, grad_i * old);
        vf_store_part(extra + H, n, grad_f * old);
        vf_store_part(extra + 2 * H, n, grad_o * c);
    }
    vf_store_part(grad_gates, n, grad_i);
    vf_store_part(grad_gates + H, n, grad_f);
    vf_store_part(grad_gates + 2 * H, n, dc * i * ((real)1 - g * g));
    vf_store_part(grad_gates + 3 * H, n, grad_o);
    vf_store_part(grad_memory, n, grad_old);
}

ALWAYS_INLINE vf lstm_memory(const real *gates, int64_t H, const real *memory, int64_t n)
{
    return vf_load_part(gates + H, n) * vf_load_part(memory, n) +
           vf_load_part(gates, n) * vf_load_part(gates + 2 * H, n);
}

// h = o tanh(c')
ALWAYS_INLINE void lstm_units_backward(const real *peephole, const real *gates, real *grad_gates, real *extra,
                                       int64_t H, const real *memory, const real *grad_h, real *grad_memory, int64_t n)
{
    const vf o = vf_load_part(gates + 3 * H, n), c = lstm_memory(gates, H, memory, n), squashed = vf_tanh(c);
    const vf dh = vf_load_part(grad_h, n), dc = dh * o * ((real)1 - squashed * squashed);
    lstm_forget(peephole, gates, grad_gates, extra, H, memory, grad_memory, c, dc, dh * squashed * o * ((real)1 - o),
                n);
}

// h = o tanh(normal scale + shift), normal = (c' - mean) rstd: the gradients of scale and shift, and grad_o.
ALWAYS_INLINE void lstm_norm_units_backward(const real *norm, const real *gates, const real *c, real *normal,
                                            real *grad_o, real *grad_norm, int64_t H, const real *grad_h, real mean,
                                            real rstd, int64_t n)
{
    const vf o = vf_load_part(gates + 3 * H, n), x = (vf_load_part(c, n) - mean) * rstd, dh = vf_load_part(grad_h, n);
    const vf squashed = vf_tanh(x * vf_load_part(norm, n) + vf_load_part(norm + H, n));
    const vf d = dh * o * ((real)1 - squashed * squashed);
    vf_store_part(normal, n, x);
    vf_store_part(grad_norm, n, d * x);
    vf_store_part(grad_norm + H, n, d);
    vf_store_part(grad_o, n, dh * squashed * o * ((real)1 - o));
}

// One row with the norm: c' and then `normal` wait where the gradients of f and i go.
static void lstm_norm_backward(const struct recurrence *r, const struct recurrent_step *s, const real *gates,
                               real *grad_gates, real *extra, const real *memory, const real *grad_h, real *grad_memory)
{
    const int64_t H = r->units;
    const real *p = r->own, *norm = r->norm_memory;
    real *normal = grad_gates, *c = grad_gates + H, *grad_o = grad_gates + 3 * H, *grad_norm = extra + (p ? 3 * H : 0);
    real mean, rstd, along = 0, sum = 0;
    EACH_UNITS(s, vf_store_part(c + u, n, lstm_memory(gates + u, H, memory + u, n)));
    lstm_moments(c, H, &mean, &rstd);
    EACH_UNITS(s, lstm_norm_units_backward(norm + u, gates + u, c + u, normal + u, grad_o + u, grad_norm + u, H,
                                           grad_h + u, mean, rstd, n));
#pragma omp simd reduction(+ : sum, along)
    for (int64_t k = 0; k < H; k++) {
        sum += grad_norm[H + k] * norm[k];
        along += grad_norm[k] * norm[k];
    }
    sum /= (real)H, along /= (real)H;
    EACH_UNITS(s, {
        const vf d = vf_load_part(grad_norm + H + u, n) * vf_load_part(norm + u, n);
        const vf dc = (d - sum - vf_load_part(normal + u, n) * along) * rstd;
        lstm_forget(p ? p + u : NULL, gates + u, grad_gates + u, extra + u, H, memory + u, grad_memory + u,
                    vf_load_part(c + u, n), dc, vf_load_part(grad_o + u, n), n);
    });
}

static void lstm_cell_backward(const struct recurrent_gradient *g, const struct recurrent_step *s)
{
    const int64_t H = g->r.units;
    const real *p = g->r.own;
    for (int64_t j = s->first; j < s->last; j++) {
        const real *gates = s->gates + j * 4 * H, *memory = s->memory + j * H, *grad_h = s->grad_h + j * H;
        real *grad_gates = s->grad_gates + j * s->grad_row, *grad_memory = s->grad_memory + j * H;
        real *extra = grad_gates + s->extra;
        if (g->r.norm_memory)
            lstm_norm_backward(&g->r, s, gates, grad_gates, extra, memory, grad_h, grad_memory);
        else
            EACH_UNITS(s, lstm_units_backward(p ? p + u : NULL, gates + u, grad_gates + u, extra + u, H, memory + u,
                                              grad_h + u, grad_memory + u, n));
    }
}

// Gradients of lstm_forward, from those of out, h and c and what it saved.
//: lstm_backward(grad_out~?f[T,B,O], grad_h?f[B,O], grad_c?f[B,H], x~f[T,B,I], c0~f[B,H], w_ih:f[4H,I], w_hh:f[4H,O],
//:     w_hr?f[O,H], peephole?f[3,H], norm?f[4H], norm_cell?f[2,H], mask?f[B,O], zone_h~?f[T~,B~,O~],
//:     zone_c~?f[T~,B~,H~], lengths?i[B], gates:f[R,4H], cells:f[R,H], before:f[R,O], hidden?f[R,H], normal?f[R,4H],
//:     rstd?f[R,4], grad_x~+?f[T,B,I], reverse:p=0)
//:     -> grad_h0?f[B,O], grad_c0?f[B,H], grad_w_ih?f[4H,I], grad_w_hh?f[4H,O], grad_bias?f[4H], grad_w_hr?f[O,H],
//:     grad_peephole?f[3,H], grad_norm?f[4H], grad_norm_cell?f[2,H]
KERNEL(lstm_backward)
{
    const char *error = lstm_check(a->H, a->O, a->w_hr, a->norm, a->norm_cell);
    if (error) return error;
    if (a->w_hr && !a->hidden) return "w_hr needs hidden";
    struct recurrent_gradient g = {.r = {LSTM(a)},
                                   RECURRENT_GRADIENTS(a),
                                   .cell = lstm_cell_backward,
                                   .memory = a->grad_c,
                                   .grad_memory0 = a->grad_c0,
                                   .grad_project = a->w_hr ? a->grad_w_hr : NULL,
                                   .extra = (a->peephole ? 3 * a->H : 0) + (a->norm_cell ? 2 * a->H : 0),
                                   .extras = {{a->peephole ? 3 * a->H : 0, a->peephole ? a->grad_peephole : NULL},
                                              {2 * a->H, a->norm_cell ? a->grad_norm_cell : NULL}}};
    return recurrent_backward(&g);
}

// Packs the weights for lstm_forward and lstm_step.
//: lstm_pack(w_ih:f[4H,I], w_hh:f[4H,O], w_hr?f[O,H]) -> packed:f[(4H+15)*I+4*(H+15)*O+(O+15)*H+64]
KERNEL(lstm_pack)
{
    const char *error = lstm_check(a->H, a->O, a->w_hr, NULL, NULL);
    if (error) return error;
    const struct recurrence r = {LSTM_SHAPE(a), .I = a->I, .w_ih = a->w_ih, .w_hh = a->w_hh,
                                 .packed_size =
                                     (4 * a->H + 15) * a->I + 4 * (a->H + 15) * a->O + (a->O + 15) * a->H + 64};
    return recurrent_pack(&r, a->packed);
}

// One step of L layers with the weights that lstm_pack packed, for eval: h and c are before, h_after and c_after
// behind.
//: lstm_step(x:f[B,I], h:f[L,B,O], c:f[L,B,H], packed*f[], bias?f[L,4H], w_hr?f[L,O,H], peephole?f[L,3,H],
//:     norm?f[L,4H], norm_cell?f[L,2,H], zoneout:d=0, residual:p=0)
//:     -> out:f[B,O], h_after:f[L,B,O], c_after:f[L,B,H]
KERNEL(lstm_step)
{
    if (a->L != a->packed_count) return recurrent_layers_differ;
    const char *error = lstm_check(a->H, a->O, a->w_hr, a->norm, a->norm_cell);
    if (error) return error;
    const struct recurrence r = {
        RECURRENT_STREAM_ARGUMENTS(a), LSTM_SHAPE(a),    .memory0 = a->c, .memory_last = a->c_after, .own = a->peephole,
        .norm_memory = a->norm_cell,   .cell = lstm_cell};
    const struct recurrent_stack stack = {RECURRENT_STACK(a), .own = 3 * a->H};
    return recurrent_stream(&r, &stack);
}
