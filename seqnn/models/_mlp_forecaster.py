"""Forecasts by a multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import nn
from .._settings import Choice, Integer, Number, Sizes
from ._base import Network
from ._covariates import Window
from ._mlp import ACTIVATIONS, MLP
from ._network_forecaster import NetworkForecaster

__all__ = ["MLPForecaster"]


class _WindowMLP(nn.Sequential):
    """A multilayer perceptron on windows [N, lags, variables], whose numbers stand side by side."""

    def __init__(self, sizes: Sequence[int], *, activation: str, dropout: float) -> None:
        super().__init__(nn.Flatten(), *MLP(sizes, activation=activation, dropout=dropout).children())


class MLPForecaster(NetworkForecaster):
    """Forecast the next `horizon` steps by a multilayer perceptron on the last `lags` steps side by side.

    Args:
        hidden_layer_sizes: widths of the hidden layers.
        activation: see `MLP`.
        dropout: probability to drop a hidden unit.

    Attributes:
        model_: the network.
        offset_: what is subtracted from each variable, [variables].
        scale_: by what it is divided, [variables].
        n_variables_: how many variables the series have.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    Raises:
        ValueError: a series is too short or not finite.

    >>> import numpy as np
    >>> from seqnn.models import MLPForecaster
    >>> series = np.sin(0.3 * np.arange(200)) ** 3
    >>> MLPForecaster(8, hidden_layer_sizes=(32,), max_iter=60, learning_rate=0.01).fit(series).score(series) > 0.95
    True
    """

    hidden_layer_sizes = Sizes((64,))
    activation = Choice("relu", ACTIVATIONS)
    dropout = Number(0.0, minimum=0, maximum=1)
    max_iter = Integer(200, minimum=1)

    model_ = Network(_WindowMLP)

    def __init__(
        self,
        lags: int = 24,
        horizon: int = 1,
        *,
        hidden_layer_sizes: Sequence[int] = (64,),
        activation: str = "relu",
        dropout: float = 0.0,
        quantiles: Sequence[float] | None = None,
        scaling: str | None = "standard",
        difference: bool = True,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        max_iter: int = 200,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def _arguments(self) -> dict[str, Any]:
        settings, (past, future) = self._used, self._covariate_sizes()
        inputs = settings.lags * (self.n_variables_ + past) + (settings.lags + settings.horizon) * future
        sizes = [inputs, *settings.hidden_layer_sizes, self._outputs()]
        return {"sizes": sizes, "activation": settings.activation, "dropout": settings.dropout}

    def _inputs(self, window: Window) -> np.ndarray:
        if not (window.past.shape[2] or window.future.shape[2]):
            return window.values
        return np.concatenate([rows.reshape(len(rows), -1) for rows in window], axis=1)
