"""Forecasts by a recurrent network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._settings import Anything, Integer, Number
from ._base import Network
from ._covariates import Window
from ._many_to_one import ManyToOne
from ._network_forecaster import NetworkForecaster
from ._reader import checked_cell

__all__ = ["RecurrentForecaster"]


class RecurrentForecaster(NetworkForecaster):
    """Forecast one or many variables by a recurrent network that reads the last `lags` steps, a `ManyToOne`.

    Args:
        lags: steps that are read, from a zero state.
        cell: "rnn", "lstm", "gru" or "stlm".
        hidden_size: units of each recurrent layer.
        num_layers: recurrent layers.
        dropout: share of units that is dropped between layers and before the last one, in training.

    Attributes:
        model_: the network, a `ManyToOne`.
        offset_: what is subtracted from each variable, [variables].
        scale_: by what it is divided, [variables].
        n_variables_: how many variables the series have.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    Raises:
        ValueError: a series is too short or not finite.

    >>> import numpy as np
    >>> from seqnn.models import RecurrentForecaster
    >>> series = np.sin(0.3 * np.arange(200))
    >>> model = RecurrentForecaster(12, horizon=4, cell="gru", hidden_size=16, max_iter=30, learning_rate=0.01).fit(series)
    >>> model.score(series, ahead=4) > 0.95, model.predict(10).shape
    (True, (10,))
    """

    cell = Anything("lstm", lambda _, value: checked_cell(value), saved=True)
    hidden_size = Integer(32, minimum=1)
    num_layers = Integer(1, minimum=1)
    dropout = Number(0.0, minimum=0, maximum=1)
    learning_rate = Number(3e-3, minimum=0)
    clip_norm = Number(1.0, above=0, optional=True)

    model_ = Network(ManyToOne)

    def __init__(
        self,
        lags: int = 24,
        horizon: int = 1,
        *,
        cell: str = "lstm",
        hidden_size: int = 32,
        num_layers: int = 1,
        dropout: float = 0.0,
        quantiles: Sequence[float] | None = None,
        scaling: str | None = "standard",
        difference: bool = True,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.0,
        clip_norm: float | None = 1.0,
        max_iter: int = 100,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def _arguments(self) -> dict[str, Any]:
        settings = self._used
        names = ("hidden_size", "cell", "num_layers", "dropout")
        layers = {name: getattr(settings, name) for name in names}
        past, future = self._covariate_sizes()
        size = self.n_variables_ + past + settings.horizon * future
        return {"input_size": size, "outputs": self._outputs(), **layers}

    def _inputs(self, window: Window) -> np.ndarray:
        if not (window.past.shape[2] or window.future.shape[2]):
            return window.values
        count, lags = window.values.shape[:2]
        # Each step is read with the future covariates of the steps that a forecast from there would be for.
        ahead = np.arange(lags)[:, None] + 1 + np.arange(self._used.horizon)
        return np.concatenate([window.values, window.past, window.future[:, ahead].reshape(count, lags, -1)], axis=2)
