// Short/long-memory net over whole sequences. Both memories of M units share a candidate and have their own gates, in
// the order i_s, f_s, i_l, f_l, g, o [, o_l]:
//     i, f, o = sigmoid(.), g = tanh(.) of x W_ih^T + h W_hh^T + biases;  C_s' = f_s C_s + i_s g;  C_l' = f_l C_l + i_l
//     g concat:     h = o tanh([C_s', C_l']), H = 2M sum:        h = o tanh(w_s C_s' + w_l C_l'), H = M, with a weight
//     of each unit two_gates:  h = o tanh(C_s') + o_l tanh(C_l'), H = M
#include "recurrent/recurrent.h"
#include "stlm_args.h"

//= combine concat sum two_gates

ALWAYS_INLINE void stlm_units(int64_t combine, const real *mix, real *gates, int64_t M, const real *c, real *c_next,
                              real *out, real *h_next, int64_t n)
{
    vf gate[7];
    for (int k = 0; k < (combine == STLM_SUM ? 6 : 7); k++) {
        const vf x = vf_load_part(gates + k * M, n);
        gate[k] = k == 4 ? vf_tanh(x) : vf_sigmoid(x);
        vf_store_part(gates + k * M, n, gate[k]);
    }
    const vf s = gate[1] * vf_load_part(c, n) + gate[0] * gate[4];
    const vf l = gate[3] * vf_load_part(c + M, n) + gate[2] * gate[4];
    vf_store_part(c_next, n, s);
    vf_store_part(c_next + M, n, l);
    if (combine == STLM_CONCAT) {
        const vf first = gate[5] * vf_tanh(s), second = gate[6] * vf_tanh(l);
        vf_store_part(out, n, first);
        vf_store_part(h_next, n, first);
        vf_store_part(out + M, n, second);
        vf_store_part(h_next + M, n, second);
        return;
    }
    const vf h = combine == STLM_SUM ? gate[5] * vf_tanh(vf_load_part(mix, n) * s + vf_load_part(mix + M, n) * l)
                                     : gate[5] * vf_tanh(s) + gate[6] * vf_tanh(l);
    vf_store_part(out, n, h);
    vf_store_part(h_next, n, h);
}

ALWAYS_INLINE void stlm_rows(int64_t combine, const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t M = r->net.units;
    const real *mix = r->cell_weights;
    for (int64_t j = s->first; j < s->last; j++) {
        real *gates = s->gates + j * r->net.columns, *c_next = s->carried_next + j * 2 * M;
        real *out = recurrent_output(r, s, j), *h_next = recurrent_h_next(r, s, j);
        const real *c = s->carried + j * 2 * M;
        EACH_UNITS(s,
                   stlm_units(combine, mix ? mix + u : NULL, gates + u, M, c + u, c_next + u, out + u, h_next + u, n));
    }
}

// Each variant is compiled by itself.
static void stlm_cell(const struct recurrence *r, const struct recurrent_step *s)
{
    switch (r->net.variant) {
    case STLM_CONCAT: stlm_rows(STLM_CONCAT, r, s); break;
    case STLM_SUM: stlm_rows(STLM_SUM, r, s); break;
    default: stlm_rows(STLM_TWO_GATES, r, s);
    }
}

// C_s' = f_s C_s + i_s g, C_l' = f_l C_l + i_l g, and h of them: see the top of the file.
ALWAYS_INLINE void stlm_units_backward(int64_t combine, const real *mix, const real *gates, real *grad_gates,
                                       real *grad_mix, int64_t M, const real *c, const real *grad_h, real *grad_c,
                                       int64_t n)
{
    vf gate[7];
    for (int k = 0; k < (combine == STLM_SUM ? 6 : 7); k++) gate[k] = vf_load_part(gates + k * M, n);
    const vf one = vf_set(1), g = gate[4], old_s = vf_load_part(c, n), old_l = vf_load_part(c + M, n);
    const vf s = gate[1] * old_s + gate[0] * g, l = gate[3] * old_l + gate[2] * g, dh = vf_load_part(grad_h, n);
    vf ds = vf_load_part(grad_c, n), dl = vf_load_part(grad_c + M, n);
    if (combine == STLM_SUM) {
        const vf w_s = vf_load_part(mix, n), w_l = vf_load_part(mix + M, n), t = vf_tanh(w_s * s + w_l * l);
        const vf d = dh * gate[5] * (one - t * t);
        ds += d * w_s, dl += d * w_l;
        vf_store_part(grad_mix, n, d * s);
        vf_store_part(grad_mix + M, n, d * l);
        vf_store_part(grad_gates + 5 * M, n, dh * t * gate[5] * (one - gate[5]));
    } else {
        const vf second = combine == STLM_CONCAT ? vf_load_part(grad_h + M, n) : dh, t_s = vf_tanh(s), t_l = vf_tanh(l);
        ds += dh * gate[5] * (one - t_s * t_s), dl += second * gate[6] * (one - t_l * t_l);
        vf_store_part(grad_gates + 5 * M, n, dh * t_s * gate[5] * (one - gate[5]));
        vf_store_part(grad_gates + 6 * M, n, second * t_l * gate[6] * (one - gate[6]));
    }
    vf_store_part(grad_gates, n, ds * g * gate[0] * (one - gate[0]));
    vf_store_part(grad_gates + M, n, ds * old_s * gate[1] * (one - gate[1]));
    vf_store_part(grad_gates + 2 * M, n, dl * g * gate[2] * (one - gate[2]));
    vf_store_part(grad_gates + 3 * M, n, dl * old_l * gate[3] * (one - gate[3]));
    vf_store_part(grad_gates + 4 * M, n, (ds * gate[0] + dl * gate[2]) * (one - g * g));
    vf_store_part(grad_c, n, ds * gate[1]);
    vf_store_part(grad_c + M, n, dl * gate[3]);
}

