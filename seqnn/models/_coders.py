"""How sequences, vectors and labels become what a network takes, and come back."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..text import pad
from ._base import Learner, Part, Plain, Scaler, Words
from ._heads import IGNORED
from ._pretrained import Pretrained, learn_words
from ._sequences import Sequences


class Numbers(Learner):
    """Sequences of numbers, standardised by mean and deviation of those that it learns from."""

    _scaler = Part(Scaler, F="W")
    width = Plain(int, axis="W")
    flat = Plain(bool)

    def __init__(self, sequences: Sequences) -> None:
        self._scaler = Scaler.standard(np.concatenate(sequences.rows))
        self.width, self.flat = sequences.rows[0].shape[1], sequences.flat

    def encode(self, sequences: Sequences, name: str) -> list[np.ndarray]:
        """Return standardised sequences [T, width], float32."""
        if sequences.tokens:
            raise TypeError(f"{name}: expected sequences of numbers as fit got, got tokens")
        if (width := sequences.rows[0].shape[1]) != self.width:
            raise ValueError(f"{name}: expected {self.width} numbers a step as fit got, got {width}")
        return [self._scaler.scaled(s).astype(np.float32) for s in sequences.rows]

    def decode(self, array: np.ndarray) -> np.ndarray:
        """Return numbers [T, width] in their own units, as [T] where the first ones were so."""
        numbers = self._scaler.unscaled(array)
        return numbers[:, 0] if self.flat else numbers

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return padded sequences [B, T, width] and their lengths."""
        return pad(rows)

    def reader(self) -> dict[str, Any]:
        """Return the arguments by which a network reads such sequences."""
        return {"input_size": self.width}

    def table(self, pretrained: Pretrained) -> np.ndarray:
        """Refuse vectors, which numbers do not need."""
        raise TypeError("embedding: expected X of tokens, or of integers with a matrix, got X of numbers")


class Tokens(Learner):
    """Sequences of strings; what is not in the vocabulary becomes "<unk>"."""

    vocabulary = Words()
    embedding_size = Plain(int)
    text = Plain(bool)

    def __init__(
        self, sequences: Sequences, settings: SimpleNamespace, pretrained: Pretrained | None, name: str
    ) -> None:
        self.embedding_size = settings.embedding_size if pretrained is None else pretrained.size
        self.text = sequences.text
        self.vocabulary = learn_words(sequences.rows, pretrained, settings, name)

    def encode(self, sequences: Sequences, name: str) -> list[np.ndarray]:
        """Return sequences of ids [T]."""
        if not sequences.tokens:
            raise TypeError(f"{name}: expected sequences of tokens (strings) as fit got, got numbers")
        return [self.vocabulary.encode(s) for s in sequences.rows]

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return padded ids [B, T] and their lengths."""
        return pad(rows)

    def reader(self) -> dict[str, Any]:
        """Return the arguments by which a network reads such sequences."""
        return {"input_size": self.embedding_size, "vocabulary_size": len(self.vocabulary)}

    def table(self, pretrained: Pretrained) -> np.ndarray:
        """Return the first vectors of the vocabulary, [V, D]."""
        return pretrained.table(self.vocabulary)


class Ids(Learner):
    """Sequences of integers, which are numbers of rows of a matrix."""

    count = Plain(int)
    embedding_size = Plain(int)

    def __init__(self, pretrained: Pretrained) -> None:
        self.count, self.embedding_size = pretrained.matrix.shape

    def encode(self, sequences: Sequences, name: str) -> list[np.ndarray]:
        """Return sequences of ids [T]."""
        if sequences.tokens or not sequences.flat:
            raise TypeError(f"{name}: expected sequences of integers [T] as fit got")
        for i, row in enumerate(sequences.rows):
            if wrong := row[(row < 0) | (row >= self.count) | (row != np.trunc(row))].tolist():
                raise ValueError(f"{name}[{i}]: expected rows of the matrix, 0 .. {self.count - 1}, got {wrong[0]:g}")
        return [row.reshape(-1).astype(np.int32) for row in sequences.rows]

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return padded ids [B, T] and their lengths."""
        return pad(rows)

    def reader(self) -> dict[str, Any]:
        """Return the arguments by which a network reads such sequences."""
        return {"input_size": self.embedding_size, "vocabulary_size": self.count}

    def table(self, pretrained: Pretrained) -> np.ndarray:
        """Return the matrix."""
        return pretrained.matrix


def learn(sequences: Sequences, settings: SimpleNamespace) -> Numbers | Tokens | Ids:
    """Return how to encode sequences of this kind, with the vectors of `settings.embedding` where there are some."""
    if sequences.tokens:
        return Tokens(sequences, settings, settings.embedding, "embedding")
    if settings.embedding is not None and sequences.whole and sequences.flat:
        if settings.embedding.words is not None:
            raise TypeError("embedding: expected a matrix without words for X of integers, got one with words")
        return Ids(settings.embedding)
    return Numbers(sequences)


class Stacked:
    """Vectors, labels or numbers of equal shape."""

    def collate(self, rows: list[Any]) -> tuple:
        """Return them as one array [B, ...]."""
        return (np.stack(rows),)


class Tags:
    """A class for each step of a sequence."""

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return padded classes [B, T]; the padding does not count for `token_cross_entropy`."""
        return (padded_classes(rows),)


def padded_classes(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Return class numbers [B, T] of sequences [t]; the padding does not count for `token_cross_entropy`."""
    return pad(rows, value=IGNORED)[0]
