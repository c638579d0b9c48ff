"""A classifier of strings by a convolutional network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .. import ops, train
from .._settings import Integer, Number, Sizes
from ..text import Vocabulary, pad, tokenize, truncate
from ._base import (
    ClassifierMixin,
    Examples,
    Network,
    NetworkEstimator,
    Tokenizer,
    Words,
    as_labels,
    by_length,
    split_rows,
)
from ._coders import Stacked
from ._text_cnn import TextCNN

__all__ = ["TextCNNClassifier"]

_ROWS = 256  # sentences of a prediction that run together


class TextCNNClassifier(ClassifierMixin, NetworkEstimator):
    """Classify strings by a `TextCNN`: tokenise, build the vocabulary, train by AdamW with early stopping.

    Sentences of similar length share a batch.

    Args:
        embedding_size: dimensions of the word vectors.
        widths: how many words the filters see.
        filters: how many of each width.
        dropout: before the last layer.
        tokenizer: str to list of tokens.
        min_frequency: rarer words are unknown.
        max_length: the tokens after it are cut off.
        learning_rate: of AdamW, constant.
        weight_decay: of AdamW.

    Attributes:
        model_: the network, a `TextCNN`.
        vocabulary_: the words it knows.
        classes_: the labels, sorted.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    >>> from seqnn.models import TextCNNClassifier
    >>> texts = ["a very good film", "a very bad film", "such good fun", "in bad taste"] * 20
    >>> model = TextCNNClassifier(filters=8, embedding_size=16, learning_rate=0.01, max_iter=20)
    >>> model.fit(texts, ["+", "-", "+", "-"] * 20).predict(["such good fun", "in bad taste"]).tolist()
    ['+', '-']
    """

    embedding_size = Integer(100, minimum=1)
    widths = Sizes((3, 4, 5))
    filters = Integer(100, minimum=1)
    dropout = Number(0.5, minimum=0, maximum=1)
    tokenizer = Tokenizer(tokenize)
    min_frequency = Integer(1, minimum=1)
    max_length = Integer(400, minimum=1)
    batch_size = Integer(50, minimum=1)
    learning_rate = Number(1e-3, minimum=0)
    weight_decay = Number(1e-2, minimum=0)
    max_iter = Integer(20, minimum=1)
    n_iter_no_change = Integer(3)

    vocabulary_ = Words()
    model_ = Network(TextCNN)

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
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def fit(self, X: Sequence[str], y: Any, *, vectors: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from strings and their labels; return the estimator.

        Args:
            X: strings.
            y: a label for each.
            vectors: `seqnn.KeyedVectors` of `embedding_size` dimensions: first vectors of the words that it has.
        """
        settings = self._begin()
        tokens = self._tokens(X)
        self.classes_, labels = as_labels(y, len(tokens))
        learnt, _ = split_rows(len(tokens), settings)
        self.vocabulary_ = Vocabulary.from_tokens([tokens[i] for i in learnt], min_frequency=settings.min_frequency)
        self._vectors = vectors
        examples = Examples([self.vocabulary_.encode(t) for t in tokens], labels, self, Stacked())
        return self._train(ops.cross_entropy, *examples.split(settings), metrics={"accuracy": train.accuracy})

    def _arguments(self) -> dict[str, Any]:
        settings = self._used
        return {
            "vocabulary_size": len(self.vocabulary_), "classes": len(self.classes_), "pad_id": self.vocabulary_.pad_id,
            "embedding_size": settings.embedding_size, "widths": settings.widths, "filters": settings.filters,
            "dropout": settings.dropout,
        }  # fmt: skip

    def _make(self) -> TextCNN:
        model = super()._make()
        vectors = self.__dict__.pop("_vectors", None)
        if vectors is not None:
            weight = model.embedding.weight.data
            if vectors.vector_size != weight.shape[1]:
                raise ValueError(
                    f"vectors: expected {weight.shape[1]} dimensions (embedding_size), got {vectors.vector_size}"
                )
            for i, word in enumerate(self.vocabulary_.words):
                if word in vectors.key_to_index:
                    weight[i] = vectors[word]
        return model

    def predict_proba(self, X: Sequence[str]) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`."""
        self._require_fit()
        ids = [self.vocabulary_.encode(tokens) for tokens in self._tokens(X)]
        rows = by_length(ids, _ROWS, lambda part: ops.softmax(self.model_(*self.collate(part)).numpy()))
        return np.array(rows, np.float32).reshape(len(ids), len(self.classes_))

    def _tokens(self, texts: Sequence[str]) -> list[list[str]]:
        if isinstance(texts, str):
            raise TypeError("X: expected a list of strings, got one string")
        return truncate([self._used.tokenizer(text) for text in texts], self._used.max_length)

    def collate(self, ids: list[np.ndarray]) -> tuple:
        """Return padded ids [B, T], at least as wide as the widest filter."""
        longest = max(map(len, ids), default=0)
        padded, _ = pad(ids, value=self.vocabulary_.pad_id, length=max(longest, *self._used.widths))
        return (padded.astype(np.int32, copy=False),)
