// The input rows of fastText: a token's is the mean of the rows of its word and of its word's character n-grams. The
// gradient of the mean is added to each of these rows, so the mean itself moves by just that gradient. Hence a token
// gets a row of its own, the mean, when it comes into the window; the windows train that row; and when the token goes
// out, what has become of it is added to the rows that it was made of. These are many and lie far apart, and each is
// read once and written once, not once a window. Only tokens of the same window that share a row do not see each
// other's changes to it.
#ifndef SEQNN_WORDS_FASTTEXT_INPUTS_H
#define SEQNN_WORDS_FASTTEXT_INPUTS_H

#include "vec/vec.h"
#include "words/word2vec_sample.h"

enum { INPUTS_WEIGHTED = true };
enum { TOKENS_AHEAD = 2 }; // whose rows are prefetched

// The tokens [left, entered) of a block are in their slots.
struct stay {
    int64_t left, entered;
};

static bool slots_allocate(struct slots *s, const arguments *a)
{
    const int64_t most = BLOCK + 2 * MARGIN, span = a->window < most / 2 ? 2 * a->window + 1 : most;
    int64_t slots = 1;
    while (slots < span) slots *= 2;
    s->mask = slots - 1;
    s->memory = malloc((size_t)(2 * slots * a->P * (int64_t)sizeof(real) + 64));
    if (!s->memory) return false;
    s->now = (real *)(((uintptr_t)s->memory + 63) & ~(uintptr_t)63);
    s->before = s->now + slots * a->P;
    return true;
}

static real *input_row(const struct block *b, const arguments *a, int64_t i)
{
    return b->slots.now + (i & b->slots.mask) * a->P;
}

// How much token i counts in the mean of CBOW, which is over all rows of all tokens.
ALWAYS_INLINE real input_weight(const arguments *a, const struct block *b, int64_t i)
{
    return (real)(a->row_offsets[b->ids[i] + 1] - a->row_offsets[b->ids[i]]);
}

// The mean of `count` rows.
static void gather(real *restrict now, real *restrict before, const real *restrict input, int64_t P,
                   const int32_t *restrict row, int64_t count)
{
    const real share = 1 / (real)count;
    int64_t at = 0;
    for (; at + 4 * LANES <= P; at += 4 * LANES) {
        vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
        for (int64_t k = 0; k < count; k++) {
            const real *const x = input + row[k] * P + at;
            s0 += vf_load(x), s1 += vf_load(x + LANES), s2 += vf_load(x + 2 * LANES), s3 += vf_load(x + 3 * LANES);
        }
        s0 *= share, s1 *= share, s2 *= share, s3 *= share;
        vf_store(now + at, s0), vf_store(now + at + LANES, s1);
        vf_store(now + at + 2 * LANES, s2), vf_store(now + at + 3 * LANES, s3);
        vf_store(before + at, s0), vf_store(before + at + LANES, s1);
        vf_store(before + at + 2 * LANES, s2), vf_store(before + at + 3 * LANES, s3);
    }
    for (; at < P; at += LANES) {
        vf sum = {0};
        for (int64_t k = 0; k < count; k++) sum += vf_load(input + row[k] * P + at);
        vf_store(now + at, sum * share);
        vf_store(before + at, sum * share);
    }
}

// Adds now - before to `count` rows, of each the share that its factor says.
static void scatter_shares(const real *restrict now, const real *restrict before, real *restrict input, int64_t P,
                           const int32_t *restrict row, int64_t count, const real *restrict factor)
{
    for (int64_t k = 0; k < count; k++) {
        const real share = factor[row[k]];
        real *const x = input + row[k] * P;
        if (share == 0) continue; // it stays as it is, also where the change is not finite
        for (int64_t at = 0; at < P; at += LANES)
            vf_store(x + at, vf_load(x + at) + (vf_load(now + at) - vf_load(before + at)) * share);
    }
}

