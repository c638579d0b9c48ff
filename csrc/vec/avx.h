// What AVX has instructions for.
#ifndef SEQNN_VEC_AVX_H
#define SEQNN_VEC_AVX_H

#define VF_BYTES 32
#define VF_REGISTERS 16
#define VF_FUSED 1

#include "vec/register.h"
#include <immintrin.h>

#if SQ_DOUBLE
typedef __m256d native;
#define NATIVE(name) _mm256_##name##_pd
ALWAYS_INLINE vf vf_inverse_root(vf x) { return 1 / (vf)_mm256_sqrt_pd((native)x); }
#else
typedef __m256 native;
#define NATIVE(name) _mm256_##name##_ps
ALWAYS_INLINE vf vf_inverse_root(vf x) { return (vf)_mm256_rsqrt_ps((native)x); }
#endif

ALWAYS_INLINE vf vf_sqrt(vf x) { return (vf)NATIVE(sqrt)((native)x); }
ALWAYS_INLINE vf vf_min(vf bound, vf x) { return (vf)NATIVE(min)((native)bound, (native)x); }
ALWAYS_INLINE vf vf_max(vf bound, vf x) { return (vf)NATIVE(max)((native)bound, (native)x); }
ALWAYS_INLINE void vf_stream(real *p, vf x) { _mm256_stream_si256((__m256i *)p, (__m256i)x); }

#include "vec/lanes.h"

#endif
