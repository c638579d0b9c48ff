// What the passes of attention share: the problem, and which keys a query sees with which bias.
#ifndef SEQNN_ATTENTION_H
#define SEQNN_ATTENTION_H

#include "gemm/gemm.h"
#include "random/rng.h"
#include "vec/math.h"

enum {
    QUERIES = 64,                 // of a block
    PANEL = GEMM_VECTORS * LANES, // keys of a panel of the packed K^T
    DROP_KEYS = 64,               // keys that a block of draws decides about, for two queries
    FEW = 4,                      // queries up to which keys and values are read as they lie (few.h)
};

// Weights are powers of 2 for floats, whose exponential is cheap, and of e for doubles.
#if SQ_DOUBLE
#define UNIT 1.0 // a score of 1 in the exponent
ALWAYS_INLINE vf weight_of(vf x) { return vf_exp(x); }
static inline real log_weight(real x) { return log(x); }
#else
#define UNIT 1.4426950408889634f
ALWAYS_INLINE vf weight_of(vf x) { return vf_exp2_falling(x); }
static inline real log_weight(real x) { return log2f(x); }
#endif

typedef struct {
    int64_t batch, query, row; // strides of [B, H, T, .], 0 where the axis is broadcast
} strides;

typedef struct {
    int64_t batch, heads, groups, queries, keys, depth, width; // B, H, G, T, S, D, E
    const real *q, *k, *v;
    strides q_step, k_step, v_step;
    const bool *mask; // and the other three may be NULL
    strides mask_step;
    const real *bias, *relative;
    strides bias_step;
    int64_t relative_step;
    const real *additive; // [H or 1][D]: the score is additive . tanh(q + k); NULL: it is q . k
    int64_t additive_step;
    bool far; // additive: some query or key lies far out (score.h)
    const int32_t *lengths, *query_lengths;
    int64_t from, to; // query t sees keys t + from ... t + to
    real scale;
    uint32_t drop; // a draw of 16 bits below this drops a weight
    real kept;     // what the others are multiplied by
    uint64_t seed, stream;
} problem;

#define STRIDES(of) {a->of##_stride[0], a->of##_stride[1], a->of##_stride[2]}
#define PROBLEM                                                                                                        \
    {.batch = a->B,                                                                                                    \
     .heads = a->H,                                                                                                    \
     .groups = a->G,                                                                                                   \
     .queries = a->T,                                                                                                  \
     .keys = a->S,                                                                                                     \
     .depth = a->D,                                                                                                    \
     .width = a->E,                                                                                                    \
     .q = a->q,                                                                                                        \
     .k = a->k,                                                                                                        \
     .v = a->v,                                                                                                        \
     .q_step = STRIDES(q),                                                                                             \
     .k_step = STRIDES(k),                                                                                             \
     .v_step = STRIDES(v),                                                                                             \
     .mask = a->mask,                                                                                                  \
     .mask_step = STRIDES(mask),                                                                                       \
     .bias = a->bias,                                                                                                  \
     .bias_step = STRIDES(bias),                                                                                       \
     .relative = a->relative,                                                                                          \
     .relative_step = a->relative_stride[0],                                                                           \
     .additive = a->additive,                                                                                          \
     .additive_step = a->additive_stride[0],                                                                           \
     .lengths = a->lengths,                                                                                            \
     .query_lengths = a->query_lengths,                                                                                \
     .from = window_end(a->offset, a->before, -1),                                                                     \
     .to = window_end(a->offset, a->after, 1),                                                                         \
     .scale = (real)a->scale,                                                                                          \
     .drop = (uint32_t)llrint(a->p * 0x1p16),                                                                          \
     .kept = (real)(1 / (1 - rint(a->p * 0x1p16) * 0x1p-16)),                                                          \
     .seed = (uint64_t)a->seed,                                                                                        \
     .stream = (uint64_t)a->stream}

// offset + way * reach, or 2^60 in its direction, which is as far as any key.
static inline int64_t window_end(int64_t offset, int64_t reach, int64_t way)
{
    const int64_t furthest = (int64_t)1 << 60;
    const double end = (double)offset + (double)way * (double)reach;
    if (fabs(end) >= (double)furthest) return end < 0 ? -furthest : furthest;
    return (int64_t)((uint64_t)offset + (uint64_t)way * (uint64_t)reach);
}

static inline int64_t vectors_of(int64_t n) { return blocks(n, LANES); }
static inline int64_t padded(int64_t n) { return round_up(n, LANES); }

static inline const real *place(const real *x, strides s, int64_t b, int64_t h, int64_t t)
{
    return x + b * s.batch + h * s.query + t * s.row;
}

// The keys [first_key, end_key) that query t may see, masks aside.
static inline int64_t key_count(const problem *c, int64_t b) { return c->lengths ? c->lengths[b] : c->keys; }
static inline int64_t query_count(const problem *c, int64_t b)
{
    return c->query_lengths ? c->query_lengths[b] : c->queries;
}
static inline int64_t first_key(const problem *c, int64_t t) { return most(0, t + c->from); }
static inline int64_t end_key(const problem *c, int64_t b, int64_t t)
{
    return most(0, least(key_count(c, b), t + c->to + 1));
}

// The first query that sees a key from s on, masks aside.
static inline int64_t first_query(const problem *c, int64_t s) { return most(0, s - c->to); }

enum { STAIR = 16 }; // queries, or keys, that a block on the diagonal of a causal mask takes at a time

