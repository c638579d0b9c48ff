"""What the gradients of functions that broadcast have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._types import Array, Axis


def reduce_to(gradient: Any, like: Array) -> Array:
    """Sum the gradient of a broadcast array over the axes that `like` was stretched along, in the dtype of `like`."""
    shape = like.shape
    if gradient.shape != shape:
        extra = gradient.ndim - len(shape)
        stretched = [k for k, size in enumerate(shape, extra) if size == 1 and gradient.shape[k] != 1]
        gradient = gradient.sum((*range(extra), *stretched), keepdims=True).reshape(shape)
    return gradient if gradient.dtype == like.dtype else gradient.astype(like.dtype)


def along(values: Array, axis: Axis, ndim: int, keepdims: bool) -> Array:
    """Reshape the result of a reduction over `axis` of an array of `ndim` axes, so that it broadcasts against that array."""
    if keepdims or axis is None:
        return values
    if isinstance(axis, int):
        axis %= ndim
        return values.reshape(*values.shape[:axis], 1, *values.shape[axis:])
    return np.expand_dims(values, axis)


def filled(values: Array, like: Array) -> Array:
    """Broadcast `values` to the shape of `like`, into an array of its own."""
    out = np.empty(like.shape, values.dtype)
    out[...] = values
    return out


def plain(value: Any) -> Any:
    """Return an operand as NumPy's promotion should see it: np.float64(2), like 2.0, leaves a float32 array float32."""
    return value.item() if isinstance(value, np.generic) else value