ALWAYS_INLINE void stlm_rows_backward(int64_t combine, const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t M = r->net.units;
    const real *mix = r->cell_weights;
    for (int64_t j = s->first; j < s->last; j++) {
        const real *gates = s->gates + j * r->net.columns, *c = s->carried + j * 2 * M;
        const real *grad_h = s->grad_h + j * r->net.h_size;
        real *grad_gates = s->grad_gates + j * s->grad_row, *grad_c = s->grad_carried + j * 2 * M;
        EACH_UNITS(s, stlm_units_backward(combine, mix ? mix + u : NULL, gates + u, grad_gates + u,
                                          grad_gates + s->sums + u, M, c + u, grad_h + u, grad_c + u, n));
    }
}

static void stlm_cell_backward(const struct recurrence *r, const struct recurrent_step *s)
{
    switch (r->net.variant) {
    case STLM_CONCAT: stlm_rows_backward(STLM_CONCAT, r, s); break;
    case STLM_SUM: stlm_rows_backward(STLM_SUM, r, s); break;
    default: stlm_rows_backward(STLM_TWO_GATES, r, s);
    }
}

// Memories of M units.
static struct recurrent_net stlm_net(int64_t M, int64_t combine)
{
    const int64_t gates = combine == STLM_SUM ? 6 : 7;
    return (struct recurrent_net){.variant = combine,
                                  .h_size = combine == STLM_CONCAT ? 2 * M : M,
                                  .units = M,
                                  .columns = gates * M,
                                  .input_columns = gates * M,
                                  .carried = 2,
                                  .products = {{.rows = gates * M, .adds = true}},
                                  .products_count = 1,
                                  .forward = stlm_cell,
                                  .backward = stlm_cell_backward};
}

// What forward and backward name alike.
#define STLM(a)                                                                                                        \
    .net = stlm_net((a)->M, (a)->combine), .cell_weights = (a)->mix, .zone_carried = RECURRENT_ZONE(a, zone_c),        \
    .carried_all = (real *)(a)->cells

// out = h of all steps; h, short and long after each sequence's last one. What follows is saved for backward; cells,
// [short, long] of all steps, are also to look at.
//: stlm_forward(x~f[T,B,I], h0~f[B,H], short0~f[B,M], long0~f[B,M], weight_ih:f[C,I], weight_hh:f[C,H], bias_ih?f[C],
//:     bias_hh?f[C], mix?f[2,M], norm?f[C], mask?f[B,H], zone_h~?f[T~,B~,H~], zone_c~?f[T~,B~,2M~], combine:n=0,
//:     lengths?i[B], rows:n>=0, out~+f[T,B,H], reverse:p=0, packed?f[S])
//:     -> h_last:f[B,H], short_last:f[B,M], long_last:f[B,M], gates?f[rows,C], cells?f[rows,2M], h_before?f[rows,H],
//:     normal?f[rows,C], rstd?f[rows,C/M]
//:     where M > 0; combine in combine; H == 2*M or combine != combine.concat; H == M or combine == combine.concat;
//:     C == 6*M or combine != combine.sum; C == 7*M or combine == combine.sum; mix or combine != combine.sum;
//:     not mix or combine == combine.sum; 0 <= lengths <= T; normal needs norm; rstd needs norm
KERNEL(stlm_forward)
{
    const struct recurrence r = {
        STLM(a), RECURRENT_FORWARD(a),
        .carried = {{a->short0, a->short0_stride[0], a->short_last}, {a->long0, a->long0_stride[0], a->long_last}}};
    return recurrent_forward(&r);
}

