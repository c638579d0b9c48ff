"""What is known beside series: covariates that are known up to now, and those whose next steps are known too."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np

from ._base import ArrayList, Learner
from ._series import Series, as_series

__all__ = ["CovariateEnds", "Covariates", "Window", "rows_at"]


class Window(NamedTuple):
    """What forecasts are made from, without columns where there are no covariates.

    Attributes:
        values: the steps that are read, [N, lags, variables].
        past: past covariates of these, [N, lags, P].
        future: future covariates of these and of the steps ahead, [N, lags + steps, F].
    """

    values: np.ndarray
    past: np.ndarray
    future: np.ndarray

    def cut(self, begin: int, lags: int, horizon: int) -> Window:
        """Return what the forecast of `horizon` steps from `lags` ones goes by, of which the first is `begin`."""
        end = begin + lags
        return Window(self.values[:, begin:end], self.past[:, -lags:], self.future[:, begin : end + horizon])


class Covariates(NamedTuple):
    """Covariates of some series, without columns where there are none.

    Attributes:
        past: of each series, [T, P].
        future: of each series and the steps after it, [T + more, F].
    """

    past: list[np.ndarray]
    future: list[np.ndarray]

    @classmethod
    def none(cls, series: list[np.ndarray]) -> Self:
        """Return those of series without covariates."""
        nothing = [np.zeros((len(s), 0)) for s in series]
        return cls(nothing, nothing)

    @classmethod
    def of(cls, series: Series, past: Any, future: Any, sizes: tuple[int, int] | None = None) -> Self:
        """Check covariates of series.

        Args:
            series: the series.
            past: covariates as they were given, None where there are none.
            future: as `past`.
            sizes: how many of both kinds are due; default: any.
        """
        columns = []
        for i, (name, given) in enumerate((("past_covariates", past), ("future_covariates", future))):
            if given is None and not (sizes and sizes[i]):
                columns.append([np.zeros((len(s), 0)) for s in series.values])
                continue
            found = _checked(name, given, series, None if sizes is None else sizes[i])
            rows = zip(found.values, found.indices, series.indices, map(len, series.values), strict=True)
            columns.append([_beside(name, *row, ahead=i == 1) for row in rows])
        return cls(*columns)

    @property
    def sizes(self) -> tuple[int, int]:
        """Return P and F."""
        return self.past[0].shape[1], self.future[0].shape[1]


def rows_at(covariates: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the rows [..., C] of covariates [T, C] at places [...], which need not exist where there are no columns."""
    return covariates[places] if covariates.shape[1] else np.zeros((*places.shape, 0))


class CovariateEnds(Learner):
    """The last steps of covariates, from which forecasts go on.

    Args:
        covariates: those of `fit`.
        ends: how many steps each series has.
        lags: steps that are kept of each, and of future covariates all that follow.
    """

    past = ArrayList("L P")
    future = ArrayList("M F")

    def __init__(self, covariates: Covariates, ends: list[int], lags: int) -> None:
        self.past = [rows[-lags:] for rows in covariates.past]
        # A file keeps arrays of one length.
        more = min(len(rows) - end for rows, end in zip(covariates.future, ends, strict=True))
        self.future = [rows[end - lags : end + more] for rows, end in zip(covariates.future, ends, strict=True)]

    def followed(self, series: Series, future: Any, lags: int) -> Covariates:
        """Return the ends, with future covariates of the steps that follow the series where some are given.

        Args:
            series: the ends of the series.
            future: what follows, as it was given; None: what `fit` got.
            lags: steps of the ends.
        """
        if future is None:
            return Covariates(self.past, self.future)
        name = "future_covariates"
        given, found = _checked(name, future, series, self.future[0].shape[1]), []
        for end, rows, own, index in zip(self.future, given.values, given.indices, series.indices, strict=True):
            ahead = rows if index is None or own is None else rows[index.places_ahead(name, own, len(rows))]
            found.append(np.concatenate([end[:lags], ahead]))
        return Covariates(self.past, found)


def _checked(name: str, given: Any, series: Series, size: int | None) -> Series:
    """Return covariates, as many as there are series."""
    if given is None:
        raise ValueError(f"{name}: expected {size} covariates as fit got, got None")
    found, count = as_series(given, name, ordered=False), len(series.values)
    if found.one != series.one:
        due = "those of one series" if series.one else f"a list, one for each of {count} series"
        raise ValueError(f"{name}: expected {due}, got {'those of one series' if found.one else 'a list'}")
    if len(found.values) != count:
        raise ValueError(f"{name}: expected one for each of {count} series, got {len(found.values)}")
    if size is not None and (width := found.values[0].shape[1]) != size:
        raise ValueError(f"{name}: expected {size} covariates as fit got, got {width}")
    return found


def _beside(name: str, rows: np.ndarray, own: Any, index: Any, steps: int, *, ahead: bool) -> np.ndarray:
    """Return the rows [T, C] of a series' steps, and, `ahead`, of those that follow.

    Args:
        name: what messages call them.
        rows: as they were given, [T, C].
        own: their index, or None.
        index: that of the series, or None.
        steps: how many the series has.
        ahead: whether steps that follow count.
    """
    if index is not None and own is not None:
        places = index.places(name, own)
        return rows[np.concatenate([places, index.places_ahead(name, own, len(rows))]) if ahead else places]
    if own is not None:
        own.check_order(name)
    if len(rows) < steps or (len(rows) > steps and not ahead):
        least = "or more, one for each step of the series and those that follow" if ahead else "as the series has"
        raise ValueError(f"{name}: expected {steps} steps {least}, got {len(rows)}")
    return rows
