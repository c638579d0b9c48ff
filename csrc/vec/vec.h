// Inline vector mathematics on `vf`, one register of the variant's instruction set, and the operators of C on it.
// Lanes: float 16 (AVX-512), 8 (AVX2), 4 (SSE, NEON); half as many for double.
//
// Each instruction set has a file with the same functions, NaN and all:
//
//     vf_sqrt(x)                      the square root
//     vf_min(bound, x), vf_max        the smaller and the larger; a NaN in x comes out as NaN
//     vf_sum(x), vf_largest(x)        the sum of the lanes and the largest one, by halves; any lane where one is NaN
//     vf_load_part(p, n)              the first n lanes, 0 <= n <= LANES, and zeros; memory after them is not touched
//     vf_store_part(p, n, x)          the same of a store
//     vf_stream(p, x)                 a store past the caches, to a multiple of VF_BYTES; see vf_stream_end
//     vf_inverse_root(x)              about 1 / sqrt x: to a float's 11 bits where there is an instruction for that
//     vf_inverse_of_next(e)           1 / (1 + e) for e >= 0, with an error of at most 2e-7
//     vf_times_power(y, n)            y 2^n for y about 1 and any integer n where the result is finite, rounded once
//     vf_times_power_from(y, steps, x, low)   y 2^n for steps = VF_SHIFT + n and a normal 2^n; 0 where x < low
//     vf_log_split(x, &k)             the f and k of x = 2^k (1 + f) for x > 0, with 1 + f in [sqrt(1/2), sqrt 2]
//     vf_log_limits(log, x)           log for 0 < x < inf, and what the logarithm is elsewhere
//
// and says how many bytes a register has, VF_BYTES, how many of them there are, VF_REGISTERS, and whether a
// multiplication and an addition are one instruction, VF_FUSED.
#ifndef SEQNN_VEC_H
#define SEQNN_VEC_H

#if defined(__AVX512F__)
#include "vec/avx512.h"
#elif defined(__AVX__)
#include "vec/avx.h"
#else
#include "vec/portable.h"
#endif

#include "base/arith.h"

// How many of n elements lie before the first address that is a multiple of VF_BYTES.
ALWAYS_INLINE int64_t vf_unaligned_head(const real *p, int64_t n)
{
    return least(n, (int64_t)(-(uintptr_t)p % VF_BYTES / sizeof(real)));
}

// A thread that used vf_stream ends its part with this before others read.
ALWAYS_INLINE void vf_stream_end(void)
{
#if defined(__x86_64__)
    _mm_sfence();
#endif
}

// Which lanes are among the first n.
ALWAYS_INLINE vi vf_first(int64_t n)
{
    static const lane_bits number[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    vi at;
    memcpy(&at, number, sizeof at);
    return at < (lane_bits)n;
}

// Which of the n truth values at p are true; lanes from n on are not.
typedef uint8_t vf_bytes __attribute__((vector_size(LANES), aligned(1), may_alias));
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
