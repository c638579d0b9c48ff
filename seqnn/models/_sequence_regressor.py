"""A regressor of sequences."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ._base import Network, Part, Plain, RegressorMixin, Scaler, as_targets
from ._coders import Stacked
from ._losses import NUMBERS
from ._many_to_one import ManyToOne
from ._recurrent_estimator import SequenceEstimator
from ._weights import weighed

__all__ = ["SequenceRegressor"]


class SequenceRegressor(RegressorMixin, SequenceEstimator):
    """Predict numbers from sequences by a `ManyToOne` with the squared error; X as for `SequenceClassifier`.

    y is [N] or [N, outputs]; it is standardised for training, and predictions come back in its units.

    Attributes:
        model_: the network.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    >>> import numpy as np
    >>> from seqnn.models import SequenceRegressor
    >>> X = np.random.default_rng(0).standard_normal((200, 6))
    >>> SequenceRegressor(hidden_size=16, max_iter=40, learning_rate=0.01).fit(X, X.sum(axis=1)).score(X, X.sum(axis=1)) > 0.9
    True
    """

    _many_outputs = True

    _y_scaler = Part(Scaler, F="O")
    _flat = Plain(bool)
    model_ = Network(ManyToOne)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from sequences and numbers.

        Args:
            X: sequences.
            y: numbers [N] or [N, outputs].
            sample_weight: how much each sequence counts, [N]; default: all the same.

        Returns:
            The estimator.
        """
        self._begin()
        sequences = self._sequences(X)
        y = as_targets(y, len(sequences.rows), np.dtype(np.float64))
        sequences, y, weights = weighed(sequences, y, sample_weight)
        self._flat = y.ndim == 1
        rows = y.reshape(len(y), -1)
        self._y_scaler = Scaler.standard(rows, weights)
        targets = self._y_scaler.scaled(rows).astype(np.float32), Stacked()
        return self._learn(self._encode(sequences), targets, NUMBERS, weights)

    def _arguments(self) -> dict[str, Any]:
        return {"outputs": len(self._y_scaler.scale), **self._layers()}

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the predicted numbers, in the shape of the y of `fit`.

        Args:
            X: as for `fit`.
        """
        scaled = np.stack(self._each(X, lambda x, lengths: self.model_(x, lengths).numpy()))
        y = self._y_scaler.unscaled(scaled)
        return y[:, 0] if self._flat else y
