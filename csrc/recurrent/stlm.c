// Short/long-memory net over whole sequences. Both memories of M units share a candidate and have their own gates, in
// the order i_s, f_s, i_l, f_l, g, o [, o_l]:
//     i, f, o = sigmoid(.), g = tanh(.) of x W_ih^T + h W_hh^T + bias;  C_s' = f_s C_s + i_s g;  C_l' = f_l C_l + i_l g
//     form 0, "concat":    h = o tanh([C_s', C_l']), H = 2M
//     form 1, "sum":       h = o tanh(w_s C_s' + w_l C_l'), H = M, a weight a unit
//     form 2, "two_gates": h = o tanh(C_s') + o_l tanh(C_l'), H = M
#include "recurrent/backward.h"
#include "recurrent/stream.h"
#include "stlm_args.h"

enum stlm_form { STLM_CONCAT, STLM_SUM, STLM_TWO_GATES };

ALWAYS_INLINE void stlm_units(int64_t form, const real *weights, real *gates, int64_t M, const real *memory,
                              real *memory_after, real *out, real *after, int64_t n)
{
    vf gate[7];
    for (int k = 0; k < (form == STLM_SUM ? 6 : 7); k++) {
        const vf x = vf_load_part(gates + k * M, n);
        gate[k] = k == 4 ? vf_tanh(x) : vf_sigmoid(x);
        vf_store_part(gates + k * M, n, gate[k]);
    }
    const vf s = gate[1] * vf_load_part(memory, n) + gate[0] * gate[4];
    const vf l = gate[3] * vf_load_part(memory + M, n) + gate[2] * gate[4];
    vf_store_part(memory_after, n, s);
    vf_store_part(memory_after + M, n, l);
    if (form == STLM_CONCAT) {
        const vf first = gate[5] * vf_tanh(s), second = gate[6] * vf_tanh(l);
        vf_store_part(out, n, first);
        vf_store_part(after, n, first);
        vf_store_part(out + M, n, second);
        vf_store_part(after + M, n, second);
        return;
    }
    const vf h = form == STLM_SUM ? gate[5] * vf_tanh(vf_load_part(weights, n) * s + vf_load_part(weights + M, n) * l)
                                  : gate[5] * vf_tanh(s) + gate[6] * vf_tanh(l);
    vf_store_part(out, n, h);
    vf_store_part(after, n, h);
}

ALWAYS_INLINE void stlm_rows(int64_t form, const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t M = r->units;
    const real *w = r->own;
    for (int64_t j = s->first; j < s->last; j++) {
        real *gates = s->gates + j * r->columns, *to = s->memory_after + j * 2 * M;
        real *out = recurrent_out(r, s, j), *after = recurrent_after(r, s, j);
        const real *memory = s->memory + j * 2 * M;
        EACH_UNITS(s, stlm_units(form, w ? w + u : NULL, gates + u, M, memory + u, to + u, out + u, after + u, n));
    }
}

// Each form is compiled by itself.
static void stlm_cell(const struct recurrence *r, const struct recurrent_step *s)
{
    switch (r->form) {
    case STLM_CONCAT: stlm_rows(STLM_CONCAT, r, s); break;
    case STLM_SUM: stlm_rows(STLM_SUM, r, s); break;
    default: stlm_rows(STLM_TWO_GATES, r, s);
    }
}

#define STLM_SHAPE(a)                                                                                                  \
    .H = (a)->H, .columns = (a)->C, .units = (a)->M, .memory = 2 * (a)->M, .input_columns = (a)->C,                    \
    .spans = {{.rows = (a)->C, .adds = true}}, .spans_count = 1
#define STLM(a)                                                                                                        \
    RECURRENT_ARGUMENTS(a), STLM_SHAPE(a), .memory0 = (a)->c0, .memory0_row = (a)->c0_stride[0],                       \
        .memories = (real *)(a)->cells, .own = (a)->weights, .form = (a)->form,                                        \
        .zone_memory = RECURRENT_ZONE(a, zone_c)

static const char *stlm_check(int64_t form, int64_t M, int64_t H, int64_t columns, const real *weights)
{
    if (form < STLM_CONCAT || form > STLM_TWO_GATES) return "form is 0 (concat), 1 (sum) or 2 (two_gates)";
    if (H != (form == STLM_CONCAT ? 2 : 1) * M)
        return "hidden size: expected twice that of a memory with form 0 (concat), else that of a memory";
    if (columns != (form == STLM_SUM ? 6 : 7) * M)
        return "w_ih, w_hh: expected 6 rows a unit of a memory with form 1 (sum), else 7";
    return (form == STLM_SUM) != (weights != NULL) ? "weights go with form 1 (sum), which needs them" : NULL;
}

