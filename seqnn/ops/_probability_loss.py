"""Losses between probabilities: binary cross-entropy, its focal form, and the divergence of Kullback and Leibler."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .. import _core
from .._arguments import number
from ..autograd import Needs, op
from ._cross_entropy import check_reduction
from ._loss import elementwise, same_shape
from ._types import Array, Reduction, Result


@op
def binary_cross_entropy_with_logits(
    x: Array,
    target: Array,
    weight: npt.ArrayLike | None = None,
    pos_weight: npt.ArrayLike | None = None,
    *,
    reduction: Reduction = "mean",
    needs: Needs,
) -> Result:
    """Compute `-w (v t log s + (1 - t) log(1 - s))` with `s = sigmoid(x)`, from the logits without overflow.

    Args:
        x: logits, of any shape.
        target: t, probabilities, of the shape of `x`.
        weight: w, broadcasts to the shape of `x`; None is 1.
        pos_weight: v, the weight of t, broadcasts to the shape of `x`; None is 1.
        reduction: as for `mse_loss`.

    Returns:
        A number; with reduction="none" an array of the shape of `x`.

    Raises:
        ValueError: for shapes that do not fit, or another `reduction`.

    >>> binary_cross_entropy_with_logits([0.0, 2.0], [1.0, 0.0], reduction="none")
    array([0.69314718, 2.12692801])
    """
    name = "binary_cross_entropy_with_logits"
    x, target = same_shape(name, "logits", x, target)

    positive, weights = _spread(name, "pos_weight", pos_weight, x), _spread(name, "weight", weight, x)
    kernels = _core.bce_forward, _core.bce_backward
    out, slope = elementwise(name, kernels, x, target, reduction, positive, weights)

    def backward(grad: Array) -> tuple[Array | None, Array | None]:
        by_target = None
        if needs.target:  # loss = w (softplus(-x) (1 + (v - 1) t) + (1 - t) x)
            by_target = grad / x.size * -x if reduction == "mean" else grad * -x
            if positive is not None:
                more = _core.softplus_forward(-x.reshape(-1), 1.0, np.inf) * (positive - 1)
                by_target = by_target + (grad / x.size if reduction == "mean" else grad) * more.reshape(x.shape)
            if weights is not None:
                by_target = by_target * weights.reshape(x.shape)
        return slope(grad) if needs.x else None, by_target

    return out, backward


@op
def binary_cross_entropy(
    x: Array, target: Array, weight: npt.ArrayLike | None = None, *, reduction: Reduction = "mean", needs: Needs
) -> Result:
    """Compute `-w (t log x + (1 - t) log(1 - x))` from probabilities; both logarithms are at least -100.

    `binary_cross_entropy_with_logits` takes logits, and loses no digits.

    Args:
        x: probabilities, of any shape.
        target: t, probabilities, of the shape of `x`.
        weight: w, broadcasts to the shape of `x`; None is 1.
        reduction: as for `mse_loss`.

    Returns:
        A number; with reduction="none" an array of the shape of `x`.

    Raises:
        ValueError: for shapes that do not fit, an x outside of [0, 1], or another `reduction`.

    >>> binary_cross_entropy([0.5, 0.9], [1.0, 1.0], reduction="none").round(4)
    array([0.6931, 0.1054])
    """
    name = "binary_cross_entropy"
    check_reduction(name, reduction)
    x, target = same_shape(name, "x", x, target)
    if ((x < 0) | (x > 1)).any():
        raise ValueError(
            f"{name}: x must lie in [0, 1], got {x[(x < 0) | (x > 1)].flat[0]}; logits go to {name}_with_logits"
        )
    weights = _spread(name, "weight", weight, x)
    share = x.dtype.type(1) if weights is None else weights.reshape(x.shape)
    with np.errstate(divide="ignore"):
        log_x, log_rest = np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
    loss = -share * (target * log_x + (1 - target) * log_rest)

    def backward(grad: Array) -> tuple[Array | None, Array | None]:
        factor = share * _each(grad, x.size, reduction)
        slope = (x - target) / np.maximum(x * (1 - x), x.dtype.type(1e-12))
        return factor * slope if needs.x else None, factor * (log_rest - log_x) if needs.target else None

    return _reduced(loss, reduction), backward


@op
def kl_div(
    x: Array,
    target: Array,
    *,
    reduction: Literal["mean", "batchmean", "sum", "none"] = "mean",
    log_target: bool = False,
    needs: Needs,
) -> Result:
    """Compute the divergence of Kullback and Leibler, `t (log t - x)`, from log-probabilities; where t is 0 it is 0.

    Args:
        x: log-probabilities, of any shape.
        target: t, probabilities of the shape of `x`, or their logarithms with `log_target`.
        reduction: "batchmean" divides the sum by the length of the first axis, which is the mathematical definition;
            "mean" divides by the number of elements, as PyTorch's does; "sum" and "none" as for `mse_loss`.
        log_target: see above.

    Returns:
        A number; with reduction="none" an array of the shape of `x`.

    Raises:
        ValueError: for shapes that do not fit, or another `reduction`.

    Source: Kullback, Leibler, "On information and sufficiency", 1951.

    >>> import numpy as np
    >>> round(float(kl_div(np.log([[0.5, 0.5]]), [[1.0, 0.0]], reduction="batchmean")), 4)
    0.6931
    """
    if reduction not in ("mean", "batchmean", "sum", "none"):
        raise ValueError(f"kl_div: reduction must be 'mean', 'batchmean', 'sum' or 'none', got {reduction!r}")
    x, target = same_shape("kl_div", "x", x, target)
    count = len(x) if reduction == "batchmean" and x.ndim else x.size
    with np.errstate(divide="ignore"):
        t, log_t = (np.exp(target), target) if log_target else (target, np.log(target))
    loss = np.multiply(t, log_t - x, out=np.zeros_like(x), where=t != 0)
    kind = "mean" if reduction == "batchmean" else reduction

    def backward(grad: Array) -> tuple[Array | None, Array | None]:
        factor = _each(grad, count, kind)
        slope = None
        if needs.target:
            slope = t * (log_t - x + 1) if log_target else np.where(t == 0, 0, log_t - x + 1)
        return -t * factor if needs.x else None, None if slope is None else slope * factor

    return _reduced(loss, kind, count), backward


@op
def sigmoid_focal_loss(
    x: Array, target: Array, alpha: float = 0.25, gamma: float = 2.0, *, reduction: Reduction = "none", needs: Needs
) -> Result:
    """Compute `a q^gamma l`: the binary cross-entropy l, in which examples that are already right count little.

    `l` is that of `binary_cross_entropy_with_logits`, `q = t (1 - s) + (1 - t) s` with `s = sigmoid(x)` is how wrong the
    prediction is, and `a = t alpha + (1 - t) (1 - alpha)`. Names and defaults are torchvision's.

    Args:
        x: logits, of any shape.
        target: t, probabilities, of the shape of `x`.
        alpha: the weight of t in [0, 1]; a negative number weights nothing.
        gamma: how much less the right ones count, >= 0; 0 gives the weighted cross-entropy.
        reduction: as for `mse_loss`.

    Returns:
        An array of the shape of `x`; with reduction="mean" or "sum" a number.

    Raises:
        ValueError: for shapes that do not fit, another `reduction`, or an option out of range.

    Source: Lin, Goyal, Girshick, He, Dollar, "Focal loss for dense object detection", ICCV 2017.

    >>> import numpy as np
    >>> sigmoid_focal_loss(np.array([3.0, -3.0]), np.array([1.0, 1.0])).round(5)
    array([3.0000e-05, 6.9157e-01])
    """
    check_reduction("sigmoid_focal_loss", reduction)
    alpha = number("sigmoid_focal_loss: alpha", alpha, maximum=1)
    gamma = number("sigmoid_focal_loss: gamma", gamma, minimum=0)
    x, target = same_shape("sigmoid_focal_loss", "logits", x, target)
    s = _core.sigmoid_forward(x)
    rest = _core.sigmoid_forward(-x)
    wrong = target * rest + (1 - target) * s
    cross = target * _core.softplus_forward(-x, 1.0, np.inf) + (1 - target) * _core.softplus_forward(x, 1.0, np.inf)
    weight = alpha * target + (1 - alpha) * (1 - target) if alpha >= 0 else np.ones_like(x)
    focus = wrong**gamma
    loss = weight * focus * cross

    def backward(grad: Array) -> tuple[Array | None, Array | None]:
        factor = _each(grad, x.size, reduction)
        steep = gamma * np.power(wrong, gamma - 1, out=np.zeros_like(x), where=wrong > 0) * cross
        by_x = by_target = None
        if needs.x:
            by_x = factor * weight * (focus * (s - target) + steep * (1 - 2 * target) * s * rest)
        if needs.target:
            slope = weight * (steep * (rest - s) - focus * x)
            by_target = factor * (slope + (2 * alpha - 1) * focus * cross if alpha >= 0 else slope)
        return by_x, by_target

    return _reduced(loss, reduction), backward


def _spread(name: str, what: str, weight: Any, x: Array) -> Array | None:
    """Broadcast a weight to the shape of x, and make it flat."""
    if weight is None:
        return None
    try:
        return np.broadcast_to(np.asarray(weight, x.dtype), x.shape).reshape(-1)
    except ValueError:
        raise ValueError(
            f"{name}: {what} of shape {np.shape(weight)} does not broadcast to logits of shape {x.shape}"
        ) from None


def _each(grad: Array, count: int, reduction: str) -> Array:
    """Return the gradient of the loss of every element."""
    return grad / grad.dtype.type(count) if reduction == "mean" else grad


def _reduced(loss: Array, reduction: str, count: int | None = None) -> Array:
    """Reduce the losses of all elements; the mean of nothing is NaN."""
    if reduction == "none":
        return loss
    with np.errstate(invalid="ignore", divide="ignore"):
        divisor = 1 if reduction == "sum" else loss.size if count is None else count
        return np.asarray(loss.sum() / loss.dtype.type(divisor), loss.dtype)
