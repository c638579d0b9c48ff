"""Vectors of words that exist already, as the first (or last) vectors of a model."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import nn
from .._arguments import warn_caller
from .._settings import Setting
from ..text import Vocabulary

__all__ = ["Embedding", "Pretrained"]


class Pretrained:
    """Vectors of words, or a matrix whose rows have numbers only.

    Args:
        given: `KeyedVectors` (also those of FastText, and gensim's), a pair (matrix, words), or a matrix [V, D].
        name: what messages call it.

    Raises:
        TypeError: it is something else.
        ValueError: the matrix has not a row of finite numbers for each word.
    """

    def __init__(self, given: Any, name: str) -> None:
        self._name = name
        self.words: list[str] | None = None
        self._keyed: Any = None
        if hasattr(given, "key_to_index"):
            self._keyed, matrix, self.words = given, given.vectors, list(given.index_to_key)
        elif isinstance(given, tuple) and len(given) == 2:
            matrix, self.words = given[0], list(given[1])
        elif hasattr(given, "__array__") or (isinstance(given, Sequence) and not isinstance(given, str)):
            matrix = given
        else:
            raise TypeError(
                f"{name}: expected KeyedVectors, a pair (matrix, words) or a matrix [V, D], got {type(given).__name__}"
            )
        self.matrix = np.asarray(matrix)
        shape, rows = list(self.matrix.shape), "V" if self.words is None else len(self.words)
        if self.matrix.ndim != 2 or self.matrix.dtype.kind not in "fiu" or 0 in shape:
            raise ValueError(f"{name}: expected a matrix [{rows}, D] of numbers, got {self.matrix.dtype} {shape}")
        if self.words is not None and len(self.words) != len(self.matrix):
            raise ValueError(f"{name}: expected a row for each of {rows} words, got {shape[0]}")
        if not np.isfinite(self.matrix).all():
            raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")
        self._row = {word: i for i, word in enumerate(self.words or ())}

    @property
    def size(self) -> int:
        """Return D."""
        return self.matrix.shape[1]

    def vector(self, word: str) -> np.ndarray | None:
        """Return the vector of a word; None where it has none."""
        if word in self._row:
            return self.matrix[self._row[word]]
        return self._keyed[word] if self._keyed is not None and word in self._keyed else None  # FastText: by its parts

    def vocabulary(self, texts: Sequence[Sequence[str]], min_frequency: int, frozen: bool) -> Vocabulary:
        """Return the words of a model that begins with these vectors.

        Those of the texts; where the vectors are frozen, only those that have one, and all others that have one too.
        """
        met = Vocabulary.from_tokens(texts, min_frequency=min_frequency)
        self._warn_of_capitals(met)
        if not frozen:
            return met
        special = [*met.specials.values()]
        counts = {w: int(c) for w, c in zip(met.words, met.counts, strict=True) if w in special or self._has(w)}
        more = [word for word in self.words or () if word not in counts]
        return Vocabulary([*counts, *more], [*counts.values(), *[0] * len(more)], specials=met.specials)

    def _has(self, word: str) -> bool:
        return self.vector(word) is not None

    def _warn_of_capitals(self, met: Vocabulary) -> None:
        """Warn where most words have no vector, and would have one in lower case."""
        words = [word for word in met.words if word not in met.specials.values()]
        missing = [word for word in words if not self._has(word)]
        lower = [word for word in missing if self._has(word.lower())]
        if 2 * len(lower) > len(words):
            warn_caller(
                f"{self._name}: {len(missing)} of {len(words)} words have no vector, such as {lower[0]!r}, but {len(lower)} of "
                "them have one in lower case: give texts in lower case",
                UserWarning,
            )

    def table(self, vocabulary: Vocabulary) -> np.ndarray:
        """Return a vector for each word, float32 [V, D].

        A word without one gets random numbers as large as those of the vectors; "<unk>" gets the mean of all vectors, and
        the padding zeros.
        """
        table = np.empty((len(vocabulary), self.size), np.float32)
        rows = np.array([self._row.get(word, -1) for word in vocabulary.words])
        table[rows >= 0] = self.matrix[rows[rows >= 0]]
        unknown = np.flatnonzero(rows < 0)
        table[unknown] = nn.init.normal_(table[unknown], 0.0, float(self.matrix.std()) or 1.0)
        for i in unknown.tolist():
            vector = self.vector(vocabulary.words[i])
            if vector is not None:
                table[i] = vector
        table[vocabulary.pad_id] = 0
        table[vocabulary.unk_id] = self.matrix.mean(axis=0)
        return table


def learn_words(
    texts: Sequence[Sequence[str]], pretrained: Pretrained | None, settings: SimpleNamespace, name: str
) -> Vocabulary:
    """Return the words of a model: those of the texts, or those that `Pretrained.vocabulary` says.

    Args:
        texts: lists of tokens.
        pretrained: first vectors, or None.
        settings: of the fit: `min_frequency` and `freeze`.
        name: of the argument that the vectors came in.

    Raises:
        TypeError: the vectors are a matrix without words.
    """
    if pretrained is None:
        return Vocabulary.from_tokens(texts, min_frequency=settings.min_frequency)
    if pretrained.words is None:
        raise TypeError(
            f"{name}: expected KeyedVectors or a pair (matrix, words) for tokens, got a matrix without words"
        )
    return pretrained.vocabulary(texts, settings.min_frequency, settings.freeze)


class Embedding(Setting[Any]):
    """Vectors that exist already, or None; files keep the model's table instead."""

    def __init__(self) -> None:
        super().__init__(None, saved=False)

    def _check(self, name: str, value: Any) -> Pretrained:
        return Pretrained(value, name)


def fill(layer: nn.Embedding, table: np.ndarray, freeze: bool) -> None:
    """Give a layer its first vectors, which stay as they are where `freeze` says so."""
    layer.weight.data[...] = table
    if freeze:
        layer.freeze()
