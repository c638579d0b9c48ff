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
typedef uint64_t lane_word;
#else
#define LANES (VF_BYTES / 4)
typedef int32_t lane_bits;
typedef uint32_t lane_word;
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef real vf __attribute__((vector_size(VF_BYTES), may_alias));
typedef lane_bits vi __attribute__((vector_size(VF_BYTES), may_alias));
typedef lane_word vu __attribute__((vector_size(VF_BYTES), may_alias));
typedef real vf_unaligned __attribute__((vector_size(VF_BYTES), aligned(sizeof(real)), may_alias));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE vf vf_load(const real *p) { return *(const vf_unaligned *)p; }
ALWAYS_INLINE void vf_store(real *p, vf x) { *(vf_unaligned *)p = x; }
ALWAYS_INLINE vf vf_set(real x) { return x - (vf){0}; }

#if defined(__AVX512F__) && SQ_DOUBLE
ALWAYS_INLINE vf vf_sqrt(vf x) { return (vf)_mm512_sqrt_pd((__m512d)x); }
#elif defined(__AVX512F__)
ALWAYS_INLINE vf vf_sqrt(vf x) { return (vf)_mm512_sqrt_ps((__m512)x); }
#elif defined(__AVX__) && SQ_DOUBLE
ALWAYS_INLINE vf vf_sqrt(vf x) { return (vf)_mm256_sqrt_pd((__m256d)x); }
#elif defined(__AVX__)
ALWAYS_INLINE vf vf_sqrt(vf x) { return (vf)_mm256_sqrt_ps((__m256)x); }
#else
ALWAYS_INLINE vf vf_sqrt(vf x)
{
    for (int i = 0; i < LANES; i++) x[i] = (real)sqrt((double)x[i]);
    return x;
}
#endif

// mask ? a : b, lane by lane; a mask is the result of a comparison.
ALWAYS_INLINE vf vf_select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }

// The smaller and the larger of bound and x; NaN in x comes out as NaN.
#if defined(__AVX512F__) && SQ_DOUBLE
ALWAYS_INLINE vf vf_min(vf bound, vf x) { return (vf)_mm512_min_pd((__m512d)bound, (__m512d)x); }
ALWAYS_INLINE vf vf_max(vf bound, vf x) { return (vf)_mm512_max_pd((__m512d)bound, (__m512d)x); }
#elif defined(__AVX512F__)
ALWAYS_INLINE vf vf_min(vf bound, vf x) { return (vf)_mm512_min_ps((__m512)bound, (__m512)x); }
ALWAYS_INLINE vf vf_max(vf bound, vf x) { return (vf)_mm512_max_ps((__m512)bound, (__m512)x); }
#elif defined(__AVX__) && SQ_DOUBLE
ALWAYS_INLINE vf vf_min(vf bound, vf x) { return (vf)_mm256_min_pd((__m256d)bound, (__m256d)x); }
ALWAYS_INLINE vf vf_max(vf bound, vf x) { return (vf)_mm256_max_pd((__m256d)bound, (__m256d)x); }
#elif defined(__AVX__)
ALWAYS_INLINE vf vf_min(vf bound, vf x) { return (vf)_mm256_min_ps((__m256)bound, (__m256)x); }
ALWAYS_INLINE vf vf_max(vf bound, vf x) { return (vf)_mm256_max_ps((__m256)bound, (__m256)x); }
#else
ALWAYS_INLINE vf vf_min(vf bound, vf x) { return vf_select(bound < x, bound, x); }
ALWAYS_INLINE vf vf_max(vf bound, vf x) { return vf_select(bound > x, bound, x); }
#endif

