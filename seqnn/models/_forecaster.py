"""What all forecasters share: windows of the last steps, forecasts of any length from own predictions, errors."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .._arguments import integer
from .._settings import Integer
from ..text import windows
from ._base import ArrayList, Estimator, Plain, r2_score
from ._series import Series, as_series

__all__ = ["Forecaster"]

_ROWS = 1024  # windows of a forecast that run together


class Forecaster(Estimator):
    """Forecast steps from the last `lags` ones.

    Subclasses have `_learn(list of series [T, variables])` and `_ahead(windows [N, lags, variables])` -> [N, horizon,
    variables]; longer forecasts go on from their own predictions.

    Args:
        lags: steps that are read.

    Attributes:
        n_variables_: how many variables the series have.
    """

    _needs_y = False

    lags = Integer(12, minimum=1)
    horizon: Any = 1
    """Steps that are forecast at once."""

    n_variables_ = Plain(int, axis="V")
    _ends = ArrayList("L V")
    _one = Plain(bool)
    _flat = Plain(bool)

    def __init__(self, lags: int = 12) -> None:
        self._store(locals())

    def fit(self, series: Any, y: Any = None) -> Self:
        """Learn from time series.

        Args:
            series: a series [T] or [T, variables], or a list of series of equally many variables. Those of pandas keep
                their index: forecasts go on from it.
            y: ignored; scikit-learn's tools pass it.

        Returns:
            The forecaster.
        """
        self._begin()
        lags, horizon = self._sizes()
        found = as_series(series)
        if short := [len(s) for s in found.values if len(s) < lags + horizon]:
            raise ValueError(f"series: expected lags + horizon = {lags + horizon} steps or more, got one of {short[0]}")
        self._one, self._flat, self._indices = found.one, found.flat, found.indices
        self.n_variables_ = found.values[0].shape[1]
        self._learn(found.values)
        self._ends = [s[-lags:] for s in found.values]
        return self

    def predict(self, steps: int | None = None, *, series: Any = None) -> Any:
        """Forecast what comes after the series of `fit`, or after another one.

        Args:
            steps: how many; default `horizon`. Beyond that a forecast goes on from its own predictions.
            series: the series to go on from, or a list of such, of `lags` steps or more.

        Returns:
            [steps] or [steps, variables], as the series were; a list of such for a list.
        """
        self._require_fit()
        lags, horizon = self._sizes()
        steps = horizon if steps is None else integer("steps", steps, 1)
        known = self._fitted_series() if series is None else self._known(series)
        window = np.stack([s[-lags:] for s in known.values])
        for _ in range(-(-steps // horizon)):
            window = np.concatenate([window, self._ahead(window[:, -lags:])], axis=1)
        return known.given(list(window[:, lags : lags + steps]), ahead=True)

    def historical_forecasts(self, series: Any, *, ahead: int = 1) -> Any:
        """Forecast each step of a series from what lies `ahead` steps or more before it.

        Args:
            series: a series, or a list of such.
            ahead: how many steps ahead.

        Returns:
            Forecasts in the series' shape; NaN for the first lags + ahead - 1 steps.
        """
        self._require_fit()
        known = self._known(series)
        return known.given(self._forecasts(known.values, integer("ahead", ahead, 1)))

    def _forecasts(self, series: list[np.ndarray], ahead: int = 1) -> list[np.ndarray]:
        """Forecast each step of series [T, variables]."""
        lags, _ = self._sizes()
        forecasts = []
        for s in series:
            whole = np.full(s.shape, np.nan)
            seen = windows(s[: max(len(s) - ahead, 0)], lags, overlap=lags - 1)
            for start in range(0, len(seen), _ROWS):
                window = seen[start : start + _ROWS]
                while window.shape[1] < lags + ahead:
                    window = np.concatenate([window, self._ahead(window[:, -lags:])], axis=1)
                first = start + lags + ahead - 1
                whole[first : first + len(window)] = window[:, lags + ahead - 1]
            forecasts.append(whole)
        return forecasts

    def score(self, series: Any, y: Any = None, *, ahead: int = 1) -> float:
        """Return R^2 of the forecasts `ahead` steps ahead, the mean over the variables.

        Args:
            series: a series, or a list of such, of more than lags + ahead - 1 steps.
            y: ignored; scikit-learn's tools pass it.
            ahead: how many steps ahead.
        """
        self._require_fit()
        truth = self._known(series).values
        y, predicted = np.concatenate(truth), np.concatenate(self._forecasts(truth, integer("ahead", ahead, 1)))
        there = ~np.isnan(predicted).any(axis=1)
        if not there.any():
            raise ValueError(f"series: expected more than lags + ahead - 1 = {self._sizes()[0] + ahead - 1} steps")
        return r2_score(y[there], predicted[there])

    def _fitted_series(self) -> Series:
        """Return the ends of the series of `fit`, with their index where they were just fitted and not read from a file."""
        indices = vars(self).get("_indices", [None] * len(self._ends))
        return Series(self._ends, self._one, self._flat, indices)

    def _sizes(self) -> tuple[int, int]:
        """Return lags and horizon of the last fit."""
        return self._used.lags, getattr(self._used, "horizon", self.horizon)

    def _known(self, series: Any) -> Series:
        """Return series to go on from: of the right number of variables and long enough."""
        lags, _ = self._sizes()
        found = as_series(series)
        if (variables := found.values[0].shape[1]) != self.n_variables_:
            raise ValueError(f"series: expected {self.n_variables_} variables as fit got, got {variables}")
        if short := [len(s) for s in found.values if len(s) < lags]:
            raise ValueError(f"series: expected lags = {lags} steps or more, got one of {short[0]}")
        return found

    def _learn(self, series: list[np.ndarray]) -> None:
        """Learn from series [T, variables]."""
        raise NotImplementedError

    def _ahead(self, window: np.ndarray) -> np.ndarray:
        """Return the next steps [N, horizon, variables] after windows [N, lags, variables]."""
        raise NotImplementedError
