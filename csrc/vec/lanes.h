// What instruction sets without masks do lane by lane, or with the bits of the numbers. Included by avx.h and
// portable.h.
#ifndef SEQNN_VEC_LANES_H
#define SEQNN_VEC_LANES_H

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

ALWAYS_INLINE real vf_sum(vf x)
{
    real lane[LANES];
    vf_store(lane, x);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
}
ALWAYS_INLINE real vf_largest(vf x)
{
    real lane[LANES];
    vf_store(lane, x);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lane[i] = lane[i] > lane[i + half] ? lane[i] : lane[i + half];
    return lane[0];
}

ALWAYS_INLINE vf vf_inverse_of_next(vf e) { return (real)1 / ((real)1 + e); }

ALWAYS_INLINE vf vf_times_power(vf y, vf n)
{
    const vf half = n * (real)0.5 + (real)VF_SHIFT, rest = n - (half - (real)VF_SHIFT) + (real)VF_SHIFT;
    return y * vf_power_of_two(half) * vf_power_of_two(rest);
}
ALWAYS_INLINE vf vf_times_power_from(vf y, vf steps, vf x, real low)
{
    return vf_select(x < low, vf_set(0), (vf)((vi)y + ((vi)steps << VF_FRACTION)));
}

ALWAYS_INLINE vf vf_log_split(vf x, vf *k)
{
#if SQ_DOUBLE
    const real smallest = 0x1p-1022, lift = 0x1p54, lifted = 54, root_half = 0.70710678118654752440, integer = 0x1p52;
    const lane_bits fraction = 0xfffffffffffff, bias = 1023;
#else
    const real smallest = 0x1p-126f, lift = 0x1p25f, lifted = 25, root_half = 0.70710678118654752440f,
               integer = 0x1p23f;
    const lane_bits fraction = 0x7fffff, bias = 127;
#endif
    const vi subnormal = x < smallest;
    const vi bits = (vi)vf_select(subnormal, x * lift, x) + ((vi)vf_set(1) - (vi)vf_set(root_half));
    // The biased exponent as a number: it becomes the low bits of 2^23 (2^52).
    *k = (vf)((vi)((vu)bits >> VF_FRACTION) | (vi)vf_set(integer)) - (integer + (real)bias) -
         vf_select(subnormal, vf_set(lifted), vf_set(0));
    return (vf)((bits & fraction) + (vi)vf_set(root_half)) - (real)1;
}
ALWAYS_INLINE vf vf_log_limits(vf log, vf x)
{
    const vf limit = vf_select(x == 0, vf_set(-(real)INFINITY), vf_select(x < 0, vf_set((real)NAN), x));
    return vf_select((x > 0) & (x < (real)INFINITY), log, limit);
}

#endif
