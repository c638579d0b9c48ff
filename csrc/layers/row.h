// What softmax and cross-entropy need of a row: its maximum and the sum of its exponentials, with one exp for each
// element. A row is read from memory once. Results that no cache would hold are made in two steps, so that the memory
// is never idle: while the blocks of one row are read, the finished ones of the row before are stored past the caches.
#ifndef SEQNN_LAYERS_ROW_H
#define SEQNN_LAYERS_ROW_H

#include "vec/math.h"

// Elements i .. i + LANES - 1 of n; `fill` stands for those after the end and where mask (may be NULL) is false.
ALWAYS_INLINE vf row_load(const real *x, const bool *mask, int64_t i, int64_t n, real fill)
{
    const int64_t rest = n - i;
    const vf value = rest >= LANES ? vf_load(x + i) : vf_load_part(x + i, rest);
    if (mask) return vf_select(vf_truths(mask + i, rest), value, vf_set(fill));
    return rest >= LANES ? value : vf_select(vf_first(rest), value, vf_set(fill));
}

// Stores elements i .. i + LANES - 1 of n, or those up to the end; past the caches or not.
ALWAYS_INLINE void row_store(real *x, int64_t i, int64_t n, vf value, bool stream)
{
    if (n - i < LANES)
        vf_store_part(x + i, n - i, value);
    else if (stream)
        vf_stream(x + i, value);
    else
        vf_store(x + i, value);
}

// Elements i .. i + LANES - 1, all of which are there.
ALWAYS_INLINE vf row_whole(const real *x, const bool *mask, int64_t i)
{
    const vf value = vf_load(x + i);
    return mask ? vf_select(vf_truths(mask + i, LANES), value, vf_set(-(real)INFINITY)) : value;
}

// The largest element that takes part, -inf where there is none. A NaN may go unseen: it shows in the sum.
ALWAYS_INLINE real row_largest(const real *x, const bool *mask, int64_t n)
{
    vf a = vf_set(-(real)INFINITY), b = a, c = a, d = a;
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        a = vf_max(a, row_whole(x, mask, i));
        b = vf_max(b, row_whole(x, mask, i + LANES));
        c = vf_max(c, row_whole(x, mask, i + 2 * LANES));
        d = vf_max(d, row_whole(x, mask, i + 3 * LANES));
    }
    for (; i < n; i += LANES) a = vf_max(a, row_load(x, mask, i, n, -(real)INFINITY));
    return vf_largest(vf_max(vf_max(a, b), vf_max(c, d)));
}

enum {
    ROW_BLOCK = 1024,           // elements that are read ahead of their turn: the exponentials leave the memory idle
    ROW_STREAM_BYTES = 16 << 20 // results from this size on would not stay in a cache: they are stored past it
};

// The sum of e^(x - largest); the exponentials go to e unless it is NULL. Meanwhile asks for what follows in memory:
// the next block, or after a longer row what comes after it.
ALWAYS_INLINE real row_exp(const real *x, const bool *mask, int64_t n, real largest, real *e)
{
    const real *next = x + (n > ROW_BLOCK ? n : ROW_BLOCK);
    vf a = vf_set(0), b = a;
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        const vf left = vf_exp_falling(row_whole(x, mask, i) - largest);
        const vf right = vf_exp_falling(row_whole(x, mask, i + LANES) - largest);
        if (e) vf_store(e + i, left), vf_store(e + i + LANES, right);
        for (int64_t byte = 0; byte < 2 * VF_BYTES; byte += 64) __builtin_prefetch((const char *)(next + i) + byte);
        a += left, b += right;
    }
    for (; i < n; i += LANES) {
        const vf last = vf_exp_falling(row_load(x, mask, i, n, -(real)INFINITY) - largest);
        if (e) row_store(e, i, n, last, false);
        a += last;
    }
    return vf_sum(a + b);
}

ALWAYS_INLINE real row_exp_one(real x) { return vf_exp_falling(vf_set(x))[0]; }

// What is known of a row after its first blocks: e^(x - shift), with a shift for each block, and the sum of
// e^(x - largest).
typedef struct {
    real *e, *shift; // [n], [blocks]; e is NULL where the exponentials are not needed
    real largest, sum;
} row_terms;

ALWAYS_INLINE void row_first(row_terms *t) { t->largest = -(real)INFINITY, t->sum = 0; }

// Adds the block that begins at `at`. The largest so far is good enough as a shift: that of the block may be less.
ALWAYS_INLINE void row_block(row_terms *t, const real *x, const bool *mask, int64_t at, int64_t n)
{
    const int64_t size = least(ROW_BLOCK, n - at);
    const bool *part = mask ? mask + at : NULL;
    const real top = row_largest(x + at, part, size), largest = top > t->largest ? top : t->largest;
    const real shift = largest == -(real)INFINITY ? 0 : largest;
    if (largest != t->largest && t->sum != 0) t->sum *= row_exp_one(t->largest - largest);
    t->sum += row_exp(x + at, part, size, shift, t->e ? t->e + at : NULL);
    t->largest = largest;
    t->shift[at / ROW_BLOCK] = shift;
}

// The factor that makes the exponentials of the block at `at` those of x - largest.
ALWAYS_INLINE real row_factor(const row_terms *t, int64_t at)
{
    const real shift = t->shift[at / ROW_BLOCK];
    return shift == t->largest ? 1 : row_exp_one(shift - t->largest);
}

// Room for the terms of two rows for each thread of a team, which free() frees; NULL where memory ran out.
ALWAYS_INLINE row_terms *row_rooms(int team, int64_t n)
{
    const size_t width = (size_t)round_up(n, 64), shifts = (size_t)round_up(n / ROW_BLOCK + 1, 64);
    const size_t head = (size_t)round_up(2 * team * (int64_t)sizeof(row_terms), 64);
    row_terms *room = aligned_alloc(64, head + 2 * (size_t)team * (width + shifts) * sizeof(real));
    for (int k = 0; room && k < 2 * team; k++) {
        room[k].e = (real *)((char *)room + head) + (size_t)k * (width + shifts);
        room[k].shift = room[k].e + width;
    }
    return room;
}

#endif
