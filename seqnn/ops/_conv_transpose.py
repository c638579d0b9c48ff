"""Transposed convolution in one and two dimensions: the gradient of a convolution with respect to its input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _core
from .._arguments import each_axis
from ..autograd import Needs, op
from ._types import Array


def conv_transpose1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    groups: int = 1,
    dilation: int = 1,
) -> Array:
    """Spread each element of the last axis over a window: the transpose of `conv1d` as a matrix.

        y[n, o, p * stride + r * dilation - padding] += weight[i, o, r] x[n, i, p], and bias[o] everywhere

    It is the gradient of the input of `conv1d` with the same weight, and the same kernels compute both. Arguments stand in
    PyTorch's order. Results do not depend on the number of threads.

    Args:
        x: [N, I, L], or [I, L] for a single sample.
        weight: [I, O / groups, K]; inputs of a group meet the outputs of the same group.
        bias: [O], or None.
        stride: the step from the window of one element to that of the next.
        padding: how many elements are left out at either end of the result.
        output_padding: how many elements the result has more at its end; less than `stride` or than `dilation`.
        groups: how many parts of the channels are convolved by themselves.
        dilation: the step from one element of a window to the next.

    Returns:
        [N, O, P] (or [O, P]), P = (L - 1) * stride - 2 * padding + dilation * (K - 1) + output_padding + 1.

    Raises:
        ValueError: for shapes or options that do not fit.

    >>> import numpy as np
    >>> conv_transpose1d(np.array([[[1.0, 2.0]]]), np.array([[[1.0, 1.0, 1.0]]]), stride=2)
    array([[[1., 1., 3., 2., 2.]]])
    """
    return _conv_transpose(x, weight, bias, **_options(1, stride, padding, output_padding, groups, dilation))


def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
    groups: int = 1,
    dilation: int | tuple[int, int] = 1,
) -> Array:
    """Spread each pixel over a window; `conv_transpose1d` says the formula.

    Args:
        x: [N, I, H, W], or [I, H, W] for a single sample.
        weight: [I, O / groups, R, S].
        bias: [O], or None.
        stride, padding, output_padding, dilation: as for `conv_transpose1d`, a number for both axes or (rows, columns).
        groups: as for `conv_transpose1d`.

    Returns:
        [N, O, P, Q] (or [O, P, Q]), both sizes as for `conv_transpose1d`.

    Raises:
        ValueError: for shapes or options that do not fit.

    >>> import numpy as np
    >>> conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)), np.array([0.5]))
    array([[[[1.5, 2.5, 1.5],
             [2.5, 4.5, 2.5],
             [1.5, 2.5, 1.5]]]])
    """
    return _conv_transpose(x, weight, bias, **_options(2, stride, padding, output_padding, groups, dilation))


@op
def _conv_transpose(
    x: Array,
    weight: Array,
    bias: Array | None,
    *,
    stride: Sequence[int],
    padding: Sequence[int],
    output_padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    needs: Needs,
) -> tuple[Array, Callable]:
    axes = len(stride)
    given, weight = np.asarray(x), np.asarray(weight)
    single = given.ndim == axes + 1 and weight.ndim == axes + 2 and given.shape[0] == weight.shape[0]
    x = given[None] if single else given
    _check(x, weight, bias, axes, groups)
    sizes = [
        (n - 1) * s - 2 * p + d * (k - 1) + more + 1
        for n, s, p, d, k, more in zip(
            x.shape[2:], stride, padding, dilation, weight.shape[2:], output_padding, strict=True
        )
    ]
    if min(sizes) < 1 or min(x.shape[2:]) < 1:
        raise ValueError(
            f"{_name(axes)}: x of {list(x.shape[2:])} elements with padding={list(padding)} would give {sizes}, expected "
            "at least one element on each axis"
        )
    plane, window = ((1, *a.shape[2:])[-2:] for a in (x, weight))
    x4, w4 = x.reshape(*x.shape[:2], *plane), weight.reshape(*weight.shape[:2], *window)
    (stride_y, stride_x), (dilation_y, dilation_x) = ((1, *a)[-2:] for a in (stride, dilation))
    (top, left), (height, width) = (0, *padding)[-2:], (1, *sizes)[-2:]
    how = {
        "groups": groups, "stride_y": stride_y, "stride_x": stride_x, "top": top, "left": left,
        "dilation_y": dilation_y, "dilation_x": dilation_x,
    }  # fmt: skip
    y4 = _core.conv_backward_input(x4, w4, bias=bias, height=height, width=width, **how)
    y = y4.reshape(*y4.shape[:2], *sizes)

    def backward(grad: Array) -> tuple[Array | None, ...]:
        grad4 = grad.reshape(y4.shape)
        dx = dw = db = None
        if needs.x:
            rows, columns = plane  # an output padding of a stride or more makes room for further windows
            dx = _core.conv_forward(grad4, w4, bottom=top, right=left, **how)[:, :, :rows, :columns]
            dx = dx.reshape(given.shape)
        if needs.weight:
            rows, columns = window
            dw, _ = _core.conv_backward_weight(x4, grad4, rows=rows, columns=columns, **how)
            dw = dw.reshape(weight.shape)
        if needs.bias:
            db = grad4.reshape(*grad4.shape[:2], -1).sum(-1).sum(0)
        return dx, dw, db

    return y[0] if single else y, backward


def _name(axes: int) -> str:
    return f"conv_transpose{axes}d"


def _options(axes: int, stride: Any, padding: Any, output_padding: Any, groups: Any, dilation: Any) -> dict[str, Any]:
    """Check the options and return them as `_conv_transpose` takes them."""
    name = _name(axes)
    stride, dilation = each_axis(name, "stride", stride, axes, 1), each_axis(name, "dilation", dilation, axes, 1)
    padding = each_axis(name, "padding", padding, axes, 0)
    more = each_axis(name, "output_padding", output_padding, axes, 0)
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation, strict=True)):
        raise ValueError(
            f"{name}: output_padding must be smaller than stride={stride} or dilation={dilation}, got {output_padding!r}"
        )
    (groups,) = each_axis(name, "groups", groups, 1, 1)
    return {"stride": stride, "padding": padding, "output_padding": more, "dilation": dilation, "groups": groups}


def _check(x: Any, weight: Any, bias: Any, axes: int, groups: int) -> None:
    name, letters, window = _name(axes), ("L", "H, W")[axes - 1], ("K", "R, S")[axes - 1]
    if x.ndim != axes + 2:
        raise ValueError(f"{name}: x has shape {x.shape}, expected [N, I, {letters}]")
    if weight.ndim != axes + 2 or min(weight.shape[2:]) < 1:
        raise ValueError(f"{name}: weight has shape {weight.shape}, expected [I, O / groups, {window}]")
    inputs, outputs = weight.shape[0], weight.shape[1] * groups
    if x.shape[1] != inputs or inputs % groups:
        raise ValueError(
            f"{name}: weight has shape {weight.shape}, expected [I = {x.shape[1]} as x has, a multiple of groups={groups}; "
            f"O / groups, {window}]"
        )
    if bias is not None and np.shape(bias) != (outputs,):
        raise ValueError(f"{name}: bias has shape {np.shape(bias)}, expected ({outputs},)")
