"""Reductions over axes, and running sums and products. A number has an axis 0 to reduce, as in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import also, op
from ._broadcast import along, filled
from ._types import Array, Axis, Result


@op
@also(dim="axis", keepdim="keepdims")
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
    axis = axis if x.ndim else _of_number(axis)
    return x.sum(axis, keepdims=keepdims), lambda grad: filled(along(grad, axis, x.ndim, keepdims), x)


@op
@also(dim="axis", keepdim="keepdims")
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
    axis = axis if x.ndim else _of_number(axis)
    count = _count(x, axis)
    total = x.sum(axis, keepdims=keepdims)
    out = total / x.dtype.type(count) if count else total + x.dtype.type(np.nan)
    return out, lambda grad: filled(along(grad / x.dtype.type(count), axis, x.ndim, keepdims), x)


@op
@also(
    dim="PyTorch divides by n - 1: write axis= and ddof=1", keepdim="write keepdims=", correction="write ddof=",
    unbiased="write ddof=1 for True, ddof=0 for False",
)  # fmt: skip
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
    axis = axis if x.ndim else _of_number(axis)
    out, deviation, degrees = _variance("var", x, axis, ddof, keepdims)
    return out, lambda grad: along(grad, axis, x.ndim, keepdims) * (deviation * (2 / degrees))


@op
@also(
    dim="PyTorch divides by n - 1: write axis= and ddof=1", keepdim="write keepdims=", correction="write ddof=",
    unbiased="write ddof=1 for True, ddof=0 for False",
)  # fmt: skip
def std(x: Array, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> Result:
    """Take the standard deviation, sqrt(var); where it is 0 the gradient is 0.

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
    axis = axis if x.ndim else _of_number(axis)
    variance, deviation, degrees = _variance("std", x, axis, ddof, keepdims)
    out = np.sqrt(variance)

    def backward(grad: Array) -> Array:
        share = np.divide(grad, out, out=np.zeros_like(grad), where=out != 0)
        return along(share, axis, x.ndim, keepdims) * (deviation / degrees)

    return out, backward


@op
@also(dim="PyTorch returns (values, indices): write axis=, and argmax for the indices", keepdim="write keepdims=")
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
@also(dim="PyTorch returns (values, indices): write axis=, and argmin for the indices", keepdim="write keepdims=")
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
@also(dim="axis", keepdim="keepdims")
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
    axis = axis if x.ndim else _of_number(axis)

    def backward(grad: Array) -> Array:
        axes = _axes(axis, x.ndim)
        ends = tuple(range(x.ndim - len(axes), x.ndim))
        moved = np.moveaxis(x, axes, ends)
        rows = moved.reshape(*moved.shape[: x.ndim - len(axes)], math.prod(moved.shape[x.ndim - len(axes) :]))
        before, after = np.ones_like(rows), np.ones_like(rows)
        np.cumprod(rows[..., :-1], axis=-1, out=before[..., 1:])
        np.cumprod(rows[..., :0:-1], axis=-1, out=after[..., -2::-1])
        others = np.moveaxis((before * after).reshape(moved.shape), ends, axes)
        return others * along(grad, axis, x.ndim, keepdims)

    return x.prod(axis, keepdims=keepdims), backward


@op
@also(dim="axis", keepdim="keepdims")
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
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    axis = axis if x.ndim else _of_number(axis)
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
@also(dim="axis")
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
    x = np.asarray(x)
    if not x.ndim:
        _of_number(axis)
        return x.copy(), lambda grad: grad
    return np.cumsum(x, axis), lambda grad: _from_the_end(grad, axis)


@op
@also(dim="axis")
def cumprod(x: Array, axis: int = -1) -> Result:
    """Multiply the elements before and at each place of an axis. The gradient is right even where an element is 0.

    Args:
        x: numbers, of any shape.
        axis: along which to multiply.

    Returns:
        An array of the shape of `x`.

    >>> from seqnn import Tensor, ops
    >>> ops.cumprod(Tensor([1.0, 2.0, 3.0]))
    Tensor([1., 2., 6.], dtype=float32)
    """
    x = np.asarray(x)
    if not x.ndim:
        _of_number(axis)
        return x.copy(), lambda grad: grad
    out = np.cumprod(x, axis)

    def backward(grad: Array) -> Array:
        if x.all():
            return _from_the_end(grad * out, axis) / x
        rows, g = np.moveaxis(x, axis, -1), np.moveaxis(grad, axis, -1)
        dx = np.empty_like(rows)
        before = np.ones_like(rows[..., 0])
        for i in range(rows.shape[-1]):  # d out[j] / d x[i] = the product of all others up to j
            others = np.cumprod(np.concatenate([before[..., None], rows[..., i + 1 :]], -1), -1)
            dx[..., i] = (others * g[..., i:]).sum(-1)
            before = before * rows[..., i]
        return np.moveaxis(dx, -1, axis)

    return out, backward


