// LSTM over whole sequences (Hochreiter and Schmidhuber 1997; Gers et al. 2000), gates i, f, g, o as in PyTorch:
//     i, f, o = sigmoid(.), g = tanh(.) of x W_ih^T + h W_hh^T + biases;  c' = f c + i g;  h = o tanh(c')
// With a projection (Sak, Senior and Beaufays 2014) h is that times W_hr^T, and shorter.
// With a norm (Ba, Kiros and Hinton 2016) of the gates h also sees c' normalised, scaled and shifted.
// With peepholes (Gers and Schmidhuber 2000) i and f also see c, o sees c', each through a weight of its unit.
#include "lstm_args.h"
#include "recurrent/recurrent.h"

// Gates and c' of n units.
ALWAYS_INLINE void lstm_remember(const real *peephole, real *gates, int64_t H, const real *c, real *c_next, int64_t n)
{
    const vf old = vf_load_part(c, n);
    vf i = vf_load_part(gates, n), f = vf_load_part(gates + H, n), o = vf_load_part(gates + 3 * H, n);
    if (peephole) i += vf_load_part(peephole, n) * old, f += vf_load_part(peephole + H, n) * old;
    i = vf_sigmoid(i), f = vf_sigmoid(f);
    const vf g = vf_tanh(vf_load_part(gates + 2 * H, n)), now = f * old + i * g;
    if (peephole) o += vf_load_part(peephole + 2 * H, n) * now;
    vf_store_part(gates, n, i);
    vf_store_part(gates + H, n, f);
    vf_store_part(gates + 2 * H, n, g);
    vf_store_part(gates + 3 * H, n, vf_sigmoid(o));
    vf_store_part(c_next, n, now);
}

// h of n units: o tanh(c), or o tanh((c - mean) rstd scale + shift).
ALWAYS_INLINE void lstm_tell(const real *o, const real *c, const real *norm, int64_t H, real mean, real rstd, real *out,
                             real *h_next, int64_t n)
{
    vf seen = vf_load_part(c, n);
    if (norm) seen = (seen - mean) * rstd * vf_load_part(norm, n) + vf_load_part(norm + H, n);
    const vf h = vf_load_part(o, n) * vf_tanh(seen);
    vf_store_part(out, n, h);
    vf_store_part(h_next, n, h);
}

static void lstm_measure(const real *c, int64_t H, real *mean, real *rstd)
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
    const int64_t H = r->net.units;
    const real *p = r->cell_weights, *norm = r->norm_carried;
    for (int64_t j = s->first; j < s->last; j++) {
        real *gates = s->gates + j * 4 * H, *c_next = s->carried_next + j * H, mean = 0, rstd = 0;
        real *out = recurrent_output(r, s, j), *h_next = recurrent_h_next(r, s, j);
        const real *c = s->carried + j * H, *o = gates + 3 * H;
        if (norm) {
            EACH_UNITS(s, lstm_remember(p ? p + u : NULL, gates + u, H, c + u, c_next + u, n));
            lstm_measure(c_next, H, &mean, &rstd);
            EACH_UNITS(s, lstm_tell(o + u, c_next + u, norm + u, H, mean, rstd, out + u, h_next + u, n));
        } else {
            EACH_UNITS(s, {
                lstm_remember(p ? p + u : NULL, gates + u, H, c + u, c_next + u, n);
                lstm_tell(o + u, c_next + u, NULL, H, 0, 0, out + u, h_next + u, n);
            });
        }
    }
}

// c' = f c + i g: from dc, the gradient of c', and grad_o. `sums` gets what summed over all rows gives the gradients of
// the peepholes.
ALWAYS_INLINE void lstm_forget(const real *peephole, const real *gates, real *grad_gates, real *sums, int64_t H,
                               const real *c, real *grad_c, vf c_next, vf dc, vf grad_o, int64_t n)
{
    const vf i = vf_load_part(gates, n), f = vf_load_part(gates + H, n), g = vf_load_part(gates + 2 * H, n);
    const vf old = vf_load_part(c, n);
    dc += vf_load_part(grad_c, n);
    if (peephole) dc += grad_o * vf_load_part(peephole + 2 * H, n);
    const vf grad_i = dc * g * i * ((real)1 - i), grad_f = dc * old * f * ((real)1 - f);
    vf grad_old = dc * f;
    if (peephole) {
        grad_old += grad_i * vf_load_part(peephole, n) + grad_f * vf_load_part(peephole + H, n);
        vf_store_part(sums, n, grad_i * old);
        vf_store_part(sums + H, n, grad_f * old);
        vf_store_part(sums + 2 * H, n, grad_o * c_next);
    }
    vf_store_part(grad_gates, n, grad_i);
    vf_store_part(grad_gates + H, n, grad_f);
    vf_store_part(grad_gates + 2 * H, n, dc * i * ((real)1 - g * g));
    vf_store_part(grad_gates + 3 * H, n, grad_o);
    vf_store_part(grad_c, n, grad_old);
}

