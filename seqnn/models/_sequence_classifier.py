"""A classifier of sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from .. import ops, train
from .._settings import Anything, Choice, Number
from ..autograd import no_grad
from ..text import tokenize
from ._base import ClassWeight, Network, label_array, number_classes
from ._coders import Stacked
from ._encoders import checked_encoder
from ._explanation import ExplainingClassifier
from ._losses import CLASSES
from ._many_to_one import ManyToOne
from ._recurrent_estimator import SequenceEstimator
from ._sequences import Sequences
from ._weights import by_class, weighed

__all__ = ["SequenceClassifier"]


class SequenceClassifier(ExplainingClassifier, SequenceEstimator):
    """Classify sequences, such as texts, by a `ManyToOne` with a softmax.

    X is a list of sequences of unequal length, or an array [N, T, ...]: of numbers, [T] or [T, features] each, which are
    standardised; of tokens; or strings, which `tokenizer` cuts into tokens. Vectors of tokens are learnt, or begin with
    those of `embedding`. y: a label for each sequence, of any kind that sorts.

    Args:
        cell: what reads: recurrent layers, "rnn", "lstm", "gru" or "stlm"; "cnn", convolutions over three steps; or
            "transformer", an encoder of four heads.
        pooling: what stands for a sequence: the "last" state (of both directions), the "mean", the "max", or "attention";
            None: "last", but "max" of a "cnn" and "mean" of a "transformer".
        embedding_dropout: share of the numbers of the tokens' vectors (or of X of numbers) that is dropped in training. A few
            thousand texts are learnt by heart at once without: try 0.5.
        class_weight: how much each class counts: None (all the same), "balanced" (N / (classes * count of the class)), or
            {label: weight}.

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
    >>> model.predict([["to", "be", "?"], ["to", "be", "or"]]).tolist()
    ['question', 'statement']
    """

    cell = Anything("lstm", lambda _, value: checked_encoder(value), saved=True)
    pooling = Choice(None, ("last", "mean", "max", "attention"))
    embedding_dropout = Number(0.0, minimum=0, maximum=1)
    class_weight = ClassWeight()

    model_ = Network(ManyToOne)
    _methods = ("gradient", "integrated", "attention")

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        pooling: str | None = None,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        tokenizer: Callable[[str], list[str]] = tokenize,
        min_frequency: int = 1,
        embedding_size: int = 64,
        embedding: Any = None,
        freeze: bool = False,
        class_weight: dict | str | None = None,
        batch_size: int = 32,
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

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from sequences and their labels.

        Args:
            X: sequences.
            y: a label for each.
            sample_weight: how much each sequence counts, [N]; default: all the same.

        Returns:
            The estimator.
        """
        self._begin()
        sequences = self._sequences(X)
        sequences, labels, weights = weighed(sequences, label_array(y, len(sequences.rows)), sample_weight)
        self.classes_, ids = number_classes(labels)
        weights = by_class(self._used.class_weight, self.classes_, ids, weights)
        targets = ids, Stacked()
        return self._learn(self._encode(sequences), targets, CLASSES, weights, {"accuracy": train.accuracy})

    def _arguments(self) -> dict[str, Any]:
        names = ("pooling", "embedding_dropout")
        return {"outputs": len(self.classes_), **self._layers(), **{name: getattr(self._used, name) for name in names}}

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`.

        Args:
            X: as for `fit`.
        """
        return np.stack(self._each(X, lambda x, lengths: ops.softmax(self.model_(x, lengths).numpy())))

    def _texts(self, X: Any) -> Sequences:  # noqa: N803
        return self._sequences(X)

    def _encoded(self, texts: Sequences) -> list[np.ndarray]:
        return self._input.encode(texts, "X")

    def _embedded(self, rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        x, lengths = self._input.collate(rows)
        with no_grad():
            return self.model_.reader.embed(x).numpy(), lengths

    def _attended(self, embedded: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        with no_grad():
            return self.model_.attended(embedded, lengths)
