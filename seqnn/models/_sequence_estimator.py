"""What the estimators that read sequences share: their arguments, encoding, and batched predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import nn
from ..autograd import Tensor
from ..text import pad
from ._data import check_fitted
from ._estimator import Estimator
from ._reader import checked_cell
from ._sequences import by_length, learn, split_batches

_ROWS = 256  # sequences of a prediction that run together


class SequenceEstimator(Estimator):
    """An estimator that reads sequences with recurrent layers; `SequenceClassifier` says what the arguments mean."""

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        embedding_size: int = 64,
        batch_size: int = 32,
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
            batch_size=batch_size, learning_rate=learning_rate, weight_decay=weight_decay, clip_norm=clip_norm,
            max_iter=max_iter, validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change,
            random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.cell, self.bidirectional, self.dropout = checked_cell(cell), bidirectional, dropout
        self.hidden_size, self.num_layers, self.embedding_size = hidden_size, num_layers, embedding_size

    def _network_options(self) -> dict[str, Any]:
        return {
            "hidden_size": self.hidden_size,
            "cell": self.cell,
            "num_layers": self.num_layers,
            "bidirectional": self.bidirectional,
            "dropout": self.dropout,
        }

    def _fit_sequences(
        self,
        X: Any,  # noqa: N803 - scikit-learn's name
        targets: Any,
        join: Callable[[list], tuple],
        make: Callable[..., nn.Module],
        loss: Callable[[Any, Any], Tensor],
        metrics: dict[str, Callable] | None = None,
    ) -> None:
        """Train `make(**arguments)` on X and a target a sequence; `join` makes arrays of a list of targets."""
        self._input = learn(X, "X", self.embedding_size)
        self._fit_encoded(
            self._input.encode(X, "X"), targets, pad, join,
            lambda: make(**self._input.reader(), **self._network_options()), loss, metrics,
        )  # fmt: skip

    def _fit_encoded(
        self,
        encoded: Sequence[np.ndarray],
        targets: Any,
        gather: Callable[[list], tuple],
        join: Callable[[list], tuple],
        make: Callable[[], nn.Module],
        loss: Callable[[Any, Any], Tensor],
        metrics: dict[str, Callable] | None = None,
    ) -> None:
        if len(encoded) != len(targets):
            raise ValueError(f"y: expected a target for each of {len(encoded)} examples of X, got {len(targets)}")
        parts = split_batches(
            self._split(len(encoded)), encoded, targets, gather, join, batch_size=self.batch_size,
            seed=self.random_state,
        )  # fmt: skip
        self._train(make, loss, *parts, metrics)

    def _each(self, X: Any, function: Callable[..., Any]) -> list[Any]:  # noqa: N803
        """function(padded inputs, lengths), one row a sequence, for all of X in its order; similar lengths together."""
        check_fitted(self, "model_")
        return by_length(self._input.encode(X, "X"), _ROWS, lambda part: function(*pad(part)))
