// Exact edit distance, 64 tokens of the reference at a time (Myers, "A fast bit-vector algorithm for approximate string
// matching based on dynamic programming", 1999), with the state after each word kept: a text with the same beginning
// goes on from there.
#ifndef SEQNN_METRICS_EDIT_BITS_H
#define SEQNN_METRICS_EDIT_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A state has `words` pairs {where the distance grows by one from one token of the reference to the next, where it
// falls}.
typedef struct {
    int64_t words, m;
    uint64_t *masks;    // [limit, words] where each token occurs in the reference; all zero between uses
    uint64_t *states;   // [n + 1, 2 words]
    int32_t *distances; // [n + 1] to the whole reference
} edit_bits;

static void bits_begin(edit_bits *e, const int32_t *reference, int64_t m)
{
    e->m = m;
    e->words = (m + 63) / 64;
    for (int64_t j = 0; j < m; j++) e->masks[reference[j] * e->words + (j >> 6)] |= UINT64_C(1) << (j & 63);
    for (int64_t w = 0; w < e->words; w++) {
        e->states[2 * w] = ~UINT64_C(0);
        e->states[2 * w + 1] = 0;
    }
    e->distances[0] = (int32_t)m;
}

static void bits_end(const edit_bits *e, const int32_t *reference)
{
    for (int64_t j = 0; j < e->m; j++) e->masks[reference[j] * e->words + (j >> 6)] = 0;
}

// From one state to the next; returns by how much the distance to the whole reference changes.
static inline int bits_step(const edit_bits *e, const uint64_t *restrict from, uint64_t *restrict to, int32_t token)
{
    const uint64_t *masks = e->masks + token * e->words;
    uint64_t grows = 1, falls = 0; // along the first row the distance grows with each word
    int change = 0;
    for (int64_t w = 0; w < e->words; w++) {
        const uint64_t up = from[2 * w], down = from[2 * w + 1], equal = masks[w] | falls, below = masks[w] | down;
        const uint64_t across = (((equal & up) + up) ^ up) | equal;
        uint64_t more = down | ~(across | up), less = up & across;
        const int last = w == e->words - 1 ? (int)((e->m - 1) & 63) : 63;
        const uint64_t grew = more >> last & 1, fell = less >> last & 1;
        more = more << 1 | grows;
        less = less << 1 | falls;
        to[2 * w] = less | ~(below | more);
        to[2 * w + 1] = more & below;
        grows = grew;
        falls = fell;
        change = (int)grew - (int)fell;
    }
    return change;
}

// States after each of the n words.
static void bits_run(const edit_bits *e, const int32_t *words, int64_t n)
{
    const int64_t size = 2 * e->words;
    for (int64_t i = 0; i < n; i++)
        e->distances[i + 1] =
            e->distances[i] + bits_step(e, e->states + i * size, e->states + (i + 1) * size, words[i]);
}

// The distance of n words of which the first `same` are those that bits_run has seen; `scratch` holds two states.
static int32_t bits_distance(const edit_bits *e, const int32_t *words, int64_t same, int64_t n, uint64_t *scratch)
{
    const int64_t size = 2 * e->words;
    const uint64_t *from = e->states + same * size;
    int32_t distance = e->distances[same];
    for (int64_t i = same; i < n; i++) {
        uint64_t *to = scratch + (i & 1) * size;
        distance += bits_step(e, from, to, words[i]);
        from = to;
    }
    return distance;
}

#endif
