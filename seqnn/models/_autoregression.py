"""AR(p): the next step as a linear function of the last p, by least squares."""

from __future__ import annotations

import numpy as np

from .._settings import Flag, Number
from ._base import Array
from ._covariates import Covariates, Window
from ._forecaster import Forecaster
from ._series import lag_windows

__all__ = ["ARForecaster"]


class ARForecaster(Forecaster):
    """Autoregression: y[t] = b + sum_k A_k y[t - k] over k = 1..lags, of one variable or many (VAR), in closed form.

    With future covariates x[t] it adds C x[t] (ARX); past covariates it does not take. Minimises
    sum_t |y[t] - forecast|^2 + ridge (sum_k |A_k|^2 + |C|^2); b is not penalised. float64. Forecasts of more than one step
    go on from their own predictions.

    Args:
        lags: how many steps back.
        ridge: penalty of the coefficients (0: plain least squares).
        fit_intercept: whether there is b.

    Attributes:
        coef_: [lags, variables, variables]; coef_[k - 1] is A_k.
        covariate_coef_: [covariates, variables]; the transpose of C.
        intercept_: b, [variables].
        sigma_: standard deviation of the errors, [variables].
        n_variables_: how many variables the series have.

    Raises:
        ValueError: a series is too short or not finite.

    >>> import numpy as np
    >>> from seqnn.models import ARForecaster
    >>> series = 10 + np.cos(0.3 * np.arange(50))
    >>> model = ARForecaster(2).fit(series)
    >>> model.coef_.ravel().round(6), round(float(2 * np.cos(0.3)), 6)
    (array([ 1.910673, -1.      ]), 1.910673)
    >>> np.abs(model.predict(5) - 10 - np.cos(0.3 * np.arange(50, 55))).max() < 1e-9
    np.True_
    """

    ridge = Number(0.0, minimum=0)
    fit_intercept = Flag(True)

    coef_ = Array("L V V")
    covariate_coef_ = Array("F V", optional=True)
    intercept_ = Array("V")
    sigma_ = Array("V")

    def __init__(self, lags: int = 12, *, ridge: float = 0.0, fit_intercept: bool = True) -> None:
        self._store(locals())

    def _learn(self, series: list[np.ndarray], covariates: Covariates) -> None:
        settings = self._used
        if covariates.sizes[0]:
            raise ValueError("past_covariates: expected None, as ARForecaster takes future covariates alone")
        pairs = [lag_windows(s, settings.lags, 1) for s in series]
        known = np.concatenate([f[settings.lags : len(s)] for s, f in zip(series, covariates.future, strict=True)])
        x = np.concatenate([inputs[:, ::-1].reshape(len(inputs), -1) for inputs, _ in pairs])  # y[t-1], y[t-2], ...
        x = np.concatenate([x, known], axis=1)
        y = np.concatenate([targets[:, 0] for _, targets in pairs])
        middle_x, middle_y = (a.mean(axis=0) if settings.fit_intercept else np.zeros(a.shape[1]) for a in (x, y))
        rows, right = x - middle_x, y - middle_y
        if settings.ridge:
            rows = np.concatenate([rows, np.sqrt(settings.ridge) * np.eye(x.shape[1])])
            right = np.concatenate([right, np.zeros((x.shape[1], y.shape[1]))])
        solution = np.linalg.lstsq(rows, right)[0]
        variables = y.shape[1]
        lagged, self.covariate_coef_ = np.split(solution, [settings.lags * variables])
        self.coef_ = lagged.reshape(settings.lags, variables, variables).swapaxes(1, 2).copy()
        self.intercept_ = middle_y - middle_x @ solution
        self.sigma_ = (y - x @ solution - self.intercept_).std(axis=0)

    def _ahead(self, window: Window) -> np.ndarray:
        found = np.einsum("nki,koi->no", window.values[:, ::-1], self.coef_) + self.intercept_
        if window.future.shape[2]:
            found += window.future[:, -1] @ self.covariate_coef_
        return found[:, None, :, None]
