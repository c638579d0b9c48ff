"""Metrics: functions of (output, target), both arrays, that give the mean over the examples."""

from __future__ import annotations

import numpy as np


def accuracy(output: np.ndarray, target: np.ndarray, *, ignore_index: int = -100) -> float:
    """Share of the targets that the largest score hits.

    output  scores [..., C], or for two classes scores [...] of which those above 0 (logits) mean class 1
    target  classes [...]; those equal to `ignore_index` do not count

    >>> import numpy as np
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    found = output > 0 if output.shape == target.shape else output.argmax(axis=-1)
    if found.shape != target.shape:
        raise ValueError(f"accuracy: output {output.shape} and target {target.shape} do not fit")
    counted = target != ignore_index
    return float((found == target)[counted].mean()) if counted.any() else float("nan")
