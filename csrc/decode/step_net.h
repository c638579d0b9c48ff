// What a Transformer is to a step: its sizes and switches, and where its packed weights lie. The packed weights are one
// array of bytes: a head that says what they are, then on a 64-byte boundary what stands before the layers' end, layer
// by layer. All places follow from the sizes, so that a head that fits is all there is to check.
#ifndef SEQNN_DECODE_STEP_NET_H
#define SEQNN_DECODE_STEP_NET_H

#include "gemm/activate.h"
#include "gemm/rows.h"
#include "layers/norm_row.h"
#include "transformer_args.h"

enum { NETS = TRANSFORMER_FINAL_NORM + 1, NUMBERS = TRANSFORMER_OUTPUT_SCALE + 1, MOST_SIZE = 1 << 28 };

struct step_head {
    char kind[8];
    int32_t element_bytes, lanes, vectors; // lanes and vectors tell the instruction set
    int32_t start;                         // the weights begin at this byte
    int64_t net[NETS];                     // by the enumeration `net` of transformer.c
    double numbers[NUMBERS];               // by `number`
};

// The sizes and switches by their names, and what follows from them.
struct step_net {
    int64_t layers, width, heads, groups, depth, inner, vocabulary;
    int64_t kind, activation;
    bool gated, cross, norm_first, rms, final_norm;
    double eps, scale, embedding_scale, output_scale;
    int64_t attended, projected; // columns of what the heads give, and of queries, keys and values
};

struct step_layer {
    row_norm norm[3];
    struct rows_weight qkv, out, query, cross_out, up, gate, down;
};

// The end of the net: the last norm and the table of the outputs.
struct step_end {
    row_norm norm;
    struct rows_weight table;
};

// Takes over sizes and switches. Returns what is wrong with them, or NULL.
static const char *read_net(struct step_net *n, const int64_t *net, const double *numbers)
{
    static const int64_t switches[] = {TRANSFORMER_GATED, TRANSFORMER_CROSS, TRANSFORMER_NORM_FIRST, TRANSFORMER_RMS,
                                       TRANSFORMER_FINAL_NORM};
    for (int64_t i = 0; i <= TRANSFORMER_VOCABULARY; i++)
        if (net[i] < 1 || net[i] > MOST_SIZE) return "net: a size is below 1 or above 2^28";
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (net[switches[i]] != 0 && net[switches[i]] != 1) return "net: a switch is neither 0 nor 1";
    for (int64_t i = 0; i < NUMBERS; i++)
        if (!isfinite(numbers[i])) return "numbers: one is not finite";
    *n = (struct step_net){.layers = net[TRANSFORMER_LAYERS],
                           .width = net[TRANSFORMER_WIDTH],
                           .heads = net[TRANSFORMER_HEADS],
                           .groups = net[TRANSFORMER_GROUPS],
                           .depth = net[TRANSFORMER_DEPTH],
                           .inner = net[TRANSFORMER_INNER],
                           .vocabulary = net[TRANSFORMER_VOCABULARY],
                           .activation = net[TRANSFORMER_ACTIVATION],
                           .kind = net[TRANSFORMER_KIND],
                           .gated = net[TRANSFORMER_GATED],
                           .cross = net[TRANSFORMER_CROSS],
                           .norm_first = net[TRANSFORMER_NORM_FIRST],
                           .rms = net[TRANSFORMER_RMS],
                           .final_norm = net[TRANSFORMER_FINAL_NORM],
                           .eps = numbers[TRANSFORMER_EPS],
                           .scale = numbers[TRANSFORMER_SCALE],
                           .embedding_scale = numbers[TRANSFORMER_EMBEDDING_SCALE],
                           .output_scale = numbers[TRANSFORMER_OUTPUT_SCALE]};
    if (n->kind != ROWS_F32) return "net: this kind of weights is not known";
    if (n->activation < LINEAR_NONE || n->activation > LINEAR_TANH) return "net: this activation is not known";
    if (n->heads % n->groups) return "net: the number of groups does not divide that of heads";
    if (n->heads > MOST_SIZE / n->depth) return "net: a size is below 1 or above 2^28";
    n->attended = n->heads * n->depth, n->projected = (n->heads + 2 * n->groups) * n->depth;
    return NULL;
}

