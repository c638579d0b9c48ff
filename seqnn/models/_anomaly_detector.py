"""Anomalies of a time series: steps that a forecaster did not expect."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .._arguments import integer
from .._settings import Number
from ._autoregression import ARForecaster
from ._base import Estimator, EstimatorSetting, Inner, Part, Plain, Scaler
from ._forecaster import Forecaster
from ._series import Series, as_series

__all__ = ["AnomalyDetector"]


class AnomalyDetector(Estimator):
    """Find steps of a series where a forecaster's errors are larger than usual.

    The errors of each variable are standardised by mean and deviation of the usual ones; a step's score is the root of
    the mean square over the variables, and it is an anomaly where its score exceeds a quantile of the usual scores.
    A step is forecast twice: from the series as it is, and from the series with anomalies replaced by their forecasts;
    the better forecast counts. So a broken value raises one alarm, and a change for good no lasting ones.

    Args:
        forecaster: such as `RecurrentForecaster`; default `ARForecaster()`. `fit` fits a copy of it.
        quantile: share of usual steps below the threshold.
        calibration_fraction: share of the series, at its end, that the forecaster does not learn from, so that its errors
            there are those of new data (0: the errors are those of the series it learnt from).

    Attributes:
        forecaster_: the fitted copy of the forecaster.
        threshold_: the score above which a step is an anomaly.
        error_mean_: mean of the usual errors, [variables].
        error_scale_: their standard deviation, [variables].

    Raises:
        ValueError: the series are too short or not finite.
        TypeError: the forecaster is none of seqnn.models.

    >>> import numpy as np
    >>> from seqnn.models import AnomalyDetector, ARForecaster
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal(600)
    >>> series = np.sin(0.2 * np.arange(600)) + noise
    >>> detector = AnomalyDetector(ARForecaster(8), quantile=0.999).fit(series[:500])
    >>> series[550] += 2
    >>> (np.flatnonzero(detector.predict(series[480:])) + 480).tolist()
    [550]
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

    def fit(self, series: Any, y: Any = None) -> Self:
        """Learn what is usual.

        Args:
            series: a series [T] or [T, variables], or a list of such, with few anomalies or none.
            y: ignored; scikit-learn's tools pass it.

        Returns:
            The detector.
        """
        settings = self._begin()
        found = as_series(series).values
        given = ARForecaster() if settings.forecaster is None else settings.forecaster
        forecaster = type(given)(**given.get_params(deep=False))
        lags = integer("lags", forecaster.lags, 1)
        cuts = [len(s) - round(len(s) * settings.calibration_fraction) for s in found]
        usual = [s[cut - lags :] if cut < len(s) else s for s, cut in zip(found, cuts, strict=True) if cut >= lags]
        self.forecaster_ = forecaster.fit([s[:cut] for s, cut in zip(found, cuts, strict=True)])
        errors = np.concatenate([s[lags:] - self.forecaster_._forecasts([s])[0][lags:] for s in usual])
        self._errors = Scaler.standard(errors)
        self.threshold_ = float(np.quantile(_size(self._errors.scaled(errors)), settings.quantile))
        return self

    def errors(self, series: Any) -> Any:
        """Return the standardised errors of one series, [T, variables]; NaN for the first `lags`.

        They show which variable an anomaly is in.

        Args:
            series: [T] or [T, variables], as for `fit`.
        """
        known = self._one(series)
        rows = self._standardised(known.values[0])
        index = known.indices[0]
        return rows if index is None or known.flat else index.same(rows)

    def score(self, series: Any, y: Any = None) -> Any:
        """Return how unusual each step of one series is; or, with `y`, how well these scores tell anomalies.

        Args:
            series: a series [T] or [T, variables].
            y: which steps are anomalies, bool [T]; scikit-learn's tools pass it.

        Returns:
            Scores [T], NaN for the first `lags`, which cannot be forecast. With `y` the area under the ROC curve: the share
            of pairs of an anomaly and another step in which the anomaly has the larger score; 0.5 is chance.

        Raises:
            ValueError: y has another length, or there are no anomalies, or nothing else.
        """
        known = self._one(series)
        scores = _size(self._standardised(known.values[0]))
        return _labelled(scores, known) if y is None else _roc_area(scores, np.asarray(y))

    def predict(self, series: Any) -> Any:
        """Return which steps of one series are anomalies, bool [T]; none among the first `lags`.

        Args:
            series: [T] or [T, variables], as for `fit`.
        """
        known = self._one(series)
        return _labelled(_size(self._standardised(known.values[0])) > self.threshold_, known)

    def _one(self, series: Any) -> Series:
        """Return one series that the forecaster can forecast."""
        self._require_fit()
        known = self.forecaster_._known(series)
        if not known.one:
            raise ValueError("series: expected one series, got a list")
        return known

    def _standardised(self, series: np.ndarray) -> np.ndarray:
        """Return the standardised errors [T, variables] of the better forecasts, of the series as it is or mended."""
        lags, _ = self.forecaster_._sizes()
        plain = self._errors.scaled(series - self.forecaster_._forecasts([series])[0])
        seen, errors, step = series.copy(), plain.copy(), -1
        beyond = _size(errors) > self.threshold_
        while beyond[step + 1 :].any():
            step += 1 + int(np.argmax(beyond[step + 1 :]))
            broken = np.abs(errors[step]) > self.threshold_
            forecast = series[step] - self._errors.unscaled(errors[step])
            seen[step] = np.where(broken | ~broken.any(), forecast, series[step])
            later = slice(step + 1, min(step + 1 + lags, len(series)))
            forecasts = self.forecaster_._forecasts([seen[step + 1 - lags : later.stop]])[0][lags:]
            mended = self._errors.scaled(series[later] - forecasts)
            better = _size(mended) < _size(plain[later])
            errors[later] = np.where(better[:, None], mended, plain[later])
            beyond[later] = _size(errors[later]) > self.threshold_
        return errors


def _size(errors: np.ndarray) -> np.ndarray:
    """Return the root of the mean square over the variables."""
    return np.sqrt(np.square(errors).mean(axis=1))


def _labelled(values: np.ndarray, known: Series) -> Any:
    """Return one number for each step, with the index of the series where it has one."""
    index = known.indices[0]
    return values if index is None else index.same(values)


def _roc_area(scores: np.ndarray, truth: np.ndarray) -> float:
    """Return the area under the ROC curve of scores [T], of which those of NaN do not count."""
    if truth.shape != scores.shape:
        raise ValueError(f"y: expected {len(scores)} truth values, one for each step, got shape {list(truth.shape)}")
    known = ~np.isnan(scores)
    truth, scores = truth[known].astype(bool), scores[known]
    if truth.all() or not truth.any():
        raise ValueError("y: expected anomalies and other steps after the first `lags`")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # equal scores share a rank
    anomalies = int(truth.sum())
    return float((ranks[truth].sum() - anomalies * (anomalies + 1) / 2) / (anomalies * (len(truth) - anomalies)))
