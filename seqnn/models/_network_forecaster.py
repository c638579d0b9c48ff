"""What forecasters by networks share: scaling, windows, and what is held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from .._arguments import quantiles as checked_quantiles
from .._settings import Anything, Choice, Flag, Integer, Number
from ..autograd import no_grad
from ..text import windows
from ._base import NetworkEstimator, Part, Scaler
from ._covariates import Covariates, Window
from ._forecaster import Forecaster
from ._series import lag_windows

__all__ = ["NetworkForecaster"]

_SCALINGS = {"standard": Scaler.standard, "minmax": Scaler.minmax, None: Scaler.none}


class NetworkForecaster(Forecaster, NetworkEstimator):
    """A forecaster by a network, trained by AdamW on windows in random order.

    Args:
        lags: steps that are read.
        horizon: steps that are forecast at once; longer forecasts go on from their own predictions.
        quantiles: what is forecast: numbers between 0 and 1 in rising order, such as (0.1, 0.5, 0.9), by the pinball loss;
            None: one value, by the squared error. Each forecast is sorted, so that quantiles never cross.
        scaling: each variable is scaled to mean 0 and deviation 1 ("standard"), to [0, 1] ("minmax"), or not (None).
        difference: whether the network says by how much the steps ahead differ from the last one.
        learning_rate: of AdamW, constant.
        weight_decay: of AdamW.
        clip_norm: limit of the gradients' norm, or None.
        validation_fraction: share of each series, at its end, that is held out (0: nothing).

    Attributes:
        model_: the network.
        offset_: what is subtracted from each variable, [variables].
        scale_: by what it is divided, [variables].
        n_variables_: how many variables the series have.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    Raises:
        ValueError: a series is too short or not finite.
    """

    lags = Integer(24, minimum=1)
    horizon = Integer(1, minimum=1)
    quantiles = Anything(None, checked_quantiles, saved=True)
    scaling = Choice("standard", ("standard", "minmax"), optional=True)
    difference = Flag(True)
    batch_size = Integer(64, minimum=1)
    learning_rate = Number(1e-3, minimum=0)
    weight_decay = Number(0.0, minimum=0)
    clip_norm = Number(None, above=0)

    _scaler = Part(Scaler, F="V")
    _past_scaler = Part(Scaler, optional=True)
    _future_scaler = Part(Scaler, optional=True)

    def __init__(
        self,
        lags: int = 24,
        horizon: int = 1,
        *,
        quantiles: Sequence[float] | None = None,
        scaling: str | None = "standard",
        difference: bool = True,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        max_iter: int = 100,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    @property
    def offset_(self) -> np.ndarray:
        return self._scaler.offset

    @property
    def scale_(self) -> np.ndarray:
        return self._scaler.scale

    def _learn(self, series: list[np.ndarray], covariates: Covariates) -> None:
        settings = self._used
        self._scaler = _SCALINGS[settings.scaling](np.concatenate(series))
        self._past_scaler = Scaler.standard(np.concatenate(covariates.past))
        self._future_scaler = Scaler.standard(np.concatenate(covariates.future))
        whole = settings.lags + settings.horizon
        learnt: list[tuple] = []
        held: list[tuple] = []
        for s, past, future in zip(series, *covariates, strict=True):
            scaled = self._scaled(Window(s, past, future[: len(s)]))
            x, y = lag_windows(scaled.values, settings.lags, settings.horizon)
            y = (y - x[:, -1:] if settings.difference else y).reshape(len(y), -1)
            known = windows(scaled.future, whole, overlap=whole - 1)
            x = self._inputs(Window(x, lag_windows(scaled.past, settings.lags, settings.horizon)[0], known))
            # The end is held out, and so is what overlaps its targets.
            last = round(len(x) * settings.validation_fraction)
            gap = settings.horizon - 1 if last else 0
            learnt.append((x[: len(x) - last - gap], y[: len(x) - last - gap]))
            held.append((x[len(x) - last :], y[len(x) - last :]))
        data, validation = (tuple(np.concatenate(part) for part in zip(*p, strict=True)) for p in (learnt, held))
        if not len(data[0]):
            raise ValueError("series: nothing to learn from is left beside what validation_fraction holds out")
        self._train(self._loss(), data, validation if len(validation[0]) else None)

    def _loss(self) -> Callable[[Any, Any], Any]:
        quantiles = self._quantiles()
        if quantiles is None:
            return ops.mse_loss
        return lambda out, y: ops.pinball_loss(out.reshape(*np.shape(y), len(quantiles)), y, quantiles)

    def _outputs(self) -> int:
        """Return how many numbers the network gives."""
        return self._used.horizon * self.n_variables_ * len(self._quantiles() or (None,))

    def _scaled(self, window: Window) -> Window:
        """Return windows, or whole series in their place, in the units of the network, float32."""
        scalers = self._scaler, vars(self).get("_past_scaler"), vars(self).get("_future_scaler")
        pairs = zip(scalers, window, strict=True)
        return Window(*((rows if s is None else s.scaled(rows)).astype(np.float32) for s, rows in pairs))

    def _inputs(self, window: Window) -> np.ndarray:
        """Return what the network takes of a scaled window."""
        raise NotImplementedError

    def _ahead(self, window: Window) -> np.ndarray:
        with no_grad():
            out = self.model_(self._inputs(self._scaled(window))).numpy()
        found = out.reshape(len(out), self._used.horizon, self.n_variables_, -1)
        # Sorted quantiles are no worse (Chernozhukov, Fernandez-Val, Galichon 2010).
        ahead = np.sort(found, axis=-1) * self.scale_[:, None]
        return ahead + (window.values[:, -1:] if self._used.difference else self.offset_)[..., None]
