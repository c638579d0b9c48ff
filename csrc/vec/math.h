// Vectorised exp, log, tanh, logistic, erf and what is made of them, on `vf`: one set of formulas for all instruction
// sets and both float types, no call of libm. NaN gives NaN, an infinity gives the limit, -0.0 keeps its sign where the
// function does. Errors are at most, in units in the last place, subnormal numbers included
// (tests/kernels/test_activation.py):
//
//              exp  log  erf  tanh  sigmoid  softplus  silu  gelu  gelu_tanh
//     float    1    1    1.5  2.5   2.5      2         4 a   8 a   4 for x >= -1, 8 x^2 below
//     double   1    1    1.5  2.5   2.5      2         4 a   16 a  4 for x >= -1, 8 x^2 below
//
// a: where the factor of x is a normal number (x > -87 and -12, double -708 and -37); below, that factor is rounded to
// a multiple of the smallest number.
#ifndef SEQNN_VEC_MATH_H
#define SEQNN_VEC_MATH_H

#include "vec/vec.h"

// Coefficients of a polynomial, highest power first.
#define VF_POLYNOMIAL(x, ...)                                                                                          \
    vf_polynomial(x, (const real[]){__VA_ARGS__}, sizeof((const real[]){__VA_ARGS__}) / sizeof(real))

ALWAYS_INLINE vf vf_polynomial(vf x, const real *c, int count)
{
    vf y = vf_set(c[0]);
#pragma GCC unroll 32
    for (int i = 1; i < count; i++) y = y * x + c[i];
    return y;
}

ALWAYS_INLINE vf vf_abs(vf x) { return (vf)((vi)x & ~(vi)vf_set((real)-0.0)); }
// |x| must have no sign: gives it the sign of `sign`.
ALWAYS_INLINE vf vf_with_sign(vf x, vf sign) { return (vf)((vi)x | ((vi)sign & (vi)vf_set((real)-0.0))); }

#if SQ_DOUBLE
#define VF_LN2_HIGH 6.93147180369123816490e-01
#define VF_LN2_LOW 1.90821492927058770002e-10
#define VF_EXP_LOW (-746) // e^x is 0 below
#define VF_EXP_HIGH 710   // and infinite above
#else
#define VF_LN2_HIGH 0.693359375f
#define VF_LN2_LOW (-2.12194440e-4f)
#define VF_EXP_LOW (-104)
#define VF_EXP_HIGH 89
#endif

// e^r - 1 for |r| <= ln 2 / 2, with a small relative error: r + r^2 P(r).
ALWAYS_INLINE vf vf_expm1_small(vf r)
{
#if SQ_DOUBLE
    const vf p =
        VF_POLYNOMIAL(r, 2.09146869680868772e-9, 2.51052170047207452e-8, 2.75572736431102953e-7, 2.75572554002064244e-6,
                      2.48015873255477412e-5, 1.98412698748206253e-4, 1.38888888888837483e-3, 8.33333333332613513e-3,
                      4.16666666666666698e-2, 1.66666666666666710e-1, 0.5);
#else
    const vf p = VF_POLYNOMIAL(r, 1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                               1.6666665459e-1f, 5.0000001201e-1f);
#endif
    return p * (r * r) + r;
}

// x = n ln 2 + r: the number 1.5 * 2^23 (2^52) + n.
ALWAYS_INLINE vf vf_exp_steps(vf x) { return x * (real)1.4426950408889634 + (real)VF_SHIFT; }
ALWAYS_INLINE vf vf_exp_rest(vf x, vf n) { return x - n * (real)VF_LN2_HIGH - n * (real)VF_LN2_LOW; }

// e^x for |x| <= 87 (float) or 708 (double): e^r 2^n.
ALWAYS_INLINE vf vf_exp_bounded(vf x)
{
    const vf steps = vf_exp_steps(x), n = steps - (real)VF_SHIFT;
    return (vf_expm1_small(vf_exp_rest(x, n)) + (real)1) * vf_power_of_two(steps);
}

// e^(x + low) for a `low` that is small beside x, x <= 0 and not below 1.1 VF_EXP_LOW. Subnormal results are rounded
// once.
ALWAYS_INLINE vf vf_exp_two(vf x, vf low)
{
    const vf steps = vf_exp_steps(x), n = steps - (real)VF_SHIFT;
    return vf_times_power(vf_expm1_small(vf_exp_rest(x, n) + low) + (real)1, n);
}