// Adds now - before to `count` rows.
static void scatter(const real *restrict now, const real *restrict before, real *restrict input, int64_t P,
                    const int32_t *restrict row, int64_t count)
{
    int64_t at = 0;
    for (; at + 4 * LANES <= P; at += 4 * LANES) {
        const vf d0 = vf_load(now + at) - vf_load(before + at);
        const vf d1 = vf_load(now + at + LANES) - vf_load(before + at + LANES);
        const vf d2 = vf_load(now + at + 2 * LANES) - vf_load(before + at + 2 * LANES);
        const vf d3 = vf_load(now + at + 3 * LANES) - vf_load(before + at + 3 * LANES);
        for (int64_t k = 0; k < count; k++) {
            real *const x = input + row[k] * P + at;
            vf_store(x, vf_load(x) + d0), vf_store(x + LANES, vf_load(x + LANES) + d1);
            vf_store(x + 2 * LANES, vf_load(x + 2 * LANES) + d2), vf_store(x + 3 * LANES, vf_load(x + 3 * LANES) + d3);
        }
    }
    for (; at < P; at += LANES) {
        const vf change = vf_load(now + at) - vf_load(before + at);
        for (int64_t k = 0; k < count; k++) {
            real *const x = input + row[k] * P + at;
            vf_store(x, vf_load(x) + change);
        }
    }
}

// Before the windows of a block no token is in its slot.
ALWAYS_INLINE struct stay inputs_start(const arguments *a, const struct block *b)
{
    const int64_t first = b->first_centre - a->window;
    return (struct stay){.left = first > 0 ? first : 0, .entered = first > 0 ? first : 0};
}

// Asks for the parts of token i, into the second level of the cache: those of a few tokens exceed the first.
ALWAYS_INLINE void prefetch_parts(const arguments *a, const struct block *b, int64_t i)
{
    if (i >= b->kept) return;
    for (int64_t k = a->row_offsets[b->ids[i]]; k < a->row_offsets[b->ids[i] + 1]; k++)
        for (int64_t at = 0; at < a->P; at += 64 / (int64_t)sizeof(real))
            __builtin_prefetch(a->input + a->rows[k] * a->P + at, 0, 2);
}

// Empties the slots of the tokens before `stop`.
ALWAYS_INLINE void inputs_leave(struct stay *s, const arguments *a, const struct block *b, int64_t stop)
{
    for (; s->left < stop && s->left < s->entered; s->left++) {
        const int64_t start = a->row_offsets[b->ids[s->left]], slot = (s->left & b->slots.mask) * a->P;
        const int64_t count = a->row_offsets[b->ids[s->left] + 1] - start;
        const real *const now = b->slots.now + slot, *const before = b->slots.before + slot;
        if (a->factors)
            scatter_shares(now, before, a->input, a->P, a->rows + start, count, a->factors);
        else
            scatter(now, before, a->input, a->P, a->rows + start, count);
    }
}

// Brings the tokens of the window of centre c into their slots, after those that no window reaches any more have left.
// With factors all tokens leave, so that none has more than its share of a change when the next window sees it.
ALWAYS_INLINE void inputs_move(struct stay *s, const arguments *a, const struct block *b, int64_t c)
{
    const int64_t first = b->first_centre + c - a->window;
    inputs_leave(s, a, b, a->factors ? s->entered : first);
    if (a->factors) s->left = s->entered = first > 0 ? first : 0;
    for (; s->entered < b->end[c]; s->entered++) {
        prefetch_parts(a, b, s->entered + TOKENS_AHEAD);
        const int64_t start = a->row_offsets[b->ids[s->entered]], slot = (s->entered & b->slots.mask) * a->P;
        gather(b->slots.now + slot, b->slots.before + slot, a->input, a->P, a->rows + start,
               a->row_offsets[b->ids[s->entered] + 1] - start);
    }
}

// Empties all slots.
ALWAYS_INLINE void inputs_end(struct stay *s, const arguments *a, const struct block *b)
{
    inputs_leave(s, a, b, s->entered);
}

#endif
