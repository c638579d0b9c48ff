// What a register of VF_BYTES bytes is, whatever the instruction set: types, loads, stores, and how a number is made.
#ifndef SEQNN_VEC_REGISTER_H
#define SEQNN_VEC_REGISTER_H

#include "seqnn.h"

#define SQ_IS_float 0
#define SQ_IS_double 1
#define SQ_DOUBLE SQ_JOIN(SQ_IS, SQ_REAL)

#define LANES (VF_BYTES / (SQ_DOUBLE ? 8 : 4))
#if SQ_DOUBLE
typedef int64_t lane_bits;
typedef uint64_t lane_word;
#define VF_FRACTION 52              // bits of the fraction of a number
#define VF_SHIFT 6755399441055744.0 // 1.5 * 2^52: adding it rounds to an integer, which is left in the low bits
#else
typedef int32_t lane_bits;
typedef uint32_t lane_word;
#define VF_FRACTION 23
#define VF_SHIFT 12582912.f // 1.5 * 2^23
#endif

typedef real vf __attribute__((vector_size(VF_BYTES), may_alias));
typedef lane_bits vi __attribute__((vector_size(VF_BYTES), may_alias));
typedef lane_word vu __attribute__((vector_size(VF_BYTES), may_alias));
typedef real vf_unaligned __attribute__((vector_size(VF_BYTES), aligned(sizeof(real)), may_alias));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE vf vf_load(const real *p) { return *(const vf_unaligned *)p; }
ALWAYS_INLINE void vf_store(real *p, vf x) { *(vf_unaligned *)p = x; }
ALWAYS_INLINE vf vf_set(real x) { return x - (vf){0}; }

// mask ? a : b, lane by lane; a mask is the result of a comparison.
ALWAYS_INLINE vf vf_select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }

// 2^n for a normal 2^n, from 1.5 * 2^23 (2^52) + n.
ALWAYS_INLINE vf vf_power_of_two(vf steps) { return (vf)(((vi)steps << VF_FRACTION) + (vi)vf_set(1)); }

#endif
