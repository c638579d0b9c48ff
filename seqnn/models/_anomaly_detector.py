"""Anomalies of a time series: steps that a forecaster did not expect."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ._autoregression import ARForecaster
from ._data import check_fitted
from ._forecaster import Forecaster
from ._series import as_series


class AnomalyDetector:
    """Finds steps of a series where a forecaster's errors are larger than usual.

    The errors of each variable are standardised by mean and deviation of the usual ones; a step's score is the root of
    the mean square over the variables, and it is an anomaly where its score exceeds a quantile of the usual scores.

    Args:
        forecaster: such as `RecurrentForecaster`; default `ARForecaster()`. `fit` fits it.
        quantile: share of usual steps below the threshold.
        calibration_fraction: share of the series, at its end, that the forecaster does not learn from, so that its errors
            there are those of new data (0: the errors are those of the series it learnt from).

    After `fit`: `forecaster_`, `threshold_`, `error_mean_`, `error_scale_` [variables].

    >>> import numpy as np
    >>> from seqnn.models import AnomalyDetector, ARForecaster
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal(600)
    >>> series = np.sin(0.2 * np.arange(600)) + noise
    >>> detector = AnomalyDetector(ARForecaster(8), quantile=0.999).fit(series[:500])
    >>> series[550] += 2
    >>> np.flatnonzero(detector.predict(series[480:])).tolist()[0] + 480
    550
    """

    def __init__(
        self, forecaster: Forecaster | None = None, *, quantile: float = 0.99, calibration_fraction: float = 0.25
    ) -> None:
        if forecaster is not None and not isinstance(forecaster, Forecaster):
            raise TypeError(f"forecaster: expected a forecaster of seqnn.models, got {type(forecaster).__name__}")
        if not 0 < quantile <= 1:
            raise ValueError(f"quantile: expected a number > 0 and <= 1, got {quantile}")
        if not 0 <= calibration_fraction < 1:
            raise ValueError(f"calibration_fraction: expected a number >= 0 and < 1, got {calibration_fraction}")
        self.forecaster = ARForecaster() if forecaster is None else forecaster
        self.quantile, self.calibration_fraction = quantile, calibration_fraction

    def fit(self, series: Any) -> Self:
        """Learn what is usual, from a series [T] or [T, variables] (or a list of such) with few anomalies or none."""
        found, _, _ = as_series(series)
        lags = self.forecaster.lags
        cuts = [len(s) - round(len(s) * self.calibration_fraction) for s in found]
        usual = [s[cut - lags :] if cut < len(s) else s for s, cut in zip(found, cuts, strict=True) if cut >= lags]
        self.forecaster_ = self.forecaster.fit([s[:cut] for s, cut in zip(found, cuts, strict=True)])
        errors = np.concatenate([self._raw(s)[lags:] for s in usual])
        self.error_mean_ = errors.mean(axis=0)
        deviation = errors.std(axis=0)
        self.error_scale_ = np.where(deviation > 0, deviation, 1)
        usual_scores = _size((errors - self.error_mean_) / self.error_scale_)
        self.threshold_ = float(np.quantile(usual_scores, self.quantile))
        return self

    def errors(self, series: Any) -> np.ndarray:
        """Standardised errors [T, variables] of one series: which variable an anomaly is in. NaN for the first `lags`."""
        check_fitted(self, "threshold_")
        found, one, _ = as_series(series)
        if not one:
            raise ValueError("series: expected one series, got a list")
        return (self._raw(found[0]) - self.error_mean_) / self.error_scale_

    def score(self, series: Any) -> np.ndarray:
        """How unusual each step of one series is [T]; NaN for the first `lags`, which cannot be forecast."""
        return _size(self.errors(series))

    def predict(self, series: Any) -> np.ndarray:
        """Which steps of one series are anomalies: bool [T]; none among the first `lags`."""
        return self.score(series) > self.threshold_

    def _raw(self, series: np.ndarray) -> np.ndarray:
        """Truth less forecast."""
        return series - self.forecaster_.historical_forecasts(series)


def _size(errors: np.ndarray) -> np.ndarray:
    """Root of the mean square over the variables."""
    return np.sqrt(np.square(errors).mean(axis=1))
