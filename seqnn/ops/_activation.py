"""Activation functions and elementary functions, element by element."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .. import _core
from ..autograd import also, op
from ._arithmetic import multiply
from ._shape import split
from ._types import Array, Result


@op
def exp(x: Array) -> Result:
    """Compute `e^x`, within 1 unit in the last place.

    Args:
        x: numbers, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> exp([0.0, 1.0])
    array([1.        , 2.71828183])
    """
    out = _core.exp_forward(np.asarray(x))
    return out, lambda grad: _core.exp_backward(grad, out)


@op
def log(x: Array) -> Result:
    """Compute the natural logarithm, within 1 unit in the last place: -inf at 0, NaN below.

    Args:
        x: numbers, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> log([1.0, 0.0])
    array([  0., -inf])
    """
    return _core.log_forward(np.asarray(x)), lambda grad: _core.log_backward(grad, x)


@op
def erf(x: Array) -> Result:
    """Compute the error function `2 / sqrt(pi) * integral of e^(-t^2) from 0 to x`, within 1.5 units in the last place.

    Args:
        x: numbers, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> erf([0.0, 1.0])
    array([0.        , 0.84270079])
    """
    return _core.erf_forward(np.asarray(x)), lambda grad: _core.erf_backward(grad, x)


@op
def tanh(x: Array) -> Result:
    """Compute the hyperbolic tangent `(e^x - e^-x) / (e^x + e^-x)`, within 2.5 units in the last place.

    Args:
        x: numbers, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> tanh([0.0, 1.0])
    array([0.        , 0.76159416])
    """
    out = _core.tanh_forward(np.asarray(x))
    return out, lambda grad: _core.tanh_backward(grad, out)


@op
def sigmoid(x: Array) -> Result:
    """Compute the logistic function `1 / (1 + e^-x)`, within 2.5 units in the last place.

    Args:
        x: numbers, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> sigmoid([0.0, 1.0])
    array([0.5       , 0.73105858])
    """
    out = _core.sigmoid_forward(np.asarray(x))
    return out, lambda grad: _core.sigmoid_backward(grad, out)


@op
@also(inplace="leave it out, nothing is computed in place")
def relu(x: Array) -> Result:
    """Compute `max(x, 0)`; the gradient at 0 is 0.

    Args:
        x: numbers, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> relu([-1.0, 2.0])
    array([0., 2.])
    """
    out = _core.relu_forward(np.asarray(x))
    return out, lambda grad: _core.relu_backward(grad, out)


@op
@also(inplace="leave it out, nothing is computed in place")
def leaky_relu(x: Array, negative_slope: float = 0.01) -> Result:
    """Keep `x` where it is positive, and take `negative_slope * x` elsewhere.

    Args:
        x: numbers, of any shape.
        negative_slope: the factor of negative numbers.

    Returns:
        An array of the shape of `x`.

    Source: Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.

    >>> leaky_relu([-1.0, 2.0], 0.1)
    array([-0.1,  2. ])
    """
    out = _core.leaky_relu_forward(np.asarray(x), negative_slope)
    return out, lambda grad: _core.leaky_relu_backward(grad, x, negative_slope)


@op
@also(inplace="leave it out, nothing is computed in place")
def silu(x: Array) -> Result:
    """Compute `x * sigmoid(x)`, also called swish.

    Args:
        x: numbers, of any shape.

    Returns:
        An array of the shape of `x`.

    Source: Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function approximation in reinforcement
    learning", 2018.

    >>> silu([-1.0, 2.0])
    array([-0.26894142,  1.76159416])
    """
    return _core.silu_forward(np.asarray(x)), lambda grad: _core.silu_backward(grad, x)


@op
def gelu(x: Array, *, approximate: Literal["none", "tanh"] = "none") -> Result:
    """Compute the Gaussian error linear unit: x times the normal distribution function of x.

    `x * (1 + erf(x / sqrt(2))) / 2`, without cancellation in the lower tail.

    Args:
        x: numbers, of any shape.
        approximate: "tanh" takes the older formula `x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2`.

    Returns:
        An array of the shape of `x`.

    Raises:
        ValueError: for another `approximate`.

    Source: Hendrycks, Gimpel, "Gaussian error linear units", 2016.

    >>> gelu([-1.0, 2.0])
    array([-0.15865525,  1.95449974])
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    if approximate == "tanh":
        return _core.gelu_tanh_forward(np.asarray(x)), lambda grad: _core.gelu_tanh_backward(grad, x)
    return _core.gelu_forward(np.asarray(x)), lambda grad: _core.gelu_backward(grad, x)


@op
def softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Result:
    """Compute `log(1 + e^(beta x)) / beta`, a smooth ReLU.

    Args:
        x: numbers, of any shape.
        beta: how sharp the bend is.
        threshold: the result is x itself where `beta x` is larger.

    Returns:
        An array of the shape of `x`.

    >>> softplus([0.0, 30.0])
    array([ 0.69314718, 30.        ])
    """
    out = _core.softplus_forward(np.asarray(x), beta, threshold)
    return out, lambda grad: _core.softplus_backward(grad, x, beta, threshold)


@op
@also(inplace="leave it out, nothing is computed in place")
def elu(x: Array, alpha: float = 1.0) -> Result:
    """Keep `x` where it is positive, and take `alpha * (e^x - 1)` elsewhere.

    Args:
        x: numbers, of any shape.
        alpha: the limit for negative numbers is -alpha.

    Returns:
        An array of the shape of `x`.

    Source: Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units", 2016.

    >>> elu([-1.0, 2.0])
    array([-0.63212056,  2.        ])
    """
    x = np.asarray(x)
    out = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return out, lambda grad: np.where(x > 0, grad, grad * (out + x.dtype.type(alpha)))


def glu(x: Array, axis: int = -1, *, dim: int | None = None) -> Array:
    """Gate one half of an axis by the other: `a * sigmoid(b)` with x = [a, b].

    Args:
        x: numbers, of any shape.
        axis: the axis to halve.
        dim: PyTorch's spelling of `axis`.

    Returns:
        An array with half the elements along the axis.

    Raises:
        ValueError: where the axis cannot be halved.

    Source: Dauphin et al., "Language modeling with gated convolutional networks", ICML 2017.

    >>> glu([1.0, 2.0, 0.0, 0.0])
    array([0.5, 1. ])
    """
    axis = axis if dim is None else dim
    if np.ndim(x) == 0 or np.shape(x)[axis] % 2:
        raise ValueError(f"glu: expected an axis of an even number of elements, got x of shape {np.shape(x)}")
    a, b = split(x, 2, axis)
    return multiply(a, sigmoid(b))