// c' once more, from the saved gates.
ALWAYS_INLINE vf lstm_next_c(const real *gates, int64_t H, const real *c, int64_t n)
{
    return vf_load_part(gates + H, n) * vf_load_part(c, n) + vf_load_part(gates, n) * vf_load_part(gates + 2 * H, n);
}

// h = o tanh(c')
ALWAYS_INLINE void lstm_units_backward(const real *peephole, const real *gates, real *grad_gates, real *sums, int64_t H,
                                       const real *c, const real *grad_h, real *grad_c, int64_t n)
{
    const vf o = vf_load_part(gates + 3 * H, n), c_next = lstm_next_c(gates, H, c, n), squashed = vf_tanh(c_next);
    const vf dh = vf_load_part(grad_h, n), dc = dh * o * ((real)1 - squashed * squashed);
    lstm_forget(peephole, gates, grad_gates, sums, H, c, grad_c, c_next, dc, dh * squashed * o * ((real)1 - o), n);
}

// h = o tanh(normal scale + shift), normal = (c' - mean) rstd: the gradients of scale and shift, and grad_o.
ALWAYS_INLINE void lstm_norm_units_backward(const real *norm, const real *gates, const real *c_next, real *normal,
                                            real *grad_o, real *grad_norm, int64_t H, const real *grad_h, real mean,
                                            real rstd, int64_t n)
{
    const vf o = vf_load_part(gates + 3 * H, n), x = (vf_load_part(c_next, n) - mean) * rstd;
    const vf dh = vf_load_part(grad_h, n);
    const vf squashed = vf_tanh(x * vf_load_part(norm, n) + vf_load_part(norm + H, n));
    const vf d = dh * o * ((real)1 - squashed * squashed);
    vf_store_part(normal, n, x);
    vf_store_part(grad_norm, n, d * x);
    vf_store_part(grad_norm + H, n, d);
    vf_store_part(grad_o, n, dh * squashed * o * ((real)1 - o));
}

// One row with the norm: c' and then `normal` wait where the gradients of f and i go.
static void lstm_norm_backward(const struct recurrence *r, const struct recurrent_step *s, const real *gates,
                               real *grad_gates, real *sums, const real *c, const real *grad_h, real *grad_c)
{
    const int64_t H = r->net.units;
    const real *p = r->cell_weights, *norm = r->norm_carried;
    real *normal = grad_gates, *c_next = grad_gates + H, *grad_o = grad_gates + 3 * H;
    real *grad_norm = sums + (p ? 3 * H : 0);
    real mean, rstd, along = 0, sum = 0;
    EACH_UNITS(s, vf_store_part(c_next + u, n, lstm_next_c(gates + u, H, c + u, n)));
    lstm_measure(c_next, H, &mean, &rstd);
    EACH_UNITS(s, lstm_norm_units_backward(norm + u, gates + u, c_next + u, normal + u, grad_o + u, grad_norm + u, H,
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
        lstm_forget(p ? p + u : NULL, gates + u, grad_gates + u, sums + u, H, c + u, grad_c + u,
                    vf_load_part(c_next + u, n), dc, vf_load_part(grad_o + u, n), n);
    });
}

static void lstm_cell_backward(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t H = r->net.units;
    const real *p = r->cell_weights;
    for (int64_t j = s->first; j < s->last; j++) {
        const real *gates = s->gates + j * 4 * H, *c = s->carried + j * H, *grad_h = s->grad_h + j * H;
        real *grad_gates = s->grad_gates + j * s->grad_row, *grad_c = s->grad_carried + j * H;
        real *sums = grad_gates + s->sums;
        if (r->norm_carried)
            lstm_norm_backward(r, s, gates, grad_gates, sums, c, grad_h, grad_c);
        else
            EACH_UNITS(s, lstm_units_backward(p ? p + u : NULL, gates + u, grad_gates + u, sums + u, H, c + u,
                                              grad_h + u, grad_c + u, n));
    }
}

// O numbers of h, H units.
struct recurrent_net lstm_net(int64_t O, int64_t H)
{
    return (struct recurrent_net){.h_size = O,
                                  .units = H,
                                  .columns = 4 * H,
                                  .input_columns = 4 * H,
                                  .carried = 1,
                                  .products = {{.rows = 4 * H, .adds = true}},
                                  .products_count = 1,
                                  .forward = lstm_cell,
                                  .backward = lstm_cell_backward};
}

// What forward and backward name alike.
#define LSTM(a)                                                                                                        \
    .net = lstm_net((a)->O, (a)->H), .weight_hr = (a)->weight_hr, .cell_weights = (a)->peephole,                       \
    .norm_carried = (a)->norm_cell, .zone_carried = RECURRENT_ZONE(a, zone_c), .carried_all = (real *)(a)->cells,      \
    .cell_output = (real *)(a)->cell_output

