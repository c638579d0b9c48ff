"""What all forecasters share: windows of the last steps, forecasts of any length from own predictions, errors."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .._arguments import integer
from ..text import windows
from ._data import check_fitted, r2_score
from ._series import as_series

_ROWS = 1024  # windows of a forecast that run together


class Forecaster:
    """Forecasts the next `horizon` steps from the last `lags` ones; more from its own predictions.

    Subclasses have `_learn(list of series [T, variables])` and `_ahead(windows [N, lags, variables])` -> [N, horizon,
    variables].
    """

    def __init__(self, lags: int, horizon: int) -> None:
        self.lags, self.horizon = integer("lags", lags, 1), integer("horizon", horizon, 1)

    def fit(self, series: Any) -> Self:
        """Learn from a series [T] or [T, variables], or a list of series of equally many variables."""
        found, self._one, self._flat = as_series(series)
        if short := [len(s) for s in found if len(s) < self.lags + self.horizon]:
            raise ValueError(
                f"series: expected lags + horizon = {self.lags + self.horizon} steps or more, got one of {short[0]}"
            )
        self.n_variables_ = found[0].shape[1]
        self._learn(found)
        self._ends = [s[-self.lags :] for s in found]
        return self

    def predict(self, steps: int | None = None, *, series: Any = None) -> Any:
        """The `steps` (default `horizon`) steps behind the series of `fit`, or behind another one: [steps, ...] each.

        Beyond `horizon` a forecast goes on from its own predictions.
        """
        check_fitted(self, "n_variables_")
        steps = self.horizon if steps is None else integer("steps", steps, 1)
        ends, one, flat = (self._ends, self._one, self._flat) if series is None else self._known(series)
        window = np.stack([end[-self.lags :] for end in ends])
        count = -(-steps // self.horizon)
        for _ in range(count):
            window = np.concatenate([window, self._ahead(window[:, -self.lags :])], axis=1)
        ahead = window[:, self.lags : self.lags + steps]
        ahead = ahead[:, :, 0] if flat else ahead
        return ahead[0] if one else list(ahead)

    def historical_forecasts(self, series: Any, *, ahead: int = 1) -> Any:
        """What would have been forecast for each step of a series from all that lay `ahead` steps or more before it.

        In the series' shape; NaN for the first lags + ahead - 1 steps.
        """
        check_fitted(self, "n_variables_")
        ahead = integer("ahead", ahead, 1)
        found, one, flat = self._known(series)
        forecasts = []
        for s in found:
            whole = np.full(s.shape, np.nan)
            seen = windows(s[: max(len(s) - ahead, 0)], self.lags, overlap=self.lags - 1)
            for start in range(0, len(seen), _ROWS):
                window = seen[start : start + _ROWS]
                while window.shape[1] < self.lags + ahead:
                    window = np.concatenate([window, self._ahead(window[:, -self.lags :])], axis=1)
                first = start + self.lags + ahead - 1
                whole[first : first + len(window)] = window[:, self.lags + ahead - 1]
            forecasts.append(whole[:, 0] if flat else whole)
        return forecasts[0] if one else forecasts

    def score(self, series: Any, *, ahead: int = 1) -> float:
        """R^2 of the forecasts `ahead` steps ahead, the mean over the variables."""
        check_fitted(self, "n_variables_")
        truth, _, _ = self._known(series)
        y, predicted = np.concatenate(truth), np.concatenate(self.historical_forecasts(truth, ahead=ahead))
        there = ~np.isnan(predicted).any(axis=1)
        if not there.any():
            raise ValueError(f"series: expected more than lags + ahead - 1 = {self.lags + ahead - 1} steps")
        return r2_score(y[there], predicted[there])

    def _known(self, series: Any) -> tuple[list[np.ndarray], bool, bool]:
        """A series to go on from: of the right number of variables and long enough."""
        found, one, flat = as_series(series)
        if found[0].shape[1] != self.n_variables_:
            raise ValueError(f"series: expected {self.n_variables_} variables as fit got, got {found[0].shape[1]}")
        if short := [len(s) for s in found if len(s) < self.lags]:
            raise ValueError(f"series: expected lags = {self.lags} steps or more, got one of {short[0]}")
        return found, one, flat

    def _learn(self, series: list[np.ndarray]) -> None:
        raise NotImplementedError

    def _ahead(self, window: np.ndarray) -> np.ndarray:
        raise NotImplementedError
