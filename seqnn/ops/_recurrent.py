"""What the recurrent layers' functions share: layouts, lengths, default states."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray


def time_major(name: str, x: Any, batch_first: bool) -> Array:
    """x as [T, B, I], whatever the layout; nothing is copied."""
    x = np.asarray(x)
    if x.ndim != 3:
        layout = "[B, T, I]" if batch_first else "[T, B, I]"
        raise ValueError(f"{name}: x has shape {x.shape}, expected {layout}")
    return x.swapaxes(0, 1) if batch_first else x


def checked_lengths(name: str, lengths: Any, steps: int, rows: int) -> tuple[Array | None, int]:
    """The lengths as int32, and their sum."""
    if lengths is None:
        return None, steps * rows
    lengths = np.asarray(getattr(lengths, "data", lengths) if not isinstance(lengths, Array) else lengths)
    if lengths.shape != (rows,) or (lengths.size and lengths.dtype.kind not in "iu"):
        raise ValueError(
            f"{name}: lengths has shape {lengths.shape} and dtype {lengths.dtype}, expected {rows} integers, one a sequence"
        )
    if lengths.size and not (lengths.min() >= 0 and lengths.max() <= steps):
        raise ValueError(
            f"{name}: lengths lie in [{lengths.min()}, {lengths.max()}], expected [0, {steps}], the number of steps of x"
        )
    return lengths.astype(np.int32), int(lengths.sum())


def state(given: Any, rows: int, size: int, dtype: np.dtype) -> Array:
    """An initial state [rows, size]: zeros where none is given."""
    return np.zeros((rows, size), dtype) if given is None else given


def space(x: Array, size: int, batch_first: bool) -> Array:
    """Room for [T, B, size] that lies in memory in the caller's layout."""
    steps, rows = x.shape[:2]
    return (
        np.empty((rows, steps, size), x.dtype).swapaxes(0, 1) if batch_first else np.empty((steps, rows, size), x.dtype)
    )


def caller(x: Array | None, batch_first: bool) -> Array | None:
    """[T, B, .] in the caller's layout, or back."""
    return x.swapaxes(0, 1) if batch_first and x is not None else x


def sum_bias(bias_ih: Array | None, bias_hh: Array | None) -> Array | None:
    """Both biases of PyTorch's layers as one."""
    if bias_ih is None or bias_hh is None:
        return bias_hh if bias_ih is None else bias_ih
    return bias_ih + bias_hh
