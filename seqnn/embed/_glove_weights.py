"""The matrices of a GloVe model: vectors, biases, and the sums of squared gradients beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._memory import big_zeros, padded
from ..random import fill_uniform

INITIAL_STREAM = 1 << 40
"""Streams of random numbers of the initial values: word vectors, word biases, context vectors, context biases."""


@dataclass
class Weights:
    """`word` and `context`, float32 [V, 2, W]: [:, 0] values, [:, 1] sums of squared gradients.

    Of the W >= size + 2 columns the first `size` are the vector. The last two hold in `word` the bias and 1, in
    `context` 1 and the bias, so that the dot product of both adds the biases. The rest is 0.
    """

    size: int
    word: np.ndarray
    context: np.ndarray

    @classmethod
    def create(cls, count: int, size: int) -> Weights:
        """Room for `count` words; call `reset` next."""
        shape = count, 2, padded(size + 2)
        return cls(size, big_zeros(shape), big_zeros(shape))

    def arrays(self) -> list[np.ndarray]:
        """What training changes."""
        return [self.word, self.context]

    def reset(self, seed: int) -> None:
        """Initial values: vectors and biases uniform in [-0.5/size, 0.5/size), squared gradients 1."""
        half = 0.5 / self.size
        for number, (array, bias, one) in enumerate(((self.word, -2, -1), (self.context, -1, -2))):
            array[:, 0] = 0
            array[:, 1] = 1
            stream = INITIAL_STREAM + 2 * number
            fill_uniform(array[:, 0, : self.size], -half, half, seed=seed, stream=stream)
            fill_uniform(array[:, 0, bias][:, None], -half, half, seed=seed, stream=stream + 1)
            array[:, 0, one] = 1

    def columns(self, vectors: str) -> int:
        """The length of the vectors that `write_vectors` makes."""
        return self.size * (2 if vectors == "both" else 1)

    def write_vectors(self, out: np.ndarray, vectors: str) -> None:
        """The words' vectors: "sum" of word and context vector, the "word" vector, or "both" side by side."""
        word, context = self.word[:, 0, : self.size], self.context[:, 0, : self.size]
        if vectors == "sum":
            np.add(word, context, out=out)
        else:
            out[:, : self.size] = word
            if vectors == "both":
                out[:, self.size :] = context

    def trainable(self) -> Weights:
        """Itself, or a copy in memory where the arrays are read-only (of a file)."""
        if all(array.flags.writeable for array in self.arrays()):
            return self
        copy = Weights.create(len(self.word), self.size)
        for new, old in zip(copy.arrays(), self.arrays(), strict=True):
            new[...] = old
        return copy
