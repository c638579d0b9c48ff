// Slopes of activation functions: a gradient at the result times the derivative. relu, sigmoid and tanh need
// the result y, the others the input x.
#ifndef SEQNN_VEC_SLOPE_H
#define SEQNN_VEC_SLOPE_H

#include "vec/math.h"

// y = x > 0 ? x : 0; the input does as well as the result
ALWAYS_INLINE vf vf_relu_slope(vf grad, vf y) { return vf_select(y <= 0, vf_set(0), grad); }

// y = 1 / (1 + e^-x)
ALWAYS_INLINE vf vf_sigmoid_slope(vf grad, vf y) { return grad * (y * ((real)1 - y)); }

// y = tanh x
ALWAYS_INLINE vf vf_tanh_slope(vf grad, vf y) { return grad * ((real)1 - y * y); }

// y = x s, s = sigmoid(x): y' = s + s (1 - s) x
ALWAYS_INLINE vf vf_silu_slope(vf grad, vf x)
{
    const vf s = vf_sigmoid(x), slope = s * ((real)1 - s);
    return grad * (s + vf_select(slope == 0, slope, slope * x));
}

// y = x P(x), P' = e^(-x^2 / 2) / sqrt(2 pi): y' = P + x P'
ALWAYS_INLINE vf vf_gelu_slope(vf grad, vf x)
{
    vf gauss;
    const vf normal = vf_normal(x, &gauss), flat = gauss * (real)0.39894228040143267794;
    return grad * (normal + vf_select(flat == 0, flat, x * flat));
}

// y = x s, s = sigmoid(v), v = sqrt(8 / pi) (x + 0.044715 x^3): y' = s + s (1 - s) x v'
ALWAYS_INLINE vf vf_gelu_tanh_slope(vf grad, vf x)
{
    const vf s = vf_sigmoid(vf_gelu_tanh_argument(x)), slope = s * ((real)1 - s);
    const vf steep = x * ((real)1.5957691216057308 + (real)0.214064448817800744 * (x * x)); // x v'
    return grad * (s + vf_select(slope == 0, slope, slope * steep));
}

#endif
