// What attention's passes share: the problem, which keys a query sees, and products of blocks.
#ifndef SEQNN_ATTENTION_H
#define SEQNN_ATTENTION_H

#include "gemm/tiles.h"
#include "random/rng.h"
#include "vec/math.h"

enum {
    QUERIES = 64,                 // of a block
    PANEL = GEMM_VECTORS * LANES, // keys of a panel of the packed K^T
    DROP_KEYS = 64,               // a block of draws decides about two queries x so many keys
    FAR = INT32_MAX / 4           // a window of this size is none
};

// Weights are powers of 2 for floats, whose exponential is cheap, and of e for doubles.
#if SQ_DOUBLE
#define UNIT 1.0 // a score of 1 in the exponent
ALWAYS_INLINE vf weight_of(vf x) { return vf_exp(x); }
static inline real log_weight(real x) { return log(x); }
#else
#define UNIT 1.4426950408889634f
// 2^x for x <= 0 with a relative error of 2e-7; 0 below -125 (no subnormal numbers: they are slow); NaN stays NaN.
ALWAYS_INLINE vf weight_of(vf x)
{
    const vf bounded = vf_max(vf_set(-125), x);
    const vf steps = bounded + VF_SHIFT, n = steps - VF_SHIFT, r = bounded - n;
    const vf y =
        VF_POLYNOMIAL(r, .001327647217f, .009675541331f, .05550713273f, .2402211972f, .6931469671f, 1.00000007f);
#if defined(__AVX512F__)
    const __mmask16 normal = _mm512_cmp_ps_mask((__m512)x, (__m512)vf_set(-125), _CMP_NLT_UQ);
    return (vf)_mm512_maskz_scalef_ps(normal, (__m512)y, (__m512)n);
#else
    return vf_select(x < -125, vf_set(0), (vf)((vi)y + ((vi)steps << VF_FRACTION)));
#endif
}
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
    bool far; // additive: some query or key lies far out (attention_score.h)
    const int32_t *lengths, *query_lengths;
    int64_t before, after, offset; // query t sees keys t + offset - before ... t + offset + after
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
     .before = a->before,                                                                                              \
     .after = a->after,                                                                                                \
     .offset = a->offset,                                                                                              \
     .scale = (real)a->scale,                                                                                          \
     .drop = (uint32_t)llrint(a->p * 0x1p16),                                                                          \
     .kept = (real)(1 / (1 - rint(a->p * 0x1p16) * 0x1p-16)),                                                          \
     .seed = (uint64_t)a->seed,                                                                                        \
     .stream = (uint64_t)a->stream}

static inline int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }
static inline int64_t most(int64_t x, int64_t y) { return x > y ? x : y; }
static inline int64_t vectors_of(int64_t n) { return (n + LANES - 1) / LANES; }
static inline int64_t padded(int64_t n) { return vectors_of(n) * LANES; }

static inline const real *place(const real *x, strides s, int64_t b, int64_t h, int64_t t)
{
    return x + b * s.batch + h * s.query + t * s.row;
}

// The keys [first_key, end_key) that query t may see, masks aside.
static inline int64_t key_count(const problem *c, int64_t b)
{
    return c->lengths ? most(0, least(c->keys, c->lengths[b])) : c->keys;
}
static inline int64_t query_count(const problem *c, int64_t b)
{
    return c->query_lengths ? most(0, least(c->queries, c->query_lengths[b])) : c->queries;
}
static inline int64_t first_key(const problem *c, int64_t t) { return most(0, t + c->offset - c->before); }
static inline int64_t end_key(const problem *c, int64_t b, int64_t t)
{
    return most(0, least(key_count(c, b), t + c->offset + c->after + 1));
}

// C = alpha A B, or C += alpha A B, for whole vectors of columns: A(i, k) = a[i * a_row + k * a_col].
static void product(real *c, int64_t c_row, const real *a, int64_t a_row, int64_t a_col, const real *b, int64_t b_row,
                    int64_t rows, int64_t depth, int64_t vectors, real alpha, bool add)
{
    static const real zeros[PANEL] = {0};
    for (int64_t v = 0; v < vectors; v += GEMM_VECTORS) {
        const int64_t wide = least(GEMM_VECTORS, vectors - v), tall = GEMM_ROWS(wide);
        tile_job job = {.b = b + v * LANES,
                        .k = depth,
                        .a_row = a_row,
                        .a_col = a_col,
                        .b_row = b_row,
                        .c_row = c_row,
                        .alpha = alpha,
                        .init = zeros};
        for (int64_t i = 0; i < rows; i += tall) {
            job.a = a + i * a_row;
            job.c = c + i * c_row + v * LANES;
            if (add) job.init = job.c, job.init_row = c_row;
            tiles[wide][least(tall, rows - i)](&job);
        }
    }
}

// A panel of x^T, [depth][keys of the panel, whole vectors], from rows of x.
static void pack_transposed(real *to, const real *rows, int64_t row, int64_t count, int64_t depth)
{
    const gemm g = {.n = count, .k = depth, .b = rows, .b_row = 1, .b_col = row};
    gemm_pack(&g, to, 0, 1);
}

// Rows with their end filled up to whole vectors; those that are whole already stay where they are.
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

// The vectors of a row's bias and relative bias, and which of its keys are seen.
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

ALWAYS_INLINE vf adjusted(vf x, const row_rule *r, int64_t s, int64_t keys)
{
    const int64_t rest = most(0, least(LANES, keys - s));
    if (r->bias) x += vf_load_part(r->bias + s, rest) * (real)UNIT;
    if (r->relative) x += vf_load_part(r->relative + s, rest) * (real)UNIT;
    vi seen = vf_first(r->end - s) & ~vf_first(r->first - s);
    if (r->mask) seen &= vf_truths(r->mask + s, rest);
    return vf_select(seen, x, vf_set(-(real)INFINITY));
}

// Scores of queries [t, t + rows) and keys [s, s + columns): adds the biases, and -inf where a key is not seen. Columns
// up to whole vectors are written.
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

// Factors of dropout for `columns` keys from s on, a multiple of DROP_KEYS, of queries t and t + 1 (t is even).
static void draw_factors(const problem *c, int64_t b, int64_t h, int64_t t, int64_t s, real *restrict factor)
{
    uint32_t word[4 * SQ_PHILOX_LANES];
    const int64_t pairs = (c->queries + 1) / 2, blocks = (c->keys + DROP_KEYS - 1) / DROP_KEYS;
    const int64_t block = ((b * c->heads + h) * pairs + t / 2) * blocks + s / DROP_KEYS;
    sq_philox_words(word, c->seed, c->stream, (uint64_t)block * SQ_PHILOX_LANES);
    const uint32_t drop = c->drop;
    const real kept = c->kept;
    for (int i = 0; i < DROP_KEYS; i++) {
        factor[i] = (word[i] & 0xffff) < drop ? 0 : kept;
        factor[DROP_KEYS + i] = (word[i] >> 16) < drop ? 0 : kept;
    }
}

#endif