// out, h, c = the outputs of all steps and the states, c = [short, long], behind each row's last one. From gates on:
// for backward, and cells to look at.
//: stlm_forward(x~f[T,B,I], h0~f[B,H], c0~f[B,2M], w_ih:f[C,I], w_hh:f[C,H], bias?f[C], weights?f[2,M], norm?f[C],
//:     mask?f[B,H], zone_h~?f[T~,B~,H~], zone_c~?f[T~,B~,2M~], form:n=0, lengths?i[B], rows:n>=0, out~+f[T,B,H],
//:     reverse:p=0, packed?f[S]) -> h:f[B,H], c:f[B,2M], gates?f[rows,C], cells?f[rows,2M], before?f[rows,H],
//:     normal?f[rows,C], rstd?f[rows,7]
KERNEL(stlm_forward)
{
    const char *error = stlm_check(a->form, a->M, a->H, a->C, a->weights);
    if (error) return error;
    struct recurrence r = {STLM(a), RECURRENT_FORWARD(a), .memory_last = a->c, .cell = stlm_cell};
    return recurrent_forward(&r);
}

// C_s' = f_s C_s + i_s g, C_l' = f_l C_l + i_l g, and h of them: see the top of the file.
ALWAYS_INLINE void stlm_units_backward(int64_t form, const real *weights, const real *gates, real *grad_gates,
                                       real *extra, int64_t M, const real *memory, const real *grad_h,
                                       real *grad_memory, int64_t n)
{
    vf gate[7];
    for (int k = 0; k < (form == STLM_SUM ? 6 : 7); k++) gate[k] = vf_load_part(gates + k * M, n);
    const vf one = vf_set(1), g = gate[4], old_s = vf_load_part(memory, n), old_l = vf_load_part(memory + M, n);
    const vf s = gate[1] * old_s + gate[0] * g, l = gate[3] * old_l + gate[2] * g, dh = vf_load_part(grad_h, n);
    vf ds = vf_load_part(grad_memory, n), dl = vf_load_part(grad_memory + M, n);
    if (form == STLM_SUM) {
        const vf w_s = vf_load_part(weights, n), w_l = vf_load_part(weights + M, n), t = vf_tanh(w_s * s + w_l * l);
        const vf d = dh * gate[5] * (one - t * t);
        ds += d * w_s, dl += d * w_l;
        vf_store_part(extra, n, d * s);
        vf_store_part(extra + M, n, d * l);
        vf_store_part(grad_gates + 5 * M, n, dh * t * gate[5] * (one - gate[5]));
    } else {
        const vf second = form == STLM_CONCAT ? vf_load_part(grad_h + M, n) : dh, t_s = vf_tanh(s), t_l = vf_tanh(l);
        ds += dh * gate[5] * (one - t_s * t_s), dl += second * gate[6] * (one - t_l * t_l);
        vf_store_part(grad_gates + 5 * M, n, dh * t_s * gate[5] * (one - gate[5]));
        vf_store_part(grad_gates + 6 * M, n, second * t_l * gate[6] * (one - gate[6]));
    }
    vf_store_part(grad_gates, n, ds * g * gate[0] * (one - gate[0]));
    vf_store_part(grad_gates + M, n, ds * old_s * gate[1] * (one - gate[1]));
    vf_store_part(grad_gates + 2 * M, n, dl * g * gate[2] * (one - gate[2]));
    vf_store_part(grad_gates + 3 * M, n, dl * old_l * gate[3] * (one - gate[3]));
    vf_store_part(grad_gates + 4 * M, n, (ds * gate[0] + dl * gate[2]) * (one - g * g));
    vf_store_part(grad_memory, n, ds * gate[1]);
    vf_store_part(grad_memory + M, n, dl * gate[3]);
}

ALWAYS_INLINE void stlm_rows_backward(int64_t form, const struct recurrent_gradient *g, const struct recurrent_step *s)
{
    const int64_t M = g->r.units;
    const real *w = g->r.own;
    for (int64_t j = s->first; j < s->last; j++) {
        const real *gates = s->gates + j * g->r.columns, *memory = s->memory + j * 2 * M,
                   *grad_h = s->grad_h + j * g->r.H;
        real *grad_gates = s->grad_gates + j * s->grad_row, *grad_memory = s->grad_memory + j * 2 * M;
        EACH_UNITS(s, stlm_units_backward(form, w ? w + u : NULL, gates + u, grad_gates + u, grad_gates + s->extra + u,
                                          M, memory + u, grad_h + u, grad_memory + u, n));
    }
}

static void stlm_cell_backward(const struct recurrent_gradient *g, const struct recurrent_step *s)
{
    switch (g->r.form) {
    case STLM_CONCAT: stlm_rows_backward(STLM_CONCAT, g, s); break;
    case STLM_SUM: stlm_rows_backward(STLM_SUM, g, s); break;
    default: stlm_rows_backward(STLM_TWO_GATES, g, s);
    }
}

