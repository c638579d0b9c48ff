"""A classifier of texts by a convolutional network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .. import ops, train
from .._settings import Flag, Integer, Number, Sizes
from ..autograd import no_grad
from ..text import pad, tokenize, truncate
from ._base import (
    ClassWeight,
    Network,
    Plain,
    Tokenizer,
    Words,
    by_length,
    label_array,
    number_classes,
    split_rows,
)
from ._coders import Stacked
from ._coding_estimator import CodingEstimator
from ._explanation import ExplainingClassifier
from ._losses import CLASSES
from ._pretrained import Embedding, fill, learn_words
from ._sequences import Sequences, as_sequences
from ._text_cnn import TextCNN
from ._weights import by_class, weighed

__all__ = ["TextCNNClassifier"]

_ROWS = 256  # texts of a prediction that run together


class TextCNNClassifier(ExplainingClassifier, CodingEstimator):
    """Classify texts by a `TextCNN`: tokenise, build the vocabulary, train by AdamW with early stopping.

    X is a list of strings, which `tokenizer` cuts into tokens, or of token lists; y: a label for each, of any kind that
    sorts. Texts of similar length share a batch.

    Args:
        embedding_size: dimensions of the word vectors that are learnt.
        embedding: first vectors of the words: `KeyedVectors` (also FastText's, which have a vector for unknown words), or a
            pair (matrix, words). `embedding_size` follows.
        freeze: whether vectors that are given stay as they are. Then the vocabulary is all words that have a vector, and
            the others are "<unk>"; else it is the words of the texts that are learnt from.
        widths: how many words the filters see.
        filters: how many of each width.
        dropout: share of what the last layer gets that is dropped, in training.
        tokenizer: from a string to its tokens, for texts that are given as strings.
        min_frequency: rarer words are "<unk>", as are those that `fit` did not meet.
        max_length: the tokens after it are cut off.
        class_weight: how much each class counts: None (all the same), "balanced" (N / (classes * count of the class)), or
            {label: weight}.
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
    embedding = Embedding()
    freeze = Flag(False)
    widths = Sizes((3, 4, 5))
    filters = Integer(100, minimum=1)
    dropout = Number(0.5, minimum=0, maximum=1)
    tokenizer = Tokenizer(tokenize)
    min_frequency = Integer(1, minimum=1)
    max_length = Integer(400, minimum=1)
    class_weight = ClassWeight()
    batch_size = Integer(50, minimum=1)
    learning_rate = Number(1e-3, minimum=0)
    weight_decay = Number(1e-2, minimum=0)
    max_iter = Integer(20, minimum=1)
    n_iter_no_change = Integer(3)

    vocabulary_ = Words()
    _size = Plain(int)
    model_ = Network(TextCNN)

    def __init__(
        self,
        *,
        embedding_size: int = 100,
        embedding: Any = None,
        freeze: bool = False,
        widths: Sequence[int] = (3, 4, 5),
        filters: int = 100,
        dropout: float = 0.5,
        tokenizer: Callable[[str], list[str]] = tokenize,
        min_frequency: int = 1,
        max_length: int = 400,
        class_weight: dict | str | None = None,
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

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from texts and their labels.

        Args:
            X: strings, or token lists.
            y: a label for each.
            sample_weight: how much each text counts, [N]; default: all the same.

        Returns:
            The estimator.
        """
        settings = self._begin()
        texts = self._texts(X)
        texts, labels, weights = weighed(texts, label_array(y, len(texts.rows)), sample_weight)
        self.classes_, ids = number_classes(labels)
        weights = by_class(settings.class_weight, self.classes_, ids, weights)
        parts = split_rows(len(ids), settings)
        self._learn_words([texts.rows[i] for i in parts[0]])
        inputs, targets = (self._encoded(texts), self), (ids, Stacked())
        return self._learn(inputs, targets, CLASSES, weights, {"accuracy": train.accuracy}, parts=parts)

    def _learn_words(self, texts: list[list[str]]) -> None:
        """Build the vocabulary, with vectors where there are some."""
        given = self._used.embedding
        self._size = self._used.embedding_size if given is None else given.size
        self.vocabulary_ = learn_words(texts, given, self._used, "embedding")

    def _prepare(self, model: Any) -> None:
        super()._prepare(model)
        if self._used.embedding is not None:
            fill(model.embedding, self._used.embedding.table(self.vocabulary_), self._used.freeze)

    def _arguments(self) -> dict[str, Any]:
        settings = self._used
        return {
            "vocabulary_size": len(self.vocabulary_), "classes": len(self.classes_), "pad_id": self.vocabulary_.pad_id,
            "embedding_size": self._size, "widths": settings.widths, "filters": settings.filters,
            "dropout": settings.dropout,
        }  # fmt: skip

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`.

        Args:
            X: as for `fit`.
        """
        self._require_fit()
        ids = self._encoded(self._texts(X))
        rows = by_length(ids, _ROWS, lambda part: ops.softmax(self.model_(*self.collate(part)).numpy()))
        return np.array(rows, np.float32).reshape(len(ids), len(self.classes_))

    def _texts(self, X: Any) -> Sequences:  # noqa: N803
        if isinstance(X, str):
            raise TypeError("X: expected a list of texts, got one string")
        texts = as_sequences(X, "X", self._used.tokenizer, empty=True)
        if not texts.tokens:
            raise TypeError("X: expected strings or lists of tokens, got numbers")
        return texts._replace(rows=truncate(texts.rows, self._used.max_length))

    def _encoded(self, texts: Sequences) -> list[np.ndarray]:
        return [self.vocabulary_.encode(tokens) for tokens in texts.rows]

    def _embedded(self, rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        with no_grad():
            return self.model_.embedding(*self.collate(rows)).numpy(), np.array([len(row) for row in rows])

    def collate(self, ids: list[np.ndarray]) -> tuple:
        """Return padded ids [B, T], at least as wide as the widest filter.

        Args:
            ids: the ids of each text.
        """
        longest = max(map(len, ids), default=0)
        padded, _ = pad(ids, value=self.vocabulary_.pad_id, length=max(longest, *self._used.widths))
        return (padded.astype(np.int32, copy=False),)
