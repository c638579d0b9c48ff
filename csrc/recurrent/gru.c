// GRU over whole sequences, gates r, z, n; r, z = sigmoid(x W_ih^T + h W_hh^T + bias), and
//     form 0, PyTorch's:                   n = tanh(x W_in^T + b_in + r (h W_hn^T + b_hn)),  h' = (1 - z) n + z h
//     form 1, Cho et al. 2014:             n = tanh(x W_in^T + b_in + (r h) W_hn^T + b_hn),  h' = (1 - z) n + z h
//     form 2, Chung et al. 2014, "update": n as in form 1,                                   h' = z n + (1 - z) h
// A row of gates holds r, z, n and h's part of n.
#include "gru_args.h"
#include "recurrent/backward.h"
#include "recurrent/stream.h"

enum gru_form { GRU_PYTORCH, GRU_CHO, GRU_UPDATE };

ALWAYS_INLINE void gru_units(int64_t form, real *gates, int64_t H, const real *before, real *out, real *after,
                             int64_t n)
{
    const vf z = vf_sigmoid(vf_load_part(gates + H, n)), old = vf_load_part(before, n);
    vf candidate = vf_load_part(gates + 3 * H, n);
    if (form == GRU_PYTORCH) { // else r is there already: gru_reset
        const vf r = vf_sigmoid(vf_load_part(gates, n));
        candidate *= r;
        vf_store_part(gates, n, r);
    }
    candidate = vf_tanh(candidate + vf_load_part(gates + 2 * H, n));
    const vf h = form == GRU_UPDATE ? old + z * (candidate - old) : candidate + z * (old - candidate);
    vf_store_part(gates + H, n, z);
    vf_store_part(gates + 2 * H, n, candidate);
    vf_store_part(out, n, h);
    vf_store_part(after, n, h);
}

static void gru_cell(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t H = r->H;
    for (int64_t j = s->first; j < s->last; j++) {
        real *gates = s->gates + j * 4 * H, *out = recurrent_out(r, s, j), *after = recurrent_after(r, s, j);
        const real *before = recurrent_h_before(r, s->step, j);
        EACH_UNITS(s, gru_units(r->form, gates + u, H, before + u, out + u, after + u, n));
    }
}

// r h, for forms 1 and 2.
ALWAYS_INLINE void gru_reset_units(real *gates, const real *before, real *to, int64_t n)
{
    const vf r = vf_sigmoid(vf_load_part(gates, n));
    vf_store_part(gates, n, r);
    vf_store_part(to, n, r * vf_load_part(before, n));
}

static void gru_reset(const struct recurrence *r, const struct recurrent_step *s)
{
    for (int64_t j = s->first; j < s->last; j++) {
        real *gates = s->gates + j * 4 * r->H, *to = s->memory_after + j * r->H;
        const real *before = s->before + j * r->H;
        EACH_UNITS(s, gru_reset_units(gates + u, before + u, to + u, n));
    }
}

#define GRU_SHAPE(a)                                                                                                   \
    .H = (a)->H, .columns = 4 * (a)->H, .units = (a)->H, .input_columns = 3 * (a)->H, .spans_count = 2,                \
    .spans = {{.rows = 2 * (a)->H, .adds = true}, {.column = 3 * (a)->H, .row = 2 * (a)->H, .rows = (a)->H}}
#define GRU_FORM(a)                                                                                                    \
    .memory = (a)->form == GRU_PYTORCH ? 0 : (a)->H, .form = (a)->form,                                                \
    .middle = (a)->form == GRU_PYTORCH ? NULL : gru_reset
#define GRU(a) RECURRENT_ARGUMENTS(a), GRU_SHAPE(a), GRU_FORM(a), .memories = (real *)(a)->resets

// What does not go together, or NULL.
static const char *gru_check(int64_t form, const real *norm)
{
    if (form < GRU_PYTORCH || form > GRU_UPDATE) return "form is 0 (pytorch), 1 (cho2014) or 2 (update)";
    return norm && form != GRU_PYTORCH ? "norm goes with form 0 (pytorch) only" : NULL;
}

// out, h = the outputs of all steps and the states behind each row's last one. From gates on: for backward (resets, r
// h, with forms 1 and 2 only).
//: gru_forward(x~f[T,B,I], h0~f[B,H], w_ih:f[3H,I], w_hh:f[3H,H], bias?f[3H], bias_n?f[H], norm?f[4H], mask?f[B,H],
//:     zone_h~?f[T~,B~,H~], form:n=0, lengths?i[B], rows:n>=0, out~+f[T,B,H], reverse:p=0, packed?f[S])
//:     -> h:f[B,H], gates?f[rows,4H], resets?f[rows,H], before?f[rows,H], normal?f[rows,4H], rstd?f[rows,4]
KERNEL(gru_forward)
{
    const char *error = gru_check(a->form, a->norm);
    if (error) return error;
    struct recurrence r = {GRU(a), RECURRENT_FORWARD(a), .cell = gru_cell};
    r.spans[1].bias = a->bias_n;
    return recurrent_forward(&r);
}

