"""Cross-entropy of logits against class numbers."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..autograd import Needs, op
from ._types import Array, Reduction, Result


def check_reduction(name: str, reduction: str) -> None:
    """Refuse what is none of PyTorch's three reductions."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def check_smoothing(name: str, label_smoothing: float) -> None:
    """Refuse what is no share."""
    if not isinstance(label_smoothing, Real):
        raise TypeError(f"{name}: label_smoothing must be a number in [0, 1], got {label_smoothing!r}")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{name}: label_smoothing must lie in [0, 1], got {label_smoothing}")


def class_numbers(name: str, target: Any, classes: int, ignore_index: int) -> np.ndarray:
    """Return the targets as int64; raise where one is neither a class nor `ignore_index`."""
    target = np.asarray(target)
    if target.dtype.kind not in "iu":
        raise TypeError(f"{name}: target must hold class numbers (integers), got {target.dtype}")
    target = target.astype(np.int64)  # a copy: backward reads it when the caller may have written other targets
    outside = target.view(np.uint64) >= classes  # negative numbers are large ones without sign
    if outside.any():
        wrong = target[outside & (target != ignore_index)]
        if wrong.size:
            raise ValueError(
                f"{name}: target must lie in [0, {classes}) or be ignore_index {ignore_index}, got {wrong[0]}"
                f" ({wrong.size} of {target.size} are out of range)"
            )
    return target


def class_weights(name: str, weight: Any, classes: int, dtype: np.dtype) -> Array | None:
    """Check the weights of the classes; return them in a dtype, or None."""
    if weight is None:
        return None
    if np.shape(weight) != (classes,):
        raise ValueError(f"{name}: weight must have shape {(classes,)}, got {np.shape(weight)}")
    return np.asarray(weight, dtype)


def class_rows(name: str, scores: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, Callable]:
    """Check [C], [N, C] or [N, C, d1, ...] against the target's shape; return rows of C classes and the way back."""
    shape = scores.shape
    expected = () if len(shape) == 1 else shape[:1] + shape[2:]
    if not shape or target.shape != expected:
        raise ValueError(
            f"{name}: expected logits of shape [C], [N, C] or [N, C, d1, ...] and a target without the class axis,"
            f" got logits {shape} and target {target.shape}"
        )
    if len(shape) == 2:
        return scores, lambda rows: rows
    if len(shape) == 1:
        return scores[None], lambda rows: rows[0]
    last = np.moveaxis(scores, 1, -1)
    return last.reshape(-1, shape[1]), lambda rows: np.moveaxis(rows.reshape(last.shape), -1, 1)


@op
def cross_entropy(
    logits: Array,
    target: Array,
    weight: npt.ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
    needs: Needs,
) -> Result:
    """Compute the negative log-probability of the target class under `softmax(logits)`.

    `loss = -(1 - s) w_t log p_t - s / C sum_c w_c log p_c`, p = softmax of a row, s = label_smoothing, w = weight; for
    probabilities q as target, `loss = -sum_c w_c ((1 - s) q_c + s / C) log p_c`.
    With a gradient wanted, loss and gradient of class numbers come from one reading of the logits, and the gradient is the
    only array of their size.

    Args:
        logits: [C], [N, C] or [N, C, d1, ...].
        target: class numbers, [], [N] or [N, d1, ...]; or probabilities, floats of the shape of `logits`.
        weight: of the classes, [C]; None is 1.
        ignore_index: a target equal to it gives loss 0 and gradient 0.
        label_smoothing: the share of the target that is spread over all classes.
        reduction: "mean" divides the sum by the weights of the targets that count (NaN if none does), or, for
            probabilities, by their number; "sum" does not; "none" gives the loss of every target.

    Returns:
        A number; with reduction="none" an array of the shape of the logits without the class axis.

    Raises:
        TypeError: where `target` holds neither integers nor probabilities.
        ValueError: for shapes that do not fit, a target out of range, or an option out of range.

    Source: Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016 (label smoothing).

    >>> import numpy as np
    >>> cross_entropy(np.log([[1.0, 3.0], [1.0, 1.0]]), np.array([1, -100]))
    array(0.28768207)
    """
    check_reduction("cross_entropy", reduction)
    check_smoothing("cross_entropy", label_smoothing)
    logits, target = np.asarray(logits), np.asarray(target)
    if target.dtype.kind == "f" and target.shape == logits.shape and logits.ndim:
        return _soft(logits, target, weight, ignore_index, label_smoothing, reduction, needs)
    rows, back = class_rows("cross_entropy", logits, target)
    weight = class_weights("cross_entropy", weight, rows.shape[1], rows.dtype)
    numbers = class_numbers("cross_entropy", target, rows.shape[1], ignore_index).reshape(-1)
    options = {"weight": weight, "ignore_index": ignore_index, "smoothing": label_smoothing}
    at_once = needs.logits and reduction != "none"
    loss, lse, total, divisor, gradient = _core.cross_entropy_forward(
        rows, numbers, **options, mean=reduction == "mean", grad=at_once
    )
    ready = [gradient] if at_once else []

    def backward(grad: Array) -> Array:
        if ready and grad == 1:
            return back(ready.pop())
        ready.clear()
        factor = np.empty_like(lse)
        np.divide(grad.reshape(-1), divisor, out=factor)
        return back(_core.cross_entropy_backward(rows, numbers, lse, factor, **options))

    return (loss.reshape(target.shape) if reduction == "none" else total.reshape(())), backward


def _soft(
    logits: Array, target: Array, weight: Any, ignore_index: int, smoothing: float, reduction: str, needs: Needs
) -> Result:
    """Compute the cross-entropy against probabilities."""
    axis = min(1, logits.ndim - 1)
    classes = logits.shape[axis]
    if ignore_index != -100:
        raise ValueError(f"cross_entropy: ignore_index is for class numbers, got {ignore_index} with probabilities")
    last = np.moveaxis(logits, axis, -1)
    rows = last.reshape(last.size // classes if classes else 0, classes)
    dtype = rows.dtype if rows.dtype.kind == "f" else np.dtype(np.float32)
    weights = class_weights("cross_entropy", weight, classes, dtype)
    q = np.moveaxis(target, axis, -1).reshape(rows.shape).astype(dtype)
    q = (1 - smoothing) * q + smoothing / max(classes, 1) if smoothing else q
    q = q if weights is None else q * weights
    log_p = _core.log_softmax_forward(rows[None, None], None)[0, 0]
    loss = -np.multiply(q, log_p, out=np.zeros_like(q), where=q != 0).sum(-1)

    def back(gradient: Array) -> Array:
        return np.moveaxis(gradient.reshape(last.shape), -1, axis)

    def backward(grad: Array) -> tuple[Array | None, Array | None]:
        factor = grad.reshape(-1, 1) if reduction == "none" else grad / (len(rows) if reduction == "mean" else 1)
        by_log_p = np.ascontiguousarray(np.broadcast_to(-factor, rows.shape) * q, dtype)
        dx = _core.log_softmax_backward(by_log_p[None, None], log_p[None, None], None) if needs.logits else None
        share = log_p * (1 - smoothing) if weights is None else log_p * weights * (1 - smoothing)
        by_target = back(-factor * share).astype(target.dtype) if needs.target else None
        return None if dx is None else back(dx), by_target

    if reduction == "none":
        return loss.reshape(last.shape[:-1]), backward
    with np.errstate(invalid="ignore", divide="ignore"):  # the mean of nothing is NaN
        total = loss.sum() / (len(rows) if reduction == "mean" else 1)
    return np.asarray(total, dtype), backward
