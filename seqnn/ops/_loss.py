"""Losses between predictions and targets; the negative log-likelihood of log-probabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..autograd import Needs, op
from ._broadcast import as_floats
from ._cross_entropy import check_reduction, class_numbers, class_rows, class_weights
from ._types import Array, Reduction, Result


def same_shape(name: str, first: str, a: Any, b: Any) -> tuple[Array, Array]:
    """Check that two arrays have one shape; return both in the dtype of the first, integers as floats."""
    b = np.asarray(b)
    a = as_floats(a, b)
    if a.shape != b.shape:
        raise ValueError(f"{name}: {first} and target must have the same shape, got {a.shape} and {b.shape}")
    check_numbers(name, **{first: a, "target": b})
    return a, b.astype(a.dtype, copy=False)


def check_numbers(name: str, **arrays: Array) -> None:
    """Refuse arrays that are not of real numbers."""
    for what, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name}: {what}: expected an array of numbers, got {array.dtype}")


def elementwise(
    name: str, kernels: tuple[Callable, Callable], x: Array, y: Array, reduction: str, *rest: Any
) -> tuple[Array, Callable]:
    """Compute a loss of every element and reduce it; the second result gives the gradient by x."""
    check_reduction(name, reduction)
    forward, backward = kernels
    flat = x.reshape(-1), y.reshape(-1)
    each = reduction == "none"
    total, loss = forward(*flat, *rest, loss=each)
    if each:
        return loss.reshape(x.shape), lambda grad: backward(*flat, *rest, grad=grad.reshape(-1), scale=1.0).reshape(
            x.shape
        )
    with np.errstate(invalid="ignore", divide="ignore"):  # the mean of nothing is NaN
        share = 1.0 if reduction == "sum" else float(np.float64(1) / x.size)
        out = np.asarray(total[0] * share, x.dtype)
    return out, lambda grad: backward(*flat, *rest, scale=float(grad) * share).reshape(x.shape)


def _difference_loss(
    name: str, kernels: tuple[Callable, Callable], x: Any, y: Any, reduction: str, needs: Needs, *rest: Any
) -> Result:
    """Compute a loss of x - y: the gradient by y is that by x with the other sign."""
    x, y = same_shape(name, "input", x, y)
    out, slope = elementwise(name, kernels, x, y, reduction, *rest)

    def backward(grad: Array) -> tuple[Array | None, Array | None]:
        by_x = slope(grad)
        return by_x if needs.x else None, -by_x if needs.target else None

    return out, backward


@op
def mse_loss(x: Array, target: Array, *, reduction: Reduction = "mean", needs: Needs) -> Result:
    """Compute the squared error `(x - target)^2`.

    Args:
        x: predictions, of any shape.
        target: of the shape of `x`.
        reduction: "mean" over all elements, their "sum", or "none", the loss of every element.

    Returns:
        A number; with reduction="none" an array of the shape of `x`.

    Raises:
        ValueError: where the shapes differ, or for another `reduction`.

    >>> mse_loss([1.0, 2.0], [0.0, 0.0])
    array(2.5)
    """
    return _difference_loss("mse_loss", (_core.mse_forward, _core.mse_backward), x, target, reduction, needs)


@op
def l1_loss(x: Array, target: Array, *, reduction: Reduction = "mean", needs: Needs) -> Result:
    """Compute the absolute error `|x - target|`; the gradient is 0 where they are equal.

    Args:
        x, target, reduction: as for `mse_loss`.

    Returns:
        A number; with reduction="none" an array of the shape of `x`.

    Raises:
        ValueError: as for `mse_loss`.

    >>> l1_loss([1.0, 2.0], [0.0, 0.0])
    array(1.5)
    """
    return _difference_loss("l1_loss", (_core.l1_forward, _core.l1_backward), x, target, reduction, needs)


@op
def huber_loss(x: Array, target: Array, *, reduction: Reduction = "mean", delta: float = 1.0, needs: Needs) -> Result:
    """Compute Huber's loss: `d^2 / 2` where `d = |x - target| <= delta`, `delta * (d - delta / 2)` beyond.

    Args:
        x, target, reduction: as for `mse_loss`.
        delta: where the parabola goes over into a line, > 0.

    Returns:
        A number; with reduction="none" an array of the shape of `x`.

    Raises:
        ValueError: as for `mse_loss`, or where delta is not positive.

    Source: Huber, "Robust estimation of a location parameter", 1964.

    >>> huber_loss([0.5, 3.0], [0.0, 0.0], reduction="none")
    array([0.125, 2.5  ])
    """
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    kernels = _core.huber_forward, _core.huber_backward
    return _difference_loss("huber_loss", kernels, x, target, reduction, needs, float(delta))


@op
def smooth_l1_loss(
    x: Array, target: Array, *, reduction: Reduction = "mean", beta: float = 1.0, needs: Needs
) -> Result:
    """Compute the smooth absolute error: `d^2 / (2 beta)` where `d = |x - target| < beta`, `d - beta / 2` beyond.

    Args:
        x, target, reduction: as for `mse_loss`.
        beta: where the parabola goes over into a line, >= 0; 0 is `l1_loss`.

    Returns:
        A number; with reduction="none" an array of the shape of `x`.

    Raises:
        ValueError: as for `mse_loss`, or where beta is negative.

    Source: Girshick, "Fast R-CNN", ICCV 2015.

    >>> smooth_l1_loss([0.5, 3.0], [0.0, 0.0], reduction="none")
    array([0.125, 2.5  ])
    """
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    kernels = _core.smooth_l1_forward, _core.smooth_l1_backward
    return _difference_loss("smooth_l1_loss", kernels, x, target, reduction, needs, float(beta))


@op
def cosine_embedding_loss(
    x1: Array, x2: Array, target: npt.ArrayLike, *, margin: float = 0.0, reduction: Reduction = "mean"
) -> Result:
    """Compute `1 - cos(x1, x2)` for a target of 1, and `max(0, cos(x1, x2) - margin)` for -1.

    Args:
        x1, x2: [N, D], or [D].
        target: 1 and -1, [N], or a single number.
        margin: up to which cosine pairs with target -1 cost nothing.
        reduction: as for `mse_loss`.

    Returns:
        A number; with reduction="none" an array of the shape of `target`.

    Raises:
        ValueError: for shapes that do not fit, another target, or another `reduction`.

    >>> cosine_embedding_loss([[1.0, 0.0], [1.0, 1.0]], [[0.0, 2.0], [1.0, 1.0]], [1, -1], reduction="none")
    array([1., 1.])
    """
    name = "cosine_embedding_loss"
    check_reduction(name, reduction)
    x1, x2, target = np.asarray(x1), np.asarray(x2), np.asarray(target)
    if x1.ndim not in (1, 2) or x1.shape != x2.shape or target.shape != x1.shape[:-1]:
        raise ValueError(
            f"{name}: expected x1 and x2 of shape [N, D] and target [N], or [D] and [],"
            f" got {x1.shape}, {x2.shape} and {target.shape}"
        )
    if not np.isin(target, (-1, 1)).all():
        raise ValueError(f"{name}: target must hold 1 and -1, got {target[~np.isin(target, (-1, 1))].flat[0]}")
    rows = x1.reshape(-1, x1.shape[-1]), x2.reshape(-1, x1.shape[-1]), target.reshape(-1).astype(np.int64)
    loss, cosine = _core.cosine_embedding_forward(*rows, margin)

    def backward(grad: Array) -> tuple[Array, Array]:
        each = np.empty_like(loss)
        each[:] = (grad / loss.size if reduction == "mean" else grad).reshape(-1)
        by_x1, by_x2 = _core.cosine_embedding_backward(*rows, cosine, each, margin)
        return by_x1.reshape(x1.shape), by_x2.reshape(x2.shape)

    if reduction == "none":
        return loss.reshape(target.shape), backward
    return np.asarray(loss.mean() if reduction == "mean" else loss.sum()), backward


@op
def nll_loss(
    log_probs: Array,
    target: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Result:
    """Compute the negative log-likelihood `-w_t log_probs[t]` of the target class, from log-probabilities.

    `cross_entropy` takes logits, and does both steps at once and faster.

    Args:
        log_probs: [C], [N, C] or [N, C, d1, ...].
        target, weight, ignore_index, reduction: as for `cross_entropy`.

    Returns:
        A number; with reduction="none" an array of the shape of `target`.

    Raises:
        TypeError: where `target` does not hold integers.
        ValueError: for shapes that do not fit, a target out of range, or another `reduction`.

    >>> nll_loss([[-0.5, -2.0], [-3.0, -0.1]], [0, 1])
    array(0.3)
    """
    check_reduction("nll_loss", reduction)
    log_probs, target = np.asarray(log_probs), np.asarray(target)
    rows, back = class_rows("nll_loss", log_probs, target)
    weight = class_weights("nll_loss", weight, rows.shape[1], rows.dtype)
    numbers = class_numbers("nll_loss", target, rows.shape[1], ignore_index).reshape(-1)
    counts = numbers != ignore_index
    row, column = np.flatnonzero(counts), numbers[counts]
    factor = np.ones(len(row), rows.dtype) if weight is None else weight[column]
    if reduction == "mean":
        with np.errstate(invalid="ignore"):
            factor = factor / factor.sum()
    loss = np.zeros(len(numbers), rows.dtype)
    loss[row] = -factor * rows[row, column]

    def backward(grad: Array) -> Array:
        by_rows = np.zeros(rows.shape, rows.dtype)
        by_rows[row, column] = -factor * (grad.reshape(-1)[row] if reduction == "none" else grad)
        return back(by_rows)

    if reduction == "none":
        return loss.reshape(target.shape), backward
    empty = reduction == "mean" and not len(row)
    return np.asarray(np.nan if empty else loss.sum(), rows.dtype), backward
