"""Time series as forecasters take them: one or several, of one variable or of many."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..text import windows


def as_series(series: Any, name: str = "series") -> tuple[list[np.ndarray], bool, bool]:
    """Check time series.

    Args:
        series: an array [T] or [T, variables], or a list of such.
        name: what messages call it.

    Returns:
        The series [T, variables], float64; whether it was one; whether there was no axis of variables.
    """
    series = series.to_numpy() if hasattr(series, "to_numpy") else series  # data frames
    one = isinstance(series, np.ndarray) or (hasattr(series, "__len__") and len(series) > 0 and np.ndim(series[0]) == 0)
    if one and isinstance(series, np.ndarray) and series.ndim == 3:
        one = False
    if not one and (isinstance(series, str) or not hasattr(series, "__len__") or len(series) == 0):
        raise TypeError(f"{name}: expected an array [T] or [T, variables], or a list of such, got {series!r:.60}")
    found = [_one(s, name if one else f"{name}[{i}]") for i, s in enumerate([series] if one else series)]
    shapes = {s.shape[1:] for s in found}
    if len(shapes) > 1:
        raise ValueError(f"{name}: expected equally many variables in all series, got {sorted(shapes)}")
    return [s.reshape(len(s), -1) for s in found], one, shapes == {()}


def _one(series: Any, name: str) -> np.ndarray:
    array = np.asarray(series)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected numbers, got {array.dtype}")
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise ValueError(f"{name}: expected [T] or [T, variables], got {list(array.shape)}")
    if len(array) == 0:
        raise ValueError(f"{name}: expected one step or more, got {list(array.shape)}")
    finite = np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    if not finite.all():
        raise ValueError(f"{name}: expected finite numbers, step {int(np.argmin(finite))} has NaN or infinity")
    return array.astype(np.float64, copy=False)


def lag_windows(series: np.ndarray, lags: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return every stretch of a series as inputs [N, lags, variables] and targets [N, horizon, variables], views of it.

    >>> inputs, targets = lag_windows(np.arange(5.0)[:, None], 2, 1)
    >>> inputs[:, :, 0].tolist(), targets[:, 0, 0].tolist()
    ([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]], [2.0, 3.0, 4.0])
    """
    both = windows(series, lags + horizon, overlap=lags + horizon - 1)
    return both[:, :lags], both[:, lags:]