// out, h, c = h of all steps, and h and c after each sequence's last one. What follows is saved for backward.
//: lstm_forward(x~f[T,B,I], h0~f[B,O], c0~f[B,H], weight_ih:f[4H,I], weight_hh:f[4H,O], bias_ih?f[4H], bias_hh?f[4H],
//:     peephole?f[3,H], norm?f[4H], weight_hr?f[O,H], norm_cell?f[2,H], mask?f[B,O], zone_h~?f[T~,B~,O~],
//:     zone_c~?f[T~,B~,H~], lengths?i[B], rows:n>=0, out~+f[T,B,O], reverse:p=0, packed?f[S])
//:     -> h_last:f[B,O], c_last:f[B,H], gates?f[rows,4H], cells?f[rows,H], h_before?f[rows,O], cell_output?f[rows,H],
//:     normal?f[rows,4H], rstd?f[rows,4]
//:     where H > 0; O > 0; weight_hr or O == H; norm_cell needs norm; 0 <= lengths <= T; cell_output needs weight_hr;
//:     normal needs norm; rstd needs norm
KERNEL(lstm_forward)
{
    const struct recurrence r = {LSTM(a), RECURRENT_FORWARD(a),
                                 .carried = {{.first = a->c0, .first_row = a->c0_stride[0], .last = a->c_last}}};
    return recurrent_forward(&r);
}

// Gradients of lstm_forward, from those of out, h and c and what it saved.
//: lstm_backward(grad_out~?f[T,B,O], grad_h_last?f[B,O], grad_c_last?f[B,H], x~f[T,B,I], c0~f[B,H], weight_ih:f[4H,I],
//:     weight_hh:f[4H,O], peephole?f[3,H], norm?f[4H], weight_hr?f[O,H], norm_cell?f[2,H], mask?f[B,O],
//:     zone_h~?f[T~,B~,O~], zone_c~?f[T~,B~,H~], lengths?i[B], gates:f[R,4H], cells:f[R,H], h_before:f[R,O],
//:     cell_output?f[R,H], normal?f[R,4H], rstd?f[R,4], grad_x~+?f[T,B,I], reverse:p=0)
//:     -> grad_h0?f[B,O], grad_c0?f[B,H], grad_weight_ih?f[4H,I], grad_weight_hh?f[4H,O], grad_bias_ih?f[4H],
//:     grad_bias_hh?f[4H], grad_peephole?f[3,H], grad_norm?f[4H], grad_weight_hr?f[O,H], grad_norm_cell?f[2,H]
//:     where H > 0; O > 0; weight_hr or O == H; norm_cell needs norm; norm needs normal rstd;
//:     weight_hr needs cell_output; 0 <= lengths <= T; grad_peephole needs peephole; grad_norm needs norm;
//:     grad_weight_hr needs weight_hr; grad_norm_cell needs norm_cell
KERNEL(lstm_backward)
{
    const struct recurrence r = {LSTM(a), RECURRENT_BACKWARD(a),
                                 .carried = {{.first = a->c0, .first_row = a->c0_stride[0]}}};
    const struct recurrent_gradients g = {
        RECURRENT_GRADIENTS(a), .carried_last = {a->grad_c_last}, .carried_first = {a->grad_c0},
        .weight_hr = a->grad_weight_hr,
        .sums = {{a->peephole ? 3 * a->H : 0, a->grad_peephole}, {a->norm_cell ? 2 * a->H : 0, a->grad_norm_cell}}};
    return recurrent_backward(&r, &g);
}

// Packs the weights for lstm_forward and lstm_step.
//: lstm_pack(weight_ih:f[4H,I], weight_hh:f[4H,O], weight_hr?f[O,H]) -> packed:f[(4H+15)*I+4*(H+15)*O+(O+15)*H+64]
//:     where H > 0; O > 0; weight_hr or O == H
KERNEL(lstm_pack)
{
    const struct recurrence r = {RECURRENT_WEIGHTS(a), .net = lstm_net(a->O, a->H), .weight_hr = a->weight_hr,
                                 .packed_size = a->packed_size};
    recurrent_pack(&r, a->packed);
    return NULL;
}

// One step of L layers with the weights that lstm_pack packed, for eval: h0 and c0 are before, h_last and c_last
// after the step.
//: lstm_step(x:f[B,I], h0:f[L,B,O], c0:f[L,B,H], packed*f[], bias_ih?f[L,4H], bias_hh?f[L,4H], peephole?f[L,3,H],
//:     norm?f[L,4H], weight_hr?f[L,O,H], norm_cell?f[L,2,H], zoneout:d=0, residual:p=0)
//:     -> out:f[B,O], h_last:f[L,B,O], c_last:f[L,B,H]
//:     where H > 0; O > 0; L > 0; weight_hr or O == H; norm_cell needs norm; packed_count == L; 0 <= zoneout <= 1
KERNEL(lstm_step)
{
    const struct recurrence r = {
        RECURRENT_STREAM(a),         .net = lstm_net(a->O, a->H), .carried = {{.first = a->c0, .last = a->c_last}},
        .cell_weights = a->peephole, .weight_hr = a->weight_hr,   .norm_carried = a->norm_cell};
    const struct recurrent_stack stack = {RECURRENT_STACK(a), .cell_weights = 3 * a->H};
    return recurrent_stream(&r, &stack);
}
