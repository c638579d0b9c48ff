"""Metrics: functions of (output, target), both arrays, that return the mean over the targets that count."""

from __future__ import annotations

from typing import Any

import numpy as np

IGNORED = -100
"""A target that does not count."""


def accuracy(output: np.ndarray, target: np.ndarray, *, ignore_index: int = IGNORED) -> float:
    """Compute the share of the targets that the largest score hits.

    Args:
        output: scores [..., C], or for two classes scores [...] of which those above 0 (logits) mean class 1.
        target: classes [...].
        ignore_index: targets that do not count.

    Returns:
        The share; NaN where no target counts.

    >>> import numpy as np
    >>> from seqnn import train
    >>> train.accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    found = output > 0 if output.shape == target.shape else output.argmax(axis=-1)
    if found.shape != target.shape:
        raise ValueError(f"accuracy: output {output.shape} and target {target.shape} do not fit")
    counted = target != ignore_index
    return float((found == target)[counted].mean()) if counted.any() else float("nan")


def examples_in(batch: Any) -> int:
    """Count the examples of a batch: the length of its first array."""
    first = batch[0] if isinstance(batch, tuple | list) else batch
    return len(first) if hasattr(first, "__len__") else 1


def counted_in(batch: Any) -> int:
    """Count what the loss of a batch is the mean of: integer targets other than -100, or else examples."""
    if isinstance(batch, tuple | list) and len(batch) > 1 and hasattr(batch[-1], "__array__"):
        target = np.asarray(batch[-1])
        if target.dtype.kind in "iu" and target.ndim:
            return int(np.count_nonzero(target != IGNORED))
    return examples_in(batch)
