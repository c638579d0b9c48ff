"""Elementwise arithmetic with broadcasting, over NumPy. A scalar operand leaves float32 arrays float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import Needs, op
from ._broadcast import operands, reduce_to
from ._types import Array, Result


@op
def add(x: Array, y: Array, *, needs: Needs) -> Result:
    """Add, x + y.

    Args:
        x, y: numbers, of shapes that broadcast.

    Returns:
        An array of the common shape.

    >>> from seqnn import Tensor, ops
    >>> ops.add(Tensor([1.0, 2.0]), 1.0)
    Tensor([2., 3.], dtype=float32)
    """

    def backward(grad: Array) -> tuple:
        return reduce_to(grad, x) if needs.x else None, reduce_to(grad, y) if needs.y else None

    a, b = operands(x, y)
    return a + b, backward


@op
def subtract(x: Array, y: Array, *, needs: Needs) -> Result:
    """Subtract, x - y.

    Args:
        x, y: numbers, of shapes that broadcast.

    Returns:
        An array of the common shape.

    >>> from seqnn import Tensor, ops
    >>> ops.subtract(1.0, Tensor([1.0, 2.0]))
    Tensor([ 0., -1.], dtype=float32)
    """

    def backward(grad: Array) -> tuple:
        return reduce_to(grad, x) if needs.x else None, -reduce_to(grad, y) if needs.y else None

    a, b = operands(x, y)
    return a - b, backward


@op
def multiply(x: Array, y: Array, *, needs: Needs) -> Result:
    """Multiply element by element, x * y.

    Args:
        x, y: numbers, of shapes that broadcast.

    Returns:
        An array of the common shape.

    >>> from seqnn import Tensor, ops
    >>> ops.multiply(Tensor([1.0, 2.0]), Tensor([3.0, 4.0]))
    Tensor([3., 8.], dtype=float32)
    """
    a, b = operands(x, y)

    def backward(grad: Array) -> tuple:
        return reduce_to(grad * b, x) if needs.x else None, reduce_to(grad * a, y) if needs.y else None

    return a * b, backward


@op
def divide(x: Array, y: Array, *, needs: Needs) -> Result:
    """Divide element by element, x / y: dx = grad / y, dy = -grad x / y^2.

    Args:
        x, y: numbers, of shapes that broadcast. A zero in y gives inf or NaN without a warning.

    Returns:
        An array of the common shape.

    >>> from seqnn import Tensor, ops
    >>> ops.divide(Tensor([1.0, 3.0]), 2)
    Tensor([0.5, 1.5], dtype=float32)
    """
    a, b = operands(x, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.true_divide(a, b)

    def backward(grad: Array) -> tuple:
        with np.errstate(divide="ignore", invalid="ignore"):
            part = grad / b
            return reduce_to(part, x) if needs.x else None, reduce_to(-part * out, y) if needs.y else None

    return out, backward


@op
def power(x: Array, y: Array, *, needs: Needs) -> Result:
    """Raise to a power, x ** y: dx = grad y x^(y-1), dy = grad x^y ln x (0 where x = 0 and y >= 0).

    Args:
        x, y: numbers, of shapes that broadcast.

    Returns:
        An array of the common shape.

    >>> from seqnn import Tensor, ops
    >>> ops.power(Tensor([2.0, 3.0]), 2)
    Tensor([4., 9.], dtype=float32)
    """
    a, b = operands(x, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = a**b

    def backward(grad: Array) -> tuple:
        dx = dy = None
        with np.errstate(divide="ignore", invalid="ignore"):
            if needs.x and isinstance(b, int | float) and (b >= 1 or b == 0):
                dx = grad * (b * a ** (b - 1)) if b else np.zeros_like(a)
            elif needs.x:  # where the slope is infinite, a gradient of 0 stays 0
                dx = reduce_to(np.where((b == 0) | (grad == 0), 0, grad * (b * a ** (b - 1.0))), x)
            if needs.y:
                dy = reduce_to(grad * np.where((a == 0) & (b >= 0), 0, out * np.log(a)), y)
        return dx, dy

    return out, backward


@op
def negative(x: Array) -> Result:
    """Change the sign, -x.

    Args:
        x: numbers, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> from seqnn import Tensor, ops
    >>> ops.negative(Tensor([1.0, -2.0]))
    Tensor([-1.,  2.], dtype=float32)
    """
    return -x, lambda grad: -grad


@op
def abs(x: Array) -> Result:
    """Take the absolute value; the gradient at 0 is 0.

    Args:
        x: numbers, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> from seqnn import Tensor, ops
    >>> ops.abs(Tensor([1.0, -2.0]))
    Tensor([1., 2.], dtype=float32)
    """
    return np.abs(x), lambda grad: grad * np.sign(x)


@op
def sqrt(x: Array) -> Result:
    """Take the square root: NaN below 0. The slope at 0 is infinite; there a gradient of 0 stays 0.

    Args:
        x: numbers, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> from seqnn import Tensor, ops
    >>> ops.sqrt(Tensor([4.0, 9.0]))
    Tensor([2., 3.], dtype=float32)
    """
    with np.errstate(invalid="ignore"):
        out = np.sqrt(x)

    def backward(grad: Array) -> Array:
        half = np.asarray(grad * 0.5)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.divide(half, out, out=np.zeros_like(half), where=half != 0)

    return out, backward


@op
def minimum(x: Array, y: Array, *, needs: Needs) -> Result:
    """Take the smaller one of each pair; NaN if one is NaN. Equal ones share the gradient.

    Args:
        x, y: numbers, of shapes that broadcast.

    Returns:
        An array of the common shape.

    >>> from seqnn import Tensor, ops
    >>> ops.minimum(Tensor([1.0, 5.0]), 2.0)
    Tensor([1., 2.], dtype=float32)
    """
    a, b = operands(x, y)
    return np.minimum(a, b), lambda grad: _to_chosen(grad, x, y, np.less(a, b), np.equal(a, b), needs)


@op
def maximum(x: Array, y: Array, *, needs: Needs) -> Result:
    """Take the larger one of each pair; NaN if one is NaN. Equal ones share the gradient.

    Args:
        x, y: numbers, of shapes that broadcast.

    Returns:
        An array of the common shape.

    >>> from seqnn import Tensor, ops
    >>> ops.maximum(Tensor([1.0, 5.0]), 2.0)
    Tensor([2., 5.], dtype=float32)
    """
    a, b = operands(x, y)
    return np.maximum(a, b), lambda grad: _to_chosen(grad, x, y, np.greater(a, b), np.equal(a, b), needs)


def _to_chosen(grad: Array, x: Array, y: Array, first: Any, equal: Any, needs: Needs) -> tuple:
    share = np.where(equal, grad.dtype.type(0.5), first)  # NaN pairs: y takes the gradient
    return reduce_to(grad * share, x) if needs.x else None, reduce_to(grad * (1 - share), y) if needs.y else None


@op
def clip(x: Array, min: Array | None = None, max: Array | None = None, *, needs: Needs) -> Result:
    """Limit x to [min, max]. The gradient passes where min <= x <= max, elsewhere to the limit.

    Args:
        x: numbers, of any shape.
        min, max: the limits, numbers or arrays that broadcast; None is no limit.

    Returns:
        An array of the common shape.

    Raises:
        ValueError: where both limits are None.

    >>> from seqnn import Tensor, ops
    >>> ops.clip(Tensor([-3.0, 0.5, 3.0]), -1, 1)
    Tensor([-1. ,  0.5,  1. ], dtype=float32)
    """
    if min is None and max is None:
        raise ValueError("clip: min and max are both None, expected at least one limit")
    a = np.asarray(x)
    low, high = (None if limit is None else operands(a, limit)[1] for limit in (min, max))

    def backward(grad: Array) -> tuple:
        below = np.False_ if low is None else np.less(a, low)
        above = np.False_ if high is None else np.greater(a, high)
        dx = reduce_to(np.where(below | above | np.isnan(a), 0, grad), a) if needs.x else None
        crossed = np.False_ if low is None or high is None else np.greater(low, high)  # max wins then
        dmin = reduce_to(np.where(below & ~crossed, grad, 0), min) if needs.min else None
        return dx, dmin, reduce_to(np.where(above | crossed, grad, 0), max) if needs.max else None

    return np.clip(a, low, high), backward


@op
def astype(x: Array, dtype: npt.DTypeLike) -> Result:
    """Convert x to another dtype; the gradient is converted back.

    Args:
        x: numbers, of any shape.
        dtype: what `numpy.dtype` understands.

    Returns:
        An array of the shape of `x`.

    >>> from seqnn import Tensor, ops
    >>> ops.astype(Tensor([1.0]), "float64")
    Tensor([1.], dtype=float64)
    """
    return np.asarray(x).astype(dtype), lambda grad: grad.astype(x.dtype)


@op
def copy(x: Array) -> Result:
    """Copy x.

    Args:
        x: an array.

    Returns:
        A new array.

    >>> from seqnn import Tensor, ops
    >>> ops.copy(Tensor([1.0, 2.0]))
    Tensor([1., 2.], dtype=float32)
    """
    return np.array(x), lambda grad: grad


@op
def sin(x: Array) -> Result:
    """Take the sine.

    Args:
        x: angles in radians, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> from seqnn import Tensor, ops
    >>> ops.sin(Tensor([0.0, 1.0]))
    Tensor([0.      , 0.841471], dtype=float32)
    """
    return np.sin(x), lambda grad: grad * np.cos(x)


@op
def cos(x: Array) -> Result:
    """Take the cosine.

    Args:
        x: angles in radians, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> from seqnn import Tensor, ops
    >>> ops.cos(Tensor([0.0, 1.0]))
    Tensor([1.       , 0.5403023], dtype=float32)
    """
    return np.cos(x), lambda grad: -grad * np.sin(x)


@op
def log1p(x: Array) -> Result:
    """Compute ln(1 + x) without loss of digits near 0: -inf at -1, NaN below.

    Args:
        x: numbers, of any shape.

    Returns:
        An array of the shape of `x`.

    >>> from seqnn import Tensor, ops
    >>> ops.log1p(Tensor([0.0, 1.0]))
    Tensor([0.       , 0.6931472], dtype=float32)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.log1p(x)

    def backward(grad: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return grad / (1 + x)

    return out, backward