// How many of keys [s, s + columns) query t may see, masks aside: those before an end.
static inline int64_t seen_of(const problem *c, int64_t b, int64_t t, int64_t s, int64_t columns)
{
    return most(0, least(columns, end_key(c, b, t) - s));
}

// How many of queries [t, t + rows) take keys [s, s + columns) together: all of them where they all see the last one.
static inline int64_t stair(const problem *c, int64_t b, int64_t t, int64_t rows, int64_t s, int64_t columns)
{
    return seen_of(c, b, t, s, columns) == seen_of(c, b, t + rows - 1, s, columns) ? rows : STAIR;
}

// Whether heads have so few queries that keys and values are not packed for them.
static inline bool has_few_queries(const problem *c)
{
    return c->groups > 0 && c->queries * (c->heads / c->groups) <= FEW;
}

// Packs a panel of x^T, [depth][keys of the panel, whole vectors], from rows of x.
static void pack_transposed(real *to, const real *rows, int64_t row, int64_t count, int64_t depth)
{
    const gemm g = {.n = count, .k = depth, .b = rows, .b_row = 1, .b_col = row};
    gemm_pack(&g, to, 0, 1);
}

// Returns rows whose ends are filled up to whole vectors: x itself where they are whole already, else a copy in `room`.
static const real *whole_rows(const real *x, int64_t *row, int64_t rows, int64_t columns, real *room)
{
    const int64_t wide = padded(columns);
    if (wide == columns) return x;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < wide; j += LANES)
            vf_store(room + i * wide + j, vf_load_part(x + i * *row + j, least(LANES, columns - j)));
    *row = wide;
    return room;
}

// The biases of a row of scores, and which of its keys are seen.
typedef struct {
    const real *bias, *relative;
    const bool *mask;
    int64_t first, end;
} row_rule;

static row_rule rule_of(const problem *c, int64_t b, int64_t h, int64_t t)
{
    row_rule r = {.first = first_key(c, t), .end = end_key(c, b, t)};
    if (c->bias) r.bias = place(c->bias, c->bias_step, b, h, t);
    if (c->relative) r.relative = c->relative + h * c->relative_step + c->queries - 1 - t;
    if (c->mask) r.mask = c->mask + b * c->mask_step.batch + h * c->mask_step.query + t * c->mask_step.row;
    return r;
}

// x + UNIT bias. Masks of floats often hold -FLT_MAX where a key is not to be seen. UNIT times that is -inf, and a row
// of it would see no key, where by the definition it sees all of them alike. So a bias below -1e30 grows no further:
// there the next smaller number is another 1e22 away, and the weights are the same.
ALWAYS_INLINE vf add_bias(vf x, vf bias)
{
    const vf sum = x + bias * (real)UNIT;
    return SQ_DOUBLE ? sum : vf_max(x + (bias - (real)1e30 * ((real)UNIT - 1)), sum);
}

ALWAYS_INLINE vf adjusted(vf x, const row_rule *r, int64_t s, int64_t keys)
{
    const int64_t rest = most(0, least(LANES, keys - s));
    if (r->bias) x = add_bias(x, vf_load_part(r->bias + s, rest));
    if (r->relative) x = add_bias(x, vf_load_part(r->relative + s, rest));
    vi seen = vf_first(r->end - s) & ~vf_first(r->first - s);
    if (r->mask) seen &= vf_truths(r->mask + s, rest);
    return vf_select(seen, x, vf_set(-(real)INFINITY));
}

// Adjusts the scores of queries [t, t + rows) and keys [s, s + columns): adds the biases, and writes -inf where a key
// is not seen, up to whole vectors.
static void adjust(const problem *c, int64_t b, int64_t h, int64_t t, int64_t rows, int64_t s, int64_t columns,
                   real *scores, int64_t row)
{
    const bool whole = columns % LANES == 0 && s >= first_key(c, t + rows - 1) && s + columns <= end_key(c, b, t);
    if (whole && !c->mask && !c->bias && !c->relative) return;
    const bool plain = !c->mask && !c->bias && !c->relative;
    for (int64_t i = 0; i < rows; i++) {
        const row_rule r = rule_of(c, b, h, t + i);
        real *x = scores + i * row;
        const int64_t end = least(columns, r.end - s);
        int64_t j = 0;
        for (; j < end; j += LANES)
            if (!plain || s + j < r.first || j + LANES > end)
                vf_store(x + j, adjusted(vf_load(x + j), &r, s + j, c->keys));
        for (; j < columns; j += LANES) vf_store(x + j, vf_set(-(real)INFINITY));
    }
}

// Draws the factors of dropout for DROP_KEYS keys from s on, a multiple of that, of queries t and t + 1 (t is even).
static void draw_factors(const problem *c, int64_t b, int64_t h, int64_t t, int64_t s, real *restrict factor)
{
    uint32_t word[4 * SQ_PHILOX_LANES];
    const int64_t pairs = blocks(c->queries, 2), key_blocks = blocks(c->keys, DROP_KEYS);
    const int64_t block = ((b * c->heads + h) * pairs + t / 2) * key_blocks + s / DROP_KEYS;
    sq_philox_words(word, c->seed, c->stream, (uint64_t)block * SQ_PHILOX_LANES);
    const uint32_t drop = c->drop;
    const real kept = c->kept;
    for (int i = 0; i < DROP_KEYS; i++) {
        factor[i] = (word[i] & 0xffff) < drop ? 0 : kept;
        factor[DROP_KEYS + i] = (word[i] >> 16) < drop ? 0 : kept;
    }
}

#endif
