"""What the gradients of functions that broadcast have in common."""

from __future__ import annotations

from collections.abc import Sequence
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


def operands(x: Any, y: Any) -> tuple[Any, Any]:
    """Return two operands as NumPy's promotion should see them: float32 stays float32 beside integers and single numbers."""
    a, b = type(x), type(y)
    if a is Array:
        if b is float or b is int or (b is Array and x.dtype is y.dtype):
            return x, y
    elif b is Array and (a is float or a is int):
        return x, y
    return _promoted(x, y)


def _promoted(x: Any, y: Any) -> tuple[Any, Any]:
    x, y = unlisted(x, y), unlisted(y, x)
    if isinstance(x, Array) and isinstance(y, Array):
        if x.dtype.kind == "f" and y.dtype.kind in "iub":
            y = y.astype(x.dtype)
        elif y.dtype.kind == "f" and x.dtype.kind in "iub":
            x = x.astype(y.dtype)
        if x.ndim and not y.ndim:
            y = y.item()
        elif y.ndim and not x.ndim:
            x = x.item()
    return x, y


def common_dtype(arrays: Sequence[Any]) -> np.dtype:
    """Find the dtype of arrays that are joined: that of the floats among them, so that float32 stays float32."""
    dtypes = [np.asarray(a).dtype for a in arrays]
    floats = [dtype for dtype in dtypes if dtype.kind == "f"]
    return np.result_type(*(floats or dtypes))


def as_floats(x: Any, beside: Any = None) -> Array:
    """Return an array of floats: integers take the float type of what stands beside them, else float32."""
    x = np.asarray(x)
    if x.dtype.kind not in "biu":
        return x
    dtype = getattr(beside, "dtype", None)
    return x.astype(dtype if isinstance(dtype, np.dtype) and dtype.kind == "f" else np.float32)


def unlisted(value: Any, other: Any) -> Any:
    """Make an array of a list, whose floats take the float type of `other`, and a number of a NumPy scalar."""
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, list | tuple):
        return value
    array = np.asarray(value)
    dtype = getattr(other, "dtype", None)
    return array.astype(dtype) if array.dtype == np.float64 and dtype in (np.float16, np.float32) else array