@op
@also(dim="axis", keepdim="keepdims", p="ord")
def norm(x: Array, ord: float = 2.0, axis: Axis = None, *, keepdims: bool = False) -> Result:
    """Compute the vector norm (sum |x|^ord)^(1/ord), without overflow; where it is 0 the gradient is 0.

    Args:
        x: numbers, of any shape.
        ord: > 0; infinity is the largest |x|.
        axis: the axes to reduce; None is all.
        keepdims: keep them as axes of size 1.

    Returns:
        An array without the reduced axes.

    Raises:
        ValueError: for an `ord` that is not positive.

    >>> from seqnn import Tensor, ops
    >>> ops.norm(Tensor([3.0, 4.0]))
    Tensor(5., dtype=float32)
    """
    if isinstance(ord, str) or not ord > 0:
        raise ValueError(f"norm: ord must be a number > 0, got {ord!r}")
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    axis = axis if x.ndim else _of_number(axis)
    size = np.abs(x)
    largest = size.max(axis, keepdims=True, initial=0)
    if np.isinf(ord):
        out = largest if keepdims else largest.reshape(x.sum(axis).shape)
        return out, lambda grad: np.sign(x) * _to_extreme(grad, size, out, axis, keepdims)
    unit = np.where((largest == 0) | ~np.isfinite(largest), x.dtype.type(1), largest)
    share = size / unit
    wide = unit * np.power(np.power(share, ord).sum(axis, keepdims=True), x.dtype.type(1 / ord))

    def backward(grad: Array) -> Array:
        zero = (size == 0) | (wide == 0)
        slope = np.power(np.divide(size, wide, out=np.ones_like(size), where=~zero), ord - 1)
        return np.where(zero, 0, np.sign(x) * slope) * along(grad, axis, x.ndim, keepdims)

    return wide if keepdims else wide.reshape(x.sum(axis).shape), backward


def _from_the_end(x: Array, axis: int) -> Array:
    """Add up the elements at and after each place of an axis."""
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis)


def _of_number(axis: Axis) -> None:
    """Check an axis of a number: NumPy lets it be 0, and reduces nothing."""
    if axis is not None and any(a not in (0, -1) for a in (axis if isinstance(axis, tuple) else (axis,))):
        raise np.exceptions.AxisError(f"axis {axis} is out of bounds for a number")


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
        if not -x.ndim <= a < x.ndim:
            raise np.exceptions.AxisError(a, x.ndim)
        count *= x.shape[a]
    return count


def _variance(name: str, x: Array, axis: Axis, ddof: int, keepdims: bool) -> tuple[Array, Array, int]:
    """Compute the variance, the deviations from the mean, and the degrees of freedom."""
    degrees = _count(x, axis) - ddof
    if degrees <= 0:
        raise ValueError(f"{name}: {degrees + ddof} elements along axis {axis} are too few for ddof={ddof}")
    deviation = x - x.mean(axis, keepdims=True)
    return np.square(deviation).sum(axis, keepdims=keepdims) / x.dtype.type(degrees), deviation, degrees


def _extreme(function: Any, x: Array, axis: Axis, keepdims: bool) -> Any:
    axis = axis if x.ndim else _of_number(axis)
    out = function(x, axis=axis, keepdims=keepdims)
    return out, lambda grad: _to_extreme(grad, x, out, axis, keepdims)


def _to_extreme(grad: Array, x: Array, out: Array, axis: Axis, keepdims: bool) -> Array:
    """Share the gradient of the extreme elements among those that are equal."""
    chosen = x == along(out, axis, x.ndim, keepdims)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = grad / chosen.sum(axis, keepdims=keepdims, dtype=x.dtype)
    return along(share, axis, x.ndim, keepdims) * chosen
