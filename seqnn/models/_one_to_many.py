"""A vector in, a sequence out: the network, and an estimator that generates sequences."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .. import nn, ops
from ..autograd import Tensor, no_grad
from ._data import as_features, check_fitted
from ._generation import generate
from ._reader import recurrent
from ._writing import WritingEstimator


class OneToMany(nn.Module):
    """Vectors [B, vector_size] to sequences: of numbers [B, T, outputs], or of ids below `outputs`.

    The first state is tanh(W vector + b), and every step sees the vector again; where ids are written (`embedding_size`
    is given) also the id before it (Cho et al. 2014, without attention).

    Args:
        vector_size, outputs: numbers a vector, and numbers (or ids) a step.
        hidden_size, num_layers: of the recurrent layers.
        cell: "rnn", "lstm", "gru" or "stlm".
        dropout: between layers and in front of the last Linear.
        embedding_size: dimensions of the vectors of ids; None for numbers.

    `model(vectors, steps)` gives the numbers; `model(vectors, previous)`, ids [B, T], the logits [B, T, outputs] of the next.

    >>> import numpy as np
    >>> from seqnn.models import OneToMany
    >>> OneToMany(3, 2, hidden_size=8)(np.ones((4, 3), np.float32), 5).shape
    (4, 5, 2)
    >>> words = OneToMany(3, 10, hidden_size=8, embedding_size=6)
    >>> words(np.ones((4, 3), np.float32), np.array([[1, 5]] * 4)).shape
    (4, 2, 10)
    """

    def __init__(
        self,
        vector_size: int,
        outputs: int,
        *,
        hidden_size: int = 64,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        embedding_size: int | None = None,
    ) -> None:
        self.embedding = None if embedding_size is None else nn.Embedding(outputs, embedding_size)
        self.start = nn.Linear(vector_size, num_layers * hidden_size)
        inputs = vector_size + (embedding_size or 0)
        self.recurrent = recurrent(cell, inputs, hidden_size, num_layers=num_layers, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_size, outputs)

    def forward(self, vectors: Any, guide: Any) -> Tensor:
        ids = None if self.embedding is None else self.embedding(guide)
        rows, steps = vectors.shape[0], guide if ids is None else ids.shape[1]
        x = ops.expand(ops.unsqueeze(vectors, 1), (rows, steps, vectors.shape[1]))
        x = x if ids is None else ops.concatenate([ids, x], axis=-1)
        out, _ = self.recurrent(x, self._state(vectors))
        return self.output(self.dropout(out))

    def generate(self, vectors: Any, steps: int, begin: int = 0, end: int | None = None) -> np.ndarray:
        """Numbers [B, steps, outputs]; or up to `steps` ids [B, T], each the most probable one behind those before it.

        `begin` is the id in front of the first; a sequence goes on with `end` behind its first `end`.
        """
        with no_grad():
            if self.embedding is None:
                return self(vectors, steps).numpy()
            vectors = np.asarray(vectors)
            state = tuple(np.asarray(s) for s in self._states(vectors))
            state = state if len(state) > 1 else state[0]

            def step(ids: np.ndarray) -> np.ndarray:
                nonlocal state
                x = np.concatenate([self.embedding.weight.data[ids[:, 0]], vectors], axis=1)
                out, state = self.recurrent.step(x, state)
                return np.asarray(self.output(out))

            first = np.full((len(vectors), 1), begin)
            return generate(step, first, steps, temperature=0.0, top_k=None, eos_id=end)

    def _states(self, vectors: Any) -> tuple[Any, ...]:
        """Each part of the first state [layers, B, size]: h from the vectors, the others zero."""
        layers, rows = self.recurrent.num_layers, vectors.shape[0]
        h = ops.tanh(self.start(vectors)).reshape(rows, layers, -1).swapaxes(0, 1)
        _, *others = self.recurrent.state_sizes().values()
        return h, *(np.zeros((layers, rows, size), h.dtype) for size in others)

    def _state(self, vectors: Any) -> Any:
        states = self._states(vectors)
        return states if len(states) > 1 else states[0]


class SequenceGenerator(WritingEstimator):
    """Generates a sequence from a vector, by a `OneToMany`; arguments as for `SequenceClassifier`.

    X [N, features] is standardised; y is a list of sequences of numbers (of unequal length; standardised for training) or
    of tokens (strings). After `fit`: `model_`, `history_`.

    >>> import numpy as np
    >>> from seqnn.models import SequenceGenerator
    >>> X = np.arange(6.0)[:, None]
    >>> y = [["zero"], ["one"], ["two"], ["two", "and", "one"], ["two", "and", "two"], ["five"]]
    >>> model = SequenceGenerator(hidden_size=16, max_iter=150, learning_rate=0.02, validation_fraction=0).fit(X, y)
    >>> model.predict([[1.0], [3.0]])
    [['one'], ['two', 'and', 'one']]
    """

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from vectors and their sequences."""
        x = as_features(X)
        self.mean_ = x.mean(axis=0)
        deviation = x.std(axis=0)
        self.scale_ = np.where(deviation > 0, deviation, 1)
        options = self._network_options() | {"vector_size": x.shape[1]}
        del options["bidirectional"]
        scaled = list(((x - self.mean_) / self.scale_).astype(np.float32))
        self._fit_writer(scaled, y, lambda rows: (np.stack(rows),), lambda **o: OneToMany(**options, **o))
        return self

    def predict(self, X: Any, *, steps: int | None = None) -> list[Any]:  # noqa: N803
        """For each vector its sequence: [steps, ...] numbers, or tokens up to the end, `steps` at most.

        `steps` is by default as many as the longest sequence of `fit` has.
        """
        check_fitted(self, "model_")
        x = as_features(X, len(self.mean_))
        scaled = ((x - self.mean_) / self.scale_).astype(np.float32)
        return self._decoded(self.model_.generate(scaled, *self._generation(steps)))