// e^x for x <= 0 (or NaN).
ALWAYS_INLINE vf vf_exp_falling(vf x)
{
    x = vf_max(vf_set(VF_EXP_LOW), x);
    const vf steps = vf_exp_steps(x), n = steps - (real)VF_SHIFT;
    return vf_times_power(vf_expm1_small(vf_exp_rest(x, n)) + (real)1, n);
}

// e^x for any x.
ALWAYS_INLINE vf vf_exp(vf x) { return vf_exp_falling(vf_min(vf_set(VF_EXP_HIGH), x)); }

#if !SQ_DOUBLE
// 2^x for x <= 0, a term of a softmax: exact where x is whole, elsewhere with a relative error of 2e-7; 0 below -125
// (no subnormal numbers: they are slow); NaN stays NaN. Half as many instructions as vf_exp_falling has.
ALWAYS_INLINE vf vf_exp2_falling(vf x)
{
    const vf steps = x + VF_SHIFT, n = steps - VF_SHIFT, r = x - n;
    const vf y = VF_POLYNOMIAL(r, .001326472731f, .009671512991f, .05550733581f, .2402224243f, .6931470037f, 1.f);
    return vf_times_power_from(y, steps, x, -125);
}
#endif

// log(2^k (1 + f)) for 1 + f in [sqrt(1/2), sqrt 2], as in Sun's fdlibm: s = f / (2 + f), 2 atanh s = 2s + s R(s^2).
ALWAYS_INLINE vf vf_log_parts(vf k, vf f)
{
    const vf s = f / (f + (real)2), z = s * s, half = (real)0.5 * f * f;
#if SQ_DOUBLE
    const vf r = z * VF_POLYNOMIAL(z, 1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
                                   2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01,
                                   6.666666666666735130e-01);
    return k * 6.93147180369123816490e-01 - ((half - (s * (half + r) + k * 1.90821492927058770002e-10)) - f);
#else
    const vf r = z * VF_POLYNOMIAL(z, 0.24279078841f, 0.28498786688f, 0.40000972152f, 0.66666662693f);
    return k * 6.9313812256e-01f - ((half - (s * (half + r) + k * 9.0580006145e-06f)) - f);
#endif
}

// The natural logarithm: -inf at 0, NaN below.
ALWAYS_INLINE vf vf_log(vf x)
{
    vf k;
    const vf f = vf_log_split(x, &k);
    return vf_log_limits(vf_log_parts(k, f), x);
}

// tanh x = (e^2x - 1) / (e^2x + 1), from e^2x - 1 = 2^n (e^r - 1) + (2^n - 1), which is exact near 0. Odd.
ALWAYS_INLINE vf vf_tanh(vf x)
{
    const vf twice = vf_min(vf_set(SQ_DOUBLE ? 40 : 20), (real)2 * vf_abs(x)); // 1 from there on
    const vf steps = vf_exp_steps(twice), power = vf_power_of_two(steps);
    const vf e = power * vf_expm1_small(vf_exp_rest(twice, steps - (real)VF_SHIFT)) + (power - (real)1);
    return vf_with_sign(e / (e + (real)2), x);
}

// The logistic function 1 / (1 + e^-x), small numbers included: e^-|x| never overflows.
ALWAYS_INLINE vf vf_sigmoid(vf x)
{
    const vf e = vf_exp_falling(-vf_abs(x));
    return vf_select(x < 0, e, vf_set(1)) / (e + (real)1);
}

// x * a for a factor that vanishes at -infinity faster than x grows: the limit 0 there and not NaN.
ALWAYS_INLINE vf vf_fading(vf x, vf a) { return vf_max(vf_set((real)-1e30), x) * a; }

ALWAYS_INLINE vf vf_silu(vf x) { return vf_fading(x, vf_sigmoid(x)); }

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
ALWAYS_INLINE vf vf_softplus(vf x)
{
    const vf e = vf_exp_falling(-vf_abs(x)), one = vf_set(1);
    const vi above = e > (real)0.41421356237309505; // 1 + e = 2 (1 + (e - 1) / 2)
    const vf f = vf_select(above, (e - one) * (real)0.5, e);
    return vf_max(vf_set(0), x) + vf_log_parts(vf_select(above, one, vf_set(0)), f);
}

