"""The matrices of a FastText model, and which of their rows a word is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ... import _core
from ..._memory import big_zeros, padded
from ...random import fill_uniform
from ...text import Vocabulary
from .._vectors import FastTextKeyedVectors, KeyedVectors, Subwords
from ._word2vec_weights import INITIAL_STREAM, Weights

NGRAM_STREAM = INITIAL_STREAM << 1
"""Stream of random numbers of the n-grams' initial vectors; plus their number, where more are added later."""

NGRAMS_OF_A_WORD = 20
"""That it does not share with others, at most, in languages of usual length of words."""


@dataclass
class FastTextWeights(Weights):
    """`Weights` whose `input` has a row for each of `count` words, and then one for each n-gram."""

    count: int
    subwords: Subwords

    @classmethod
    def new(cls, vocabulary: Vocabulary, settings: Any) -> FastTextWeights:
        subwords = Subwords.of_words(vocabulary.words, settings.min_n, settings.max_n, settings.bucket)
        negative, hs = settings.negative > 0, bool(settings.hs)
        weights = cls.for_parts(len(vocabulary), settings.vector_size, subwords, negative=negative, hs=hs)
        weights.draw(0, settings.seed)
        return weights

    @classmethod
    def for_parts(cls, count: int, size: int, subwords: Subwords, *, negative: bool, hs: bool) -> FastTextWeights:
        """Make zeros for `count` words and these n-grams."""
        others = Weights.zeros(count, size, negative=negative, hs=hs)
        parts = big_zeros((count + subwords.count, padded(size)))
        return cls(size, parts, others.output, others.nodes, count, subwords)

    @staticmethod
    def estimated(count: int, words: list[str] | None, settings: Any) -> dict[str, int]:
        found = Weights.estimated(count, words, settings)
        ngrams = min(settings.bucket, count * NGRAMS_OF_A_WORD)
        if words is not None:
            ngrams = Subwords.of_words(words, settings.min_n, settings.max_n, settings.bucket).count
        return {"syn0_vocab": found.pop("syn0"), "syn0_ngrams": ngrams * 4 * padded(settings.vector_size)} | found

    def _built_with(self, settings: Any) -> list[tuple[str, Any, Any]]:
        ngrams = [(name, getattr(settings, name), getattr(self.subwords, name)) for name in ("min_n", "max_n")]
        if self.subwords.bucket:
            ngrams.append(("bucket", settings.bucket, self.subwords.bucket))
        return super()._built_with(settings) + ngrams

    def draw(self, first: int, seed: int, ngrams: np.ndarray | None = None) -> None:
        """Draw initial values, uniform in [-1/size, 1/size), of the words from row `first` on and of the n-grams.

        `ngrams` are the n-grams' rows, counted from the first n-gram's; None: all.
        """
        self._draw(np.arange(first, self.count), INITIAL_STREAM + first, seed)
        rows = np.arange(self.subwords.count) if ngrams is None else ngrams
        self._draw(self.count + rows, NGRAM_STREAM + self.subwords.count - len(rows), seed)

    def _draw(self, rows: np.ndarray, stream: int, seed: int) -> None:
        if len(rows) == 0:
            return
        values = np.empty((len(rows), self.size), np.float32)
        fill_uniform(values, -1 / self.size, 1 / self.size, seed=seed, stream=stream)
        self.input[rows, : self.size] = values

    def grown(self, vocabulary: Vocabulary, seed: int) -> FastTextWeights:
        """Return weights with the new words of a vocabulary appended, and with the n-grams that these have more."""
        old = self.subwords
        new = old
        if old.buckets is not None:
            words = vocabulary.words[self.count :]
            new = Subwords.of_words(words, old.min_n, old.max_n, old.bucket, old.buckets)
        count = len(vocabulary)
        larger = self.for_parts(count, self.size, new, negative=self.negative, hs=self.hs)
        rows = self.rows_in(larger)
        larger.input[rows] = self.input
        for mine, theirs in zip(self.arrays()[1:], larger.arrays()[1:], strict=True):
            theirs[: len(mine)] = mine
        larger.draw(
            self.count, seed, np.setdiff1d(np.arange(new.count), rows[self.count :] - count, assume_unique=True)
        )
        return larger

    def rows_in(self, larger: FastTextWeights) -> np.ndarray:
        old, new = self.subwords.buckets, larger.subwords.buckets
        ngrams = np.arange(self.subwords.count) if new is None else np.searchsorted(new, old)
        return np.concatenate([np.arange(self.count), larger.count + ngrams])

    @staticmethod
    def no_vectors(settings: Any) -> FastTextKeyedVectors:
        return FastTextKeyedVectors(settings.vector_size, settings.min_n, settings.max_n, settings.bucket)

    def vectors(self, vocabulary: Vocabulary) -> FastTextKeyedVectors:
        parts = self.input[:, : self.size]
        return FastTextKeyedVectors._of_parts(vocabulary.words, vocabulary.counts, parts, self.subwords)

    def _blank(self) -> FastTextWeights:
        return self.for_parts(self.count, self.size, self.subwords, negative=self.negative, hs=self.hs)

    def _rows_of(self, wv: KeyedVectors) -> np.ndarray:
        same = isinstance(wv, FastTextKeyedVectors) and wv._subwords.equals(self.subwords)
        if not same or wv._parts.shape != (len(self.input), self.size):
            raise ValueError("wv: expected FastTextKeyedVectors with the n-grams of the model")
        return wv._parts

    def _show(self, wv: FastTextKeyedVectors) -> None:
        wv._set_parts(self.input[:, : self.size])
        wv._vectors_changed()

    def kernel(
        self, vocabulary: Vocabulary, factors: np.ndarray | None
    ) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        rows, offsets, _ = self.subwords.rows(vocabulary.words, np.arange(self.count), self.count)
        return partial(_core.fasttext_train, rows=rows, row_offsets=offsets, factors=factors)

    @classmethod
    def _of_file(
        cls, size: int, wv: FastTextKeyedVectors, output: np.ndarray | None, nodes: np.ndarray | None
    ) -> FastTextWeights:
        return cls(size, wv._parts, output, nodes, len(wv), wv._subwords)
