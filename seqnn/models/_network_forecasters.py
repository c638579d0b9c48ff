"""Forecasters by networks: a multilayer perceptron on lags, and recurrent networks with a hidden state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import nn, ops
from ..autograd import no_grad
from ._estimator import Estimator
from ._forecaster import Forecaster
from ._many_to_one import ManyToOne
from ._mlp import MLP
from ._reader import checked_cell
from ._series import lag_windows

_SCALINGS = ("standard", "minmax", None)


class _NetworkForecaster(Forecaster, Estimator):
    def __init__(
        self,
        lags: int,
        horizon: int,
        *,
        scaling: str | None,
        difference: bool,
        batch_size: int,
        learning_rate: float,
        weight_decay: float,
        clip_norm: float | None,
        max_iter: int,
        validation_fraction: float,
        n_iter_no_change: int,
        random_state: int,
        verbose: int,
    ) -> None:
        Forecaster.__init__(self, lags, horizon)
        Estimator.__init__(
            self, batch_size=batch_size, learning_rate=learning_rate, weight_decay=weight_decay, clip_norm=clip_norm,
            max_iter=max_iter, validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change,
            random_state=random_state, verbose=verbose,
        )  # fmt: skip
        if scaling not in _SCALINGS:
            raise ValueError(f"scaling: expected one of {_SCALINGS}, got {scaling!r}")
        self.scaling, self.difference = scaling, difference

    def _network(self, variables: int, outputs: int) -> nn.Module:
        """From windows [N, lags, variables] to [N, outputs]."""
        raise NotImplementedError

    def _learn(self, series: list[np.ndarray]) -> None:
        self.offset_, self.scale_ = self._scales(np.concatenate(series))
        learnt: list[tuple] = []
        held: list[tuple] = []
        for s in series:
            x, y = lag_windows(((s - self.offset_) / self.scale_).astype(np.float32), self.lags, self.horizon)
            y = (y - x[:, -1:] if self.difference else y).reshape(len(y), -1)
            # The end is held out, and so is what overlaps its targets.
            last = round(len(x) * self.validation_fraction)
            gap = self.horizon - 1 if last else 0
            learnt.append((x[: len(x) - last - gap], y[: len(x) - last - gap]))
            held.append((x[len(x) - last :], y[len(x) - last :]))
        data, validation = (tuple(np.concatenate(part) for part in zip(*p, strict=True)) for p in (learnt, held))
        if not len(data[0]):
            raise ValueError("series: nothing to learn from is left beside what validation_fraction holds out")
        variables = self.n_variables_
        self._train(
            lambda: self._network(variables, self.horizon * variables), ops.mse_loss, data,
            validation if len(validation[0]) else None,
        )  # fmt: skip

    def _scales(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offset and scale of each variable."""
        if self.scaling is None:
            return np.zeros(values.shape[1]), np.ones(values.shape[1])
        if self.scaling == "standard":
            offset, scale = values.mean(axis=0), values.std(axis=0)
        else:
            offset, scale = values.min(axis=0), np.ptp(values, axis=0)
        return offset, np.where(scale > 0, scale, 1)

    def _ahead(self, window: np.ndarray) -> np.ndarray:
        scaled = ((window - self.offset_) / self.scale_).astype(np.float32)
        with no_grad():
            out = self.model_(scaled).numpy()
        ahead = out.reshape(len(window), self.horizon, -1) * self.scale_
        return ahead + (window[:, -1:] if self.difference else self.offset_)


class RecurrentForecaster(_NetworkForecaster):
    """Forecasts of one or many variables by a recurrent network that reads the last `lags` steps (a `ManyToOne`).

    Args:
        lags: steps that are read, from a zero state.
        horizon: steps that are forecast at once; beyond it, forecasts go on from their own predictions.
        cell: "rnn", "lstm", "gru" or "stlm".
        hidden_size, num_layers, dropout: of the recurrent layers.
        scaling: each variable is scaled to mean 0 and deviation 1 ("standard"), to [0, 1] ("minmax"), or not (None).
        difference: the network says by how much the steps ahead differ from the last one.
        batch_size, learning_rate, weight_decay, clip_norm, max_iter: training by AdamW, windows in random order.
        validation_fraction, n_iter_no_change: stop when the loss on the last part of each series, which is held out, has
            not fallen for so many epochs, and go back to the best weights (0: nothing is held out).
        random_state: seed of everything.
        verbose: 1 shows a bar.

    After `fit`: `model_`, `history_`. Raises ValueError for a series that is too short or not finite.

    >>> import numpy as np
    >>> from seqnn.models import RecurrentForecaster
    >>> series = np.sin(0.3 * np.arange(200))
    >>> model = RecurrentForecaster(12, horizon=4, cell="gru", hidden_size=16, max_iter=30, learning_rate=0.01).fit(series)
    >>> model.score(series, ahead=4) > 0.95, model.predict(10).shape
    (True, (10,))
    """

    def __init__(
        self,
        lags: int = 24,
        horizon: int = 1,
        *,
        cell: str = "lstm",
        hidden_size: int = 32,
        num_layers: int = 1,
        dropout: float = 0.0,
        scaling: str | None = "standard",
        difference: bool = True,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.0,
        clip_norm: float | None = 1.0,
        max_iter: int = 100,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: int = 0,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            lags, horizon, scaling=scaling, difference=difference, batch_size=batch_size, learning_rate=learning_rate,
            weight_decay=weight_decay, clip_norm=clip_norm, max_iter=max_iter, validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change, random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.cell, self.dropout = checked_cell(cell), dropout
        self.hidden_size, self.num_layers = hidden_size, num_layers

    def _network(self, variables: int, outputs: int) -> nn.Module:
        return ManyToOne(
            variables, outputs, hidden_size=self.hidden_size, cell=self.cell, num_layers=self.num_layers,
            dropout=self.dropout,
        )  # fmt: skip


class MLPForecaster(_NetworkForecaster):
    """Autoregression by a multilayer perceptron: the next `horizon` steps from the last `lags` side by side.

    Arguments, attributes and errors as for `RecurrentForecaster`, with `MLP`'s hidden_layer_sizes and activation.

    >>> import numpy as np
    >>> from seqnn.models import MLPForecaster
    >>> series = np.sin(0.3 * np.arange(200)) ** 3
    >>> MLPForecaster(8, hidden_layer_sizes=(32,), max_iter=60, learning_rate=0.01).fit(series).score(series) > 0.95
    True
    """

    def __init__(
        self,
        lags: int = 24,
        horizon: int = 1,
        *,
        hidden_layer_sizes: Sequence[int] = (64,),
        activation: str = "relu",
        dropout: float = 0.0,
        scaling: str | None = "standard",
        difference: bool = True,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        max_iter: int = 200,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: int = 0,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            lags, horizon, scaling=scaling, difference=difference, batch_size=batch_size, learning_rate=learning_rate,
            weight_decay=weight_decay, clip_norm=clip_norm, max_iter=max_iter, validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change, random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.hidden_layer_sizes, self.activation, self.dropout = tuple(hidden_layer_sizes), activation, dropout

    def _network(self, variables: int, outputs: int) -> nn.Module:
        sizes = [self.lags * variables, *self.hidden_layer_sizes, outputs]
        layers = MLP(sizes, activation=self.activation, dropout=self.dropout)
        return nn.Sequential(nn.Flatten(), *layers.children())
