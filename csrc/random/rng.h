// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// The draw at (seed, stream, position) is the same for any number of threads and any order of asking.
#ifndef SEQNN_RANDOM_RNG_H
#define SEQNN_RANDOM_RNG_H

#include <stdint.h>

#include "vec/vec.h"

// Counters that are worked on at once.
#define SQ_PHILOX_LANES 16

// A 32-bit number in the lower half of each lane; the upper half may hold anything.
typedef uint64_t sq_lanes __attribute__((vector_size(VF_BYTES), may_alias));
typedef uint64_t sq_lanes_unaligned __attribute__((vector_size(VF_BYTES), aligned(4), may_alias));
enum { SQ_PAIRS = VF_BYTES / 8 };

// The 64-bit products of the lower halves.
static inline sq_lanes sq_multiply(sq_lanes a, uint32_t b)
{
    const sq_lanes factor = (sq_lanes){0} + b;
#if defined(__AVX512F__)
    return (sq_lanes)_mm512_mul_epu32((__m512i)a, (__m512i)factor);
#elif defined(__AVX2__)
    return (sq_lanes)_mm256_mul_epu32((__m256i)a, (__m256i)factor);
#elif defined(__SSE2__)
    return (sq_lanes)_mm_mul_epu32((__m128i)a, (__m128i)factor);
#else
    return (a & 0xffffffff) * factor;
#endif
}

typedef struct {
    sq_lanes c0, c1, c2, c3;
} sq_counters;

// Counters position, position + 2, ... of a stream.
static inline sq_counters sq_start(uint64_t position, uint64_t stream)
{
    uint64_t at[SQ_PAIRS];
    for (int i = 0; i < SQ_PAIRS; i++) at[i] = position + 2 * (uint64_t)i;
    const sq_lanes c0 = *(const sq_lanes_unaligned *)at, none = c0 ^ c0;
    return (sq_counters){c0, c0 >> 32, none + stream, none + (stream >> 32)};
}

static inline sq_counters sq_round(sq_counters c, uint64_t k0, uint64_t k1)
{
    const sq_lanes p0 = sq_multiply(c.c0, 0xD2511F53u), p1 = sq_multiply(c.c2, 0xCD9E8D57u);
    return (sq_counters){(p1 >> 32) ^ c.c1 ^ k0, p1, (p0 >> 32) ^ c.c3 ^ k1, p0};
}

static inline void sq_put(uint32_t *out, sq_lanes even, sq_lanes odd)
{
    *(sq_lanes_unaligned *)out = (even & 0xffffffff) | odd << 32;
}

// out[LANES*k + i] = draw k of the four of position + i, for i in [0, LANES): word by word. Even and odd positions run
// side by side in the lower halves of 64-bit lanes, where their products need no shuffling.
static inline void sq_philox_words(uint32_t *restrict out, uint64_t seed, uint64_t stream, uint64_t position)
{
    for (int i = 0; i < SQ_PHILOX_LANES; i += 2 * SQ_PAIRS) {
        sq_counters even = sq_start(position + (uint64_t)i, stream);
        sq_counters odd = sq_start(position + (uint64_t)i + 1, stream);
        uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
        for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
            even = sq_round(even, k0, k1), odd = sq_round(odd, k0, k1);
        sq_put(out + i, even.c0, odd.c0);
        sq_put(out + SQ_PHILOX_LANES + i, even.c1, odd.c1);
        sq_put(out + 2 * SQ_PHILOX_LANES + i, even.c2, odd.c2);
        sq_put(out + 3 * SQ_PHILOX_LANES + i, even.c3, odd.c3);
    }
}

// out[4*i .. 4*i+3] = the four draws of position + i, for i in [0, LANES).
static inline void sq_philox_block(uint32_t *restrict out, uint64_t seed, uint64_t stream, uint64_t position)
{
    uint32_t words[4 * SQ_PHILOX_LANES];
    sq_philox_words(words, seed, stream, position);
    for (int i = 0; i < SQ_PHILOX_LANES; i++)
        for (int k = 0; k < 4; k++) out[4 * i + k] = words[SQ_PHILOX_LANES * k + i];
}

// out[4*i .. 4*i+3] = the four draws of position + i, for i in [0, count).
static inline void sq_philox(uint32_t *restrict out, int64_t count, uint64_t seed, uint64_t stream, uint64_t position)
{
    int64_t i = 0;
    for (; i + SQ_PHILOX_LANES <= count; i += SQ_PHILOX_LANES)
        sq_philox_block(out + 4 * i, seed, stream, position + (uint64_t)i);
    if (i < count) {
        uint32_t rest[4 * SQ_PHILOX_LANES];
        sq_philox_block(rest, seed, stream, position + (uint64_t)i);
        for (int64_t j = 0; j < 4 * (count - i); j++) out[4 * i + j] = rest[j];
    }
}

#endif
