"""A classifier of sequences."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np

from .. import ops, train
from .._settings import Anything, Choice
from ..autograd import no_grad
from ..text import tokenize
from ._base import ClassifierMixin, ClassWeight, Network, label_array, number_classes
from ._coders import Stacked
from ._encoders import checked_encoder
from ._explanation import POINTS, Explanation, explained_classes, odds_by_input
from ._losses import CLASSES
from ._many_to_one import ManyToOne
from ._recurrent_estimator import ROWS, SequenceEstimator
from ._weights import by_class, weighed

__all__ = ["SequenceClassifier"]


class SequenceClassifier(ClassifierMixin, SequenceEstimator):
    """Classify sequences, such as texts, by a `ManyToOne` with a softmax.

    X is a list of sequences of unequal length, or an array [N, T, ...]: of numbers, [T] or [T, features] each, which are
    standardised; of tokens; or strings, which `tokenizer` cuts into tokens. Vectors of tokens are learnt, or begin with
    those of `embedding`. y: a label for each sequence, of any kind that sorts.

    Args:
        cell: what reads: recurrent layers, "rnn", "lstm", "gru" or "stlm"; "cnn", convolutions over three steps; or
            "transformer", an encoder of four heads.
        pooling: what stands for a sequence: the "last" state (of both directions), the "mean", the "max", or "attention";
            None: "last", but "max" of a "cnn" and "mean" of a "transformer".
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
    class_weight = ClassWeight()

    model_ = Network(ManyToOne)

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        pooling: str | None = None,
        dropout: float = 0.0,
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
        return {"outputs": len(self.classes_), **self._layers(), "pooling": self._used.pooling}

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`.

        Args:
            X: as for `fit`.
        """
        return np.stack(self._each(X, lambda x, lengths: ops.softmax(self.model_(x, lengths).numpy())))

    def explain(self, X: Any, *, method: str = "gradient", label: Any = None) -> list[Explanation]:  # noqa: N803
        """Return how much each token speaks for the label of its sequence.

        Args:
            X: strings or token lists, as for `fit`.
            method: "gradient": how much each token's vector adds to the log-odds of the label, its gradient times itself;
                "integrated": the same with the mean of the gradients on the way from zero vectors, so that the weights of a
                sequence add up to what its tokens do together; "attention": the weights of the pooling, which are the same
                for all labels and never negative.
            label: the label to explain, one of `classes_`; default: the predicted one of each.

        Returns:
            For each sequence an `Explanation`: it is printed, shown in notebooks, and drawn by `plot.highlight`.

        Raises:
            ValueError: an unknown method or label, or the pooling is not "attention".
            TypeError: sequences have no tokens.
        """
        self._require_fit()
        if method not in (*POINTS, "attention"):
            raise ValueError(f"method: expected 'gradient', 'integrated' or 'attention', got {method!r}")
        found = self._sequences(X)
        if not found.tokens:
            raise TypeError("X: expected strings or lists of tokens, got numbers: only words can be shown")
        probabilities = self.predict_proba(found.rows)
        classes = explained_classes(self.classes_, probabilities, label)
        encoded, weights = self._input.encode(found, "X"), [np.zeros(0)] * len(classes)
        order = np.argsort([len(row) for row in encoded], kind="stable")
        for part in np.split(order, range(ROWS, len(order), ROWS)):
            x, lengths = self._input.collate([encoded[i] for i in part])
            with no_grad():
                embedded = self.model_.reader.embed(x).numpy()
                table = self.model_.attended(embedded, lengths) if method == "attention" else None
            if table is None:
                answer = partial(self.model_.answer, lengths=lengths)
                table = odds_by_input(self.model_, answer, embedded, classes[part], POINTS[method])
            for i, row, length in zip(part.tolist(), table, lengths, strict=True):
                weights[i] = row[:length].copy()
        labels, rows = self.classes_[classes].tolist(), np.arange(len(classes))
        shares = probabilities[rows, classes].tolist()
        return [Explanation(*row) for row in zip(found.rows, weights, labels, shares, strict=True)]
