"""Reductions over axes. `axis` is None (all axes), an axis or a tuple of axes; `keepdims` keeps them as ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import op
from ._broadcast import along, filled
from ._types import Array, Axis, Result


@op
def sum(x: Array, axis: Axis = None, *, keepdims: bool = False) -> Result:
    """Add all elements, or those along an axis.

    Args:
        x: numbers, of any shape.
        axis: the axes to reduce; None is all.
        keepdims: keep them as axes of size 1.

    Returns:
        An array without the reduced axes.

    >>> from seqnn import Tensor, ops
    >>> ops.sum(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor([4., 6.], dtype=float32)
    """
    x = np.asarray(x)
    return x.sum(axis, keepdims=keepdims), lambda grad: filled(along(grad, axis, x.ndim, keepdims), x)


@op
def mean(x: Array, axis: Axis = None, *, keepdims: bool = False) -> Result:
    """Take the mean; NaN over no elements.

    Args:
        x: numbers, of any shape.
        axis: the axes to reduce; None is all.
        keepdims: keep them as axes of size 1.

    Returns:
        An array without the reduced axes.

    >>> from seqnn import Tensor, ops
    >>> ops.mean(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1, keepdims=True)
    Tensor([[1.5],
            [3.5]], dtype=float32)
    """
    x = np.asarray(x)
    count = _count(x, axis)
    total = x.sum(axis, keepdims=keepdims)
    out = total / x.dtype.type(count) if count else total + x.dtype.type(np.nan)
    return out, lambda grad: filled(along(grad / x.dtype.type(count), axis, x.ndim, keepdims), x)


@op
def var(x: Array, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> Result:
    """Take the variance, sum((x - mean)^2) / (n - ddof).

    Args:
        x: numbers, of any shape.
        axis: the axes to reduce; None is all.
        keepdims: keep them as axes of size 1.
        ddof: 0 as in NumPy; PyTorch's default corresponds to 1.

    Returns:
        An array without the reduced axes.

    Raises:
        ValueError: where there are no more than `ddof` elements.

    >>> from seqnn import Tensor, ops
    >>> ops.var(Tensor([1.0, 2.0, 3.0]), ddof=1)
    Tensor(1., dtype=float32)
    """
    x = np.asarray(x)
    out, deviation, degrees = _variance(x, axis, ddof, keepdims)
    return out, lambda grad: along(grad, axis, x.ndim, keepdims) * (deviation * (2 / degrees))


@op
def std(x: Array, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> Result:
    """Take the standard deviation, sqrt(var).

    Args:
        x: numbers, of any shape.
        axis: the axes to reduce; None is all.
        keepdims: keep them as axes of size 1.
        ddof: 0 as in NumPy; PyTorch's default corresponds to 1.

    Returns:
        An array without the reduced axes.

    Raises:
        ValueError: where there are no more than `ddof` elements.

    >>> from seqnn import Tensor, ops
    >>> ops.std(Tensor([1.0, 2.0, 3.0]), ddof=1)
    Tensor(1., dtype=float32)
    """
    x = np.asarray(x)
    variance, deviation, degrees = _variance(x, axis, ddof, keepdims)
    out = np.sqrt(variance)

    def backward(grad: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return along(grad / out, axis, x.ndim, keepdims) * (deviation / degrees)

    return out, backward


@op
def max(x: Array, axis: Axis = None, *, keepdims: bool = False) -> Result:
    """Take the largest element; NaN if there is one. Equal largest elements share the gradient.

    Args:
        x: numbers, of any shape.
        axis: the axes to reduce; None is all.
        keepdims: keep them as axes of size 1.

    Returns:
        An array without the reduced axes.

    >>> from seqnn import Tensor, ops
    >>> ops.max(Tensor([[1.0, 2.0], [4.0, 3.0]]), axis=1)
    Tensor([2., 4.], dtype=float32)
    """
    return _extreme(np.max, np.asarray(x), axis, keepdims)


@op
def min(x: Array, axis: Axis = None, *, keepdims: bool = False) -> Result:
    """Take the smallest element; NaN if there is one. Equal smallest elements share the gradient.

    Args:
        x: numbers, of any shape.
        axis: the axes to reduce; None is all.
        keepdims: keep them as axes of size 1.

    Returns:
        An array without the reduced axes.

    >>> from seqnn import Tensor, ops
    >>> ops.min(Tensor([[1.0, 2.0], [4.0, 3.0]]), axis=1)
    Tensor([1., 3.], dtype=float32)
    """
    return _extreme(np.min, np.asarray(x), axis, keepdims)


@op
def prod(x: Array, axis: Axis = None, *, keepdims: bool = False) -> Result:
    """Multiply. The gradient is the product of the others, so it is right even where an element is 0.

    Args:
        x: numbers, of any shape.
        axis: the axes to reduce; None is all.
        keepdims: keep them as axes of size 1.

    Returns:
        An array without the reduced axes.

    >>> from seqnn import Tensor, ops
    >>> ops.prod(Tensor([2.0, 3.0, 4.0]))
    Tensor(24., dtype=float32)
    """
    x = np.asarray(x)

    def backward(grad: Array) -> Array:
        axes = _axes(axis, x.ndim)
        ends = tuple(range(x.ndim - len(axes), x.ndim))
        moved = np.moveaxis(x, axes, ends)
        rows = moved.reshape(*moved.shape[: x.ndim - len(axes)], -1)
        before, after = np.ones_like(rows), np.ones_like(rows)
        np.cumprod(rows[..., :-1], axis=-1, out=before[..., 1:])
        np.cumprod(rows[..., :0:-1], axis=-1, out=after[..., -2::-1])
        others = np.moveaxis((before * after).reshape(moved.shape), ends, axes)
        return others * along(grad, axis, x.ndim, keepdims)

    return x.prod(axis, keepdims=keepdims), backward


@op
def logsumexp(x: Array, axis: Axis = None, *, keepdims: bool = False) -> Result:
    """Compute ln(sum(exp(x))) without overflow; -inf (gradient 0) where every element is -inf.

    Args:
        x: numbers, of any shape.
        axis: the axes to reduce; None is all.
        keepdims: keep them as axes of size 1.

    Returns:
        An array without the reduced axes.

    >>> from seqnn import Tensor, ops
    >>> ops.logsumexp(Tensor([1000.0, 1000.0]))
    Tensor(1000.6932, dtype=float32)
    """
    x = np.asarray(x)
    with np.errstate(divide="ignore"):
        largest = x.max(axis, keepdims=True, initial=-np.inf)
        shift = np.where(np.isinf(largest), x.dtype.type(0), largest)
        wide = np.log(np.exp(x - shift).sum(axis, keepdims=True)) + shift
    out = wide if keepdims else wide.reshape(x.sum(axis).shape if x.ndim else ())

    def backward(grad: Array) -> Array:
        finite = np.where(wide == -np.inf, x.dtype.type(0), wide)
        return np.exp(x - finite) * along(grad, axis, x.ndim, keepdims)

    return out, backward


@op
def cumsum(x: Array, axis: int = -1) -> Result:
    """Add up the elements before and at each place of an axis.

    Args:
        x: numbers, of any shape.
        axis: along which to add.

    Returns:
        An array of the shape of `x`.

    >>> from seqnn import Tensor, ops
    >>> ops.cumsum(Tensor([1.0, 2.0, 3.0]))
    Tensor([1., 3., 6.], dtype=float32)
    """
    return np.cumsum(x, axis), lambda grad: np.flip(np.cumsum(np.flip(grad, axis), axis), axis)


def _axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    return tuple([a % ndim for a in (axis if isinstance(axis, tuple) else (axis,))])


def _count(x: Array, axis: Axis) -> int:
    """Count the elements that each result is made of."""
    if axis is None:
        return x.size
    count = 1
    for a in axis if isinstance(axis, tuple) else (axis,):
        count *= x.shape[a]
    return count


def _variance(x: Array, axis: Axis, ddof: int, keepdims: bool) -> tuple[Array, Array, int]:
    """Compute the variance, the deviations from the mean, and the degrees of freedom."""
    degrees = _count(x, axis) - ddof
    if degrees <= 0:
        raise ValueError(f"var: {degrees + ddof} elements along axis {axis} are too few for ddof={ddof}")
    deviation = x - x.mean(axis, keepdims=True)
    return np.square(deviation).sum(axis, keepdims=keepdims) / x.dtype.type(degrees), deviation, degrees


def _extreme(function: Any, x: Array, axis: Axis, keepdims: bool) -> Any:
    out = function(x, axis=axis, keepdims=keepdims)

    def backward(grad: Array) -> Array:
        chosen = x == along(out, axis, x.ndim, keepdims)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = grad / chosen.sum(axis, keepdims=keepdims, dtype=x.dtype)
        return along(share, axis, x.ndim, keepdims) * chosen

    return out, backward
