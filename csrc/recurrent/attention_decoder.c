// A recurrent decoder with attention over whole target sequences of known inputs x_t (teacher forcing), in two orders:
//     before (Bahdanau, Cho and Bengio 2015):   c_t = attention(s_t-1),  s_t = cell([x_t; c_t], s_t-1)
//     after (Luong, Pham and Manning 2015):     s_t = cell([x_t; a_t-1], s_t-1),  a_t = tanh(W [attention(s_t); s_t])
// attention(s) is the mean of the values by the softmax of the scores of s and the keys:
//     dot s . k,  cosine,  or additive v . tanh(W_q s + k), where the keys are projected already.
#include "recurrent/decoder_backward.h"
#include "recurrent/decoder_forward.h"

//= cell rnn gru lstm
//= order before after
//= score dot cosine additive

static struct recurrent_net decoder_net(int64_t cell, int64_t H)
{
    if (cell == ATTENTION_DECODER_LSTM) return lstm_net(H, H);
    return cell == ATTENTION_DECODER_GRU ? gru_net(H, 0) : rnn_net(H, 0); // their first variants
}

// What forward and backward name alike.
#define DECODER_RECURRENCE(a)                                                                                          \
    .net = decoder_net((a)->cell, (a)->H), .T = (a)->T, .B = (a)->B, .I = (a)->I, .lengths = (a)->lengths,             \
    .x = (a)->x, .x_time = (a)->x_stride[0], .x_batch = (a)->x_stride[1], .weight_ih = (a)->weight_ih,                 \
    .weight_hh = (a)->weight_hh, .h_first = (a)->h0, .h_first_row = (a)->H, .out = (real *)(a)->out,                   \
    .out_time = (a)->out_stride[0], .out_batch = (a)->out_stride[1], .gates = (real *)(a)->gates,                      \
    .carried_all = (real *)(a)->cells, .h_before = (real *)(a)->h_before
#define DECODER(a)                                                                                                     \
    .score = (enum attention_decoder_score)(a)->score, .attends_first = (a)->order == ATTENTION_DECODER_BEFORE,        \
    .S = (a)->S, .A = (a)->A, .E = (a)->E, .F = (a)->F, .keys = (a)->keys, .values = (a)->values,                      \
    .source_lengths = (a)->source_lengths, .scale = (real)(a)->scale, .weight_feed = (a)->weight_ih + (a)->I,          \
    .weight_row = (a)->W, .weight_query = (a)->weight_query, .score_weight = (a)->score_weight,                        \
    .weight_out = (a)->weight_out, .fed = (real *)(a)->fed, .fed_time = (a)->fed_stride[0],                            \
    .fed_batch = (a)->fed_stride[1], .weights = (real *)(a)->weights, .feeds = (real *)(a)->feeds,                     \
    .queries = (real *)(a)->queries, .joined = (real *)(a)->joined

// out = s of all steps; fed = c or a of all steps; weights of the attention, and the states after each sequence's last
// step. What follows is saved for backward.
//: attention_decoder_forward(x~f[T,B,I], keys:f[B,S,A], values:f[B,S,E], h0:f[B,H], c0?f[B,H], feed0?f[B,F],
//:     weight_ih:f[G,W], weight_hh:f[G,H], bias_ih?f[G], bias_hh?f[G], weight_query?f[A,H], score_weight?f[A],
//:     weight_out?f[F,E+H], cell:n=0, order:n=0, score:n=0, scale:d=1, lengths?i[B], source_lengths?i[B], rows:n>=0,
//:     columns:n>=0, out~+f[T,B,H], fed~+f[T,B,F], packed?f[P])
//:     -> weights:f[B,T,S], h_last:f[B,H], c_last?f[B,H], gates?f[rows,columns], cells?f[rows,H], h_before?f[rows,H],
//:     feeds?f[rows,F], queries?f[rows,A], joined?f[rows,E+H]
//:     where H > 0; W == I+F; cell in cell; order in order; score in score; 0 <= lengths <= T;
//:     0 <= source_lengths <= S; G == H or cell != cell.rnn; G == 3*H or cell != cell.gru;
//:     G == 4*H or cell != cell.lstm; columns == H or cell != cell.rnn; columns == 4*H or cell == cell.rnn;
//:     c0 or cell != cell.lstm; c_last or cell != cell.lstm; not c_last or cell == cell.lstm;
//:     not cells or cell == cell.lstm; F == E or order != order.before; not feed0 or order == order.after;
//:     weight_out or order != order.after; not weight_out or order == order.after; not joined or order == order.after;
//:     A == H or score == score.additive; weight_query or score != score.additive;
//:     score_weight or score != score.additive; not weight_query or score == score.additive;
//:     not queries or score != score.dot
KERNEL(attention_decoder_forward)
{
    struct decoder_forward w = {
        .d = {.r = {DECODER_RECURRENCE(a), .rows = a->rows, .bias_ih = a->bias_ih, .bias_hh = a->bias_hh,
                    .h_last = a->h_last, .carried = {{.first = a->c0, .first_row = a->H, .last = a->c_last}}},
              DECODER(a),
              .feed_first = a->feed0}};
    const char *error = a->packed ? open_packed_decoder(&w.d, a->cell, a->packed, a->P) : NULL;
    return error ? error : decoder_forward(&w);
}

