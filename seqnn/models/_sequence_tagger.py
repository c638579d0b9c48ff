"""A label for every step of a sequence."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .. import ops, train
from ._base import Examples, Labels, Network
from ._coders import Tags
from ._heads import token_cross_entropy
from ._many_to_many import ManyToMany
from ._recurrent_estimator import SequenceEstimator
from ._sequences import as_sequences

__all__ = ["SequenceTagger"]


class SequenceTagger(SequenceEstimator):
    """Label every step of a sequence by a `ManyToMany` with a softmax; X as for `SequenceClassifier`.

    y: for each sequence as many labels as it has steps, of any kind that sorts. Set `bidirectional` where a step's label
    depends on what comes after it.

    Attributes:
        model_: the network.
        classes_: the labels, sorted.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    >>> from seqnn.models import SequenceTagger
    >>> X = [["the", "dog", "barks"], ["a", "cat", "sleeps", "well"]] * 10
    >>> y = [["DET", "NOUN", "VERB"], ["DET", "NOUN", "VERB", "ADV"]] * 10
    >>> model = SequenceTagger(hidden_size=16, max_iter=30, learning_rate=0.02).fit(X, y)
    >>> [tags.tolist() for tags in model.predict([["the", "cat", "barks"]])]
    [['DET', 'NOUN', 'VERB']]
    """

    classes_ = Labels("C")
    model_ = Network(ManyToMany)

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from sequences and the labels of their steps; return the estimator."""
        settings = self._begin()
        sequences = as_sequences(X, "X")
        lengths = [len(s) for s in sequences.rows]
        self.classes_, flat = np.unique(np.concatenate(_labels(y, lengths)), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y: expected at least two classes, got {self.classes_.tolist()}")
        ids = np.split(flat.astype(np.int64), np.cumsum(lengths)[:-1])
        examples = Examples(self._encode(sequences, settings), ids, self._input, Tags())
        return self._train(token_cross_entropy, *examples.split(settings), metrics={"accuracy": train.accuracy})

    def _arguments(self) -> dict[str, Any]:
        return {"outputs": len(self.classes_), **self._layers()}

    def predict_proba(self, X: Any) -> list[np.ndarray]:  # noqa: N803
        """Return for each sequence the probabilities [T, classes] of its steps, in the order of `classes_`."""

        def probabilities(x: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
            rows = ops.softmax(self.model_(x, lengths).numpy())
            return [row[:length] for row, length in zip(rows, lengths, strict=True)]

        return self._each(X, probabilities)

    def predict(self, X: Any) -> list[np.ndarray]:  # noqa: N803
        """Return for each sequence the most probable label of each step."""
        return [self.classes_[p.argmax(axis=1)] for p in self.predict_proba(X)]

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Return the share of steps whose label is predicted."""
        found = self.predict(X)
        return float((np.concatenate(found) == np.concatenate(_labels(y, [len(f) for f in found]))).mean())


def _labels(y: Any, lengths: list[int]) -> list[np.ndarray]:
    """Return the labels of each sequence, checked against its length."""
    if isinstance(y, str) or not hasattr(y, "__len__") or len(y) != len(lengths):
        raise ValueError(f"y: expected the labels of each of {len(lengths)} sequences, got {_described(y)}")
    for i, (labels, length) in enumerate(zip(y, lengths, strict=True)):
        if isinstance(labels, str) or np.shape(labels) != (length,):
            raise ValueError(f"y[{i}]: expected {length} labels, one a step of X[{i}], got {_described(labels)}")
    return [np.asarray(labels) for labels in y]


def _described(y: Any) -> str:
    return type(y).__name__ + (f" of {len(y)}" if hasattr(y, "__len__") else "")
