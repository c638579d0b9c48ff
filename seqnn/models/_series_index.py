"""The index and the names of pandas' series and data frames, kept through forecasts; pandas itself is never imported."""

from __future__ import annotations

import sys
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

    def same(self, values: np.ndarray, quantiles: tuple[float, ...] | None = None) -> Any:
        """Return values of the same steps, [T] or [T, variables]; booleans and scores [T] too; with quantiles [..., Q]."""
        return self._labelled(values, self._index, quantiles)

    def ahead(self, values: np.ndarray, quantiles: tuple[float, ...] | None = None) -> Any:
        """Return values of the steps that follow; they are numbered where the index does not say how it goes on."""
        return self._labelled(values, self._following(len(values)), quantiles)

    def places(self, name: str, other: SeriesIndex) -> np.ndarray:
        """Return where another series has these steps; a ValueError, which calls it by its name, where it lacks one."""
        found = other._places(name, self._index)
        if (found < 0).any():
            missing, kinds = self._index[int(np.argmax(found < 0))], (self._index.dtype, other._index.dtype)
            unlike = f"; that is of {kinds[1]}, that of the series of {kinds[0]}" if kinds[0] != kinds[1] else ""
            raise ValueError(f"{name}: expected all steps of the series in its index, {missing} is missing{unlike}")
        return found

    def places_ahead(self, name: str, other: SeriesIndex, most: int) -> np.ndarray:
        """Return where another series has the steps that follow, up to the first one that it lacks."""
        found = other._places(name, self._following(most))
        return found[: int(np.argmax(found < 0))] if (found < 0).any() else found

    def _places(self, name: str, labels: Any) -> np.ndarray:
        """Return where labels stand in the index, -1 where they do not."""
        if not self._index.is_unique:
            raise ValueError(f"{name}: expected each step once in the index, got {self._repeated()} twice")
        return np.asarray(self._index.get_indexer(labels))

    def check_order(self, name: str) -> None:
        """Raise a ValueError for dates that do not go on by one frequency, for which a forecast has no dates either."""
        index = self._index
        if not hasattr(index, "asi8") or len(index) < 2:
            return
        if not index.is_unique:
            raise ValueError(f"{name}: expected each date once in the index, got {self._repeated()} twice")
        if not (index.is_monotonic_increasing or index.is_monotonic_decreasing):
            raise ValueError(f"{name}: expected dates in order in the index; sort_index() orders them")
        if self._frequency() is None:
            gaps = np.diff(index.asi8)
            place = int(np.argmax(np.abs(gaps - np.median(gaps))))
            raise ValueError(
                f"{name}: expected dates of one frequency in the index, got {index[place + 1]} after {index[place]}; "
                "asfreq(...).interpolate() fills gaps"
            )

    def _repeated(self) -> Any:
        return self._index[int(np.argmax(self._index.duplicated()))]

    def _frequency(self) -> Any:
        """Return what leads from each date to the next one; None where this differs, or there is one date alone."""
        index = self._index
        if hasattr(type(index), "inferred_freq"):  # asking for it warns in pandas 3
            return type(index)(index, freq="infer").freq or (index[1] - index[0] if len(index) == 2 else None)
        steps = np.diff(index.asi8) // index.freq.n if len(index) > 1 else np.ones(1, np.int64)  # of periods
        return int(steps[0]) if (steps == steps[0]).all() else None

    def _labelled(self, values: np.ndarray, index: Any, quantiles: tuple[float, ...] | None = None) -> Any:
        if quantiles is not None:
            pandas = sys.modules["pandas"]
            levels = pandas.Index(quantiles, name="quantile")
            if values.ndim == 3:
                columns = self._names["columns"]
                pairs = [(*(c if isinstance(c, tuple) else (c,)), q) for c in columns for q in quantiles]
                levels = pandas.MultiIndex.from_tuples(pairs, names=[*columns.names, "quantile"])
            return pandas.DataFrame(values.reshape(len(values), -1), index=index, columns=levels)
        if values.ndim == 1 and "columns" in self._names:
            return self._index.to_series(index=index, name=None).__class__(values, index=index)
        return self._kind(values, index=index, **self._names)

    def _following(self, count: int) -> Any:
        """Return the next `count` labels of the index."""
        index = self._index
        frequency = self._frequency() if hasattr(index, "asi8") and len(index) else None
        if frequency is not None:
            return type(index)([index[-1] + frequency * (i + 1) for i in range(count)], name=index.name)
        steps = np.diff(np.asarray(index)) if np.asarray(index).dtype.kind in "iuf" else np.zeros(0)
        step = steps[0] if len(steps) and (steps == steps[0]).all() else 0
        if step:
            return np.asarray(index)[-1] + step * np.arange(1, count + 1)
        return np.arange(len(index), len(index) + count)
