// Attention of blocks of queries over blocks of keys, with the softmax carried along: no matrix of queries by keys is
// kept. Forward as in Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; backward computes the
// weights again, as in Dao et al., "FlashAttention", NeurIPS 2022.
#include "attention/backward.h"
#include "attention/forward.h"
#include "attention_args.h"

// out = softmax(scale q k^T + bias) v for the keys that mask, lengths and window let a query see; a query that sees
// none gets zeros. With `additive` the score is scale times additive . tanh(q + k). One of out and out_rows is asked
// for, or for hard attention `chosen` and log_p: the key of the largest score, or one that is drawn, and the logarithm
// of its weight. Backward needs norms: of each row the largest score and 1 / the sum of its weights relative to that.
//: attention_forward(q~f[B,H,T,D], k~f[B,G,S,D], v~f[B,G,S,E], mask~?b[B~,H~,T~,S], bias~?f[B~,H~,T~,S],
//:     relative~?f[H~,T+S-1], additive~?f[H~,D], lengths?i[B], query_lengths?i[B], scale:d, before:n, after:n,
//:     offset:n, p:d, seed:n, stream:n, sample:p=0)
//:     -> out?f[B,H,T,E], out_rows?f[B,T,H,E], norms?f[B,H,T,2], weights?f[B,H,T,S], chosen?i[B,H,T], log_p?f[B,H,T]
//:     where H == 0 or H % G == 0; 0 <= lengths <= S; 0 <= query_lengths <= T; 0 <= p and p < 1;
//:     not (out and out_rows); chosen needs log_p; log_p needs chosen
KERNEL(attention_forward)
{
    problem c = PROBLEM;
    c.far = is_far(&c);
    const bool by_rows = a->out_rows != NULL;
    const forward_pass f = {.c = &c,
                            .out = by_rows ? a->out_rows : a->out,
                            .out_step = by_rows ? (strides){a->T * a->H * a->E, a->E, a->H * a->E}
                                                : (strides){a->H * a->T * a->E, a->T * a->E, a->E},
                            .norms = a->norms,
                            .weights = a->weights,
                            .chosen = a->chosen,
                            .log_p = a->log_p,
                            .sample = a->sample};
    return forward_all(&f) ? NULL : sq_no_memory;
}

#define BACK(t, heads, width) {(t) * (heads) * (width), (t) * (width), width}
#define BACK_ROWS(t, heads, width) {(t) * (heads) * (width), width, (heads) * (width)}

// Forward computes out = softmax(scale q k^T + bias) v. With P the weights, dP = grad v^T + grad_weights and
// dS = P (dP - sum of P dP), which is the gradient of the scores: dv = P^T grad, dq = scale dS k, dk = scale dS^T q.
// With `chosen` the forward pass took the values of one key, and grad_log_p is the gradient of the logarithm of its
// weight; `straight`: the scores also get the gradient of soft attention, whose result is `out`. Gradients of biases
// have one entry along an axis, or as many as the scores; dqkv is for self-attention.
//: attention_backward(grad~f[B,H,T,E], q~f[B,H,T,D], k~f[B,G,S,D], v~f[B,G,S,E], out~f[B,H,T,E], norms:f[B,H,T,2],
//:     mask~?b[B~,H~,T~,S], bias~?f[B~,H~,T~,S], relative~?f[H~,T+S-1], additive~?f[H~,D], lengths?i[B],
//:     query_lengths?i[B], weights?f[B,H,T,S], grad_weights~?f[B,H,T,S], chosen?i[B,H,T], grad_log_p?f[B,H,T],
//:     scale:d, before:n, after:n, offset:n, p:d, seed:n, stream:n, bias_batches:n=1, bias_heads:n=1, bias_rows:n=1,
//:     relative_heads:n=1, additive_heads:n=1, straight:p=0)
//:     -> dq?f[B,H,T,D], dk?f[B,G,S,D], dv?f[B,G,S,E], dq_rows?f[B,T,H,D], dk_rows?f[B,S,G,D], dv_rows?f[B,S,G,E],
//:     dqkv?f[B,T,H+2*G,D], dbias?f[bias_batches,bias_heads,bias_rows,S], drelative?f[relative_heads,T+S-1],
//:     dadditive?f[additive_heads,D]
//:     where H == 0 or H % G == 0; 0 <= lengths <= S; 0 <= query_lengths <= T; 0 <= p and p < 1;
//:     grad_weights needs weights; chosen needs grad_log_p; grad_log_p needs chosen; dadditive needs additive;
//:     not (dq and dq_rows); not (dk and dk_rows); not (dv and dv_rows);
//:     not (dqkv and (dq or dq_rows or dk or dk_rows or dv or dv_rows)); not dqkv or S == T and D == E;
//:     bias_batches == 1 or bias_batches == B; bias_heads == 1 or bias_heads == H; bias_rows == 1 or bias_rows == T;
//:     relative_heads == 1 or relative_heads == H; additive_heads == 1 or additive_heads == H
KERNEL(attention_backward)
{
    problem c = PROBLEM;
    c.far = is_far(&c);
    backward_pass f = {.c = &c,
                       .grad = a->grad,
                       .out = a->out,
                       .norms = a->norms,
                       .weights = a->weights,
                       .grad_weights = a->grad_weights,
                       .grad_step = STRIDES(grad),
                       .out_step = STRIDES(out),
                       .grad_weights_step = STRIDES(grad_weights),
                       .dq = a->dq,
                       .dk = a->dk,
                       .dv = a->dv,
                       .dq_step = BACK(a->T, a->H, a->D),
                       .dk_step = BACK(a->S, a->G, a->D),
                       .dv_step = BACK(a->S, a->G, a->E),
                       .dbias = a->dbias,
                       .drelative = a->drelative,
                       .relative_heads = a->relative_heads,
                       .dadditive = a->dadditive,
                       .additive_heads = a->additive_heads,
                       .chosen = a->chosen,
                       .grad_log_p = a->grad_log_p,
                       .straight = a->straight};
    if (a->dq_rows) f.dq = a->dq_rows, f.dq_step = (strides)BACK_ROWS(a->T, a->H, a->D);
    if (a->dk_rows) f.dk = a->dk_rows, f.dk_step = (strides)BACK_ROWS(a->S, a->G, a->D);
    if (a->dv_rows) f.dv = a->dv_rows, f.dv_step = (strides)BACK_ROWS(a->S, a->G, a->E);
    if (a->dqkv) {
        const strides step = BACK_ROWS(a->T, a->H + 2 * a->G, a->D);
        f.dq = a->dqkv, f.dk = f.dq + a->H * a->D, f.dv = f.dk + a->G * a->D;
        f.dq_step = f.dk_step = f.dv_step = step;
    }
    if (a->dbias) {
        const int64_t heads = a->bias_heads, rows = a->bias_rows;
        f.dbias_step =
            (strides){a->bias_batches > 1 ? heads * rows * a->S : 0, heads > 1 ? rows * a->S : 0, rows > 1 ? a->S : 0};
        memset(a->dbias, 0, (size_t)a->dbias_size * sizeof(real));
    }
    return backward_all(&f) ? NULL : sq_no_memory;
}