// e^(z^2) erfc(z) for z >= 0, where erfc has not vanished: a polynomial in (z - c) / (z + c), over z + c.
ALWAYS_INLINE vf vf_erfc_scaled(vf z)
{
    z = vf_min(vf_set(SQ_DOUBLE ? 28 : 11), z);
    const real c = SQ_DOUBLE ? (real)4.5 : 3;
    const vf q = (real)1 / (z + c), t = (z - c) * q;
#if SQ_DOUBLE
    return q * VF_POLYNOMIAL(
                   t, -2.45880226418450996e-9, -3.72093420299861224e-9, 2.71422379316505441e-8, 1.84453960995428919e-8,
                   -2.35235167816060546e-7, 1.80356521674373916e-7, 1.60658485346920148e-6, -4.84269673547106884e-6,
                   -2.7391234299773176e-6, 5.2983601821799437e-5, -1.42490657178093351e-4, -2.68460036314635564e-5,
                   1.70341990924944543e-3, -8.20902009720231998e-3, 2.61989672095519317e-2, -6.61407252933198533e-2,
                   1.40741480358211162e-1, -2.60523976568152469e-1, 4.27280277488715623e-1, -6.2812599561474807e-1,
                   8.3395124208464926e-1, -1.00492698064155229, 1.10236323846457276);
#else
    return q * VF_POLYNOMIAL(t, 4.031185325e-5f, 9.748043857e-5f, -2.871288415e-4f, -5.471213621e-4f, 3.037339488e-3f,
                             -1.212154016e-3f, -2.682765048e-2f, 1.19527703e-1f, -3.104672437e-1f, 5.902283598e-1f,
                             -8.833944533e-1f, 1.074006907f);
#endif
}

// erfc(z) for z >= 1, to a multiple of the spacing at 1: in float the logarithm is a polynomial.
ALWAYS_INLINE vf vf_erfc_outer(vf z)
{
#if SQ_DOUBLE
    return vf_exp_falling(-z * z) * vf_erfc_scaled(z);
#else
    z = vf_min(vf_set(4), z); // erf is 1 from there on
    const vf p = VF_POLYNOMIAL(z, 2.111364430e-04f, -3.191130064e-03f, 2.281230789e-02f, -1.051384995e-01f,
                               -6.358138446e-01f, -1.284854751e-01f);
    return vf_exp_bounded(z * p - z);
#endif
}

// The error function: odd polynomial to 1, 1 - erfc from there on.
ALWAYS_INLINE vf vf_erf(vf x)
{
    const vf z = vf_abs(x), inner = vf_min(vf_set(1), z), s = inner * inner;
#if SQ_DOUBLE
    const vf p = VF_POLYNOMIAL(s, -7.79589882700214224e-10, 1.37200645467776856e-8, -1.62084838018717059e-7,
                               1.64474247033173624e-6, -1.49247369074196603e-5, 1.20552949048397079e-4,
                               -8.54832597538969208e-4, 5.22397760711642273e-3, -2.68661706432377704e-2,
                               1.12837916709450063e-1, -3.76126389031835404e-1, 1.28379167095512567e-1);
#else
    const vf p = VF_POLYNOMIAL(s, 7.875875063e-5f, -8.016864287e-4f, 5.189087423e-3f, -2.685421201e-2f, 1.128359472e-1f,
                               -3.761262667e-1f, 1.283791658e-1f);
#endif
    return vf_select(z < (real)1, x + x * p, vf_with_sign((real)1 - vf_erfc_outer(z), x));
}

// e^(-x^2 / 2) without the error of the square: x^2 = high^2 + (|x| - high)(|x| + high), where high^2 is exact.
ALWAYS_INLINE vf vf_gauss(vf x)
{
    const vf z = vf_min(vf_set(SQ_DOUBLE ? 39 : 15), vf_abs(x)); // 0 from there on
    const vf high = (vf)((vi)z & ~(((lane_bits)1 << (SQ_DOUBLE ? 27 : 12)) - 1));
    return vf_exp_two(high * high * (real)-0.5, (z - high) * (z + high) * (real)-0.5);
}

// The normal distribution function and, in *gauss, e^(-x^2 / 2); accurate in the lower tail.
ALWAYS_INLINE vf vf_normal(vf x, vf *gauss)
{
    *gauss = vf_gauss(x);
    const vf tail = (real)0.5 * *gauss * vf_erfc_scaled(vf_abs(x) * (real)0.70710678118654752440);
    return vf_select(x < 0, tail, (real)1 - tail);
}

// The Gaussian error linear unit, x times the normal distribution function.
ALWAYS_INLINE vf vf_gelu(vf x)
{
    vf gauss;
    return vf_fading(x, vf_normal(x, &gauss));
}

// Its approximation 0.5 x (1 + tanh u) = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3).
ALWAYS_INLINE vf vf_gelu_tanh_argument(vf x)
{
    return x * ((real)1.5957691216057308 + (real)0.071354816272600248 * (x * x));
}
ALWAYS_INLINE vf vf_gelu_tanh(vf x) { return vf_fading(x, vf_sigmoid(vf_gelu_tanh_argument(x))); }

#endif
