// The operations of a step, and how threads share them: an operation is work on parts of columns, heads or rows, and
// the threads meet after it. What is too small to be worth a meeting is done by the thread that comes last.
#ifndef SEQNN_DECODE_STEP_RUN_H
#define SEQNN_DECODE_STEP_RUN_H

#include "base/team.h"
#include "decode/step_attend.h"
#include "decode/step_net.h"

enum step_operation {
    STEP_EMBED,    // x = embeddings, with their positions
    STEP_NORM,     // x += y; h = norm(x), or x = norm(x + y) with norms after the sublayers
    STEP_QKV,      // qkv = h times queries, keys and values
    STEP_PLACE,    // turns queries and keys; writes keys and values into their slots
    STEP_ATTEND,   // attended = attention of the new positions to all before them
    STEP_OUT,      // y = attended times the output projection
    STEP_QUERY,    // qkv = h times queries of the memory
    STEP_REMIND,   // attended = attention to the memory
    STEP_REMINDED, // y = attended times the output projection
    STEP_UP,       // inner = act(h times up), times h times gate
    STEP_DOWN,     // y = inner times down
    STEP_LAST,     // h, or without a table the result, = norm(x + y) of the rows whose logits are wanted
    STEP_LOGITS    // out = h times the table of outputs
};

enum {
    STEP_TASKS_A_LAYER = 13, // operations at most
    STEP_SMALL = 6144        // of an operation that one thread does, while the others wait
};

struct step_task {
    enum step_operation operation;
    int64_t layer, norm; // which of the layer's norms
};

struct step {
    const struct transformer_step_run *a;
    struct step_net net;
    struct step_layer *layers;
    struct step_end end;
    real *x, *h, *y, *qkv, *attended, *inner, *gate; // [N, ...]
    real *scores;                                    // [parts, scores_row]
    char *room;                                      // of products, [parts, room_bytes]
    int64_t scores_row, room_bytes;
    struct step_task *tasks;
    int64_t task, count;
    int parts;
};

static real *row_of(real *x, int64_t row, int64_t columns) { return x + row * columns; }

static void embed(const struct step *s, int64_t r)
{
    const struct transformer_step_run *a = s->a;
    const int64_t width = s->net.width;
    real *x = row_of(s->x, r, width);
    memcpy(x, a->x + r * width, (size_t)width * sizeof(real));
    if (a->positions) add(x, a->positions + (a->lengths[r] - 1) * width, width);
}

static void normalise(const struct step *s, const struct step_task *task, int64_t r)
{
    const int64_t width = s->net.width;
    real *x = row_of(s->x, r, width);
    // The stream of a layer with norms first begins as it is.
    if (task->layer > 0 || task->norm > 0 || !s->net.norm_first) add(x, row_of(s->y, r, width), width);
    norm_row(s->net.norm_first ? row_of(s->h, r, width) : x, x, &s->layers[task->layer].norm[task->norm], width);
}

static void place(const struct step *s, int64_t layer, int64_t r)
{
    const struct transformer_step_run *a = s->a;
    const struct step_net *n = &s->net;
    const int64_t depth = n->depth, position = a->lengths[r] - 1;
    real *qkv = row_of(s->qkv, r, n->projected);
    if (a->angles)
        for (int64_t h = 0; h < n->heads + n->groups; h++)
            turn_head(qkv + h * depth, a->angles + position * depth, depth);
    const int64_t slot = a->slots[a->sequences[r] * a->T + position];
    for (int64_t g = 0; g < n->groups; g++) {
        real *to = a->cache + ((layer * n->groups + g) * a->S + slot) * 2 * depth;
        memcpy(to, qkv + (n->heads + g) * depth, (size_t)depth * sizeof(real));
        memcpy(to + depth, qkv + (n->heads + n->groups + g) * depth, (size_t)depth * sizeof(real));
    }
}

// Attention of the heads that share keys and values; `memory` tells of which ones.
static void attend(const struct step *s, int64_t layer, int64_t r, int64_t g, bool memory, real *scores)
{
    const struct transformer_step_run *a = s->a;
    const struct step_net *n = &s->net;
    const int64_t sequence = a->sequences[r], share = n->heads / n->groups, row = layer * n->groups + g;
    struct step_keys keys = {.depth = n->depth};
    if (memory) {
        const int64_t begin = a->memory_begins[sequence];
        keys.at = a->memory + (row * a->Q + begin) * 2 * n->depth;
        keys.count = a->memory_ends[sequence] - begin;
    } else {
        keys.at = a->cache + row * a->S * 2 * n->depth;
        keys.slots = a->slots + sequence * a->T;
        keys.count = a->ends ? a->ends[r] : a->lengths[r];
    }
    const real *q = row_of(s->qkv, r, memory ? n->attended : n->projected);
    // The bias of the last key; those before it follow.
    const int64_t last = (a->ends ? a->T - 1 : 0) + a->lengths[r] - keys.count;
    for (int64_t h = g * share; h < (g + 1) * share; h++) {
        const real *distances = a->distances && !memory ? a->distances + h * a->E + last : NULL;
        attend_head(&keys, q + h * n->depth, (real)n->scale, distances, scores,
                    row_of(s->attended, r, n->attended) + h * n->depth);
    }
}

// Computes a part of the columns of x times the weights.
static void multiply(const struct step *s, const struct rows_weight *w, const real *x, real *out, int64_t rows,
                     int part)
{
    const int64_t panels = rows_panels(w);
    rows_multiply(w, x, rows, w->K, out, w->N, cut(panels, s->parts, part), cut(panels, s->parts, part + 1),
                  s->room + part * s->room_bytes);
}

static void widen(const struct step *s, const struct step_layer *l, const real *h, int part)
{
    const int64_t panels = rows_panels(&l->up), n = l->up.N;
    const int64_t from = rows_panel_start(&l->up, cut(panels, s->parts, part));
    const int64_t columns = rows_panel_start(&l->up, cut(panels, s->parts, part + 1)) - from;
    multiply(s, &l->up, h, s->inner, s->a->N, part);
    if (s->net.gated) multiply(s, &l->gate, h, s->gate, s->a->N, part);
    for (int64_t r = 0; r < s->a->N; r++) {
        real *x = s->inner + r * n + from;
        activate((enum linear_activation)s->net.activation, x, columns);
        const real *gate = s->gate + r * n + from;
        if (s->net.gated)
            for (int64_t j = 0; j < columns; j++) x[j] *= gate[j];
    }
}

static void finish_row(const struct step *s, int64_t i)
{
    const int64_t width = s->net.width, r = s->a->wanted[i];
    const real *x = row_of(s->x, r, width), *y = row_of(s->y, r, width);
    real *h = row_of(s->end.table.N ? s->h : s->a->logits, i, width);
    if (s->net.norm_first)
        for (int64_t j = 0; j < width; j++) h[j] = x[j] + y[j];
    else
        memcpy(h, x, (size_t)width * sizeof(real));
    if (s->net.final_norm) norm_row(h, h, &s->end.norm, width);
    if (s->net.output_scale != 1)
        for (int64_t j = 0; j < width; j++) h[j] *= (real)s->net.output_scale;
}

#endif