// h' = n + z (h - n) or h + z (n - h), n = tanh(n_x + r n_h) or tanh(n_x + n_h)
ALWAYS_INLINE void gru_units_backward(int64_t form, const real *gates, real *grad_gates, int64_t H, const real *before,
                                      real *grad_h, int64_t n)
{
    const vf r = vf_load_part(gates, n), z = vf_load_part(gates + H, n), candidate = vf_load_part(gates + 2 * H, n);
    const vf dh = vf_load_part(grad_h, n), old = vf_load_part(before, n), one = vf_set(1);
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

static void gru_cell_backward(const struct recurrent_gradient *g, const struct recurrent_step *s)
{
    const int64_t H = g->r.H;
    for (int64_t j = s->first; j < s->last; j++) {
        const real *gates = s->gates + j * 4 * H, *before = recurrent_h_before(&g->r, s->step, j);
        real *grad_gates = s->grad_gates + j * s->grad_row, *grad_h = s->grad_h + j * H;
        EACH_UNITS(s, gru_units_backward(g->r.form, gates + u, grad_gates + u, H, before + u, grad_h + u, n));
    }
}

// The derivative of r h (h masked) in front of the product.
ALWAYS_INLINE void gru_reset_units_backward(const real *gates, const real *before, const real *mask, const real *grad,
                                            real *grad_gates, real *grad_h, int64_t n)
{
    const vf r = vf_load_part(gates, n), d = vf_load_part(grad, n);
    vf_store_part(grad_gates, n, d * vf_load_part(before, n) * r * ((real)1 - r));
    vf back = d * r;
    if (mask) back *= vf_load_part(mask, n);
    vf_store_part(grad_h, n, vf_load_part(grad_h, n) + back);
}

static void gru_reset_backward(const struct recurrent_gradient *g, const struct recurrent_step *s)
{
    const int64_t H = g->r.H;
    for (int64_t j = s->first; j < s->last; j++) {
        const real *gates = s->gates + j * 4 * H, *before = s->before + j * H, *grad = s->grad_memory + j * H;
        const real *mask = g->r.mask ? g->r.mask + g->r.order[j] * H : NULL;
        real *grad_gates = s->grad_gates + j * s->grad_row, *grad_h = s->grad_h + j * H;
        EACH_UNITS(s, gru_reset_units_backward(gates + u, before + u, mask ? mask + u : NULL, grad + u, grad_gates + u,
                                               grad_h + u, n));
    }
}

// Gradients of gru_forward, from those of out and h and what it saved and returned.
//: gru_backward(grad_out~?f[T,B,H], grad_h?f[B,H], x~f[T,B,I], h0~f[B,H], w_ih:f[3H,I], w_hh:f[3H,H], norm?f[4H],
//:     mask?f[B,H], zone_h~?f[T~,B~,H~], form:n=0, lengths?i[B], out~f[T,B,H], gates:f[R,4H], resets?f[R,H],
//:     before:f[R,H], normal?f[R,4H], rstd?f[R,4], grad_x~+?f[T,B,I], reverse:p=0)
//:     -> grad_h0?f[B,H], grad_w_ih?f[3H,I], grad_w_hh?f[3H,H], grad_bias?f[3H], grad_bias_n?f[H], grad_norm?f[4H]
KERNEL(gru_backward)
{
    const char *error = gru_check(a->form, a->norm);
    if (error) return error;
    if (a->form != GRU_PYTORCH && !a->resets) return "forms 1 and 2 need resets";
    struct recurrent_gradient g = {.r = {GRU(a)},
                                   RECURRENT_GRADIENTS(a),
                                   .cell = gru_cell_backward,
                                   .middle = a->form == GRU_PYTORCH ? NULL : gru_reset_backward,
                                   .direct = true,
                                   .span_bias = {NULL, a->grad_bias_n}};
    g.r.h0 = a->h0, g.r.h0_row = a->h0_stride[0];
    g.r.out = (real *)a->out, g.r.out_time = a->out_stride[0], g.r.out_batch = a->out_stride[1];
    return recurrent_backward(&g);
}

// Packs the weights for gru_forward and gru_step.
//: gru_pack(w_ih:f[3H,I], w_hh:f[3H,H]) -> packed:f[(3H+15)*I+3*(H+15)*H+64]
KERNEL(gru_pack)
{
    const struct recurrence r = {GRU_SHAPE(a), .I = a->I, .w_ih = a->w_ih, .w_hh = a->w_hh,
                                 .packed_size = (3 * a->H + 15) * a->I + 3 * (a->H + 15) * a->H + 64};
    return recurrent_pack(&r, a->packed);
}

// One step of L layers, as lstm_step.
//: gru_step(x:f[B,I], h:f[L,B,H], packed*f[], bias?f[L,3H], bias_n?f[L,H], norm?f[L,4H], form:n=0, zoneout:d=0,
//:     residual:p=0) -> out:f[B,H], h_after:f[L,B,H]
KERNEL(gru_step)
{
    if (a->L != a->packed_count) return recurrent_layers_differ;
    const char *error = gru_check(a->form, a->norm);
    if (error) return error;
    struct recurrence r = {RECURRENT_STREAM_ARGUMENTS(a), GRU_SHAPE(a), GRU_FORM(a), .cell = gru_cell};
    r.spans[1].bias = a->bias_n;
    const struct recurrent_stack stack = {RECURRENT_STACK(a)};
    return recurrent_stream(&r, &stack);
}
