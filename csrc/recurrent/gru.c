// GRU over whole sequences, gates r, z, n; r, z = sigmoid(x W_ih^T + h W_hh^T + biases), and
//     pytorch:                        n = tanh(x W_in^T + b_in + r (h W_hn^T + b_hn)),  h' = (1 - z) n + z h
//     cho2014 (Cho et al. 2014):      n = tanh(x W_in^T + b_in + (r h) W_hn^T + b_hn),  h' = (1 - z) n + z h
//     update (Chung et al. 2014):     n as in cho2014,                                  h' = z n + (1 - z) h
// A row of gates holds r, z, n and h's part of n.
#include "gru_args.h"
#include "recurrent/recurrent.h"

//= form pytorch cho2014 update

ALWAYS_INLINE void gru_units(int64_t form, real *gates, int64_t H, const real *h, real *out, real *h_next, int64_t n)
{
    const vf z = vf_sigmoid(vf_load_part(gates + H, n)), old = vf_load_part(h, n);
    vf candidate = vf_load_part(gates + 3 * H, n);
    if (form == GRU_PYTORCH) { // else r is there already: gru_reset
        const vf r = vf_sigmoid(vf_load_part(gates, n));
        candidate *= r;
        vf_store_part(gates, n, r);
    }
    candidate = vf_tanh(candidate + vf_load_part(gates + 2 * H, n));
    const vf now = form == GRU_UPDATE ? old + z * (candidate - old) : candidate + z * (old - candidate);
    vf_store_part(gates + H, n, z);
    vf_store_part(gates + 2 * H, n, candidate);
    vf_store_part(out, n, now);
    vf_store_part(h_next, n, now);
}

static void gru_cell(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t H = r->net.units;
    for (int64_t j = s->first; j < s->last; j++) {
        real *gates = s->gates + j * 4 * H, *out = recurrent_output(r, s, j), *h_next = recurrent_h_next(r, s, j);
        const real *h = recurrent_unmasked_h(r, s, j);
        EACH_UNITS(s, gru_units(r->net.variant, gates + u, H, h + u, out + u, h_next + u, n));
    }
}

// r h, for the forms but pytorch.
ALWAYS_INLINE void gru_reset_units(real *gates, const real *h, real *to, int64_t n)
{
    const vf r = vf_sigmoid(vf_load_part(gates, n));
    vf_store_part(gates, n, r);
    vf_store_part(to, n, r * vf_load_part(h, n));
}

static void gru_reset(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t H = r->net.units;
    for (int64_t j = s->first; j < s->last; j++) {
        real *gates = s->gates + j * 4 * H, *to = s->carried_next + j * H;
        const real *h = s->h + j * H;
        EACH_UNITS(s, gru_reset_units(gates + u, h + u, to + u, n));
    }
}

// h' = n + z (h - n) or h + z (n - h), n = tanh(n_x + r n_h) or tanh(n_x + n_h)
ALWAYS_INLINE void gru_units_backward(int64_t form, const real *gates, real *grad_gates, int64_t H, const real *h,
                                      real *grad_h, int64_t n)
{
    const vf r = vf_load_part(gates, n), z = vf_load_part(gates + H, n), candidate = vf_load_part(gates + 2 * H, n);
    const vf dh = vf_load_part(grad_h, n), old = vf_load_part(h, n), one = vf_set(1);
    vf kept = z, change = old - candidate;
    if (form == GRU_UPDATE) kept = one - z, change = candidate - old;
    const vf dn = dh * (one - kept) * (one - candidate * candidate);
    vf grad_product = dn;
    if (form == GRU_PYTORCH) { // else: gru_reset_backward
        vf_store_part(grad_gates, n, dn * vf_load_part(gates + 3 * H, n) * r * (one - r));
        grad_product *= r;
    }
    vf_store_part(grad_gates + H, n, dh * change * z * (one - z));
    vf_store_part(grad_gates + 2 * H, n, dn);
    vf_store_part(grad_gates + 3 * H, n, grad_product);
    vf_store_part(grad_h, n, dh * kept);
}

static void gru_cell_backward(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t H = r->net.units;
    for (int64_t j = s->first; j < s->last; j++) {
        const real *gates = s->gates + j * 4 * H, *h = recurrent_unmasked_h(r, s, j);
        real *grad_gates = s->grad_gates + j * s->grad_row, *grad_h = s->grad_h + j * H;
        EACH_UNITS(s, gru_units_backward(r->net.variant, gates + u, grad_gates + u, H, h + u, grad_h + u, n));
    }
}

// The derivative of r h (h masked), which is in `grad`.
ALWAYS_INLINE void gru_reset_units_backward(const real *gates, const real *h, const real *mask, const real *grad,
                                            real *grad_gates, real *grad_h, int64_t n)
{
    const vf r = vf_load_part(gates, n), d = vf_load_part(grad, n);
    vf_store_part(grad_gates, n, d * vf_load_part(h, n) * r * ((real)1 - r));
    vf back = d * r;
    if (mask) back *= vf_load_part(mask, n);
    vf_store_part(grad_h, n, vf_load_part(grad_h, n) + back);
}