// Packs weights for attention_decoder_forward, where many calls use the same ones; `fed` is F.
//: attention_decoder_pack(weight_ih:f[G,W], weight_hh:f[G,H], weight_query?f[A,H], weight_out?f[fed,O], fed:n>=0,
//:     cell:n=0) -> packed:f[(G+15)*W+(G+H+32)*H+(A+15)*H+(fed+15)*O+64]
//:     where H > 0; fed <= W; not weight_out or O >= H; cell in cell; G == H or cell != cell.rnn; G == 3*H or cell !=
//:     cell.gru; G == 4*H or cell != cell.lstm
KERNEL(attention_decoder_pack)
{
    struct decoder d = {.r = {.net = decoder_net(a->cell, a->H),
                              .I = a->W - a->fed,
                              .weight_ih = a->weight_ih,
                              .weight_hh = a->weight_hh},
                        .A = a->A,
                        .E = a->O - a->H,
                        .F = a->fed,
                        .weight_feed = a->weight_ih + a->W - a->fed,
                        .weight_row = a->W,
                        .weight_query = a->weight_query,
                        .weight_out = a->weight_out};
    pack_decoder(&d, a->cell, a->packed, a->packed_size);
    return NULL;
}

// Gradients of attention_decoder_forward, from those of out, fed, weights and the last states and what it saved.
//: attention_decoder_backward(grad_out~?f[T,B,H], grad_fed~?f[T,B,F], grad_weights?f[B,T,S], grad_h_last?f[B,H],
//:     grad_c_last?f[B,H], x~f[T,B,I], keys:f[B,S,A], values:f[B,S,E], h0:f[B,H], c0?f[B,H], weight_ih:f[G,W],
//:     weight_hh:f[G,H], weight_query?f[A,H], score_weight?f[A], weight_out?f[F,E+H], cell:n=0, order:n=0, score:n=0,
//:     scale:d=1, lengths?i[B], source_lengths?i[B], out~f[T,B,H], fed~f[T,B,F], weights:f[B,T,S], gates:f[R,C],
//:     cells?f[R,H], h_before:f[R,H], feeds:f[R,F], queries?f[R,A], joined?f[R,E+H], grad_x~+?f[T,B,I])
//:     -> grad_keys?f[B,S,A], grad_values?f[B,S,E], grad_h0?f[B,H], grad_c0?f[B,H], grad_feed0?f[B,F],
//:     grad_weight_ih?f[G,W], grad_weight_hh?f[G,H], grad_bias_ih?f[G], grad_bias_hh?f[G], grad_weight_query?f[A,H],
//:     grad_score_weight?f[A], grad_weight_out?f[F,E+H]
//:     where H > 0; W == I+F; cell in cell; order in order; score in score; 0 <= lengths <= T;
//:     0 <= source_lengths <= S; G == H or cell != cell.rnn; G == 3*H or cell != cell.gru;
//:     G == 4*H or cell != cell.lstm; C == H or cell != cell.rnn; C == 4*H or cell == cell.rnn;
//:     c0 or cell != cell.lstm; cells or cell != cell.lstm; not grad_c_last or cell == cell.lstm;
//:     not grad_c0 or cell == cell.lstm; F == E or order != order.before; weight_out or order != order.after;
//:     joined or order != order.after; not weight_out or order == order.after; A == H or score == score.additive;
//:     weight_query or score != score.additive; score_weight or score != score.additive;
//:     not weight_query or score == score.additive; queries or score == score.dot; not queries or score != score.dot;
//:     grad_weight_query needs weight_query; grad_score_weight needs score_weight; grad_weight_out needs weight_out
KERNEL(attention_decoder_backward)
{
    struct decoder_backward w = {
        .d = {.r = {DECODER_RECURRENCE(a), .rows = a->R, .carried = {{.first = a->c0, .first_row = a->H}}}, DECODER(a)},
        .g = {.out = a->grad_out,
              .out_time = a->grad_out_stride[0],
              .out_batch = a->grad_out_stride[1],
              .fed = a->grad_fed,
              .fed_time = a->grad_fed_stride[0],
              .fed_batch = a->grad_fed_stride[1],
              .weights = a->grad_weights,
              .h_last = a->grad_h_last,
              .carried_last = a->grad_c_last,
              .x = a->grad_x,
              .x_time = a->grad_x_stride[0],
              .x_batch = a->grad_x_stride[1],
              .keys = a->grad_keys,
              .values = a->grad_values,
              .h_first = a->grad_h0,
              .carried_first = a->grad_c0,
              .feed_first = a->grad_feed0,
              .weight_ih = a->grad_weight_ih,
              .weight_hh = a->grad_weight_hh,
              .bias_ih = a->grad_bias_ih,
              .bias_hh = a->grad_bias_hh,
              .weight_query = a->grad_weight_query,
              .score_weight = a->grad_score_weight,
              .weight_out = a->grad_weight_out}};
    return decoder_backward(&w);
}