// A walk over the packed weights: each part begins on a 64-byte boundary. Without `base` it only measures.
struct step_walk {
    char *base;
    int64_t at;
};

static void *next_part(struct step_walk *w, int64_t bytes)
{
    void *part = w->base ? w->base + w->at : NULL;
    w->at += round_up(bytes, 64);
    return part;
}

static row_norm next_norm(struct step_walk *w, const struct step_net *n)
{
    const real *weight = next_part(w, n->width * (int64_t)sizeof(real));
    const real *bias = next_part(w, n->width * (int64_t)sizeof(real));
    return (row_norm){weight, bias, n->eps, n->rms};
}

static struct rows_weight next_weight(struct step_walk *w, const struct step_net *n, int64_t K, int64_t N)
{
    const enum rows_kind kind = (enum rows_kind)n->kind;
    void *packed = next_part(w, rows_bytes(kind, K, N));
    return (struct rows_weight){kind, K, N, packed, next_part(w, N * (int64_t)sizeof(real))};
}

static struct step_layer next_layer(struct step_walk *w, const struct step_net *n)
{
    struct step_layer l = {.norm[0] = next_norm(w, n)};
    l.qkv = next_weight(w, n, n->width, n->projected);
    l.out = next_weight(w, n, n->attended, n->width);
    if (n->cross) {
        l.norm[1] = next_norm(w, n);
        l.query = next_weight(w, n, n->width, n->attended);
        l.cross_out = next_weight(w, n, n->attended, n->width);
    }
    l.norm[2] = next_norm(w, n);
    l.up = next_weight(w, n, n->width, n->inner);
    if (n->gated) l.gate = next_weight(w, n, n->width, n->inner);
    l.down = next_weight(w, n, n->inner, n->width);
    return l;
}

static struct step_end next_end(struct step_walk *w, const struct step_net *n)
{
    struct step_end e = {.norm = next_norm(w, n)};
    e.table = next_weight(w, n, n->width, n->vocabulary);
    return e;
}

static int64_t layer_bytes(const struct step_net *n)
{
    struct step_walk w = {0};
    next_layer(&w, n);
    return w.at;
}

// All layers come first, each as long as the others.
static struct step_layer layer_at(char *base, const struct step_net *n, int64_t layer)
{
    struct step_walk w = {base, layer * layer_bytes(n)};
    return next_layer(&w, n);
}

static struct step_end end_at(char *base, const struct step_net *n)
{
    struct step_walk w = {base, n->layers * layer_bytes(n)};
    return next_end(&w, n);
}

// Bytes of the packed weights without their head, or -1 where nobody has as many.
static int64_t net_bytes(const struct step_net *n)
{
    const double columns = (double)n->projected + 2.0 * (double)n->attended + 3.0 * (double)n->inner;
    if (((double)n->layers * columns + (double)n->vocabulary) * (double)(n->width + 64) > 0x1p48) return -1;
    struct step_walk w = {0};
    next_end(&w, n);
    return n->layers * layer_bytes(n) + w.at;
}

// Finds the packed weights in `packed`. Returns what is wrong with them, or NULL.
static const char *open_net(struct step_net *n, const uint8_t *packed, int64_t room, char **base)
{
    struct step_head head;
    if (room < (int64_t)sizeof head) return "packed was not made by transformer_pack";
    memcpy(&head, packed, sizeof head);
    if (memcmp(head.kind, "step", 5) || head.element_bytes != sizeof(real) || read_net(n, head.net, head.numbers))
        return "packed was not made by transformer_pack of this dtype";
    if (head.lanes != LANES || head.vectors != GEMM_VECTORS)
        return "packed was made on another instruction set: pack the weights again";
    const int64_t bytes = net_bytes(n);
    if (bytes < 0 || head.start < (int64_t)sizeof head || head.start > room - bytes)
        return "packed was not made by transformer_pack of this dtype";
    *base = (char *)packed + head.start;
    return NULL;
}

#endif
