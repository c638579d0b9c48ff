// What a Transformer is to a step: its sizes and switches, and the weights of its layers.
#ifndef SEQNN_DECODE_STEP_NET_H
#define SEQNN_DECODE_STEP_NET_H

#include "gemm/activate.h"
#include "gemm/rows.h"
#include "layers/norm_row.h"
#include "transformer_step_args.h"

enum { STEP_MOST_SIZE = 1 << 26 };

// The sizes and switches by their names, and what follows from them.
struct step_net {
    int64_t layers, width, heads, groups, depth, inner, activation;
    bool gated, cross, norm_first, rms, final_norm;
    double eps, scale, output_scale;
    int64_t attended, projected; // columns of what the heads give, and of queries, keys and values
};

struct step_layer {
    row_norm norm[3];
    struct rows_weight qkv, out, query, cross_out, up, gate, down;
};

// The end of the net: the last norm and the table of the outputs, which an encoder has not (N = 0).
struct step_end {
    row_norm norm;
    struct rows_weight table;
};

// Takes over sizes and switches. Returns what is wrong with them, or NULL.
static const char *read_net(struct step_net *n, const int64_t *net, const double *numbers)
{
    for (int i = 0; i <= TRANSFORMER_STEP_INNER; i++)
        if (net[i] < 1 || net[i] > STEP_MOST_SIZE) return "net: a size is below 1 or above 2^26";
    for (int i = TRANSFORMER_STEP_GATED; i <= TRANSFORMER_STEP_FINAL_NORM; i++)
        if (net[i] != 0 && net[i] != 1) return "net: a switch is neither 0 nor 1";
    *n = (struct step_net){.layers = net[TRANSFORMER_STEP_LAYERS],
                           .width = net[TRANSFORMER_STEP_WIDTH],
                           .heads = net[TRANSFORMER_STEP_HEADS],
                           .groups = net[TRANSFORMER_STEP_GROUPS],
                           .depth = net[TRANSFORMER_STEP_DEPTH],
                           .inner = net[TRANSFORMER_STEP_INNER],
                           .activation = net[TRANSFORMER_STEP_ACTIVATION],
                           .gated = net[TRANSFORMER_STEP_GATED],
                           .cross = net[TRANSFORMER_STEP_CROSS],
                           .norm_first = net[TRANSFORMER_STEP_NORM_FIRST],
                           .rms = net[TRANSFORMER_STEP_RMS],
                           .final_norm = net[TRANSFORMER_STEP_FINAL_NORM],
                           .eps = numbers[TRANSFORMER_STEP_EPS],
                           .scale = numbers[TRANSFORMER_STEP_SCALE],
                           .output_scale = numbers[TRANSFORMER_STEP_OUTPUT_SCALE]};
    if (n->activation < LINEAR_NONE || n->activation > LINEAR_TANH) return "net: there is no such activation";
    if (n->heads % n->groups) return "net: the number of groups does not divide that of heads";
    n->attended = n->heads * n->depth, n->projected = (n->heads + 2 * n->groups) * n->depth;
    if (n->projected > STEP_MOST_SIZE) return "net: a size is below 1 or above 2^26";
    return NULL;
}

// A walk over the weights and vectors of a call, in the order of the layers.
struct step_walk {
    const struct transformer_step_run *a;
    int64_t weight, vector;
    const char *error; // the first one, or NULL
};

static const real *next_vector(struct step_walk *w, int64_t size)
{
    if (size > w->a->K - w->vector) {
        if (!w->error) w->error = "vectors: there are fewer numbers than the net has";
        return NULL;
    }
    w->vector += size;
    return w->a->vectors + w->vector - size;
}

static row_norm next_norm(struct step_walk *w, const struct step_net *n)
{
    const real *weight = next_vector(w, n->width);
    return (row_norm){weight, next_vector(w, n->width), n->eps, n->rms};
}

static const char *open_weight(const struct step_walk *w, int64_t K, int64_t N, struct rows_weight *to)
{
    const char *error = "weights: there are fewer than the net has";
    for (int kind = ROWS_F32; kind <= ROWS_I8 && error && w->weight < w->a->weights_count; kind++)
        error = rows_open(w->a->weights[w->weight], w->a->weights_size[w->weight], (enum rows_kind)kind, K, N, to);
    return error;
}

// Takes the next weight [K -> N], of any kind, and its bias. It may also be the first columns of a narrow one that has
// `all`.
static struct rows_weight next_weight(struct step_walk *w, int64_t K, int64_t N, int64_t all)
{
    struct rows_weight weight = {0};
    const char *error = open_weight(w, K, N, &weight);
    if (error && N < all && !open_weight(w, K, all, &weight) && weight.kind != ROWS_F32) error = NULL;
    if (error && !w->error) w->error = error;
    weight.N = N, weight.bias = next_vector(w, N);
    w->weight++;
    return weight;
}

static struct step_layer next_layer(struct step_walk *w, const struct step_net *n)
{
    struct step_layer l = {.norm[0] = next_norm(w, n)};
    l.qkv = next_weight(w, n->width, n->projected, n->projected);
    l.out = next_weight(w, n->attended, n->width, n->width);
    if (n->cross) {
        l.norm[1] = next_norm(w, n);
        l.query = next_weight(w, n->width, n->attended, n->projected);
        l.cross_out = next_weight(w, n->attended, n->width, n->width);
    }
    l.norm[2] = next_norm(w, n);
    l.up = next_weight(w, n->width, n->inner, n->inner);
    if (n->gated) l.gate = next_weight(w, n->width, n->inner, n->inner);
    l.down = next_weight(w, n->inner, n->width, n->width);
    return l;
}

// Finds all weights; `layers` has room for n->layers. Returns what does not fit, or NULL.
static const char *read_weights(const struct transformer_step_run *a, const struct step_net *n,
                                struct step_layer *layers, struct step_end *end)
{
    struct step_walk w = {.a = a};
    for (int64_t i = 0; i < n->layers && !w.error; i++) layers[i] = next_layer(&w, n);
    end->norm = next_norm(&w, n);
    end->table = (struct rows_weight){0};
    if (w.weight < a->weights_count || a->vocabulary != n->width)
        end->table = next_weight(&w, n->width, a->vocabulary, a->vocabulary);
    if (!w.error && (w.weight != a->weights_count || w.vector != a->K))
        return "weights: there are more of them, or more vectors, than the net has";
    return w.error;
}

#endif
