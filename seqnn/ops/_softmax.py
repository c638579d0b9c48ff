"""Softmax and log-softmax along an axis, of all elements or of those that a mask lets take part."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .. import _core
from ..autograd import Needs, also, op
from ._types import Array, Result


@op
@also(dim="axis")
def softmax(x: Array, axis: int = -1, mask: npt.ArrayLike | None = None) -> Result:
    """Turn scores into probabilities: `e^x / sum(e^x)` along an axis.

    Args:
        x: scores, of any shape.
        axis: along which the probabilities add up to 1.
        mask: booleans that broadcast to the shape of `x`, True = take part; None is all. Elements that take no part get
            probability 0; where none takes part, result and gradient are 0.

    Returns:
        An array of the shape of `x`.

    Raises:
        TypeError: for a mask that is not of booleans.
        ValueError: for an axis or a mask that does not fit.

    >>> import numpy as np
    >>> softmax(np.log([1.0, 2.0, 5.0]))
    array([0.125, 0.25 , 0.625])
    >>> softmax(np.log([1.0, 2.0, 5.0]), mask=np.array([True, True, False])).round(4)
    array([0.3333, 0.6667, 0.    ])
    """
    rows = _Rows("softmax", x, axis, mask)
    out = _core.softmax_forward(rows.x, rows.mask)

    def backward(grad: Array) -> Array:
        flat = out.reshape(math.prod(out.shape[:-1]), out.shape[-1])
        return rows.back(_core.softmax_backward(rows.of(grad).reshape(flat.shape), flat))

    return rows.back(out), backward


@op
@also(dim="axis")
def log_softmax(x: Array, axis: int = -1, mask: npt.ArrayLike | None = None, *, needs: Needs) -> Result:
    """Turn scores into log-probabilities: `x - log(sum(e^x))` along an axis, exact even where the probability underflows.

    Args:
        x, axis: as for `softmax`.
        mask: as for `softmax`: elements that take no part get -inf and gradient 0; where none takes part, result and
            gradient are 0.

    Returns:
        An array of the shape of `x`.

    Raises:
        TypeError: for a mask that is not of booleans.
        ValueError: for an axis or a mask that does not fit.

    >>> import numpy as np
    >>> log_softmax(np.array([1000.0, 0.0]))
    array([    0., -1000.])
    """
    if mask is not None and needs.x:
        mask = np.array(mask)  # the caller may use it again before the backward pass
    rows = _Rows("log_softmax", x, axis, mask)
    out = _core.log_softmax_forward(rows.x, rows.mask)

    def backward(grad: Array) -> Array:
        return rows.back(_core.log_softmax_backward(rows.of(grad), out, rows.mask))

    return rows.back(out), backward


class _Rows:
    """An array with the axis last and three axes before it, as the kernels take it, its mask alike, and the way back."""

    def __init__(self, name: str, x: Array, axis: int, mask: Array | None) -> None:
        x = np.asarray(x)
        self.given = x.shape
        x = x if x.ndim else x.reshape(1)  # a number is a row of one
        if not isinstance(axis, int | np.integer):
            raise TypeError(f"{name}: axis must be an integer, got {axis!r}")
        if not -x.ndim <= axis < x.ndim:
            raise ValueError(f"{name}: axis {axis} is out of bounds for an array of shape {self.given}")
        self.axis = axis % x.ndim
        self.last = self.axis == x.ndim - 1
        self.moved = x.shape if self.last else np.moveaxis(x, self.axis, -1).shape
        before = self.moved[:-1]
        groups = (1,) * (3 - len(before)) + (math.prod(before[: len(before) - 2]), *before[-2:])
        self.shape = (*groups[-3:], self.moved[-1])
        self.x = self.of(x)
        self.mask = None if mask is None else self._masked(name, mask, x.shape)

    def of(self, x: Array) -> Array:
        return (x if self.last else np.moveaxis(x, self.axis, -1)).reshape(self.shape)

    def back(self, out: Array) -> Array:
        return out.reshape(self.given) if self.last else np.moveaxis(out.reshape(self.moved), -1, self.axis)

    def _masked(self, name: str, mask: Array, shape: tuple[int, ...]) -> Array:
        mask = np.asarray(mask)
        if mask.dtype != bool:
            raise TypeError(f"{name}: mask must be an array of booleans (True = take part), got {mask.dtype}")
        try:
            full = np.broadcast_to(mask, shape)
        except ValueError:
            raise ValueError(f"{name}: mask of shape {mask.shape} does not broadcast to x of shape {shape}") from None
        if not self.last:
            full = np.moveaxis(full, self.axis, -1)
        if full.ndim > 4:
            return full.reshape(self.shape)
        full = full.reshape((1,) * (4 - full.ndim) + full.shape)
        # An axis along which the mask is the same has stride 0: size 1 is enough there.
        repeated = tuple(slice(1) if s == 0 else slice(None) for s in full.strides[:3])
        return full[(*repeated, slice(None))]
