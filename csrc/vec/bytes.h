// Products of small integers, four to a lane of 32 bits. float32 files only.
//
//     vi_of(x)                the nearest integers, ties to even
//     vi_low(x), vi_high(x)   bytes 0 and 2, or 1 and 3, of each lane as two 16-bit integers
//     vi_pairs(x, y)          in each lane the sum of the two products of 16-bit integers
//     vi_quads(sum, x, y)     sum plus, in each lane, the four products of an unsigned byte of x and a signed one of y;
//                             only where vi_has_quads()
#ifndef SEQNN_VEC_BYTES_H
#define SEQNN_VEC_BYTES_H

#include "vec/vec.h"

typedef int16_t vi_halves __attribute__((vector_size(VF_BYTES), may_alias));
typedef vi vi_unaligned __attribute__((aligned(4)));

ALWAYS_INLINE vi vi_load(const void *p) { return *(const vi_unaligned *)p; }
ALWAYS_INLINE void vi_store(void *p, vi x) { *(vi_unaligned *)p = x; }
ALWAYS_INLINE vi vi_set(int32_t x) { return x - (vi){0}; }

ALWAYS_INLINE vi vi_low(vi x) { return (vi)(((vi_halves)x << 8) >> 8); }
ALWAYS_INLINE vi vi_high(vi x) { return (vi)((vi_halves)x >> 8); }

#if defined(__AVX512F__)
ALWAYS_INLINE vi vi_of(vf x) { return (vi)_mm512_cvtps_epi32((__m512)x); }
ALWAYS_INLINE vi vi_pairs(vi x, vi y) { return (vi)_mm512_madd_epi16((__m512i)x, (__m512i)y); }
#elif defined(__AVX2__)
ALWAYS_INLINE vi vi_of(vf x) { return (vi)_mm256_cvtps_epi32((__m256)x); }
ALWAYS_INLINE vi vi_pairs(vi x, vi y) { return (vi)_mm256_madd_epi16((__m256i)x, (__m256i)y); }
#elif defined(__x86_64__)
ALWAYS_INLINE vi vi_of(vf x) { return (vi)_mm_cvtps_epi32((__m128)x); }
ALWAYS_INLINE vi vi_pairs(vi x, vi y) { return (vi)_mm_madd_epi16((__m128i)x, (__m128i)y); }
#else
ALWAYS_INLINE vi vi_of(vf x)
{
    vi to;
    for (int i = 0; i < LANES; i++) to[i] = (int32_t)lrintf(x[i]);
    return to;
}
ALWAYS_INLINE vi vi_pairs(vi x, vi y) { return ((x << 16) >> 16) * ((y << 16) >> 16) + (x >> 16) * (y >> 16); }
#endif

// The instruction is younger than the instruction sets that files are compiled for: it is written in assembler, where
// the assembler knows it, and the processor is asked.
#if defined(__AVX512F__) || (defined(__AVX2__) && (defined(__clang__) || __GNUC__ >= 12))
#define VI_QUADS 1
#include <cpuid.h>
#if defined(__AVX512F__)
ALWAYS_INLINE vi vi_quads(vi sum, vi x, vi y)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(y));
    return sum;
}
#else
ALWAYS_INLINE vi vi_quads(vi sum, vi x, vi y)
{
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(y));
    return sum;
}
#endif
static bool vi_has_quads(void)
{
    static int known; // 0: not asked yet, for which a virtual machine takes microseconds; 1: no; 2: yes
    int found = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (!found) {
        unsigned eax, ebx, ecx, edx;
#if defined(__AVX512F__)
        found = 1 + (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ecx >> 11 & 1)); // AVX512-VNNI
#else
        found = 1 + (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 4 & 1)); // AVX-VNNI
#endif
        __atomic_store_n(&known, found, __ATOMIC_RELAXED);
    }
    return found == 2;
}
#else
#define VI_QUADS 0
#endif

#endif
