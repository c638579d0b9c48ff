// Inline vector mathematics on `vf`: one register of the variant's instruction set, written with vector extensions.
// Lanes: float 16 (AVX-512), 8 (AVX2), 4 (SSE, NEON); half as many for double.
#ifndef SEQNN_VEC_H
#define SEQNN_VEC_H

#include "seqnn.h"

#define SQ_IS_float 0
#define SQ_IS_double 1
#define SQ_DOUBLE SQ_JOIN(SQ_IS, SQ_REAL)

#if defined(__AVX512F__)
#define VF_BYTES 64
#elif defined(__AVX__)
#define VF_BYTES 32
#else
#define VF_BYTES 16
#endif
#if SQ_DOUBLE
#define LANES (VF_BYTES / 8)
typedef int64_t lane_bits;
#else
#define LANES (VF_BYTES / 4)
typedef int32_t lane_bits;
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef real vf __attribute__((vector_size(VF_BYTES), may_alias));
typedef lane_bits vi __attribute__((vector_size(VF_BYTES), may_alias));
typedef real vf_unaligned __attribute__((vector_size(VF_BYTES), aligned(sizeof(real)), may_alias));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE vf vf_load(const real *p) { return *(const vf_unaligned *)p; }
ALWAYS_INLINE void vf_store(real *p, vf x) { *(vf_unaligned *)p = x; }
ALWAYS_INLINE vf vf_set(real x) { return x - (vf){0}; }

// mask ? a : b, lane by lane; a mask is the result of a comparison.
ALWAYS_INLINE vf vf_select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }

// The smaller and the larger of bound and x; NaN in x comes out as NaN.
#if defined(__AVX512F__) && !SQ_DOUBLE
ALWAYS_INLINE vf vf_min(vf bound, vf x) { return (vf)_mm512_min_ps((__m512)bound, (__m512)x); }
ALWAYS_INLINE vf vf_max(vf bound, vf x) { return (vf)_mm512_max_ps((__m512)bound, (__m512)x); }
#elif defined(__AVX__) && !SQ_DOUBLE
ALWAYS_INLINE vf vf_min(vf bound, vf x) { return (vf)_mm256_min_ps((__m256)bound, (__m256)x); }
ALWAYS_INLINE vf vf_max(vf bound, vf x) { return (vf)_mm256_max_ps((__m256)bound, (__m256)x); }
#else
ALWAYS_INLINE vf vf_min(vf bound, vf x) { return vf_select(bound < x, bound, x); }
ALWAYS_INLINE vf vf_max(vf bound, vf x) { return vf_select(bound > x, bound, x); }
#endif

// Sum of the lanes, by halves.
ALWAYS_INLINE real vf_sum(vf x)
{
    real lane[LANES];
    vf_store(lane, x);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
}

// e^x for |x| <= 87 (float) or 708 (double), to about 1 ulp: x = n ln 2 + r with |r| <= ln 2 / 2, e^r by a polynomial,
// 2^n added to the exponent bits. Adding 1.5 * 2^23 (2^52) rounds and leaves n in the low bits of the mantissa.
ALWAYS_INLINE vf vf_exp_bounded(vf x)
{
#if SQ_DOUBLE
    const vf shift = vf_set(6755399441055744.0);
    const vf t = x * (real)1.4426950408889634 + shift, n = t - shift;
    const vf r = x - n * (real)6.93147180369123816490e-01 - n * (real)1.90821492927058770002e-10;
    static const double c[] = {
        1. / 6227020800, 1. / 479001600, 1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320, 1. / 5040,
        1. / 720,        1. / 120,       1. / 24,       1. / 6,       .5,          1.,         1.};
    vf y = vf_set((real)c[0]);
    for (int i = 1; i < 14; i++) y = y * r + (real)c[i];
    return (vf)((vi)y + ((vi)t << 52));
#else
    const vf shift = vf_set(12582912.f);
    const vf t = x * 1.44269504f + shift, n = t - shift;
    const vf r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vf y = vf_set(1.9875691500e-4f);
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * (r * r) + r + 1.f;
    return (vf)((vi)y + ((vi)t << 23));
#endif
}

// Asks for the cache line at p in order to write it. The plain builtin would ask to read on most x86 targets.
ALWAYS_INLINE void prefetch_write(const void *p)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)p));
#else
    __builtin_prefetch(p, 1, 3);
#endif
}

#endif
