"""Time series as forecasters take them: one or several, of one variable or of many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ..text import windows
from ._base import as_numbers
from ._series_index import SeriesIndex

__all__ = ["Series", "as_series", "lag_windows"]


class Series(NamedTuple):
    """Checked time series."""

    values: list[np.ndarray]
    """[T, variables] each, float64."""

    one: bool
    """Whether it was one series, and not a list."""

    flat: bool
    """Whether there was no axis of variables."""

    indices: list[SeriesIndex | None]
    """The index of each series that came from pandas."""

    def given(self, found: list[np.ndarray], ahead: bool = False, quantiles: tuple[float, ...] | None = None) -> Any:
        """Return results [T, variables] in the form of the series: with their index, or, `ahead`, with what follows it.

        With quantiles the results, and what is returned, have a last axis for these.
        """
        shaped = [rows[:, 0] if self.flat else rows for rows in found]
        labelled = [
            rows if index is None else index.ahead(rows, quantiles) if ahead else index.same(rows, quantiles)
            for rows, index in zip(shaped, self.indices, strict=True)
        ]
        return labelled[0] if self.one else labelled


def as_series(series: Any, name: str = "series", *, ordered: bool = True) -> Series:
    """Check time series.

    Args:
        series: an array [T] or [T, variables], a Series or DataFrame of pandas, or a list of such.
        name: what messages call it.
        ordered: whether dates in an index are to be in order and of one frequency.

    Raises:
        TypeError: it is something else, or does not hold numbers.
        ValueError: a series is empty, not finite, or of another number of variables than the others; or its dates are not
            in order, or not of one frequency.
    """
    expected = f"{name}: expected an array [T] or [T, variables], or a list of such"
    if isinstance(series, str | bytes | dict) or not isinstance(series, Iterable):
        raise TypeError(f"{expected}, got {series!r:.60}")
    if not hasattr(series, "__len__"):
        series = list(series)
    if len(series) == 0 and not hasattr(series, "shape"):
        raise TypeError(f"{expected}, got {series!r:.60}")
    one = _is_one(series)
    parts = [series] if one else list(series)
    values = [_one(part, name if one else f"{name}[{i}]") for i, part in enumerate(parts)]
    shapes = {array.shape[1:] for array in values}
    if len(shapes) > 1:
        raise ValueError(f"{name}: expected equally many variables in all series, got {sorted(shapes)}")
    indices = [SeriesIndex.of(part) for part in parts]
    for i, index in enumerate(indices):
        if index is not None and ordered:
            index.check_order(name if one else f"{name}[{i}]")
    return Series([array.reshape(len(array), -1) for array in values], one, shapes == {()}, indices)


def _is_one(series: Any) -> bool:
    """Tell one series from a list of several."""
    if hasattr(series, "columns"):
        return True
    if hasattr(series, "ndim") and series.ndim != 1:
        return series.ndim == 2
    first = next(iter(series), 0.0)
    return not isinstance(first, str) and np.ndim(first) == 0


def _one(series: Any, name: str) -> np.ndarray:
    """Check one series [T] or [T, variables]."""
    array = as_numbers(series, name)
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