static void gru_reset_backward(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t H = r->net.units;
    for (int64_t j = s->first; j < s->last; j++) {
        const real *gates = s->gates + j * 4 * H, *h = s->h + j * H, *grad = s->grad_carried + j * H;
        const real *mask = r->mask ? r->mask + s->schedule->order[j] * H : NULL;
        real *grad_gates = s->grad_gates + j * s->grad_row, *grad_h = s->grad_h + j * H;
        EACH_UNITS(s, gru_reset_units_backward(gates + u, h + u, mask ? mask + u : NULL, grad + u, grad_gates + u,
                                               grad_h + u, n));
    }
}

struct recurrent_net gru_net(int64_t H, int64_t form)
{
    const bool resets = form != GRU_PYTORCH; // h before the product
    return (struct recurrent_net){
        .variant = form,
        .h_size = H,
        .units = H,
        .columns = 4 * H,
        .input_columns = 3 * H,
        .carried = resets,
        .products = {{.rows = 2 * H, .adds = true}, {.column = 3 * H, .row = 2 * H, .rows = H}},
        .products_count = 2,
        .forward = gru_cell,
        .between = resets ? gru_reset : NULL,
        .backward = gru_cell_backward,
        .between_backward = gru_reset_backward,
        .h_is_direct = true};
}

// out, h = h of all steps, and after each sequence's last one. What follows is saved for backward; resets are r h.
//: gru_forward(x~f[T,B,I], h0~f[B,H], weight_ih:f[3H,I], weight_hh:f[3H,H], bias_ih?f[3H], bias_hh?f[3H], norm?f[4H],
//:     mask?f[B,H], zone_h~?f[T~,B~,H~], form:n=0, lengths?i[B], rows:n>=0, out~+f[T,B,H], reverse:p=0, packed?f[S])
//:     -> h_last:f[B,H], gates?f[rows,4H], resets?f[rows,H], h_before?f[rows,H], normal?f[rows,4H], rstd?f[rows,4]
//:     where H > 0; form in form; not norm or form == form.pytorch; 0 <= lengths <= T;
//:     not resets or form != form.pytorch; normal needs norm; rstd needs norm
KERNEL(gru_forward)
{
    const struct recurrence r = {RECURRENT_FORWARD(a), .net = gru_net(a->H, a->form), .carried_all = a->resets};
    return recurrent_forward(&r);
}

// Gradients of gru_forward, from those of out and h and what it saved and returned.
//: gru_backward(grad_out~?f[T,B,H], grad_h_last?f[B,H], x~f[T,B,I], h0~f[B,H], weight_ih:f[3H,I], weight_hh:f[3H,H],
//:     norm?f[4H], mask?f[B,H], zone_h~?f[T~,B~,H~], form:n=0, lengths?i[B], out~f[T,B,H], gates:f[R,4H],
//:     resets?f[R,H], h_before:f[R,H], normal?f[R,4H], rstd?f[R,4], grad_x~+?f[T,B,I], reverse:p=0)
//:     -> grad_h0?f[B,H], grad_weight_ih?f[3H,I], grad_weight_hh?f[3H,H], grad_bias_ih?f[3H], grad_bias_hh?f[3H],
//:     grad_norm?f[4H]
//:     where H > 0; form in form; not norm or form == form.pytorch; 0 <= lengths <= T; resets or form == form.pytorch;
//:     norm needs normal rstd; grad_norm needs norm
KERNEL(gru_backward)
{
    const struct recurrence r = {
        RECURRENT_BACKWARD(a),          .net = gru_net(a->H, a->form),   .h_first = a->h0,
        .h_first_row = a->h0_stride[0], .out = (real *)a->out,           .out_time = a->out_stride[0],
        .out_batch = a->out_stride[1],  .carried_all = (real *)a->resets};
    const struct recurrent_gradients g = {RECURRENT_GRADIENTS(a)};
    return recurrent_backward(&r, &g);
}

// Packs the weights for gru_forward and gru_step.
//: gru_pack(weight_ih:f[3H,I], weight_hh:f[3H,H]) -> packed:f[(3H+15)*I+3*(H+15)*H+64] where H > 0
KERNEL(gru_pack)
{
    const struct recurrence r = {RECURRENT_WEIGHTS(a), .net = gru_net(a->H, GRU_PYTORCH),
                                 .packed_size = a->packed_size};
    recurrent_pack(&r, a->packed);
    return NULL;
}

// One step of L layers, as lstm_step.
//: gru_step(x:f[B,I], h0:f[L,B,H], packed*f[], bias_ih?f[L,3H], bias_hh?f[L,3H], norm?f[L,4H], form:n=0, zoneout:d=0,
//:     residual:p=0) -> out:f[B,H], h_last:f[L,B,H]
//:     where H > 0; L > 0; form in form; not norm or form == form.pytorch; packed_count == L; 0 <= zoneout <= 1
KERNEL(gru_step)
{
    const struct recurrence r = {RECURRENT_STREAM(a), .net = gru_net(a->H, a->form)};
    const struct recurrent_stack stack = {RECURRENT_STACK(a)};
    return recurrent_stream(&r, &stack);
}
