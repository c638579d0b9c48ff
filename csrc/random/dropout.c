// Dropout from counter-based random numbers: the mask is a function of (seed, stream, position), so it is not stored
// but computed again in the backward pass, by the same function.
#include "dropout_args.h"
#include "random/rng.h"
#include "vec/vec.h"

#define DRAWS SQ_PHILOX_LANES
#define BLOCK (8 * DRAWS) // elements that a block of draws decides about: two for each 32-bit word

// An element is kept where its 32-bit draw is not below p * 2^32. The upper half of the draw comes from the block's
// words; the lower half is drawn only in the rare block where it decides.
typedef struct {
    uint64_t seed, stream;
    uint32_t upper, lower; // of p * 2^32
    real scale;
} rule;

static void draw_halves(uint32_t *restrict halves, const rule *r, uint64_t position)
{
    uint32_t words[4 * DRAWS];
    sq_philox_words(words, r->seed, r->stream, position);
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < DRAWS; i++) {
            halves[2 * DRAWS * k + i] = words[DRAWS * k + i] & 0xffff;
            halves[2 * DRAWS * k + DRAWS + i] = words[DRAWS * k + i] >> 16;
        }
}

static void refine(uint32_t *restrict upper, const rule *r, uint64_t position)
{
    uint32_t lower[BLOCK];
    draw_halves(lower, r, position | (uint64_t)1 << 63);
    for (int i = 0; i < BLOCK; i++)
        if (upper[i] == r->upper && lower[i] >= r->lower) upper[i] = UINT32_MAX;
}

static void drop_block(real *restrict out, const real *restrict x, const rule *r, uint64_t block)
{
    uint32_t bits[BLOCK];
    draw_halves(bits, r, block * DRAWS);
    const uint32_t upper = r->upper;
    uint32_t close = 0;
    for (int i = 0; i < BLOCK; i++) close |= bits[i] == upper;
    if (close) refine(bits, r, block * DRAWS);
    const real scale = r->scale;
    for (int i = 0; i < BLOCK; i++) out[i] = x[i] * (bits[i] > upper ? scale : 0);
}

// out = x / (1 - p) with probability 1 - p, else x * 0 (NaN stays NaN); p = 1 drops all. It is linear in x, so this is
// also the backward function: the same (seed, stream) draw the same mask.
//: dropout_apply(x:f[N], p:d, seed:n>=0, stream:n>=0) -> out:f[N] where 0 <= p <= 1
KERNEL(dropout_apply)
{
    const uint64_t threshold = (uint64_t)llrint(a->p * 0x1p32);
    const rule r = {(uint64_t)a->seed, (uint64_t)a->stream, (uint32_t)(threshold >> 16), threshold & 0xffff,
                    a->p < 1 ? (real)(1 / (1 - a->p)) : 0};
    const int64_t whole = a->N / BLOCK, rest = a->N % BLOCK;
#pragma omp parallel for num_threads(sq_team(2 * a->N)) schedule(static)
    for (int64_t b = 0; b < whole; b++) drop_block(a->out + b * BLOCK, a->x + b * BLOCK, &r, (uint64_t)b);
    if (rest) {
        real x[BLOCK] = {0}, out[BLOCK];
        memcpy(x, a->x + whole * BLOCK, (size_t)rest * sizeof(real));
        drop_block(out, x, &r, (uint64_t)whole);
        memcpy(a->out + whole * BLOCK, out, (size_t)rest * sizeof(real));
    }
    return NULL;
}
