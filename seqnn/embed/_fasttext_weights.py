"""The matrices of a FastText model, and which of their rows a word is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._memory import big_zeros, padded
from ..random import fill_uniform
from ._subwords import Subwords
from ._word2vec_weights import INITIAL_STREAM, Weights

NGRAM_STREAM = INITIAL_STREAM << 1
"""Stream of random numbers of the n-grams' initial vectors; plus their number, where more are added later."""


@dataclass
class FastTextWeights(Weights):
    """`Weights` whose `input` has a row for each of `count` words, and then one for each n-gram."""

    count: int
    subwords: Subwords

    @classmethod
    def zeros(cls, count: int, size: int, subwords: Subwords, *, negative: bool, hs: bool) -> FastTextWeights:
        """Zeros for `count` words and these n-grams."""
        others = Weights.create(count, size, negative=negative, hs=hs)
        parts = big_zeros((count + subwords.count, padded(size)))
        return cls(size, parts, others.output, others.nodes, count, subwords)

    def draw(self, first: int, seed: int, ngrams: np.ndarray | None = None) -> None:
        """Initial values, uniform in [-1/size, 1/size), of the words from row `first` on and of the n-grams.

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

    def grown_for(self, words: Sequence[str], seed: int) -> FastTextWeights:
        """The same with new words appended, up to `words`, and with the n-grams that these have more."""
        old = self.subwords
        new = old
        if old.buckets is not None:
            new = Subwords.of_words(words[self.count :], old.min_n, old.max_n, old.bucket, old.buckets)
        negative, hs = self.output is not None, self.nodes is not None
        larger = self.zeros(len(words), self.size, new, negative=negative, hs=hs)
        larger.input[: self.count] = self.input[: self.count]
        at = np.arange(old.count) if new.buckets is None else np.searchsorted(new.buckets, old.buckets)
        larger.input[len(words) + at] = self.input[self.count :]
        for mine, theirs in zip(self.arrays()[1:], larger.arrays()[1:], strict=True):
            theirs[: len(mine)] = mine
        larger.draw(self.count, seed, np.setdiff1d(np.arange(new.count), at, assume_unique=True))
        return larger

    def check(self, vectors: np.ndarray) -> None:
        """`ValueError` when `vectors` cannot be the word vectors of this model."""
        Weights(self.size, self.input[: self.count], None, None).check(vectors)

    def blank(self) -> FastTextWeights:
        """Zeros in these shapes, ready to be trained."""
        negative, hs = self.output is not None, self.nodes is not None
        return self.zeros(self.count, self.size, self.subwords, negative=negative, hs=hs)
