// Registers of 16 bytes, which every processor has: SSE on x86-64, NEON on ARM.
#ifndef SEQNN_VEC_PORTABLE_H
#define SEQNN_VEC_PORTABLE_H

#define VF_BYTES 16
#if defined(__aarch64__)
#define VF_REGISTERS 32
#define VF_FUSED 1
#else
#define VF_REGISTERS 16
#define VF_FUSED 0
#endif

#include "vec/register.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

ALWAYS_INLINE vf vf_sqrt(vf x)
{
    for (int i = 0; i < LANES; i++) x[i] = (real)sqrt((double)x[i]);
    return x;
}

ALWAYS_INLINE vf vf_min(vf bound, vf x) { return vf_select(bound < x, bound, x); }
ALWAYS_INLINE vf vf_max(vf bound, vf x) { return vf_select(bound > x, bound, x); }

#if defined(__x86_64__)
ALWAYS_INLINE void vf_stream(real *p, vf x) { _mm_stream_si128((__m128i *)p, (__m128i)x); }
#else
ALWAYS_INLINE void vf_stream(real *p, vf x) { *(vf *)p = x; }
#endif

#if defined(__x86_64__) && !SQ_DOUBLE
ALWAYS_INLINE vf vf_inverse_root(vf x) { return (vf)_mm_rsqrt_ps((__m128)x); }
#else
ALWAYS_INLINE vf vf_inverse_root(vf x) { return 1 / vf_sqrt(x); }
#endif

#include "vec/lanes.h"

#endif
