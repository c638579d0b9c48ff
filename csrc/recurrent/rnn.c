// The vanilla recurrent net (Elman 1990) over whole sequences: h' = act(x W_ih^T + h W_hh^T + biases).
#include "recurrent/recurrent.h"
#include "rnn_args.h"

//= nonlinearity tanh relu sigmoid

ALWAYS_INLINE vf rnn_activate(int64_t nonlinearity, vf x)
{
    if (nonlinearity == RNN_TANH) return vf_tanh(x);
    return nonlinearity == RNN_RELU ? vf_max(vf_set(0), x) : vf_sigmoid(x);
}

ALWAYS_INLINE void rnn_units(int64_t nonlinearity, real *gates, real *out, real *h_next, int64_t n)
{
    const vf h = rnn_activate(nonlinearity, vf_load_part(gates, n));
    vf_store_part(gates, n, h);
    vf_store_part(out, n, h);
    vf_store_part(h_next, n, h);
}

static void rnn_cell(const struct recurrence *r, const struct recurrent_step *s)
{
    for (int64_t j = s->first; j < s->last; j++) {
        real *gates = s->gates + j * r->net.units;
        real *out = recurrent_output(r, s, j), *h_next = recurrent_h_next(r, s, j);
        EACH_UNITS(s, rnn_units(r->net.variant, gates + u, out + u, h_next + u, n));
    }
}

// The derivative of h = act(.), from h.
ALWAYS_INLINE void rnn_units_backward(int64_t nonlinearity, const real *gates, const real *grad_h, real *grad_gates,
                                      int64_t n)
{
    const vf h = vf_load_part(gates, n), dh = vf_load_part(grad_h, n), one = vf_set(1);
    vf slope = h * (one - h); // of the sigmoid
    if (nonlinearity == RNN_TANH) slope = one - h * h;
    if (nonlinearity == RNN_RELU) slope = vf_select(h > 0, one, vf_select(h == h, vf_set(0), h));
    vf_store_part(grad_gates, n, dh * slope);
}

static void rnn_cell_backward(const struct recurrence *r, const struct recurrent_step *s)
{
    for (int64_t j = s->first; j < s->last; j++) {
        const real *gates = s->gates + j * r->net.units, *grad_h = s->grad_h + j * r->net.units;
        real *grad_gates = s->grad_gates + j * s->grad_row;
        EACH_UNITS(s, rnn_units_backward(r->net.variant, gates + u, grad_h + u, grad_gates + u, n));
    }
}

struct recurrent_net rnn_net(int64_t H, int64_t nonlinearity)
{
    return (struct recurrent_net){.variant = nonlinearity,
                                  .h_size = H,
                                  .units = H,
                                  .columns = H,
                                  .input_columns = H,
                                  .products = {{.rows = H, .adds = true}},
                                  .products_count = 1,
                                  .forward = rnn_cell,
                                  .backward = rnn_cell_backward};
}

// out, h = h of all steps, and after each sequence's last one. What follows is saved for backward.
//: rnn_forward(x~f[T,B,I], h0~f[B,H], weight_ih:f[H,I], weight_hh:f[H,H], bias_ih?f[H], bias_hh?f[H], norm?f[H],
//:     mask?f[B,H], zone_h~?f[T~,B~,H~], nonlinearity:n=0, lengths?i[B], rows:n>=0, out~+f[T,B,H], reverse:p=0,
//:     packed?f[S]) -> h_last:f[B,H], gates?f[rows,H], h_before?f[rows,H], normal?f[rows,H], rstd?f[rows,1]
//:     where H > 0; nonlinearity in nonlinearity; 0 <= lengths <= T; normal needs norm; rstd needs norm
KERNEL(rnn_forward)
{
    const struct recurrence r = {RECURRENT_FORWARD(a), .net = rnn_net(a->H, a->nonlinearity)};
    return recurrent_forward(&r);
}

// Gradients of rnn_forward, from those of out and h and what it saved.
//: rnn_backward(grad_out~?f[T,B,H], grad_h_last?f[B,H], x~f[T,B,I], weight_ih:f[H,I], weight_hh:f[H,H], norm?f[H],
//:     mask?f[B,H], zone_h~?f[T~,B~,H~], nonlinearity:n=0, lengths?i[B], gates:f[R,H], h_before:f[R,H], normal?f[R,H],
//:     rstd?f[R,1], grad_x~+?f[T,B,I], reverse:p=0)
//:     -> grad_h0?f[B,H], grad_weight_ih?f[H,I], grad_weight_hh?f[H,H], grad_bias_ih?f[H], grad_bias_hh?f[H],
//:     grad_norm?f[H]
//:     where H > 0; nonlinearity in nonlinearity; 0 <= lengths <= T; norm needs normal rstd; grad_norm needs norm
KERNEL(rnn_backward)
{
    const struct recurrence r = {RECURRENT_BACKWARD(a), .net = rnn_net(a->H, a->nonlinearity)};
    const struct recurrent_gradients g = {RECURRENT_GRADIENTS(a)};
    return recurrent_backward(&r, &g);
}

// Packs the weights for rnn_forward and rnn_step.
//: rnn_pack(weight_ih:f[H,I], weight_hh:f[H,H]) -> packed:f[(H+15)*I+(H+15)*H+64] where H > 0
KERNEL(rnn_pack)
{
    const struct recurrence r = {RECURRENT_WEIGHTS(a), .net = rnn_net(a->H, RNN_TANH), .packed_size = a->packed_size};
    recurrent_pack(&r, a->packed);
    return NULL;
}

// One step of L layers, as lstm_step.
//: rnn_step(x:f[B,I], h0:f[L,B,H], packed*f[], bias_ih?f[L,H], bias_hh?f[L,H], norm?f[L,H], nonlinearity:n=0,
//:     zoneout:d=0, residual:p=0) -> out:f[B,H], h_last:f[L,B,H]
//:     where H > 0; L > 0; nonlinearity in nonlinearity; packed_count == L; 0 <= zoneout <= 1
KERNEL(rnn_step)
{
    const struct recurrence r = {RECURRENT_STREAM(a), .net = rnn_net(a->H, a->nonlinearity)};
    const struct recurrent_stack stack = {RECURRENT_STACK(a)};
    return recurrent_stream(&r, &stack);
}
