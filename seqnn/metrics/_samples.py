"""Samples of distributions: their check, and their distances."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["samples", "squared_distances"]


def samples(name: str, value: Any, least: int = 2) -> np.ndarray:
    """Return at least `least` samples, float64 [N, ...]."""
    array = np.asarray(value)
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{name}: expected numbers, got {array.dtype}")
    if array.ndim == 0 or len(array) < least:
        number = {1: "one sample", 2: "two samples"}.get(least, f"{least} samples")
        raise ValueError(f"{name}: expected {number} or more, [N, ...], got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got {array[~np.isfinite(array)][0]}")
    return array.astype(np.float64)


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return |a_i - b_j|^2 of rows, [N, M]."""
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * (a @ b.T)
    return np.maximum(squares, 0, out=squares)
