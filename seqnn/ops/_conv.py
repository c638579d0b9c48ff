"""Convolution in one and two dimensions, with bias and ReLU in the same pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from .. import _core
from .._arguments import each_axis
from ..autograd import Needs, op
from ._types import Array

Padding = Literal["same", "valid"]


def conv1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int = 1,
    padding: int | Padding = 0,
    dilation: int = 1,
    groups: int = 1,
    *,
    activation: Literal["relu"] | None = None,
) -> Array:
    """Convolve along the last axis (cross-correlation, as in all of deep learning).

        y[n, o, p] = bias[o] + sum over i, r of weight[o, i, r] x[n, g * I + i, p * stride + r * dilation - padding]

    Output o belongs to group g = o // (O / groups). Results do not depend on the number of threads.

    Args:
        x: [N, C, L], or [C, L] for a single sample.
        weight: [O, I, K] with I = C / groups.
        bias: [O], or None.
        stride: the step from one window to the next.
        padding: how many zeros stand at either end; "valid" is none, "same" (stride 1 only) makes P = L, with the odd zero
            at the end.
        dilation: the step from one element of a window to the next.
        groups: how many parts of the channels are convolved by themselves.
        activation: "relu" takes max(y, 0) in the same pass.

    Returns:
        [N, O, P] (or [O, P]), P = (L + 2 * padding - dilation * (K - 1) - 1) // stride + 1.

    Raises:
        ValueError: for shapes or options that do not fit.

    >>> import numpy as np
    >>> x = np.array([[[1.0, 2.0, 3.0, 4.0]]])
    >>> conv1d(x, np.array([[[1.0, 0.0, -1.0]]]), padding="same")
    array([[[-2., -2., -2.,  3.]]])
    """
    options = _options(1, stride, padding, dilation, groups, activation)
    return _convolve(x, weight, bias, **options)


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | Padding = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    *,
    activation: Literal["relu"] | None = None,
) -> Array:
    """Convolve over the last two axes (cross-correlation); `conv1d` says the formula.

    Args:
        x: [N, C, H, W], or [C, H, W] for a single sample.
        weight: [O, C / groups, R, S].
        bias: [O], or None.
        stride, padding, dilation: as for `conv1d`, a number for both axes or (rows, columns).
        groups: as for `conv1d`; groups = C is a depthwise convolution.
        activation: "relu" takes max(y, 0) in the same pass.

    Returns:
        [N, O, P, Q] (or [O, P, Q]), both sizes as for `conv1d`.

    Raises:
        ValueError: for shapes or options that do not fit.

    >>> import numpy as np
    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), np.array([0.5]))
    array([[[[4.5, 4.5],
             [4.5, 4.5]]]])
    """
    options = _options(2, stride, padding, dilation, groups, activation)
    return _convolve(x, weight, bias, **options)


@op
def _convolve(
    x: Array,
    weight: Array,
    bias: Array | None,
    *,
    stride: Sequence[int],
    padding: Sequence[int] | str,
    dilation: Sequence[int],
    groups: int,
    relu: bool,
    needs: Needs,
) -> tuple[Array, Callable]:
    axes = len(stride)
    given, weight = np.asarray(x), np.asarray(weight)
    single = given.ndim == axes + 1 and np.ndim(weight) > 1 and given.shape[0] == weight.shape[1] * groups
    x = given[None] if single else given
    _check(x, weight, bias, axes, groups)
    ends = _padding(padding, weight.shape[2:], dilation)
    sizes = [n + a + b for n, (a, b) in zip(x.shape[2:], ends, strict=True)]
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    if any(s < r for s, r in zip(sizes, reach, strict=True)):
        raise ValueError(
            f"{_name(axes)}: the window of weight reaches over {reach}, x with its padding has only {sizes}"
        )
    if axes == 1:  # an axis of one row
        stride, dilation, ends = (1, *stride), (1, *dilation), [(0, 0), *ends]
    plane, window = ((1, *a.shape[2:])[-2:] for a in (x, weight))
    x4, w4 = x.reshape(*x.shape[:2], *plane), weight.reshape(*weight.shape[:2], *window)
    (top, bottom), (left, right) = ends
    (stride_y, stride_x), (dilation_y, dilation_x) = stride, dilation
    how = {
        "groups": groups, "stride_y": stride_y, "stride_x": stride_x, "top": top, "left": left,
        "dilation_y": dilation_y, "dilation_x": dilation_x,
    }  # fmt: skip
    y4 = _core.conv_forward(x4, w4, bias, bottom=bottom, right=right, relu=relu, **how)
    y = y4.reshape(y4.shape[:2] + y4.shape[4 - axes :])

    def backward(grad: Array) -> tuple[Array | None, ...]:
        grad4, gate = grad.reshape(y4.shape), y4 if relu else None
        dx = dw = db = None
        if needs.x:
            height, width = plane
            dx = _core.conv_backward_input(grad4, w4, gate, height=height, width=width, **how).reshape(given.shape)
        if needs.weight or needs.bias:
            rows, columns = window
            dw, db = _core.conv_backward_weight(grad4, x4, gate, rows=rows, columns=columns, db=needs.bias, **how)
            dw = dw.reshape(weight.shape)
        return dx, dw, db

    return y[0] if single else y, backward


def _name(axes: int) -> str:
    return f"conv{axes}d"


def _options(axes: int, stride: Any, padding: Any, dilation: Any, groups: Any, activation: Any) -> dict[str, Any]:
    """Check the options and return them as `_convolve` takes them."""
    name = _name(axes)
    stride, dilation = each_axis(name, "stride", stride, axes, 1), each_axis(name, "dilation", dilation, axes, 1)
    if not isinstance(padding, str):
        padding = each_axis(name, "padding", padding, axes, 0)
    elif padding not in ("same", "valid"):
        raise ValueError(f'{name}: padding is {padding!r}, expected a number, "same" or "valid"')
    elif padding == "same" and any(s > 1 for s in stride):
        raise ValueError(f'{name}: padding "same" needs stride 1, got {stride}')
    if activation not in (None, "relu"):
        raise ValueError(f'{name}: activation is {activation!r}, expected None or "relu"')
    (groups,) = each_axis(name, "groups", groups, 1, 1)
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "relu": activation == "relu"}


def _padding(padding: Sequence[int] | str, window: Sequence[int], dilation: Sequence[int]) -> list[tuple[int, int]]:
    """Return how many zeros stand (before, after) on each axis."""
    if padding == "valid":
        return [(0, 0)] * len(window)
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(dilation, window, strict=True)]
        return [(t // 2, t - t // 2) for t in totals]
    return [(p, p) for p in padding]


def _check(x: Any, weight: Any, bias: Any, axes: int, groups: int) -> None:
    name, letters = _name(axes), ("L",) if axes == 1 else ("H", "W")
    if np.ndim(x) != axes + 2:
        raise ValueError(f"{name}: x has shape {np.shape(x)}, expected [N, C, {', '.join(letters)}]")
    window = ", ".join(("K",) if axes == 1 else ("R", "S"))
    if np.ndim(weight) != axes + 2 or min(np.shape(weight)[2:]) < 1:
        raise ValueError(f"{name}: weight has shape {np.shape(weight)}, expected [O, C / groups, {window}]")
    outputs, inputs = np.shape(weight)[:2]
    if np.shape(x)[1] != inputs * groups or outputs % groups:
        raise ValueError(
            f"{name}: weight has shape {np.shape(weight)}, expected [a multiple of groups={groups}, "
            f"C / groups = {np.shape(x)[1]} / {groups}, {window}]"
        )
    if bias is not None and np.shape(bias) != (outputs,):
        raise ValueError(f"{name}: bias has shape {np.shape(bias)}, expected ({outputs},)")
