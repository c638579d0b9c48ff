"""A sequence in, an answer at every step out: the network and a tagger."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .. import nn, ops, train
from ..autograd import Tensor
from ._heads import TaggingHead, token_cross_entropy
from ._reader import Reader
from ._sequence_estimator import SequenceEstimator
from ._sequences import as_sequences, padded_classes


class ManyToMany(nn.Module):
    """Sequences [B, T, input_size] to [B, T, outputs]: recurrent layers and a Linear at every step.

    Arguments and `model(x, lengths)` as for `ManyToOne`.

    >>> import numpy as np
    >>> from seqnn.models import ManyToMany
    >>> ManyToMany(3, 2, hidden_size=8, bidirectional=True)(np.ones((4, 5, 3), np.float32)).shape
    (4, 5, 2)
    """

    def __init__(
        self,
        input_size: int,
        outputs: int,
        *,
        hidden_size: int = 64,
        cell: str = "lstm",
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        vocabulary_size: int | None = None,
    ) -> None:
        self.reader = Reader(
            input_size, hidden_size, cell=cell, num_layers=num_layers, bidirectional=bidirectional, dropout=dropout,
            vocabulary_size=vocabulary_size,
        )  # fmt: skip
        self.head = TaggingHead(self.reader.output_size, outputs, dropout=dropout)

    def forward(self, x: Any, lengths: Any = None) -> Tensor:
        out, _ = self.reader(x, lengths)
        return self.head(out)


class SequenceTagger(SequenceEstimator):
    """A label for every step of a sequence, by a `ManyToMany` with a softmax; X and arguments as for `SequenceClassifier`.

    y: for each sequence as many labels as it has steps, of any kind that sorts. Set `bidirectional` where a step's label
    depends on what comes after it. After `fit` also `classes_`.

    >>> from seqnn.models import SequenceTagger
    >>> X = [["the", "dog", "barks"], ["a", "cat", "sleeps", "well"]] * 10
    >>> y = [["DET", "NOUN", "VERB"], ["DET", "NOUN", "VERB", "ADV"]] * 10
    >>> model = SequenceTagger(hidden_size=16, max_iter=30, learning_rate=0.02).fit(X, y)
    >>> [tags.tolist() for tags in model.predict([["the", "cat", "barks"]])]
    [['DET', 'NOUN', 'VERB']]
    """

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from sequences and the labels of their steps."""
        lengths = [len(s) for s in as_sequences(X, "X")]
        labels = _labels(y, lengths)
        self.classes_, flat = np.unique(np.concatenate(labels), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y: expected at least two classes, got {self.classes_.tolist()}")
        ids = np.split(flat.astype(np.int64), np.cumsum(lengths)[:-1])
        classes = len(self.classes_)
        self._fit_sequences(
            X, ids, lambda tags: (padded_classes(tags),), lambda **o: ManyToMany(outputs=classes, **o), token_cross_entropy,
            {"accuracy": train.accuracy},
        )  # fmt: skip
        return self

    def predict_proba(self, X: Any) -> list[np.ndarray]:  # noqa: N803
        """For each sequence the probabilities [T, classes], in the order of `classes_`."""

        def probabilities(x: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
            rows = ops.softmax(self.model_(x, lengths).numpy())
            return [row[:length] for row, length in zip(rows, lengths, strict=True)]

        return self._each(X, probabilities)

    def predict(self, X: Any) -> list[np.ndarray]:  # noqa: N803
        """For each sequence the most probable label of each step."""
        return [self.classes_[p.argmax(axis=1)] for p in self.predict_proba(X)]

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Share of steps whose label is predicted."""
        found = self.predict(X)
        return float((np.concatenate(found) == np.concatenate(_labels(y, [len(f) for f in found]))).mean())


def _labels(y: Any, lengths: list[int]) -> list[np.ndarray]:
    """The labels of each sequence, checked against its length."""
    if isinstance(y, str) or not hasattr(y, "__len__") or len(y) != len(lengths):
        raise ValueError(f"y: expected the labels of each of {len(lengths)} sequences, got {_described(y)}")
    for i, (labels, length) in enumerate(zip(y, lengths, strict=True)):
        if isinstance(labels, str) or np.shape(labels) != (length,):
            raise ValueError(f"y[{i}]: expected {length} labels, one a step of X[{i}], got {_described(labels)}")
    return [np.asarray(labels) for labels in y]


def _described(y: Any) -> str:
    return type(y).__name__ + (f" of {len(y)}" if hasattr(y, "__len__") else "")
