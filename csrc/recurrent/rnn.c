// The vanilla recurrent net (Elman 1990) over whole sequences: h' = act(x W_ih^T + h W_hh^T + bias).
#include "recurrent/backward.h"
#include "recurrent/stream.h"
#include "rnn_args.h"

enum rnn_activation { RNN_TANH, RNN_RELU, RNN_SIGMOID };

ALWAYS_INLINE vf rnn_activate(int64_t activation, vf x)
{
    if (activation == RNN_TANH) return vf_tanh(x);
    return activation == RNN_RELU ? vf_max(vf_set(0), x) : vf_sigmoid(x);
}

ALWAYS_INLINE void rnn_units(int64_t activation, real *gates, real *out, real *after, int64_t n)
{
    const vf h = rnn_activate(activation, vf_load_part(gates, n));
    vf_store_part(gates, n, h);
    vf_store_part(out, n, h);
    vf_store_part(after, n, h);
}

static void rnn_cell(const struct recurrence *r, const struct recurrent_step *s)
{
    for (int64_t j = s->first; j < s->last; j++) {
        real *gates = s->gates + j * r->H, *out = recurrent_out(r, s, j), *after = recurrent_after(r, s, j);
        EACH_UNITS(s, rnn_units(r->form, gates + u, out + u, after + u, n));
    }
}

#define RNN_SHAPE(a)                                                                                                   \
    .H = (a)->H, .columns = (a)->H, .units = (a)->H, .input_columns = (a)->H,                                          \
    .spans = {{.rows = (a)->H, .adds = true}}, .spans_count = 1
#define RNN(a) RECURRENT_ARGUMENTS(a), RNN_SHAPE(a), .form = (a)->activation

static const char rnn_unknown[] = "activation is 0 (tanh), 1 (relu) or 2 (sigmoid)";

// out, h = the outputs of all steps and the states behind each row's last one. From gates on: for backward.
//: rnn_forward(x~f[T,B,I], h0~f[B,H], w_ih:f[H,I], w_hh:f[H,H], bias?f[H], norm?f[H], mask?f[B,H],
//:     zone_h~?f[T~,B~,H~], activation:n=0, lengths?i[B], rows:n>=0, out~+f[T,B,H], reverse:p=0, packed?f[S])
//:     -> h:f[B,H], gates?f[rows,H], before?f[rows,H], normal?f[rows,H], rstd?f[rows,1]
KERNEL(rnn_forward)
{
    if (a->activation < RNN_TANH || a->activation > RNN_SIGMOID) return rnn_unknown;
    struct recurrence r = {RNN(a), RECURRENT_FORWARD(a), .cell = rnn_cell};
    return recurrent_forward(&r);
}

// The derivative of h = act(.), from h.
ALWAYS_INLINE void rnn_units_backward(int64_t activation, const real *gates, const real *grad_h, real *grad_gates,
                                      int64_t n)
{
    const vf h = vf_load_part(gates, n), dh = vf_load_part(grad_h, n), one = vf_set(1);
    vf slope = h * (one - h); // of the sigmoid
    if (activation == RNN_TANH) slope = one - h * h;
    if (activation == RNN_RELU) slope = vf_select(h > 0, one, vf_select(h == h, vf_set(0), h));
    vf_store_part(grad_gates, n, dh * slope);
}

static void rnn_cell_backward(const struct recurrent_gradient *g, const struct recurrent_step *s)
{
    for (int64_t j = s->first; j < s->last; j++) {
        const real *gates = s->gates + j * g->r.H, *grad_h = s->grad_h + j * g->r.H;
        real *grad_gates = s->grad_gates + j * s->grad_row;
        EACH_UNITS(s, rnn_units_backward(g->r.form, gates + u, grad_h + u, grad_gates + u, n));
    }
}

// Gradients of rnn_forward, from those of out and h and what it saved.
//: rnn_backward(grad_out~?f[T,B,H], grad_h?f[B,H], x~f[T,B,I], w_ih:f[H,I], w_hh:f[H,H], norm?f[H], mask?f[B,H],
//:     zone_h~?f[T~,B~,H~], activation:n=0, lengths?i[B], gates:f[R,H], before:f[R,H], normal?f[R,H], rstd?f[R,1],
//:     grad_x~+?f[T,B,I], reverse:p=0)
//:     -> grad_h0?f[B,H], grad_w_ih?f[H,I], grad_w_hh?f[H,H], grad_bias?f[H], grad_norm?f[H]
KERNEL(rnn_backward)
{
    if (a->activation < RNN_TANH || a->activation > RNN_SIGMOID) return rnn_unknown;
    struct recurrent_gradient g = {.r = {RNN(a)}, RECURRENT_GRADIENTS(a), .cell = rnn_cell_backward};
    return recurrent_backward(&g);
}

// Packs the weights for rnn_forward and rnn_step.
//: rnn_pack(w_ih:f[H,I], w_hh:f[H,H]) -> packed:f[(H+15)*I+(H+15)*H+64]
KERNEL(rnn_pack)
{
    const struct recurrence r = {RNN_SHAPE(a), .I = a->I, .w_ih = a->w_ih, .w_hh = a->w_hh,
                                 .packed_size = (a->H + 15) * a->I + (a->H + 15) * a->H + 64};
    return recurrent_pack(&r, a->packed);
}

// One step of L layers, as lstm_step.
//: rnn_step(x:f[B,I], h:f[L,B,H], packed*f[], bias?f[L,H], norm?f[L,H], activation:n=0, zoneout:d=0, residual:p=0)
//:     -> out:f[B,H], h_after:f[L,B,H]
KERNEL(rnn_step)
{
    if (a->L != a->packed_count) return recurrent_layers_differ;
    if (a->activation < RNN_TANH || a->activation > RNN_SIGMOID) return rnn_unknown;
    const struct recurrence r = {RECURRENT_STREAM_ARGUMENTS(a), RNN_SHAPE(a), .form = a->activation, .cell = rnn_cell};
    const struct recurrent_stack stack = {RECURRENT_STACK(a)};
    return recurrent_stream(&r, &stack);
}
