// The code of rng.h. Even and odd positions run side by side in the lower halves of 64-bit lanes, where their products
// need no shuffling.
#include "random/rng.h"
#include "vec/vec.h"

// A 32-bit number in the lower half of each lane; the upper half may hold anything.
typedef uint64_t lanes __attribute__((vector_size(VF_BYTES), may_alias));
typedef uint64_t lanes_unaligned __attribute__((vector_size(VF_BYTES), aligned(4), may_alias));
enum { PAIRS = VF_BYTES / 8 };

// The 64-bit products of the lower halves.
static inline lanes multiply(lanes a, uint32_t b)
{
    const lanes factor = (lanes){0} + b;
#if defined(__AVX512F__)
    return (lanes)_mm512_mul_epu32((__m512i)a, (__m512i)factor);
#elif defined(__AVX2__)
    return (lanes)_mm256_mul_epu32((__m256i)a, (__m256i)factor);
#elif defined(__SSE2__)
    return (lanes)_mm_mul_epu32((__m128i)a, (__m128i)factor);
#else
    return (a & 0xffffffff) * factor;
#endif
}

typedef struct {
    lanes c0, c1, c2, c3;
} counters;

// Counters position, position + 2, ... of a stream.
static inline counters start(uint64_t position, uint64_t stream)
{
    uint64_t at[PAIRS];
    for (int i = 0; i < PAIRS; i++) at[i] = position + 2 * (uint64_t)i;
    const lanes c0 = *(const lanes_unaligned *)at, none = c0 ^ c0;
    return (counters){c0, c0 >> 32, none + stream, none + (stream >> 32)};
}

static inline counters next_round(counters c, uint64_t k0, uint64_t k1)
{
    const lanes p0 = multiply(c.c0, 0xD2511F53u), p1 = multiply(c.c2, 0xCD9E8D57u);
    return (counters){(p1 >> 32) ^ c.c1 ^ k0, p1, (p0 >> 32) ^ c.c3 ^ k1, p0};
}

static inline void put(uint32_t *out, lanes even, lanes odd)
{
    *(lanes_unaligned *)out = (even & 0xffffffff) | odd << 32;
}

void sq_philox_words(uint32_t *restrict out, uint64_t seed, uint64_t stream, uint64_t position)
{
    for (int i = 0; i < SQ_PHILOX_LANES; i += 2 * PAIRS) {
        counters even = start(position + (uint64_t)i, stream);
        counters odd = start(position + (uint64_t)i + 1, stream);
        uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
        for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
            even = next_round(even, k0, k1), odd = next_round(odd, k0, k1);
        put(out + i, even.c0, odd.c0);
        put(out + SQ_PHILOX_LANES + i, even.c1, odd.c1);
        put(out + 2 * SQ_PHILOX_LANES + i, even.c2, odd.c2);
        put(out + 3 * SQ_PHILOX_LANES + i, even.c3, odd.c3);
    }
}

void sq_philox_block(uint32_t *restrict out, uint64_t seed, uint64_t stream, uint64_t position)
{
    uint32_t words[4 * SQ_PHILOX_LANES];
    sq_philox_words(words, seed, stream, position);
    for (int i = 0; i < SQ_PHILOX_LANES; i++)
        for (int k = 0; k < 4; k++) out[4 * i + k] = words[SQ_PHILOX_LANES * k + i];
}

void sq_philox(uint32_t *restrict out, int64_t count, uint64_t seed, uint64_t stream, uint64_t position)
{
    int64_t i = 0;
    for (; i + SQ_PHILOX_LANES <= count; i += SQ_PHILOX_LANES)
        sq_philox_block(out + 4 * i, seed, stream, position + (uint64_t)i);
    if (i < count) {
        uint32_t rest[4 * SQ_PHILOX_LANES];
        sq_philox_block(rest, seed, stream, position + (uint64_t)i);
        memcpy(out + 4 * i, rest, (size_t)(count - i) * 4 * sizeof *out);
    }
}
