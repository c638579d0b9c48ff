"""What all forecasters share: windows of the last steps, forecasts of any length from own predictions, errors."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .._arguments import integer
from .._settings import Integer
from ._base import ArrayList, Estimator, Part, Plain, r2_score
from ._covariates import CovariateEnds, Covariates, Window, rows_at
from ._series import Series, as_series

__all__ = ["Forecaster"]

_ROWS = 1024  # windows of a forecast that run together


class Forecaster(Estimator):
    """Forecast steps from the last `lags` ones.

    Subclasses have `_learn(list of series [T, variables], covariates)` and `_ahead(window)`, which returns [N, horizon,
    variables, quantiles]; longer forecasts go on from their own predictions.

    Args:
        lags: steps that are read.

    Attributes:
        n_variables_: how many variables the series have.
    """

    _needs_y = False

    lags = Integer(12, minimum=1)
    horizon: Any = 1
    """Steps that are forecast at once."""
    quantiles: Any = None
    """What is forecast: these quantiles, or one value."""

    n_variables_ = Plain(int, axis="V")
    _ends = ArrayList("L V")
    _covariate_ends = Part(CovariateEnds, optional=True, L="L", F="F")
    _one = Plain(bool)
    _flat = Plain(bool)

    def __init__(self, lags: int = 12) -> None:
        self._store(locals())

    def fit(self, series: Any, y: Any = None, *, past_covariates: Any = None, future_covariates: Any = None) -> Self:
        """Learn from time series.

        Args:
            series: a series [T] or [T, variables], or a list of series of equally many variables. Those of pandas keep
                their index: forecasts go on from it.
            y: ignored; scikit-learn's tools pass it.
            past_covariates: what else is known of each step up to the present, [T, P], or a list of such.
            future_covariates: what is known of later steps as well, such as holidays or prices that are set, [T, F] or
                longer, or a list of such; `predict` uses what goes beyond the series. Where these and the series are
                pandas', their rows are found by the index.

        Returns:
            The forecaster.
        """
        self._begin()
        lags, horizon = self._sizes()
        found = as_series(series)
        if short := [len(s) for s in found.values if len(s) < lags + horizon]:
            raise ValueError(f"series: expected lags + horizon = {lags + horizon} steps or more, got one of {short[0]}")
        covariates = Covariates.of(found, past_covariates, future_covariates)
        self._one, self._flat, self._indices = found.one, found.flat, found.indices
        self.n_variables_ = found.values[0].shape[1]
        self._ends = [s[-lags:] for s in found.values]
        vars(self).pop("_covariate_ends", None)
        if any(covariates.sizes):
            self._covariate_ends = CovariateEnds(covariates, [len(s) for s in found.values], lags)
        self._learn(found.values, covariates)
        return self

    def predict(
        self,
        steps: int | None = None,
        *,
        series: Any = None,
        past_covariates: Any = None,
        future_covariates: Any = None,
    ) -> Any:
        """Forecast what comes after the series of `fit`, or after another one.

        Args:
            steps: how many; default `horizon`. Beyond that a forecast goes on from its own predictions, which one with
                quantiles or past covariates cannot.
            series: the series to go on from, or a list of such, of `lags` steps or more.
            past_covariates: of the steps of `series`, as for `fit`.
            future_covariates: of the steps of `series` and of all that are forecast, in whole multiples of `horizon`; without
                `series` of those that are forecast alone (default: those that `fit` got).

        Returns:
            [steps] or [steps, variables], as the series were; with quantiles these are a last axis; a list of such for a
            list.
        """
        self._require_fit()
        lags, horizon = self._sizes()
        steps = horizon if steps is None else integer("steps", steps, 1)
        if series is None:
            known, covariates = self._fitted_series(), self._followed(past_covariates, future_covariates)
        else:
            known = self._known(series)
            covariates = Covariates.of(known, past_covariates, future_covariates, self._covariate_sizes())
        need = -(-steps // horizon) * horizon
        windows = []
        for s, past, future in zip(known.values, *covariates, strict=True):
            begin, there = len(s) - lags, len(future) - len(s)
            if future.shape[1] and there < need:
                raise ValueError(
                    f"future_covariates: expected {need} steps after the series, as horizon is {horizon}, got {max(there, 0)}"
                )
            windows.append((s[begin:], past[begin:], rows_at(future, begin + np.arange(lags + need))))
        found = self._go_on(Window(*map(np.stack, zip(*windows, strict=True))), steps, "steps")
        return known.given(self._formed(found), ahead=True, quantiles=self._quantiles())

    def historical_forecasts(
        self, series: Any, *, ahead: int = 1, past_covariates: Any = None, future_covariates: Any = None
    ) -> Any:
        """Forecast each step of a series from what lies `ahead` steps or more before it.

        Args:
            series: a series, or a list of such.
            ahead: how many steps ahead.
            past_covariates: of the steps of `series`, as for `fit`.
            future_covariates: of the steps of `series` at least.

        Returns:
            Forecasts in the series' shape, with a last axis of quantiles where there are some; NaN for the first
            lags + ahead - 1 steps, and for the last ones where future covariates end before the horizon.
        """
        self._require_fit()
        known = self._known(series)
        covariates = Covariates.of(known, past_covariates, future_covariates, self._covariate_sizes())
        found = self._historical(known.values, covariates, integer("ahead", ahead, 1))
        return known.given(self._formed(found), quantiles=self._quantiles())

    def _forecasts(
        self, series: list[np.ndarray], ahead: int = 1, covariates: Covariates | None = None
    ) -> list[np.ndarray]:
        """Forecast each step of series [T, variables]; of quantiles the middle one."""
        covariates = Covariates.none(series) if covariates is None else covariates
        return [rows[..., self._middle()] for rows in self._historical(series, covariates, ahead)]

    def _historical(self, series: list[np.ndarray], covariates: Covariates, ahead: int) -> list[np.ndarray]:
        """Forecast each step of series, [T, variables, quantiles]."""
        lags, horizon = self._sizes()
        need, forecasts = -(-ahead // horizon) * horizon, []
        for s, past, future in zip(series, *covariates, strict=True):
            whole = np.full((*s.shape, len(self._quantiles() or (0.5,))), np.nan)
            count = len(s) - lags - ahead + 1
            count = min(count, len(future) - lags - need + 1) if future.shape[1] else count
            rows = np.arange(max(count, 0))[:, None]
            for start in range(0, len(rows), _ROWS):
                at = rows[start : start + _ROWS]
                read = at + np.arange(lags)
                window = Window(s[read], past[read], rows_at(future, at + np.arange(lags + need)))
                whole[at[:, 0] + lags + ahead - 1] = self._go_on(window, ahead, "ahead")[:, -1]
            forecasts.append(whole)
        return forecasts

    def _go_on(self, window: Window, steps: int, name: str) -> np.ndarray:
        """Forecast steps after windows, [N, steps, variables, quantiles]; messages call their number by a name."""
        lags, horizon = self._sizes()
        if steps > horizon and self._quantiles() is not None:
            raise ValueError(
                f"{name}: expected at most horizon = {horizon} with quantiles, got {steps}: a forecast from own predictions "
                "has no quantiles; fit with a longer horizon"
            )
        if steps > horizon and window.past.shape[2]:
            raise ValueError(
                f"{name}: expected at most horizon = {horizon} with past covariates, which are not known ahead, got {steps}"
            )
        found = self._ahead(window.cut(0, lags, horizon))
        values = np.concatenate([window.values, found[..., 0]], axis=1)
        for begin in range(horizon, steps, horizon):
            more = self._ahead(window._replace(values=values).cut(begin, lags, horizon))
            found, values = np.concatenate([found, more], axis=1), np.concatenate([values, more[..., 0]], axis=1)
        return found[:, :steps]

    def score(
        self, series: Any, y: Any = None, *, ahead: int = 1, past_covariates: Any = None, future_covariates: Any = None
    ) -> float:
        """Return R^2 of the forecasts `ahead` steps ahead, the mean over the variables; of quantiles that nearest to 0.5.

        Args:
            series: a series, or a list of such, of more than lags + ahead - 1 steps.
            y: ignored; scikit-learn's tools pass it.
            ahead: how many steps ahead.
            past_covariates: of the steps of `series`, as for `fit`.
            future_covariates: of the steps of `series` at least.
        """
        self._require_fit()
        known, ahead = self._known(series), integer("ahead", ahead, 1)
        covariates = Covariates.of(known, past_covariates, future_covariates, self._covariate_sizes())
        y, predicted = np.concatenate(known.values), np.concatenate(self._forecasts(known.values, ahead, covariates))
        there = ~np.isnan(predicted).any(axis=1)
        if not there.any():
            raise ValueError(f"series: expected more than lags + ahead - 1 = {self._sizes()[0] + ahead - 1} steps")
        return r2_score(y[there], predicted[there])

    def _fitted_series(self) -> Series:
        """Return the ends of the series of `fit`, with their index where they were just fitted and not read from a file."""
        indices = vars(self).get("_indices", [None] * len(self._ends))
        return Series(self._ends, self._one, self._flat, indices)

    def _followed(self, past: Any, future: Any) -> Covariates:
        """Return the covariates at the ends of the series of `fit`, and what follows."""
        series = self._fitted_series()
        if past is not None:
            raise ValueError("past_covariates: expected None without series: those of fit go with its series")
        if "_covariate_ends" not in vars(self):
            return Covariates.of(series, None, future, (0, 0))
        followed = self._covariate_ends.followed(series, future, self._sizes()[0])
        if "_indices" not in vars(self) and future is not None and hasattr(future, "index"):
            raise ValueError("future_covariates: expected an array, or series as well: a file does not keep the index")
        return followed

    def _covariate_sizes(self) -> tuple[int, int]:
        """Return how many past and future covariates `fit` got."""
        ends = vars(self).get("_covariate_ends")
        return (0, 0) if ends is None else (ends.past[0].shape[1], ends.future[0].shape[1])

    def _sizes(self) -> tuple[int, int]:
        """Return lags and horizon of the last fit."""
        return self._used.lags, getattr(self._used, "horizon", self.horizon)

    def _quantiles(self) -> tuple[float, ...] | None:
        """Return the quantiles of the last fit."""
        return getattr(self._used, "quantiles", None)

    def _middle(self) -> int:
        """Return which quantile is nearest to 0.5."""
        return int(np.argmin(np.abs(np.array(self._quantiles() or (0.5,)) - 0.5)))

    def _formed(self, found: Any) -> list[np.ndarray]:
        """Return results [T, variables, quantiles] of each series without the last axis where there are no quantiles."""
        return [rows[..., 0] if self._quantiles() is None else rows for rows in found]

    def _known(self, series: Any) -> Series:
        """Return series to go on from: of the right number of variables and long enough."""
        lags, _ = self._sizes()
        found = as_series(series)
        if (variables := found.values[0].shape[1]) != self.n_variables_:
            raise ValueError(f"series: expected {self.n_variables_} variables as fit got, got {variables}")
        if short := [len(s) for s in found.values if len(s) < lags]:
            raise ValueError(f"series: expected lags = {lags} steps or more, got one of {short[0]}")
        return found

    def _learn(self, series: list[np.ndarray], covariates: Covariates) -> None:
        """Learn from series [T, variables] and their covariates."""
        raise NotImplementedError

    def _ahead(self, window: Window) -> np.ndarray:
        """Return the next steps [N, horizon, variables, quantiles] after windows."""
        raise NotImplementedError
