"""The index and the names of pandas' series and data frames, kept through forecasts; pandas itself is never imported."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

__all__ = ["SeriesIndex"]


class SeriesIndex:
    """When the steps of a series were, and what its variables are called.

    Args:
        series: a Series or DataFrame of pandas.
    """

    def __init__(self, series: Any) -> None:
        self._kind, self._index = type(series), series.index
        self._names = {"columns": series.columns} if hasattr(series, "columns") else {"name": series.name}

    @classmethod
    def of(cls, series: Any) -> Self | None:
        """Return the index of a series of pandas; None for all others."""
        return cls(series) if hasattr(series, "index") and hasattr(series, "iloc") else None

    def same(self, values: np.ndarray) -> Any:
        """Return values of the same steps, [T] or [T, variables]; booleans and scores [T] too."""
        return self._labelled(values, self._index)

    def ahead(self, values: np.ndarray) -> Any:
        """Return values of the steps that follow; they are numbered where the index does not say how it goes on."""
        return self._labelled(values, self._following(len(values)))

    def _labelled(self, values: np.ndarray, index: Any) -> Any:
        if values.ndim == 1 and "columns" in self._names:
            return self._index.to_series(index=index, name=None).__class__(values, index=index)
        return self._kind(values, index=index, **self._names)

    def _following(self, count: int) -> Any:
        """Return the next `count` labels of the index."""
        index = self._index
        frequency = getattr(index, "freq", None) or getattr(index, "inferred_freq", None)
        if frequency is not None and len(index):
            if isinstance(frequency, str):
                whole = type(index)(index, freq=frequency)
                frequency = whole.freq
            return type(index)([index[-1] + frequency * (i + 1) for i in range(count)])
        steps = np.diff(np.asarray(index)) if np.asarray(index).dtype.kind in "iuf" else np.zeros(0)
        step = steps[0] if len(steps) and (steps == steps[0]).all() else 0
        if step:
            return np.asarray(index)[-1] + step * np.arange(1, count + 1)
        return np.arange(len(index), len(index) + count)
