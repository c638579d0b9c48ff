"""Pooling over windows and over whole axes, and flattening what is left."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _core
from .._arguments import each_axis
from ..autograd import Needs, op
from ._types import Array, Result


def max_pool1d(
    x: Array, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> Array:
    """Take the largest element of each window along the last axis.

        y[n, c, p] = max over r of x[n, c, p * stride + r * dilation - padding]

    The gradient goes to the first of equals. NaN in a window gives NaN.

    Args:
        x: [N, C, L], or [C, L].
        kernel_size: elements of a window.
        stride: the step from one window to the next; None is `kernel_size`.
        padding: places at either end, at most half of the window, which never win.
        dilation: the step from one element of a window to the next.
        ceil_mode: round P up; but a window that would begin after the left padding and x is left out.

    Returns:
        [N, C, P], or [C, P]; P = (L + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1, rounded down.

    Raises:
        ValueError: for shapes or options that do not fit.

    >>> import numpy as np
    >>> max_pool1d(np.array([[[1.0, 5.0, 2.0, 3.0]]]), 2)
    array([[[5., 3.]]])
    """
    return _max_pool(x, window=_window("max_pool1d", x, 1, kernel_size, stride, padding, dilation, ceil_mode))


def max_pool2d(
    x: Array,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: bool = False,
) -> Array:
    """Take the largest element of each window over the last two axes, as `max_pool1d` does over one.

    Args:
        x: [N, C, H, W], or [C, H, W].
        kernel_size, stride, padding, dilation: as for `max_pool1d`, a number for both axes or (rows, columns).
        ceil_mode: as for `max_pool1d`.

    Returns:
        [N, C, P, Q], or [C, P, Q]; both sizes as for `max_pool1d`.

    Raises:
        ValueError: for shapes or options that do not fit.

    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """
    return _max_pool(x, window=_window("max_pool2d", x, 2, kernel_size, stride, padding, dilation, ceil_mode))


def avg_pool1d(
    x: Array,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """Take the mean of each window along the last axis.

    Args:
        x: [N, C, L], or [C, L].
        kernel_size, stride, ceil_mode: as for `max_pool1d`.
        padding: zeros at either end, at most half of the window.
        count_include_pad: whether the padding counts in the mean.
        divisor_override: what the sum of a window is divided by, instead of the number of its elements.

    Returns:
        [N, C, P], or [C, P]; P as for `max_pool1d`.

    Raises:
        ValueError: for shapes or options that do not fit.

    >>> import numpy as np
    >>> avg_pool1d(np.array([[[1.0, 5.0, 2.0, 3.0]]]), 2, padding=1, count_include_pad=False)
    array([[[1. , 3.5, 3. ]]])
    """
    window = _window("avg_pool1d", x, 1, kernel_size, stride, padding, 1, ceil_mode)
    columns = _mean_windows(np.shape(x)[-1], *window[0], count_include_pad)
    return _avg_pool(x, rows=_ONE_ROW, columns=_divided("avg_pool1d", columns, divisor_override))


def avg_pool2d(
    x: Array,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """Take the mean of each window over the last two axes, as `avg_pool1d` does over one.

    Args:
        x: [N, C, H, W], or [C, H, W].
        kernel_size, stride, padding: as for `avg_pool1d`, a number for both axes or (rows, columns).
        ceil_mode, count_include_pad, divisor_override: as for `avg_pool1d`.

    Returns:
        [N, C, P, Q], or [C, P, Q]; both sizes as for `max_pool1d`.

    Raises:
        ValueError: for shapes or options that do not fit.

    >>> import numpy as np
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """
    window = _window("avg_pool2d", x, 2, kernel_size, stride, padding, 1, ceil_mode)
    height, width = np.shape(x)[-2:]
    rows, columns = (_mean_windows(n, *w, count_include_pad) for n, w in zip((height, width), window, strict=True))
    if divisor_override is not None:
        rows = (*rows[:2], np.ones_like(rows[2]))
    return _avg_pool(x, rows=rows, columns=_divided("avg_pool2d", columns, divisor_override))


def adaptive_avg_pool1d(x: Array, output_size: int) -> Array:
    """Take the means of windows that cover the last axis evenly.

    Window i is x[..., floor(i * L / P) : ceil((i + 1) * L / P)]: neighbours overlap where P does not divide L.

    Args:
        x: [N, C, L], or [C, L].
        output_size: P, the number of windows.

    Returns:
        [N, C, P], or [C, P].

    Raises:
        ValueError: for another shape, or an axis of size 0.

    >>> import numpy as np
    >>> adaptive_avg_pool1d(np.array([[[1.0, 2.0, 6.0]]]), 2)
    array([[[1.5, 4. ]]])
    """
    (length,) = _sizes("adaptive_avg_pool1d", x, 1)
    (count,) = each_axis("adaptive_avg_pool1d", "output_size", output_size, 1, 1)
    return _avg_pool(x, rows=_ONE_ROW, columns=_adaptive_windows(length, count))


def adaptive_avg_pool2d(x: Array, output_size: int | tuple[int | None, int | None]) -> Array:
    """Take the means of windows that cover the last two axes evenly, as `adaptive_avg_pool1d` does over one.

    Args:
        x: [N, C, H, W], or [C, H, W].
        output_size: a number for both axes, or (P, Q); None keeps the size of an axis.

    Returns:
        [N, C, P, Q], or [C, P, Q].

    Raises:
        ValueError: for another shape, or an axis of size 0.

    >>> import numpy as np
    >>> adaptive_avg_pool2d(np.arange(6.0).reshape(1, 1, 2, 3), (1, 3))
    array([[[[1.5, 2.5, 3.5]]]])
    """
    sizes = _sizes("adaptive_avg_pool2d", x, 2)
    if isinstance(output_size, tuple | list) and len(output_size) == 2:
        output_size = tuple([n if size is None else size for n, size in zip(sizes, output_size, strict=True)])
    counts = each_axis("adaptive_avg_pool2d", "output_size", output_size, 2, 1)
    rows, columns = (_adaptive_windows(n, count) for n, count in zip(sizes, counts, strict=True))
    return _avg_pool(x, rows=rows, columns=columns)


@op
def global_max_pool(x: Array, *, mask: np.ndarray | None = None) -> Result:
    """Take the largest element over all axes but the first two: "max over time".

    The gradient goes to the first of equals. NaN gives NaN.

    Args:
        x: [N, C, ...].
        mask: booleans [N, ...], True = take part; None is all. Where none takes part, result and gradient are 0.

    Returns:
        [N, C].

    Raises:
        ValueError: for shapes that do not fit, or a mask that is not of booleans.

    >>> import numpy as np
    >>> global_max_pool(np.array([[[1.0, 3.0, 9.0]]]), mask=np.array([[True, True, False]]))
    array([[3.]])
    """
    x = np.asarray(x)
    flat, places = _flat("global_max_pool", x, mask)
    y, index = _core.global_max_forward(flat, places)

    def backward(grad: Array) -> Array:
        one = (*y.shape, 1, 1)
        dx = _core.max_pool_backward(grad.reshape(one), index.reshape(one), height=1, width=flat.shape[2])
        return dx.reshape(x.shape)

    return y, backward


@op
def global_avg_pool(x: Array, *, mask: np.ndarray | None = None) -> Result:
    """Take the mean over all axes but the first two.

    Args:
        x: [N, C, ...].
        mask: booleans [N, ...], True = take part; None is all. Where none takes part, result and gradient are 0. For
            sequences of different lengths: mask = np.arange(L) < lengths[:, None].

    Returns:
        [N, C].

    Raises:
        ValueError: for shapes that do not fit, or a mask that is not of booleans.

    >>> import numpy as np
    >>> global_avg_pool(np.array([[[1.0, 3.0, 9.0]]]), mask=np.array([[True, True, False]]))
    array([[2.]])
    """
    x = np.asarray(x)
    flat, places = _flat("global_avg_pool", x, mask)
    y = _core.global_avg_forward(flat, places)

    def backward(grad: Array) -> Array:
        return _core.global_avg_backward(grad, places, length=flat.shape[2]).reshape(x.shape)

    return y, backward


@op
def flatten(x: Array, start_dim: int = 0, end_dim: int = -1) -> Result:
    """Make one axis of the axes `start_dim` to `end_dim`.

    Args:
        x: an array.
        start_dim, end_dim: the first and the last of these axes, both included.

    Returns:
        An array with the elements of `x`.

    Raises:
        ValueError: where x has no such axes, or the first comes after the last.

    >>> import numpy as np
    >>> flatten(np.zeros((2, 3, 4, 5)), 1).shape
    (2, 60)
    """
    x = np.asarray(x)
    first, last = (d + x.ndim if d < 0 else d for d in (start_dim, end_dim))
    if x.ndim == 0:
        return x.reshape(1), lambda grad: grad.reshape(())
    if not 0 <= first <= last < x.ndim:
        raise ValueError(f"flatten: axes {start_dim} to {end_dim} of x with shape {x.shape}")
    shape = (*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :])
    return x.reshape(shape), lambda grad: grad.reshape(x.shape)


@op
def _max_pool(x: Array, *, window: list, needs: Needs) -> Result:
    """Pool; `window` holds (output size, kernel, stride, padding, dilation) of each axis."""
    x = np.asarray(x)
    before, images = _images(x, len(window))
    height, width = images.shape[2:]
    (rows, kernel_y, stride_y, top, dilation_y), (columns, kernel_x, stride_x, left, dilation_x) = [
        (1, 1, 1, 0, 1),
        *window,
    ][-2:]
    y, index = _core.max_pool_forward(
        images, rows=rows, columns=columns, kernel_y=kernel_y, kernel_x=kernel_x,
        stride_y=stride_y, stride_x=stride_x, top=top, left=left, dilation_y=dilation_y, dilation_x=dilation_x,
        index=needs.x,
    )  # fmt: skip

    def backward(grad: Array) -> Array:
        return _core.max_pool_backward(grad.reshape(index.shape), index, height=height, width=width).reshape(x.shape)

    return y.reshape(*before, *(size for size, *_ in window)), backward


Windows = tuple[Array, Array, Array]  # begin, end and divisor of each window
_ONE_ROW = (np.zeros(1, np.int64), np.ones(1, np.int64), np.ones(1, np.int64))


@op
def _avg_pool(x: Array, *, rows: Windows, columns: Windows) -> Result:
    x = np.asarray(x)
    axes = 1 if rows is _ONE_ROW else 2
    before, images = _images(x, axes)
    height, width = images.shape[2:]
    y = _core.avg_pool_forward(images, *rows, *columns)

    def backward(grad: Array) -> Array:
        dx = _core.avg_pool_backward(grad.reshape(y.shape), *rows, *columns, height=height, width=width)
        return dx.reshape(x.shape)

    return y.reshape(*before, *y.shape[4 - axes :]), backward


def _images(x: Array, axes: int) -> tuple[tuple[int, ...], Array]:
    """Return the axes before those that are pooled, and x as [N, C, H, W]."""
    before, plane = x.shape[: x.ndim - axes], (1, *x.shape[x.ndim - axes :])[-2:]
    return before, x.reshape(*(1, *before)[-2:], *plane)


def _mean_windows(size: int, count: int, kernel: int, stride: int, padding: int, _: int, include_pad: bool) -> Windows:
    begin = np.arange(count) * stride - padding
    end = np.minimum(begin + kernel, size + padding)
    inside = np.maximum(begin, 0), np.minimum(end, size)
    return *inside, end - begin if include_pad else inside[1] - inside[0]


def _divided(name: str, windows: Windows, divisor: Any) -> Windows:
    """Set one divisor for all windows, if one is given."""
    if divisor is None:
        return windows
    (divisor,) = each_axis(name, "divisor_override", divisor, 1, 1)
    return (*windows[:2], np.full_like(windows[2], divisor))


def _adaptive_windows(size: int, count: int) -> Windows:
    if size == 0:
        raise ValueError("adaptive average pooling: x has an axis of size 0")
    i = np.arange(count)
    begin, end = i * size // count, -(-(i + 1) * size // count)
    return begin, end, end - begin


def _sizes(name: str, x: Any, axes: int) -> tuple[int, ...]:
    if np.ndim(x) not in (axes + 1, axes + 2):
        plane = "L" if axes == 1 else "H, W"
        raise ValueError(f"{name}: x has shape {np.shape(x)}, expected [N, C, {plane}] or [C, {plane}]")
    return np.shape(x)[-axes:]


def _window(
    name: str, x: Any, axes: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> list[tuple[int, int, int, int, int]]:
    """Check the options, and find (output size, kernel, stride, padding, dilation) of each axis."""
    sizes = _sizes(name, x, axes)
    kernels = each_axis(name, "kernel_size", kernel, axes, 1)
    strides = kernels if stride is None else each_axis(name, "stride", stride, axes, 1)
    paddings, dilations = each_axis(name, "padding", padding, axes, 0), each_axis(name, "dilation", dilation, axes, 1)
    found = []
    for n, k, s, p, d in zip(sizes, kernels, strides, paddings, dilations, strict=True):
        if 2 * p > k:
            raise ValueError(f"{name}: padding is {p}, expected at most half of kernel_size {k}")
        rest = n + 2 * p - d * (k - 1) - 1
        if rest < 0:
            raise ValueError(
                f"{name}: the window reaches over {d * (k - 1) + 1}, x with its padding has only {n + 2 * p}"
            )
        count = (rest + s - 1 if ceil_mode else rest) // s + 1
        if ceil_mode and (count - 1) * s >= n + p:
            count -= 1
        found.append((count, k, s, p, d))
    return found


def _flat(name: str, x: Array, mask: Any) -> tuple[Array, Array | None]:
    """Return x as [N, C, L] and the mask as [N, L]."""
    if x.ndim < 3:
        raise ValueError(f"{name}: x has shape {x.shape}, expected [N, C, ...]")
    flat = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    if mask is None:
        return flat, None
    mask = np.asarray(mask)
    if mask.shape != (len(x), *x.shape[2:]) or mask.dtype != bool:
        raise ValueError(f"{name}: mask is {mask.dtype} {mask.shape}, expected bool {(len(x), *x.shape[2:])}")
    return flat, mask.reshape(len(x), flat.shape[2])
