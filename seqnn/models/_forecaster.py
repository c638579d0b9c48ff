"""What all forecasters share: windows of the last steps, forecasts of any length from own predictions, errors."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .._arguments import integer
from .._settings import Integer
from ..text import windows
from ._base import ArrayList, Estimator, Plain, r2_score
from ._series import as_series

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

    def fit(self, series: Any) -> Self:
        """Learn from a series [T] or [T, variables], or a list of series of equally many variables; return the forecaster."""
        self._begin()
        lags, horizon = self._sizes()
        found, one, flat = as_series(series)
        if short := [len(s) for s in found if len(s) < lags + horizon]:
            raise ValueError(f"series: expected lags + horizon = {lags + horizon} steps or more, got one of {short[0]}")
        self._one, self._flat, self.n_variables_ = one, flat, found[0].shape[1]
        self._learn(found)
        self._ends = [s[-lags:] for s in found]
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
        ends, one, flat = (self._ends, self._one, self._flat) if series is None else self._known(series)
        window = np.stack([end[-lags:] for end in ends])
        for _ in range(-(-steps // horizon)):
            window = np.concatenate([window, self._ahead(window[:, -lags:])], axis=1)
        ahead = window[:, lags : lags + steps]
        ahead = ahead[:, :, 0] if flat else ahead
        return ahead[0] if one else list(ahead)

    def historical_forecasts(self, series: Any, *, ahead: int = 1) -> Any:
        """Forecast each step of a series from what lies `ahead` steps or more before it.

        Args:
            series: a series, or a list of such.
            ahead: how many steps ahead.

        Returns:
            Forecasts in the series' shape; NaN for the first lags + ahead - 1 steps.
        """
        self._require_fit()
        lags, _ = self._sizes()
        ahead = integer("ahead", ahead, 1)
        found, one, flat = self._known(series)
        forecasts = []
        for s in found:
            whole = np.full(s.shape, np.nan)
            seen = windows(s[: max(len(s) - ahead, 0)], lags, overlap=lags - 1)
            for start in range(0, len(seen), _ROWS):
                window = seen[start : start + _ROWS]
                while window.shape[1] < lags + ahead:
                    window = np.concatenate([window, self._ahead(window[:, -lags:])], axis=1)
                first = start + lags + ahead - 1
                whole[first : first + len(window)] = window[:, lags + ahead - 1]
            forecasts.append(whole[:, 0] if flat else whole)
        return forecasts[0] if one else forecasts

    def score(self, series: Any, *, ahead: int = 1) -> float:
        """Return R^2 of the forecasts `ahead` steps ahead, the mean over the variables."""
        self._require_fit()
        truth, _, _ = self._known(series)
        y, predicted = np.concatenate(truth), np.concatenate(self.historical_forecasts(truth, ahead=ahead))
        there = ~np.isnan(predicted).any(axis=1)
        if not there.any():
            raise ValueError(f"series: expected more than lags + ahead - 1 = {self._sizes()[0] + ahead - 1} steps")
        return r2_score(y[there], predicted[there])

    def _sizes(self) -> tuple[int, int]:
        """Return lags and horizon of the last fit."""
        return self._used.lags, getattr(self._used, "horizon", self.horizon)

    def _known(self, series: Any) -> tuple[list[np.ndarray], bool, bool]:
        """Return a series to go on from: of the right number of variables and long enough."""
        lags, _ = self._sizes()
        found, one, flat = as_series(series)
        if found[0].shape[1] != self.n_variables_:
            raise ValueError(f"series: expected {self.n_variables_} variables as fit got, got {found[0].shape[1]}")
        if short := [len(s) for s in found if len(s) < lags]:
            raise ValueError(f"series: expected lags = {lags} steps or more, got one of {short[0]}")
        return found, one, flat

    def _learn(self, series: list[np.ndarray]) -> None:
        """Learn from series [T, variables]."""
        raise NotImplementedError

    def _ahead(self, window: np.ndarray) -> np.ndarray:
        """Return the next steps [N, horizon, variables] after windows [N, lags, variables]."""
        raise NotImplementedError
