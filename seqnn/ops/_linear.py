"""Matrix products: the linear layer and `matmul`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from ..autograd import Needs, op
from ._rows import QuantizedWeight
from ._types import Array, Backward, Result

Activation = str | None

_NUMBER: dict[Activation, int] = {None if name == "none" else name: i for i, name in enumerate(_core.linear.activation)}
_SLOPED = ("gelu", "gelu_tanh", "silu")  # the result does not tell their derivatives, as it does the others'


@op
def linear(
    x: Array,
    weight: Array | QuantizedWeight,
    bias: Array | None = None,
    residual: Array | None = None,
    *,
    activation: Activation = None,
    packed: np.ndarray | None = None,
    needs: Needs,
) -> Result:
    """Apply a linear layer: activation(x @ weight.T + bias) + residual, in one pass.

    Args:
        x: [..., I].
        weight: [O, I], as in PyTorch; or a `QuantizedWeight`, which has no gradients.
        bias: [O], or None.
        residual: [..., O], added after the activation, or None.
        activation: None, "relu", "gelu", "gelu_tanh", "silu", "sigmoid" or "tanh".
        packed: what `pack_weight(weight)` returned, which saves rearranging an unchanged weight in every call. It
            must be packed again when the weight changes.

    Returns:
        [..., O].

    Raises:
        ValueError: for shapes that do not agree, an unknown activation, or `packed` made from a weight of another
            shape or dtype or on another instruction set.
        TypeError: where a gradient is wanted of a product with a quantised weight.

    >>> import numpy as np
    >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [-5.0, 1.0]]), np.array([0.5, 0.5]), activation="relu")
    array([[11.5,  0. ]])
    """
    try:
        number = _NUMBER[activation]
    except (KeyError, TypeError):
        names = ", ".join(map(repr, _NUMBER))
        raise ValueError(f"linear: activation is one of {names}, got {activation!r}") from None
    rows, extra, shape = x, residual, None
    if type(x) is not Array or x.ndim != 2:
        rows, extra, shape = _as_rows(x, residual)
    wanted = True in needs
    if isinstance(weight, QuantizedWeight):
        if wanted:
            raise TypeError("linear: a product with a quantised weight has no gradient: compute in `with no_grad():`")
        out = weight.multiply(rows, bias, extra, number)
        return out if shape is None else out.reshape(*shape[:-1], out.shape[-1]), None
    apart = wanted and number != 0 and (activation in _SLOPED or residual is not None)  # a residual hides the result
    out, saved = _core.linear_forward(rows, weight, bias, extra, number, packed, saved=apart)
    backward = None
    if wanted:
        backward = _linear_backward(number, rows, weight, saved if apart or not number else out, shape, needs)
    return out if shape is None else out.reshape(*shape[:-1], out.shape[-1]), backward


def _as_rows(x: Any, residual: Any) -> tuple[Array, Array | None, tuple[int, ...]]:
    """Return x and the residual as matrices, and the shape that x had."""
    x = np.asarray(x)
    shape = x.shape
    rows = x.reshape(-1, shape[-1]) if x.size else x.reshape(int(np.prod(shape[:-1])), shape[-1])
    return rows, None if residual is None else np.reshape(residual, (len(rows), -1)), shape


def _linear_backward(
    number: int,
    rows: Array,
    weight: Array,
    saved: Array | None,
    shape: tuple[int, ...] | None,
    needs: Needs,
) -> Backward:
    """Return the backward function of out = activation(rows weight^T + bias) + residual."""

    def backward(grad: Array) -> tuple[Array | None, ...]:
        g = grad if shape is None else grad.reshape(len(rows), -1)
        grad_x, grad_weight, grad_bias = _core.linear_backward(
            g, rows, weight, number, saved, grad_x=needs.x, grad_weight=needs.weight, grad_bias=needs.bias
        )
        if shape is not None and grad_x is not None:
            grad_x = grad_x.reshape(shape)
        return grad_x, grad_weight, grad_bias, grad

    return backward


def pack_weight(weight: Any) -> Array:
    """Rearrange a weight [O, I] once, for `linear(..., packed=...)`.

    Args:
        weight: [O, I].

    Returns:
        A one-dimensional array, for the instruction set in use; it is checked when it is used.

    Raises:
        ValueError: where `weight` is no matrix.

    >>> import numpy as np
    >>> weight = np.ones((3, 4), np.float32)
    >>> linear(np.ones((2, 4), np.float32), weight, packed=pack_weight(weight))
    array([[4., 4., 4.],
           [4., 4., 4.]], dtype=float32)
    """
    if np.ndim(weight) != 2:
        raise ValueError(f"pack_weight: weight must be a matrix [O, I], got shape {np.shape(weight)}")
    return _core.linear_pack(weight)


@op
def matmul(a: Array, b: Array, *, needs: Needs) -> Result:
    """Multiply matrices, a @ b, as `numpy.matmul` does.

    The leading axes are broadcast. A one-dimensional argument is a row on the left, a column on the right, and its axis
    is left out of the result. A transposed matrix, such as `b.swapaxes(-1, -2)`, is read where it lies.

    Args:
        a: [..., M, K], or [K].
        b: [..., K, N], or [K].

    Returns:
        [..., M, N].

    Raises:
        ValueError: for a scalar, or shapes that do not agree.

    >>> import numpy as np
    >>> matmul(np.ones((5, 1, 2, 3)), np.ones((4, 3, 2))).shape
    (5, 4, 2, 2)
    """
    if type(a) is Array and type(b) is Array and a.ndim == 2 == b.ndim:
        return _core.matmul(a, b), _matmul_backward(a, b, needs)
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(f"matmul: a and b need at least one axis, got shapes {a.shape} and {b.shape}")
    left = a[None] if a.ndim == 1 else a
    right = b[:, None] if b.ndim == 1 else b
    out = _stacked(left, right)
    whole = out.shape
    if a.ndim == 1:
        out = out[..., 0, :]
    if b.ndim == 1:
        out = out[..., 0]

    def backward(grad: Array) -> tuple[Array | None, Array | None]:
        g = grad.reshape(whole)
        grad_a = _fold(_stacked(g, right.swapaxes(-1, -2)), left.shape).reshape(a.shape) if needs.a else None
        grad_b = _fold(_stacked(left.swapaxes(-1, -2), g), right.shape).reshape(b.shape) if needs.b else None
        return grad_a, grad_b

    return out, backward


def _matmul_backward(a: Array, b: Array, needs: Needs) -> Backward:
    return lambda grad: (_core.matmul(grad, b.T) if needs.a else None, _core.matmul(a.T, grad) if needs.b else None)


def _stacked(a: Array, b: Array) -> Array:
    """Return a @ b with leading axes, broadcast."""
    if a.ndim == 2 == b.ndim:
        return _core.matmul(a, b)
    if b.ndim == 2 and a.size:  # one long matrix
        return _core.matmul(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[-1])
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    out = _core.matmul_batch(_stack(a, batch), _stack(b, batch))
    return out.reshape(*batch, *out.shape[1:])


def _stack(x: Array, batch: tuple[int, ...]) -> Array:
    """Return x as [number of matrices, rows, columns]; one matrix for all of them is not copied."""
    matrix, count = x.shape[-2:], int(np.prod(batch))
    if x.shape[:-2] != batch and x.size == int(np.prod(matrix)):
        return np.broadcast_to(x.reshape(matrix), (count, *matrix))
    return np.broadcast_to(x, (*batch, *matrix)).reshape(count, *matrix)


def _fold(grad: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which an array of `shape` was repeated."""
    grad = grad.sum(axis=tuple(range(grad.ndim - len(shape))))
    repeated = tuple(i for i, n in enumerate(shape) if n == 1 and grad.shape[i] != 1)
    return grad.sum(axis=repeated, keepdims=True) if repeated else grad