// Gradients of stlm_forward, from those of out, h and c and what it saved.
//: stlm_backward(grad_out~?f[T,B,H], grad_h?f[B,H], grad_c?f[B,2M], x~f[T,B,I], c0~f[B,2M], w_ih:f[C,I], w_hh:f[C,H],
//:     weights?f[2,M], norm?f[C], mask?f[B,H], zone_h~?f[T~,B~,H~], zone_c~?f[T~,B~,2M~], form:n=0, lengths?i[B],
//:     gates:f[R,C], cells:f[R,2M], before:f[R,H], normal?f[R,C], rstd?f[R,7], grad_x~+?f[T,B,I], reverse:p=0)
//:     -> grad_h0?f[B,H], grad_c0?f[B,2M], grad_w_ih?f[C,I], grad_w_hh?f[C,H], grad_bias?f[C], grad_weights?f[2,M],
//:     grad_norm?f[C]
KERNEL(stlm_backward)
{
    const char *error = stlm_check(a->form, a->M, a->H, a->C, a->weights);
    if (error) return error;
    struct recurrent_gradient g = {.r = {STLM(a)},
                                   RECURRENT_GRADIENTS(a),
                                   .cell = stlm_cell_backward,
                                   .memory = a->grad_c,
                                   .grad_memory0 = a->grad_c0,
                                   .extra = a->weights ? 2 * a->M : 0,
                                   .extras = {{2 * a->M, a->weights ? a->grad_weights : NULL}}};
    return recurrent_backward(&g);
}

// Packs the weights for stlm_forward and stlm_step; size: of a memory.
//: stlm_pack(w_ih:f[C,I], w_hh:f[C,H], size:n>=1) -> packed:f[(C+15)*I+(C+15*7)*H+64]
KERNEL(stlm_pack)
{
    if (a->C % a->size || a->C / a->size > 7)
        return "w_ih: expected 6 or 7 rows for each of the `size` units of a memory";
    const struct recurrence r = {.I = a->I,
                                 .H = a->H,
                                 .columns = a->C,
                                 .units = a->size,
                                 .input_columns = a->C,
                                 .spans = {{.rows = a->C, .adds = true}},
                                 .spans_count = 1,
                                 .w_ih = a->w_ih,
                                 .w_hh = a->w_hh,
                                 .packed_size = (a->C + 15) * a->I + (a->C + 15 * 7) * a->H + 64};
    return recurrent_pack(&r, a->packed);
}

// [B, 2M] and [B, M], [B, M] apart, of L layers.
static void stlm_join(const struct stlm_step *a, real *joined, real *c_short, real *c_long, bool apart)
{
    const size_t bytes = (size_t)a->M * sizeof(real);
    for (int64_t i = 0; i < a->L * a->B; i++)
        for (int64_t k = 0; k < 2; k++) {
            real *memory = (k ? c_long : c_short) + i * a->M, *both = joined + (2 * i + k) * a->M;
            memcpy(apart ? memory : both, apart ? both : memory, bytes);
        }
}

// One step of L layers, as lstm_step; the memories are apart.
//: stlm_step(x:f[B,I], h:f[L,B,H], c_short:f[L,B,M], c_long:f[L,B,M], packed*f[], bias?f[L,C], weights?f[L,2,M],
//:     norm?f[L,C], form:n=0, zoneout:d=0, residual:p=0)
//:     -> out:f[B,H], h_after:f[L,B,H], short_after:f[L,B,M], long_after:f[L,B,M]
KERNEL(stlm_step)
{
    if (a->L != a->packed_count) return recurrent_layers_differ;
    const int64_t columns = (a->form == STLM_SUM ? 6 : 7) * a->M, size = a->L * a->B * 2 * a->M;
    const char *error = stlm_check(a->form, a->M, a->H, a->bias || a->norm ? a->C : columns, a->weights);
    if (error) return error;
    real *c = sq_scratch_take((size_t)(2 * size) * sizeof(real));
    if (!c) return sq_no_memory;
    stlm_join(a, c, (real *)a->c_short, (real *)a->c_long, false);
    const struct recurrence r = {RECURRENT_STREAM_ARGUMENTS(a),
                                 .H = a->H,
                                 .columns = columns,
                                 .units = a->M,
                                 .memory = 2 * a->M,
                                 .input_columns = columns,
                                 .spans = {{.rows = columns, .adds = true}},
                                 .spans_count = 1,
                                 .memory0 = c,
                                 .memory_last = c + size,
                                 .own = a->weights,
                                 .form = a->form,
                                 .cell = stlm_cell};
    const struct recurrent_stack stack = {RECURRENT_STACK(a), .own = 2 * a->M};
    error = recurrent_stream(&r, &stack);
    if (!error) stlm_join(a, c + size, a->short_after, a->long_after, true);
    sq_scratch_give(c);
    return error;
}
