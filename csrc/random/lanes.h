// Lanes of 64 bits for random numbers: products of their lower halves.
#ifndef SEQNN_RANDOM_LANES_H
#define SEQNN_RANDOM_LANES_H

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

#endif
