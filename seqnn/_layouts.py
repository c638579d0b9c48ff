"""The two layouts of sequences: [T, B, .], as kernels take them, and [B, T, .] of callers with `batch_first`."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

X = TypeVar("X", np.ndarray, None)


def swap_layout(x: X, batch_first: bool) -> X:
    """Turn [T, B, .] into the caller's layout, or back."""
    return x.swapaxes(0, 1) if batch_first and x is not None else x


def make_room(x: np.ndarray, size: int, batch_first: bool) -> np.ndarray:
    """Return an empty [T, B, size] for x [T, B, .] that lies in memory in the caller's layout."""
    steps, rows = x.shape[:2]
    shape = (rows, steps, size) if batch_first else (steps, rows, size)
    return swap_layout(np.empty(shape, x.dtype), batch_first)
