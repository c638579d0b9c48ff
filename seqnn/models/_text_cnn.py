"""A convolutional network for sentences: the network and a classifier of strings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .. import nn, ops, train
from ..autograd import Tensor
from ..text import Vocabulary, pad, tokenize, truncate
from ._data import as_labels, check_fitted
from ._estimator import Estimator
from ._sequences import batches, by_length

__all__ = ["TextCNN", "TextCNNClassifier"]


class TextCNN(nn.Module):
    """Word ids [N, T] to class logits [N, classes]: filters over windows of words, the largest of each, one Linear.

    h_k = max_t relu(W_k x[t : t + width_k] + b_k) for `filters` filters of each width; logits = W dropout([h_1, h_2, …]) + b.

    Args:
        vocabulary_size, classes: how many words and classes.
        embedding_size: dimensions of the word vectors.
        widths: window widths; sentences shorter than the widest are to be padded to it.
        filters: how many of each width.
        dropout: before the last layer.
        pad_id: its vector is zero and not learnt; windows that reach into the padding do not count, so that a sentence gives
            the same in any batch.
        vectors: [V, D] initial word vectors, such as those of `seqnn.Word2Vec`; else random ones in [-0.25, 0.25].
        static: the word vectors are not learnt.

    Source: Kim, "Convolutional neural networks for sentence classification", 2014.

    >>> import numpy as np
    >>> from seqnn.models import TextCNN
    >>> TextCNN(100, 2)(np.ones((3, 7), np.int32)).shape
    (3, 2)
    """

    def __init__(
        self,
        vocabulary_size: int,
        classes: int,
        *,
        embedding_size: int = 100,
        widths: Sequence[int] = (3, 4, 5),
        filters: int = 100,
        dropout: float = 0.5,
        pad_id: int = 0,
        vectors: np.ndarray | None = None,
        static: bool = False,
    ) -> None:
        if vectors is not None and np.shape(vectors) != (vocabulary_size, embedding_size):
            raise ValueError(
                f"vectors: expected [vocabulary_size, embedding_size] = {[vocabulary_size, embedding_size]}, "
                f"got {list(np.shape(vectors))}"
            )
        self.pad_id = pad_id
        self.embedding = nn.Embedding(vocabulary_size, embedding_size, padding_idx=pad_id)
        nn.init.uniform_(self.embedding.weight, -0.25, 0.25)
        if vectors is not None:
            self.embedding.weight.data[...] = vectors
        self.embedding.weight.data[pad_id] = 0
        self.embedding.weight.requires_grad = not static
        self.convolutions = nn.ModuleList([nn.Conv1d(embedding_size, filters, width) for width in widths])
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(filters * len(widths), classes)

    def forward(self, ids: Any) -> Tensor:
        x = self.embedding(ids).swapaxes(1, 2)
        lengths = (np.asarray(ids) != self.pad_id).sum(axis=1, keepdims=True)
        largest = []
        for convolution in self.convolutions:
            h = ops.relu(convolution(x))  # [N, filters, windows]
            inside = np.arange(h.shape[2]) < np.maximum(lengths - (x.shape[2] - h.shape[2]), 1)
            largest.append(ops.global_max_pool(h, mask=inside))
        return self.output(self.dropout(ops.concatenate(largest, axis=1)))


class TextCNNClassifier(Estimator):
    """Classifier of strings by a `TextCNN`: tokenises, builds the vocabulary, trains with early stopping.

    Args:
        embedding_size, widths, filters, dropout: see `TextCNN`.
        tokenizer: str to list of tokens.
        min_frequency: rarer words are unknown.
        max_length: tokens behind it are cut off.
        batch_size, learning_rate, weight_decay: of AdamW; sentences of similar length share a batch.
        max_iter: epochs at most.
        validation_fraction, n_iter_no_change: stop when the loss of that part of the sentences has not fallen for so many
            epochs, and go back to the best weights (0: nothing is held out, and all epochs are run).
        random_state: seed of everything.
        verbose: 1 shows a bar.

    After `fit`: `model_`, `vocabulary_`, `classes_`, `history_`.

    >>> from seqnn.models import TextCNNClassifier
    >>> texts = ["a very good film", "a very bad film", "such good fun", "in bad taste"] * 20
    >>> model = TextCNNClassifier(filters=8, embedding_size=16, learning_rate=0.01, max_iter=20)
    >>> model.fit(texts, ["+", "-", "+", "-"] * 20).predict(["such good fun", "in bad taste"]).tolist()
    ['+', '-']
    """

    def __init__(
        self,
        *,
        embedding_size: int = 100,
        widths: Sequence[int] = (3, 4, 5),
        filters: int = 100,
        dropout: float = 0.5,
        tokenizer: Callable[[str], list[str]] = tokenize,
        min_frequency: int = 1,
        max_length: int = 400,
        batch_size: int = 50,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        max_iter: int = 20,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 3,
        random_state: int = 0,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            batch_size=batch_size, learning_rate=learning_rate, weight_decay=weight_decay, max_iter=max_iter,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, random_state=random_state,
            verbose=verbose,
        )  # fmt: skip
        self.embedding_size, self.widths, self.filters, self.dropout = embedding_size, tuple(widths), filters, dropout
        self.tokenizer, self.min_frequency, self.max_length = tokenizer, min_frequency, max_length

    def fit(self, texts: Sequence[str], y: Any, *, vectors: Any = None) -> Self:
        """Learn from strings and their labels.

        `vectors`, a `seqnn.KeyedVectors` of `embedding_size` dimensions, gives the words that it has their first vectors.
        """
        tokens = self._tokens(texts)
        self.classes_, labels = as_labels(y, len(tokens))
        rest, held = self._split(len(tokens))
        self.vocabulary_ = Vocabulary.from_tokens([tokens[i] for i in rest], min_frequency=self.min_frequency)
        self._train(
            lambda: self._network(vectors),
            ops.cross_entropy,
            self._batches([tokens[i] for i in rest], labels[rest], shuffle=True),
            self._batches([tokens[i] for i in held], labels[held], shuffle=False) if len(held) else None,
            metrics={"accuracy": train.accuracy},
        )
        return self

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities [N, classes], in the order of `classes_`."""
        check_fitted(self, "model_")
        ids = [self.vocabulary_.encode(tokens) for tokens in self._tokens(texts)]
        rows = by_length(ids, 256, lambda part: ops.softmax(self.model_(self._padded(part)).numpy()))
        return np.array(rows, np.float32).reshape(len(ids), len(self.classes_))

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """The most probable label of each string."""
        best = self.predict_proba(texts).argmax(axis=1)
        return self.classes_[best]

    def score(self, texts: Sequence[str], y: Any) -> float:
        """Share of strings whose label is predicted."""
        return float((self.predict(texts) == np.asarray(y)).mean())

    def _tokens(self, texts: Sequence[str]) -> list[list[str]]:
        if isinstance(texts, str):
            raise TypeError("texts: expected a list of strings, got one string")
        return truncate([self.tokenizer(text) for text in texts], self.max_length)

    def _padded(self, ids: list[np.ndarray]) -> np.ndarray:
        longest = max(map(len, ids), default=0)
        return pad(ids, value=self.vocabulary_.pad_id, length=max(longest, *self.widths))[0].astype(
            np.int32, copy=False
        )

    def _batches(self, tokens: list[list[str]], labels: np.ndarray, *, shuffle: bool) -> train.Batches:
        return batches(
            [self.vocabulary_.encode(t) for t in tokens], labels, lambda ids: (self._padded(ids),),
            lambda found: (np.array(found, np.int32),), batch_size=self.batch_size, seed=self.random_state,
            shuffle=shuffle,
        )  # fmt: skip

    def _network(self, vectors: Any) -> TextCNN:
        model = TextCNN(
            len(self.vocabulary_),
            len(self.classes_),
            embedding_size=self.embedding_size,
            widths=self.widths,
            filters=self.filters,
            dropout=self.dropout,
            pad_id=self.vocabulary_.pad_id,
        )
        if vectors is not None:
            self._set_vectors(model.embedding.weight.data, vectors)
        return model

    def _set_vectors(self, weight: np.ndarray, vectors: Any) -> None:
        if vectors.vector_size != weight.shape[1]:
            raise ValueError(
                f"vectors: expected {weight.shape[1]} dimensions (embedding_size), got {vectors.vector_size}"
            )
        for i, word in enumerate(self.vocabulary_.words):
            if word in vectors.key_to_index:
                weight[i] = vectors[word]