// Gradients of stlm_forward, from those of its first results and what it saved.
//: stlm_backward(grad_out~?f[T,B,H], grad_h_last?f[B,H], grad_short_last?f[B,M], grad_long_last?f[B,M], x~f[T,B,I],
//:     short0~f[B,M], long0~f[B,M], weight_ih:f[C,I], weight_hh:f[C,H], mix?f[2,M], norm?f[C], mask?f[B,H],
//:     zone_h~?f[T~,B~,H~], zone_c~?f[T~,B~,2M~], combine:n=0, lengths?i[B], gates:f[R,C], cells:f[R,2M],
//:     h_before:f[R,H], normal?f[R,C], rstd?f[R,C/M], grad_x~+?f[T,B,I], reverse:p=0)
//:     -> grad_h0?f[B,H], grad_short0?f[B,M], grad_long0?f[B,M], grad_weight_ih?f[C,I], grad_weight_hh?f[C,H],
//:     grad_bias_ih?f[C], grad_bias_hh?f[C], grad_mix?f[2,M], grad_norm?f[C]
//:     where M > 0; combine in combine; H == 2*M or combine != combine.concat; H == M or combine == combine.concat;
//:     C == 6*M or combine != combine.sum; C == 7*M or combine == combine.sum; mix or combine != combine.sum;
//:     not mix or combine == combine.sum; 0 <= lengths <= T; norm needs normal rstd; grad_mix needs mix;
//:     grad_norm needs norm
KERNEL(stlm_backward)
{
    const struct recurrence r = {STLM(a), RECURRENT_BACKWARD(a),
                                 .carried = {{a->short0, a->short0_stride[0]}, {a->long0, a->long0_stride[0]}}};
    const struct recurrent_gradients g = {
        RECURRENT_GRADIENTS(a), .carried_last = {a->grad_short_last, a->grad_long_last},
        .carried_first = {a->grad_short0, a->grad_long0}, .sums = {{a->mix ? 2 * a->M : 0, a->grad_mix}}};
    return recurrent_backward(&r, &g);
}

// Packs the weights for stlm_forward and stlm_step. Their shapes, C rows and M numbers of h, tell how the memories are
// combined.
//: stlm_pack(weight_ih:f[C,I], weight_hh:f[C,M]) -> packed:f[(C+15)*I+(C+15*7)*M+64]
//:     where M > 0; C == 6*M or C == 7*M or 2*C == 7*M
KERNEL(stlm_pack)
{
    const bool concat = a->C < 6 * a->M;
    const int64_t combine = concat ? STLM_CONCAT : a->C == 6 * a->M ? STLM_SUM : STLM_TWO_GATES;
    const struct recurrence r = {RECURRENT_WEIGHTS(a), .net = stlm_net(concat ? a->M / 2 : a->M, combine),
                                 .packed_size = a->packed_size};
    recurrent_pack(&r, a->packed);
    return NULL;
}

// One step of L layers, as lstm_step.
//: stlm_step(x:f[B,I], h0:f[L,B,H], short0:f[L,B,M], long0:f[L,B,M], packed*f[], bias_ih?f[L,C], bias_hh?f[L,C],
//:     mix?f[L,2,M], norm?f[L,C], combine:n=0, zoneout:d=0, residual:p=0)
//:     -> out:f[B,H], h_last:f[L,B,H], short_last:f[L,B,M], long_last:f[L,B,M]
//:     where M > 0; L > 0; combine in combine; H == 2*M or combine != combine.concat;
//:     H == M or combine == combine.concat; mix or combine != combine.sum; not mix or combine == combine.sum;
//:     C == 6*M or combine != combine.sum or not bias_ih and not bias_hh and not norm;
//:     C == 7*M or combine == combine.sum or not bias_ih and not bias_hh and not norm; packed_count == L;
//:     0 <= zoneout <= 1
KERNEL(stlm_step)
{
    const struct recurrence r = {
        RECURRENT_STREAM(a), .net = stlm_net(a->M, a->combine),
        .carried = {{.first = a->short0, .last = a->short_last}, {.first = a->long0, .last = a->long_last}},
        .cell_weights = a->mix};
    const struct recurrent_stack stack = {RECURRENT_STACK(a), .cell_weights = 2 * a->M};
    return recurrent_stream(&r, &stack);
}
