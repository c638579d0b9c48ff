// LSTM over whole sequences (Hochreiter and Schmidhuber 1997; Gers et al. 2000), gates i, f, g, o as in PyTorch:
//     i, f, o = sigmoid(.), g = tanh(.) of x W_ih^T + h W_hh^T + bias;  c' = f c + i g;  h = o tanh(c')
// With peepholes (Gers and Schmidhuber 2000) i and f also see c, o sees c', each through a weight a unit.
#include "recurrent_backward.h"
#include "recurrent_forward.h"

ALWAYS_INLINE void lstm_units(const real *peephole, real *gates, int64_t H, const real *memory, real *memory_after,
                              real *out, real *after, int64_t n)
{
    const vf old = vf_load_part(memory, n);
    vf i = vf_load_part(gates, n), f = vf_load_part(gates + H, n), o = vf_load_part(gates + 3 * H, n);
    if (peephole) i += vf_load_part(peephole, n) * old, f += vf_load_part(peephole + H, n) * old;
    i = vf_sigmoid(i), f = vf_sigmoid(f);
    const vf g = vf_tanh(vf_load_part(gates + 2 * H, n)), c = f * old + i * g;
    if (peephole) o += vf_load_part(peephole + 2 * H, n) * c;
    o = vf_sigmoid(o);
    const vf h = o * vf_tanh(c);
    vf_store_part(gates, n, i);
    vf_store_part(gates + H, n, f);
    vf_store_part(gates + 2 * H, n, g);
    vf_store_part(gates + 3 * H, n, o);
    vf_store_part(memory_after, n, c);
    vf_store_part(out, n, h);
    vf_store_part(after, n, h);
}

static void lstm_cell(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t H = r->H;
    const real *p = r->own;
    for (int64_t j = s->first; j < s->last; j++) {
        real *gates = s->gates + j * 4 * H, *c = s->memory_after + j * H, *out = recurrent_out(r, s, j);
        real *after = recurrent_after(r, s, j);
        const real *memory = s->memory + j * H;
        EACH_UNITS(s, lstm_units(p ? p + u : NULL, gates + u, H, memory + u, c + u, out + u, after + u, n));
    }
}

#define LSTM(a)                                                                                                        \
    RECURRENT_ARGUMENTS(a), .columns = 4 * (a)->H, .units = (a)->H, .memory = (a)->H, .input_columns = 4 * (a)->H,     \
        .spans = {{.rows = 4 * (a)->H, .adds = true}}, .spans_count = 1, .memory0 = (a)->c0,                           \
        .memory0_row = (a)->c0_stride[0], .memories = (real *)(a)->cells, .own = (a)->peephole,                        \
        .zone_memory = RECURRENT_ZONE(a, zone_c)

// out, h, c = the outputs of all steps and the states behind each row's last one. From gates on: for backward.
//: lstm_forward(x~f[T,B,I], h0~f[B,H], c0~f[B,H], w_ih:f[4H,I], w_hh:f[4H,H], bias?f[4H], peephole?f[3,H], norm?f[4H],
//:     mask?f[B,H], zone_h~?f[T~,B~,H~], zone_c~?f[T~,B~,H~], lengths?i[B], rows:n>=0, out~+f[T,B,H], reverse:p=0,
//:     packed?f[P]) -> h:f[B,H], c:f[B,H], gates?f[rows,4H], cells?f[rows,H], before?f[rows,H], normal?f[rows,4H],
//:     rstd?f[rows,4]
KERNEL(lstm_forward)
{
    struct recurrence r = {LSTM(a), RECURRENT_FORWARD(a), .memory_last = a->c, .cell = lstm_cell};
    return recurrent_forward(&r);
}

// c' = f c + i g, h = o tanh(c'); the sums of `extra` over all rows are the gradients of the peepholes.
ALWAYS_INLINE void lstm_units_backward(const real *peephole, const real *gates, real *grad_gates, real *extra,
                                       int64_t H, const real *memory, const real *grad_h, real *grad_memory, int64_t n)
{
    const vf i = vf_load_part(gates, n), f = vf_load_part(gates + H, n);
    const vf g = vf_load_part(gates + 2 * H, n), o = vf_load_part(gates + 3 * H, n);
    const vf old = vf_load_part(memory, n), c = f * old + i * g, squashed = vf_tanh(c), dh = vf_load_part(grad_h, n);
    const vf grad_o = dh * squashed * o * ((real)1 - o);
    vf dc = vf_load_part(grad_memory, n) + dh * o * ((real)1 - squashed * squashed);
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

static void lstm_cell_backward(const struct recurrent_gradient *g, const struct recurrent_step *s)
{
    const int64_t H = g->r.H;
    const real *p = g->r.own;
    for (int64_t j = s->first; j < s->last; j++) {
        const real *gates = s->gates + j * 4 * H, *memory = s->memory + j * H, *grad_h = s->grad_h + j * H;
        real *grad_gates = s->grad_gates + j * s->grad_row, *grad_memory = s->grad_memory + j * H;
        EACH_UNITS(s, lstm_units_backward(p ? p + u : NULL, gates + u, grad_gates + u, grad_gates + s->extra + u, H,
                                          memory + u, grad_h + u, grad_memory + u, n));
    }
}

// Gradients of lstm_forward, from those of out, h and c and what it saved.
//: lstm_backward(grad_out~?f[T,B,H], grad_h?f[B,H], grad_c?f[B,H], x~f[T,B,I], c0~f[B,H], w_ih:f[4H,I], w_hh:f[4H,H],
//:     peephole?f[3,H], norm?f[4H], mask?f[B,H], zone_h~?f[T~,B~,H~], zone_c~?f[T~,B~,H~], lengths?i[B],
//:     gates:f[R,4H], cells:f[R,H], before:f[R,H], normal?f[R,4H], rstd?f[R,4], grad_x~+?f[T,B,I], reverse:p=0)
//:     -> grad_h0?f[B,H], grad_c0?f[B,H], grad_w_ih?f[4H,I], grad_w_hh?f[4H,H], grad_bias?f[4H],
//:     grad_peephole?f[3,H], grad_norm?f[4H]
KERNEL(lstm_backward)
{
    struct recurrent_gradient g = {.r = {LSTM(a)},
                                   RECURRENT_GRADIENTS(a),
                                   .cell = lstm_cell_backward,
                                   .memory = a->grad_c,
                                   .grad_memory0 = a->grad_c0,
                                   .extra = a->peephole ? 3 * a->H : 0,
                                   .grad_extra = a->peephole ? a->grad_peephole : NULL};
    return recurrent_backward(&g);
}

// Packs the weights for lstm_forward.
//: lstm_pack(w_ih:f[4H,I], w_hh:f[4H,H]) -> packed:f[(4H+15)*I+4*(H+15)*H+64]
KERNEL(lstm_pack)
{
    const struct recurrence r = {.I = a->I,
                                 .H = a->H,
                                 .columns = 4 * a->H,
                                 .units = a->H,
                                 .input_columns = 4 * a->H,
                                 .spans = {{.rows = 4 * a->H, .adds = true}},
                                 .spans_count = 1,
                                 .w_ih = a->w_ih,
                                 .w_hh = a->w_hh,
                                 .packed_size = (4 * a->H + 15) * a->I + 4 * (a->H + 15) * a->H + 64};
    return recurrent_pack(&r, a->packed);
}
