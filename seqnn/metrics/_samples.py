"""Samples of distributions: their check, and their distances."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["centred", "samples", "squared_distances"]


def samples(name: str, value: Any, least: int = 2) -> np.ndarray:
    """Return at least `least` samples, float64 [N, ...]."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: expected samples of one shape, [N, ...], got lists of other lengths") from None
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{name}: expected numbers, got {array.dtype}")
    if array.ndim == 0 or len(array) < least:
        number = {1: "one sample", 2: "two samples"}.get(least, f"{least} samples")
        raise ValueError(f"{name}: expected {number} or more, [N, ...], got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got {array[~np.isfinite(array)][0]}")
    return array.astype(np.float64)


def centred(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return samples of two sides as rows whose distances can be computed, and the scale that they are divided by.

    The median is near most samples, whose distances are then exact also beside a sample far away. Huge and tiny numbers keep
    their distances when all of them are scaled.
    """
    centre = np.median(np.concatenate([first, second]), axis=0)
    first, second = ((side - centre).reshape(len(side), -1) for side in (first, second))
    scale = max(np.abs(first).max(initial=0), np.abs(second).max(initial=0)) or 1.0
    return first / scale, second / scale, float(scale)


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return |a_i - b_j|^2 of rows, [N, M]."""
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * (a @ b.T)
    return np.maximum(squares, 0, out=squares)
