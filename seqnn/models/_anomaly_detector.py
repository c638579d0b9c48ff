"""Anomalies of a time series: steps that a forecaster did not expect."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .._settings import Number
from ._autoregression import ARForecaster
from ._base import Estimator, EstimatorSetting, Inner, Part, Plain, Scaler
from ._forecaster import Forecaster
from ._series import as_series

__all__ = ["AnomalyDetector"]


class AnomalyDetector(Estimator):
    """Find steps of a series where a forecaster's errors are larger than usual.

    The errors of each variable are standardised by mean and deviation of the usual ones; a step's score is the root of
    the mean square over the variables, and it is an anomaly where its score exceeds a quantile of the usual scores.

    Args:
        forecaster: such as `RecurrentForecaster`; default `ARForecaster()`. `fit` fits it.
        quantile: share of usual steps below the threshold.
        calibration_fraction: share of the series, at its end, that the forecaster does not learn from, so that its errors
            there are those of new data (0: the errors are those of the series it learnt from).

    Attributes:
        forecaster_: the fitted forecaster.
        threshold_: the score above which a step is an anomaly.
        error_mean_: mean of the usual errors, [variables].
        error_scale_: their standard deviation, [variables].

    >>> import numpy as np
    >>> from seqnn.models import AnomalyDetector, ARForecaster
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal(600)
    >>> series = np.sin(0.2 * np.arange(600)) + noise
    >>> detector = AnomalyDetector(ARForecaster(8), quantile=0.999).fit(series[:500])
    >>> series[550] += 2
    >>> np.flatnonzero(detector.predict(series[480:])).tolist()[0] + 480
    550
    """

    _needs_y = False

    forecaster = EstimatorSetting(Forecaster, "a forecaster of seqnn.models")
    quantile = Number(0.99, above=0, maximum=1)
    calibration_fraction = Number(0.25, minimum=0, below=1)

    forecaster_ = Inner(Forecaster)
    threshold_ = Plain(float)
    _errors = Part(Scaler)

    def __init__(
        self, forecaster: Forecaster | None = None, *, quantile: float = 0.99, calibration_fraction: float = 0.25
    ) -> None:
        self._store(locals())

    @property
    def error_mean_(self) -> np.ndarray:
        return self._errors.offset

    @property
    def error_scale_(self) -> np.ndarray:
        return self._errors.scale

    def fit(self, series: Any) -> Self:
        """Learn what is usual, from a series or a list of series with few anomalies or none; return the detector."""
        settings = self._begin()
        found, _, _ = as_series(series)
        forecaster = ARForecaster() if settings.forecaster is None else settings.forecaster
        lags = forecaster.lags
        cuts = [len(s) - round(len(s) * settings.calibration_fraction) for s in found]
        usual = [s[cut - lags :] if cut < len(s) else s for s, cut in zip(found, cuts, strict=True) if cut >= lags]
        self.forecaster_ = forecaster.fit([s[:cut] for s, cut in zip(found, cuts, strict=True)])
        errors = np.concatenate([self._raw(s)[lags:] for s in usual])
        self._errors = Scaler.standard(errors)
        self.threshold_ = float(np.quantile(_size(self._errors.scaled(errors)), settings.quantile))
        return self

    def errors(self, series: Any) -> np.ndarray:
        """Return the standardised errors [T, variables] of one series, NaN for the first `lags`.

        They show which variable an anomaly is in.
        """
        self._require_fit()
        found, one, _ = as_series(series)
        if not one:
            raise ValueError("series: expected one series, got a list")
        return self._errors.scaled(self._raw(found[0]))

    def score(self, series: Any) -> np.ndarray:
        """Return how unusual each step of one series is, [T]; NaN for the first `lags`, which cannot be forecast."""
        return _size(self.errors(series))

    def predict(self, series: Any) -> np.ndarray:
        """Return which steps of one series are anomalies, bool [T]; none among the first `lags`."""
        return self.score(series) > self.threshold_

    def _raw(self, series: np.ndarray) -> np.ndarray:
        """Return truth less forecast."""
        return series - self.forecaster_.historical_forecasts(series)


def _size(errors: np.ndarray) -> np.ndarray:
    """Return the root of the mean square over the variables."""
    return np.sqrt(np.square(errors).mean(axis=1))
