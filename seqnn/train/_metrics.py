"""Metrics: functions of (output, target), both arrays, that return the mean over the targets that count."""

from __future__ import annotations

from typing import Any

import numpy as np

IGNORED = -100
"""A target that does not count."""


class Mean(float):
    """A mean that knows of how many targets it is, so that the means of several batches can be joined."""

    count: int


def accuracy(output: np.ndarray, target: np.ndarray, *, ignore_index: int = IGNORED) -> float:
    """Compute the share of the targets that the largest score hits.

    Args:
        output: scores [..., C], or for two classes scores [...] of which those above 0 (logits) mean class 1.
        target: classes [...].
        ignore_index: targets that do not count.

    Returns:
        The share; NaN where no target counts.

    Raises:
        ValueError: for shapes that do not fit, such as [N, 1] and [N]: one class of one is always right.

    >>> import numpy as np
    >>> from seqnn import train
    >>> train.accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    output, target = np.asarray(output), np.asarray(target)
    found = output > 0 if output.shape == target.shape else output.argmax(axis=-1)
    if found.shape != target.shape or (output.shape != target.shape and output.shape[-1] == 1):
        raise ValueError(
            f"accuracy: output {output.shape} and target {target.shape} do not fit: expected [..., C] and [...], or one shape "
            "for two classes"
        )
    counted = target != ignore_index
    share = Mean((found == target)[counted].mean() if counted.any() else np.nan)
    share.count = int(counted.sum())
    return share


def examples_in(batch: Any) -> int:
    """Count the examples of a batch: the length of its first array."""
    first = batch[0] if isinstance(batch, tuple | list) else batch
    return len(first) if hasattr(first, "__len__") else 1


def counted_in(batch: Any) -> int:
    """Count the targets of a batch: integers other than -100, or else examples."""
    if isinstance(batch, tuple | list) and len(batch) > 1 and hasattr(batch[-1], "__array__"):
        target = np.asarray(batch[-1])
        if target.dtype.kind in "iu" and target.ndim:
            return int(np.count_nonzero(target != IGNORED))
    return examples_in(batch)


def divisor_of(loss: Any, batch: Any) -> float:
    """Return what the loss of a batch is divided by: losses of `seqnn.nn` say it, others are means over what counts."""
    if hasattr(loss, "divisor") and isinstance(batch, tuple | list) and len(batch) > 1:
        return loss.divisor(batch[-1])
    return counted_in(batch)


def as_sum(figure: Any, weight: float) -> tuple[float, float]:
    """Return (sum, count) of a figure of a batch: a mean over `weight` targets, a `Mean`, or (sum, count) already."""
    if isinstance(figure, tuple):
        total, count = map(float, figure)
        return total, count
    count = figure.count if isinstance(figure, Mean) else weight
    return float(figure) * count if count else 0.0, count