// The first n lanes of a row's end, 0 <= n <= LANES; memory behind them is not touched. A load fills up with zeros.
#if defined(__AVX512F__) && SQ_DOUBLE
ALWAYS_INLINE vf vf_load_part(const real *p, int64_t n) { return (vf)_mm512_maskz_loadu_pd((1u << n) - 1, p); }
ALWAYS_INLINE void vf_store_part(real *p, int64_t n, vf x) { _mm512_mask_storeu_pd(p, (1u << n) - 1, (__m512d)x); }
#elif defined(__AVX512F__)
ALWAYS_INLINE vf vf_load_part(const real *p, int64_t n) { return (vf)_mm512_maskz_loadu_ps((1u << n) - 1, p); }
ALWAYS_INLINE void vf_store_part(real *p, int64_t n, vf x) { _mm512_mask_storeu_ps(p, (1u << n) - 1, (__m512)x); }
#else
ALWAYS_INLINE vf vf_load_part(const real *p, int64_t n)
{
    real lane[LANES] = {0};
    for (int64_t i = 0; i < n; i++) lane[i] = p[i];
    return vf_load(lane);
}
ALWAYS_INLINE void vf_store_part(real *p, int64_t n, vf x)
{
    real lane[LANES];
    vf_store(lane, x);
    for (int64_t i = 0; i < n; i++) p[i] = lane[i];
}
#endif

// How many of n elements lie before the first address that is a multiple of VF_BYTES.
ALWAYS_INLINE int64_t vf_unaligned_head(const real *p, int64_t n)
{
    const int64_t head = (int64_t)(-(uintptr_t)p % VF_BYTES / sizeof(real));
    return head < n ? head : n;
}

// A store that goes past the caches, to an address that is a multiple of VF_BYTES. A thread that used it ends its part
// with vf_stream_end() before others read.
#if defined(__AVX512F__)
ALWAYS_INLINE void vf_stream(real *p, vf x) { _mm512_stream_si512((__m512i *)p, (__m512i)x); }
#elif defined(__AVX__)
ALWAYS_INLINE void vf_stream(real *p, vf x) { _mm256_stream_si256((__m256i *)p, (__m256i)x); }
#elif defined(__x86_64__)
ALWAYS_INLINE void vf_stream(real *p, vf x) { _mm_stream_si128((__m128i *)p, (__m128i)x); }
#else
ALWAYS_INLINE void vf_stream(real *p, vf x) { *(vf *)p = x; }
#endif
#if defined(__x86_64__)
ALWAYS_INLINE void vf_stream_end(void) { _mm_sfence(); }
#else
ALWAYS_INLINE void vf_stream_end(void) {}
#endif

// Sum of the lanes, by halves.
ALWAYS_INLINE real vf_sum(vf x)
{
#if defined(__AVX512F__) && SQ_DOUBLE
    return _mm512_reduce_add_pd((__m512d)x);
#elif defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)x);
#else
    real lane[LANES];
    vf_store(lane, x);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
#endif
}

// The largest lane, by halves; any lane where one is NaN.
ALWAYS_INLINE real vf_largest(vf x)
{
#if defined(__AVX512F__) && SQ_DOUBLE
    return _mm512_reduce_max_pd((__m512d)x);
#elif defined(__AVX512F__)
    return _mm512_reduce_max_ps((__m512)x);
#else
    real lane[LANES];
    vf_store(lane, x);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lane[i] = lane[i] > lane[i + half] ? lane[i] : lane[i + half];
    return lane[0];
#endif
}

// Which lanes are among the first n; which of the n (at most LANES) truth values at p are true.
typedef uint8_t vf_bytes __attribute__((vector_size(LANES), aligned(1), may_alias));
ALWAYS_INLINE vi vf_first(int64_t n)
{
    static const lane_bits number[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    vi at;
    memcpy(&at, number, sizeof at);
    return at < (lane_bits)n;
}
ALWAYS_INLINE vi vf_truths(const bool *p, int64_t n)
{
    vf_bytes byte = {0};
    if (n >= LANES)
        memcpy(&byte, p, LANES);
    else
        for (int i = 0; i < LANES; i++) byte[i] = i < n && p[i];
    return __builtin_convertvector(byte, vi) != 0;
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
