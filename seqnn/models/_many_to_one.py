"""A sequence in, one answer out: the network, a classifier and a regressor of sequences."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .. import nn, ops, train
from ..autograd import Tensor
from ._data import as_labels, as_targets, r2_score
from ._reader import Reader
from ._sequence_estimator import SequenceEstimator
from ._sequences import as_sequences


class ManyToOne(nn.Module):
    """Sequences [B, T, input_size] to [B, outputs]: recurrent layers, and a Linear of the state behind the last step.

    Args:
        input_size, outputs: numbers a step, and numbers (or logits) a sequence.
        hidden_size, num_layers, bidirectional: of the recurrent layers.
        cell: "rnn", "lstm", "gru" or "stlm".
        dropout: between layers and in front of the Linear.
        vocabulary_size: sequences are ids [B, T] below that, with learnt vectors of `input_size`.

    `model(x, lengths)`: lengths [B], in any order, of sequences that are padded behind; None for full ones.

    >>> import numpy as np
    >>> from seqnn.models import ManyToOne
    >>> ManyToOne(3, 2, hidden_size=8)(np.ones((4, 5, 3), np.float32), np.array([5, 2, 1, 5])).shape
    (4, 2)
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
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(self.reader.output_size, outputs)

    def forward(self, x: Any, lengths: Any = None) -> Tensor:
        _, last = self.reader(x, lengths)
        return self.output(self.dropout(last))


class SequenceClassifier(SequenceEstimator):
    """Classifier of sequences by a `ManyToOne` with a softmax; scikit-learn's methods.

    X is a list of sequences of unequal length, or an array [N, T, ...]: of numbers, [T] or [T, features] each, which are
    standardised; or of tokens (strings), for which vectors are learnt. y: a label a sequence, of any kind that sorts.

    Args:
        cell: "rnn", "lstm", "gru" or "stlm".
        hidden_size, num_layers, bidirectional: of the recurrent layers.
        dropout: between layers and in front of the last.
        embedding_size: dimensions of the vectors of tokens.
        batch_size, learning_rate, weight_decay: of AdamW; sequences of similar length share a batch.
        clip_norm: limit of the gradients' norm, or None.
        max_iter: epochs at most.
        validation_fraction, n_iter_no_change: stop when the loss of that part of the sequences has not fallen for so many
            epochs, and go back to the best weights (0: nothing is held out, and all epochs are run).
        random_state: seed of everything.
        verbose: 1 shows a bar.

    After `fit`: `model_`, `classes_`, `history_`. Raises ValueError or TypeError for sequences that are empty, not finite,
    or of another kind than in `fit`.

    >>> from seqnn.models import SequenceClassifier
    >>> X = [["to", "be", "or", "not"], ["or", "not", "to", "be", "?"]] * 10
    >>> model = SequenceClassifier(hidden_size=8, max_iter=20, learning_rate=0.03).fit(X, ["statement", "question"] * 10)
    >>> model.predict([["to", "be", "?"], ["not", "to", "be"]]).tolist()
    ['question', 'statement']
    """

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from sequences and their labels."""
        self.classes_, ids = as_labels(y, len(as_sequences(X, "X")))
        classes = len(self.classes_)
        self._fit_sequences(
            X, ids, lambda labels: (np.array(labels),), lambda **o: ManyToOne(outputs=classes, **o), ops.cross_entropy,
            {"accuracy": train.accuracy},
        )  # fmt: skip
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Probabilities [N, classes], in the order of `classes_`."""
        return np.stack(self._each(X, lambda x, lengths: ops.softmax(self.model_(x, lengths).numpy())))

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The most probable label of each sequence."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Share of sequences whose label is predicted."""
        return float((self.predict(X) == np.asarray(y)).mean())


class SequenceRegressor(SequenceEstimator):
    """Regression of sequences by a `ManyToOne` with the squared error; X and arguments as for `SequenceClassifier`.

    y is [N] or [N, outputs]; it is standardised for training, and predictions come back in its units.

    >>> import numpy as np
    >>> from seqnn.models import SequenceRegressor
    >>> X = np.random.default_rng(0).standard_normal((200, 6))
    >>> SequenceRegressor(hidden_size=16, max_iter=40, learning_rate=0.01).fit(X, X.sum(axis=1)).score(X, X.sum(axis=1)) > 0.9
    True
    """

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from sequences and numbers."""
        y = as_targets(y, len(as_sequences(X, "X")), np.dtype(np.float64))
        self._flat = y.ndim == 1
        rows = y.reshape(len(y), -1)
        self.y_mean_ = rows.mean(axis=0)
        deviation = rows.std(axis=0)
        self.y_scale_ = np.where(deviation > 0, deviation, 1)
        scaled = ((rows - self.y_mean_) / self.y_scale_).astype(np.float32)
        outputs = scaled.shape[1]
        self._fit_sequences(
            X, scaled, lambda y: (np.stack(y),), lambda **o: ManyToOne(outputs=outputs, **o), ops.mse_loss
        )
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Predicted numbers, in the shape of the y of `fit`."""
        scaled = np.stack(self._each(X, lambda x, lengths: self.model_(x, lengths).numpy()))
        y = scaled * self.y_scale_ + self.y_mean_
        return y[:, 0] if self._flat else y

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """R^2 of the predictions, the mean over several outputs."""
        return r2_score(np.asarray(y), self.predict(X))
