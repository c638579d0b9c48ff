"""A classifier of sequences."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .. import ops, train
from ._base import ClassifierMixin, Examples, Network, as_labels
from ._coders import Stacked
from ._many_to_one import ManyToOne
from ._recurrent_estimator import SequenceEstimator
from ._sequences import as_sequences

__all__ = ["SequenceClassifier"]


class SequenceClassifier(ClassifierMixin, SequenceEstimator):
    """Classify sequences by a `ManyToOne` with a softmax.

    X is a list of sequences of unequal length, or an array [N, T, ...]: of numbers, [T] or [T, features] each, which are
    standardised; or of tokens (strings), for which vectors are learnt. y: a label for each sequence, of any kind that sorts.

    Attributes:
        model_: the network.
        classes_: the labels, sorted.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    Raises:
        ValueError: sequences are empty or not finite, or are too few; labels are of one class.
        TypeError: sequences are of another kind than in `fit`.

    >>> from seqnn.models import SequenceClassifier
    >>> X = [["to", "be", "or", "not"], ["or", "not", "to", "be", "?"]] * 10
    >>> model = SequenceClassifier(hidden_size=8, max_iter=20, learning_rate=0.03).fit(X, ["statement", "question"] * 10)
    >>> model.predict([["to", "be", "?"], ["not", "to", "be"]]).tolist()
    ['question', 'statement']
    """

    model_ = Network(ManyToOne)

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from sequences and their labels; return the estimator."""
        settings = self._begin()
        sequences = as_sequences(X, "X")
        self.classes_, ids = as_labels(y, len(sequences.rows))
        examples = Examples(self._encode(sequences, settings), ids, self._input, Stacked())
        return self._train(ops.cross_entropy, *examples.split(settings), metrics={"accuracy": train.accuracy})

    def _arguments(self) -> dict[str, Any]:
        return {"outputs": len(self.classes_), **self._layers()}

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`."""
        return np.stack(self._each(X, lambda x, lengths: ops.softmax(self.model_(x, lengths).numpy())))
