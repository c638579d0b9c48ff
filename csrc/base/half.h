// Numbers of 16 bits, as IEEE 754 has them, widened exactly.
#ifndef SEQNN_BASE_HALF_H
#define SEQNN_BASE_HALF_H

#include "seqnn.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

static inline uint32_t bits_of_float(float x)
{
    uint32_t bits;
    return *(uint32_t *)memcpy(&bits, &x, sizeof bits);
}

static inline float float_of_bits(uint32_t bits)
{
    float x;
    return *(float *)memcpy(&x, &bits, sizeof x);
}

// Returns the bits of the same number as a float; a NaN keeps what it carries. A subnormal number gets the bits of
// 2^-14 + itself, from which 2^-14 is taken: so nothing subnormal is computed with.
static inline uint32_t widened_half(uint16_t half)
{
    const uint32_t rest = (uint32_t)(half & 0x7fff) << 13, sign = (uint32_t)(half & 0x8000) << 16;
    const uint32_t normal = rest + (rest >= 0x0f800000 ? 0x70000000 : 0x38000000); // the first is infinite or NaN
    const uint32_t subnormal = bits_of_float(float_of_bits(rest + 0x38800000) - float_of_bits(0x38800000));
    return sign | (rest < 0x00800000 ? subnormal : normal);
}

// Widens n numbers.
static inline void widen_halves(const uint16_t *restrict x, real *restrict y, int64_t n)
{
    int64_t i = 0;
#if defined(__AVX512F__) && !SQ_DOUBLE
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(y + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)(x + i))));
#elif defined(__F16C__) && !SQ_DOUBLE
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(x + i))));
#endif
    for (; i < n; i++) y[i] = (real)float_of_bits(widened_half(x[i]));
}

#endif
