// What AVX-512 has instructions for.
#ifndef SEQNN_VEC_AVX512_H
#define SEQNN_VEC_AVX512_H

#define VF_BYTES 64
#define VF_REGISTERS 32
#define VF_FUSED 1

#include "vec/register.h"
#include <immintrin.h>

#if SQ_DOUBLE
typedef __m512d native;
typedef __mmask8 native_mask;
#define NATIVE(name) _mm512_##name##_pd
#define NATIVE_COMPARE _mm512_cmp_pd_mask
#else
typedef __m512 native;
typedef __mmask16 native_mask;
#define NATIVE(name) _mm512_##name##_ps
#define NATIVE_COMPARE _mm512_cmp_ps_mask
#endif

ALWAYS_INLINE vf vf_sqrt(vf x) { return (vf)NATIVE(sqrt)((native)x); }
ALWAYS_INLINE vf vf_min(vf bound, vf x) { return (vf)NATIVE(min)((native)bound, (native)x); }
ALWAYS_INLINE vf vf_max(vf bound, vf x) { return (vf)NATIVE(max)((native)bound, (native)x); }
ALWAYS_INLINE real vf_sum(vf x) { return NATIVE(reduce_add)((native)x); }
ALWAYS_INLINE real vf_largest(vf x) { return NATIVE(reduce_max)((native)x); }

ALWAYS_INLINE vf vf_load_part(const real *p, int64_t n) { return (vf)NATIVE(maskz_loadu)((1u << n) - 1, p); }
ALWAYS_INLINE void vf_store_part(real *p, int64_t n, vf x) { NATIVE(mask_storeu)(p, (1u << n) - 1, (native)x); }
ALWAYS_INLINE void vf_stream(real *p, vf x) { _mm512_stream_si512((__m512i *)p, (__m512i)x); }

#if SQ_DOUBLE
ALWAYS_INLINE vf vf_inverse_root(vf x) { return 1 / vf_sqrt(x); }
ALWAYS_INLINE vf vf_inverse_of_next(vf e) { return 1 / (1 + e); }
#else
ALWAYS_INLINE vf vf_inverse_root(vf x) { return (vf)_mm512_rsqrt14_ps((native)x); }
ALWAYS_INLINE vf vf_inverse_of_next(vf e) // an estimate and a step of Newton's method
{
    const vf x = vf_min(vf_set(0x1p100f), e) + 1.f, guess = (vf)_mm512_rcp14_ps((native)x);
    return guess * (2.f - x * guess);
}
#endif

ALWAYS_INLINE vf vf_times_power(vf y, vf n) { return (vf)NATIVE(scalef)((native)y, (native)n); }
ALWAYS_INLINE vf vf_times_power_from(vf y, vf steps, vf x, real low)
{
    const native_mask normal = NATIVE_COMPARE((native)x, (native)vf_set(low), _CMP_NLT_UQ);
    return (vf)NATIVE(maskz_scalef)(normal, (native)y, (native)(steps - (real)VF_SHIFT));
}

ALWAYS_INLINE vf vf_log_split(vf x, vf *k)
{
    const native in = (native)x, power = NATIVE(getexp)(in), m = NATIVE(getmant)(in, _MM_MANT_NORM_1_2, 0);
    const native_mask large = NATIVE_COMPARE(m, (native)vf_set((real)1.41421356237309505), _CMP_GT_OQ);
    *k = (vf)NATIVE(mask_add)(power, large, power, (native)vf_set(1));
    return (vf)NATIVE(mask_mul)(m, large, m, (native)vf_set((real)0.5)) - 1;
}
ALWAYS_INLINE vf vf_log_limits(vf log, vf x)
{
    // What the result is for each kind of x (4 bits a kind): +inf, -inf at 0, NaN, or the formula's.
    const vi kinds = (lane_bits)0x03530422 - (vi){0};
    return (vf)NATIVE(fixupimm)((native)log, (native)x, (__m512i)kinds, 0);
}

#endif
