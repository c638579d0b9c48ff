"""Activation functions and elementary functions, element by element."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import _core
from ..autograd import op

Result = tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]


@op
def exp(x: np.ndarray) -> Result:
    """`e^x`, within 1 unit in the last place.

    >>> exp([0.0, 1.0])
    array([1.        , 2.71828183])
    """
    out = _core.exp_forward(np.asarray(x))
    return out, lambda grad: _core.exp_backward(grad, out)


@op
def log(x: np.ndarray) -> Result:
    """Natural logarithm, within 1 unit in the last place: -inf at 0, NaN below.

    >>> log([1.0, 0.0])
    array([  0., -inf])
    """
    return _core.log_forward(np.asarray(x)), lambda grad: _core.log_backward(grad, x)


@op
def erf(x: np.ndarray) -> Result:
    """The error function `2 / sqrt(pi) * integral of e^(-t^2) from 0 to x`, within 1.5 units in the last place.

    >>> erf([0.0, 1.0])
    array([0.        , 0.84270079])
    """
    return _core.erf_forward(np.asarray(x)), lambda grad: _core.erf_backward(grad, x)


@op
def tanh(x: np.ndarray) -> Result:
    """Hyperbolic tangent `(e^x - e^-x) / (e^x + e^-x)`, within 2.5 units in the last place.

    >>> tanh([0.0, 1.0])
    array([0.        , 0.76159416])
    """
    out = _core.tanh_forward(np.asarray(x))
    return out, lambda grad: _core.tanh_backward(grad, out)


@op
def sigmoid(x: np.ndarray) -> Result:
    """The logistic function `1 / (1 + e^-x)`, within 2.5 units in the last place.

    >>> sigmoid([0.0, 1.0])
    array([0.5       , 0.73105858])
    """
    out = _core.sigmoid_forward(np.asarray(x))
    return out, lambda grad: _core.sigmoid_backward(grad, out)


@op
def relu(x: np.ndarray) -> Result:
    """`max(x, 0)`; the gradient at 0 is 0.

    >>> relu([-1.0, 2.0])
    array([0., 2.])
    """
    out = _core.relu_forward(np.asarray(x))
    return out, lambda grad: _core.relu_backward(grad, out)


@op
def leaky_relu(x: np.ndarray, negative_slope: float = 0.01) -> Result:
    """`x` where it is positive, `negative_slope * x` elsewhere (Maas, Hannun, Ng 2013).

    >>> leaky_relu([-1.0, 2.0], 0.1)
    array([-0.1,  2. ])
    """
    out = _core.leaky_relu_forward(np.asarray(x), negative_slope)
    return out, lambda grad: _core.leaky_relu_backward(grad, x, negative_slope)


@op
def silu(x: np.ndarray) -> Result:
    """`x * sigmoid(x)`, also called swish (Elfwing, Uchibe, Doya 2018).

    >>> silu([-1.0, 2.0])
    array([-0.26894142,  1.76159416])
    """
    return _core.silu_forward(np.asarray(x)), lambda grad: _core.silu_backward(grad, x)


@op
def gelu(x: np.ndarray, *, approximate: str = "none") -> Result:
    """Gaussian error linear unit (Hendrycks, Gimpel 2016): x times the normal distribution function.

    `x * (1 + erf(x / sqrt(2))) / 2`, without cancellation in the lower tail; with `approximate="tanh"`
    `x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2`. Another `approximate` is a `ValueError`.

    >>> gelu([-1.0, 2.0])
    array([-0.15865525,  1.95449974])
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    if approximate == "tanh":
        return _core.gelu_tanh_forward(np.asarray(x)), lambda grad: _core.gelu_tanh_backward(grad, x)
    return _core.gelu_forward(np.asarray(x)), lambda grad: _core.gelu_backward(grad, x)


@op
def softplus(x: np.ndarray, beta: float = 1.0, threshold: float = 20.0) -> Result:
    """`log(1 + e^(beta x)) / beta`, a smooth ReLU; x itself where `beta x > threshold`.

    >>> softplus([0.0, 30.0])
    array([ 0.69314718, 30.        ])
    """
    out = _core.softplus_forward(np.asarray(x), beta, threshold)
    return out, lambda grad: _core.softplus_backward(grad, x, beta, threshold)
