"""Elementwise arithmetic with broadcasting, over NumPy. A scalar operand leaves float32 arrays float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqnn.autograd import op

from ._broadcast import plain, reduce_to

Needs = tuple[bool, ...]


@op
def add(x: Any, y: Any, *, needs: Needs) -> Any:
    """x + y.

    >>> from seqnn import Tensor, ops
    >>> ops.add(Tensor([1.0, 2.0]), 1.0)
    Tensor([2., 3.], dtype=float32)
    """

    def backward(grad: np.ndarray) -> tuple:
        return reduce_to(grad, x) if needs[0] else None, reduce_to(grad, y) if needs[1] else None

    return plain(x) + plain(y), backward


@op
def subtract(x: Any, y: Any, *, needs: Needs) -> Any:
    """x - y.

    >>> from seqnn import Tensor, ops
    >>> ops.subtract(1.0, Tensor([1.0, 2.0]))
    Tensor([ 0., -1.], dtype=float32)
    """

    def backward(grad: np.ndarray) -> tuple:
        return reduce_to(grad, x) if needs[0] else None, -reduce_to(grad, y) if needs[1] else None

    return plain(x) - plain(y), backward


@op
def multiply(x: Any, y: Any, *, needs: Needs) -> Any:
    """x * y.

    >>> from seqnn import Tensor, ops
    >>> ops.multiply(Tensor([1.0, 2.0]), Tensor([3.0, 4.0]))
    Tensor([3., 8.], dtype=float32)
    """
    a, b = plain(x), plain(y)

    def backward(grad: np.ndarray) -> tuple:
        return reduce_to(grad * b, x) if needs[0] else None, reduce_to(grad * a, y) if needs[1] else None

    return a * b, backward


@op
def divide(x: Any, y: Any, *, needs: Needs) -> Any:
    """x / y; dx = grad / y, dy = -grad x / y^2. Division by zero gives inf or nan without a warning.

    >>> from seqnn import Tensor, ops
    >>> ops.divide(Tensor([1.0, 3.0]), 2)
    Tensor([0.5, 1.5], dtype=float32)
    """
    b = plain(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.true_divide(plain(x), b)

    def backward(grad: np.ndarray) -> tuple:
        with np.errstate(divide="ignore", invalid="ignore"):
            part = grad / b
            return reduce_to(part, x) if needs[0] else None, reduce_to(-part * out, y) if needs[1] else None

    return out, backward


@op
def power(x: Any, y: Any, *, needs: Needs) -> Any:
    """x ** y; dx = grad y x^(y-1), dy = grad x^y ln x (0 where x = 0 and y >= 0).

    >>> from seqnn import Tensor, ops
    >>> ops.power(Tensor([2.0, 3.0]), 2)
    Tensor([4., 9.], dtype=float32)
    """
    a, b = plain(x), plain(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = a**b

    def backward(grad: np.ndarray) -> tuple:
        dx = dy = None
        with np.errstate(divide="ignore", invalid="ignore"):
            if needs[0] and isinstance(b, int | float):
                dx = grad * (b * a ** (b - 1)) if b else np.zeros_like(a)
            elif needs[0]:
                dx = reduce_to(grad * np.where(b == 0, 0, b * a ** (b - 1.0)), x)
            if needs[1]:
                dy = reduce_to(grad * np.where((a == 0) & (b >= 0), 0, out * np.log(a)), y)
        return dx, dy

    return out, backward


@op
def negative(x: Any) -> Any:
    """-x.

    >>> from seqnn import Tensor, ops
    >>> ops.negative(Tensor([1.0, -2.0]))
    Tensor([-1.,  2.], dtype=float32)
    """
    return -x, lambda grad: -grad


@op
def abs(x: Any) -> Any:
    """abs(x); the gradient at 0 is 0.

    >>> from seqnn import Tensor, ops
    >>> ops.abs(Tensor([1.0, -2.0]))
    Tensor([1., 2.], dtype=float32)
    """
    return np.abs(x), lambda grad: grad * np.sign(x)


@op
def sqrt(x: Any) -> Any:
    """The square root; nan below 0, gradient inf at 0.

    >>> from seqnn import Tensor, ops
    >>> ops.sqrt(Tensor([4.0, 9.0]))
    Tensor([2., 3.], dtype=float32)
    """
    with np.errstate(invalid="ignore"):
        out = np.sqrt(x)

    def backward(grad: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return grad * 0.5 / out

    return out, backward


@op
def minimum(x: Any, y: Any, *, needs: Needs) -> Any:
    """The smaller one of each pair; NaN if one is NaN. Equal ones share the gradient.

    >>> from seqnn import Tensor, ops
    >>> ops.minimum(Tensor([1.0, 5.0]), 2.0)
    Tensor([1., 2.], dtype=float32)
    """
    a, b = plain(x), plain(y)
    return np.minimum(a, b), lambda grad: _to_chosen(grad, x, y, np.less(a, b), np.equal(a, b), needs)


@op
def maximum(x: Any, y: Any, *, needs: Needs) -> Any:
    """The larger one of each pair; NaN if one is NaN. Equal ones share the gradient.

    >>> from seqnn import Tensor, ops
    >>> ops.maximum(Tensor([1.0, 5.0]), 2.0)
    Tensor([2., 5.], dtype=float32)
    """
    a, b = plain(x), plain(y)
    return np.maximum(a, b), lambda grad: _to_chosen(grad, x, y, np.greater(a, b), np.equal(a, b), needs)


def _to_chosen(grad: np.ndarray, x: Any, y: Any, first: Any, equal: Any, needs: Needs) -> tuple:
    share = np.where(equal, grad.dtype.type(0.5), first)  # NaN pairs: y takes the gradient
    return reduce_to(grad * share, x) if needs[0] else None, reduce_to(grad * (1 - share), y) if needs[1] else None


@op
def clip(x: Any, *, min: float | None = None, max: float | None = None) -> Any:
    """x limited to [min, max]; None = no limit. The gradient passes where min <= x <= max.

    >>> from seqnn import Tensor, ops
    >>> ops.clip(Tensor([-3.0, 0.5, 3.0]), min=-1, max=1)
    Tensor([-1. ,  0.5,  1. ], dtype=float32)
    """
    if min is None and max is None:
        raise ValueError("clip: min and max are both None, expected at least one limit")
    out = np.clip(x, min, max)
    return out, lambda grad: grad * (out == x)


@op
def where(condition: Any, x: Any, y: Any, *, needs: Needs) -> Any:
    """x where the condition holds, y elsewhere, broadcast. No gradient passes to what was not chosen, also where it is NaN.

    >>> from seqnn import Tensor, ops
    >>> ops.where([True, False], Tensor([1.0, 2.0]), 0.0)
    Tensor([1., 0.], dtype=float32)
    """
    condition = np.asarray(condition)
    if condition.dtype != bool:
        raise TypeError(f"where: condition is {condition.dtype}, expected bool")

    def backward(grad: np.ndarray) -> tuple:
        zero = grad.dtype.type(0)
        dx = reduce_to(np.where(condition, grad, zero), x) if needs[1] else None
        dy = reduce_to(np.where(condition, zero, grad), y) if needs[2] else None
        return None, dx, dy

    return np.where(condition, plain(x), plain(y)), backward


@op
def astype(x: Any, dtype: Any) -> Any:
    """x in another dtype; the gradient is converted back.

    >>> from seqnn import Tensor, ops
    >>> ops.astype(Tensor([1.0]), "float64")
    Tensor([1.], dtype=float64)
    """
    return np.asarray(x).astype(dtype), lambda grad: grad.astype(x.dtype)
