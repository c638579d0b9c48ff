"""Sequences from vectors."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ._base import FeaturesMixin, Network, Part, Scaler, require_pairs
from ._coders import Stacked
from ._one_to_many import OneToMany
from ._recurrent_estimator import WritingEstimator
from ._sequences import as_sequences
from ._weights import weighed

__all__ = ["SequenceGenerator"]


class SequenceGenerator(FeaturesMixin, WritingEstimator):
    """Generate a sequence from a vector by a `OneToMany`.

    X [N, features] is standardised; y is a list of sequences of numbers (of unequal length; standardised for training) or
    of tokens (strings).

    Attributes:
        model_: the network.
        n_features_in_: how many features there are.
        feature_names_in_: the names of a data frame's columns, where all are strings.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    >>> import numpy as np
    >>> from seqnn.models import SequenceGenerator
    >>> X = np.arange(6.0)[:, None]
    >>> y = [["zero"], ["one"], ["two"], ["two", "and", "one"], ["two", "and", "two"], ["five"]]
    >>> model = SequenceGenerator(hidden_size=16, max_iter=150, learning_rate=0.02, validation_fraction=0).fit(X, y)
    >>> model.predict([[1.0], [3.0]])
    [['one'], ['two', 'and', 'one']]
    """

    _dense = False  # what it predicts is no column of numbers

    _scaler = Part(Scaler, F="F")
    model_ = Network(OneToMany)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from vectors and their sequences.

        Args:
            X: vectors [N, features].
            y: a sequence for each.
            sample_weight: how much each sequence counts, [N]; default: all the same.

        Returns:
            The estimator.
        """
        settings = self._begin()
        x = self._learn_features(X)
        targets = as_sequences(y, "y", settings.tokenizer)
        require_pairs(x, targets.rows)
        targets, x, weights = weighed(targets, x, sample_weight)
        self._scaler = Scaler.standard(x, weights)
        return self._fit_writer(self._scaler.scaled(x).astype(np.float32), Stacked(), targets, weights)

    def _arguments(self) -> dict[str, Any]:
        return {"vector_size": len(self._scaler.scale), **self._layers(), **self._output.writer()}

    def predict(self, X: Any, *, steps: int | None = None, **options: Any) -> list[Any]:  # noqa: N803
        """Return the sequence of each vector.

        Args:
            X: vectors [N, features].
            steps: as for `Seq2Seq.predict`.
            **options: as for `Seq2Seq.predict`.
        """
        self._require_fit()
        scaled = self._scaler.scaled(self._check_features(X)).astype(np.float32)
        written = self.model_.generate(scaled, *self._generation(steps, options), **options)
        return self._output.decoded(written, self._join)
