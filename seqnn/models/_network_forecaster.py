"""What forecasters by networks share: scaling, windows, and what is held out."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from .._settings import Choice, Flag, Integer, Number
from ..autograd import no_grad
from ._base import NetworkEstimator, Part, Scaler
from ._forecaster import Forecaster
from ._series import lag_windows

__all__ = ["NetworkForecaster"]

_SCALINGS = {"standard": Scaler.standard, "minmax": Scaler.minmax, None: Scaler.none}


class NetworkForecaster(Forecaster, NetworkEstimator):
    """A forecaster by a network, trained by AdamW on windows in random order.

    Args:
        lags: steps that are read.
        horizon: steps that are forecast at once; longer forecasts go on from their own predictions.
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
    scaling = Choice("standard", ("standard", "minmax"), optional=True)
    difference = Flag(True)
    batch_size = Integer(64, minimum=1)
    learning_rate = Number(1e-3, minimum=0)
    weight_decay = Number(0.0, minimum=0)
    clip_norm = Number(None, above=0)

    _scaler = Part(Scaler, F="V")

    def __init__(
        self,
        lags: int = 24,
        horizon: int = 1,
        *,
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

    def _learn(self, series: list[np.ndarray]) -> None:
        settings = self._used
        self._scaler = _SCALINGS[settings.scaling](np.concatenate(series))
        learnt: list[tuple] = []
        held: list[tuple] = []
        for s in series:
            x, y = lag_windows(self._scaler.scaled(s).astype(np.float32), settings.lags, settings.horizon)
            y = (y - x[:, -1:] if settings.difference else y).reshape(len(y), -1)
            # The end is held out, and so is what overlaps its targets.
            last = round(len(x) * settings.validation_fraction)
            gap = settings.horizon - 1 if last else 0
            learnt.append((x[: len(x) - last - gap], y[: len(x) - last - gap]))
            held.append((x[len(x) - last :], y[len(x) - last :]))
        data, validation = (tuple(np.concatenate(part) for part in zip(*p, strict=True)) for p in (learnt, held))
        if not len(data[0]):
            raise ValueError("series: nothing to learn from is left beside what validation_fraction holds out")
        self._train(ops.mse_loss, data, validation if len(validation[0]) else None)

    def _ahead(self, window: np.ndarray) -> np.ndarray:
        with no_grad():
            out = self.model_(self._scaler.scaled(window).astype(np.float32)).numpy()
        ahead = out.reshape(len(window), self._used.horizon, -1) * self.scale_
        return ahead + (window[:, -1:] if self._used.difference else self.offset_)
