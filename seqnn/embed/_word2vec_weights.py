"""The matrices of a Word2Vec model, and the tables that follow from its word counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from .._memory import big_zeros, padded
from ..random import fill_uniform
from ..text import alias_table, huffman, keep_thresholds

INITIAL_STREAM = 1 << 40
"""Stream of random numbers of the initial vectors; plus the first row, where rows are appended later."""


@dataclass
class Weights:
    """Matrices whose rows are padded with zeros from `size` to a multiple of 16 columns."""

    size: int
    input: np.ndarray
    """V x P: the word vectors."""
    output: np.ndarray | None
    """V x P: a word's vector as a predicted word; only with negative sampling."""
    nodes: np.ndarray | None
    """max(V - 1, 0) x P: the inner nodes of the Huffman tree; only with hierarchical softmax."""

    @classmethod
    def create(cls, count: int, size: int, *, negative: bool, hs: bool) -> Weights:
        """Zeros for `count` words."""
        width = padded(size)
        return cls(
            size,
            big_zeros((count, width)),
            big_zeros((count, width)) if negative else None,
            big_zeros((max(count - 1, 0), width)) if hs else None,
        )

    def arrays(self) -> list[np.ndarray]:
        """The matrices that training changes."""
        return [a for a in (self.input, self.output, self.nodes) if a is not None]

    def tensors(self) -> dict[str, np.ndarray]:
        """The matrices of the predicted words and the inner nodes, as files keep them."""
        found = {"output": self.output, "nodes": self.nodes}
        return {name: matrix[:, : self.size] for name, matrix in found.items() if matrix is not None}

    def reset(self, seed: int) -> None:
        """Initial values: vectors uniform in [-0.5/size, 0.5/size), drawn by (seed, word's row, column); zeros else."""
        self.draw(0, seed)
        for array in self.arrays()[1:]:
            array[:] = 0

    def draw(self, first: int, seed: int) -> None:
        """Initial values of the vectors from row `first` on."""
        half = 0.5 / self.size
        fill_uniform(self.input[first:, : self.size], -half, half, seed=seed, stream=INITIAL_STREAM + first)

    def grown(self, count: int, seed: int) -> Weights:
        """The same with new rows appended, up to `count` words: initial vectors, zeros elsewhere."""
        larger = Weights.create(count, self.size, negative=self.output is not None, hs=self.nodes is not None)
        for old, new in zip(self.arrays(), larger.arrays(), strict=True):
            new[: len(old)] = old
        larger.draw(len(self.input), seed)
        return larger

    def check(self, vectors: np.ndarray) -> None:
        """`ValueError` when `vectors` cannot be the word vectors of this model."""
        if vectors.shape != (len(self.input), self.size):
            raise ValueError(
                f"wv.vectors has shape {vectors.shape}, expected {(len(self.input), self.size)}: the words of `wv` "
                "were changed; add words to a model with build_vocab(..., update=True)"
            )

    def blank(self) -> Self:
        """Zeros in these shapes, ready to be trained."""
        return type(self).create(
            len(self.input), self.size, negative=self.output is not None, hs=self.nodes is not None
        )

    def trainable(self, vectors: np.ndarray) -> Self:
        """Weights that a kernel can train, with `vectors` as the rows of `input`; itself where it already is so.

        Loaded weights may be read-only and unpadded, and a user may have put other vectors in the place of ours.
        """
        width = padded(self.size)
        suitable = all(a.shape[1] == width and a.flags.c_contiguous and a.flags.writeable for a in self.arrays())
        if suitable and vectors.ctypes.data == self.input.ctypes.data and vectors.strides == self.input.strides:
            return self
        copy = self.blank()
        for old, new in zip([vectors, *self.arrays()[1:]], copy.arrays(), strict=True):
            new[:, : self.size] = old[:, : self.size]
        return copy


@dataclass(frozen=True)
class Tables:
    """What the kernel looks up per word; None where the mode does not need it."""

    keep: np.ndarray | None = None
    alias_threshold: np.ndarray | None = None
    alias_other: np.ndarray | None = None
    path_offsets: np.ndarray | None = None
    path_nodes: np.ndarray | None = None
    path_codes: np.ndarray | None = None

    @classmethod
    def create(cls, counts: np.ndarray, *, sample: float, negative: bool, ns_exponent: float, hs: bool) -> Tables:
        """Sub-sampling thresholds, alias table of count ** ns_exponent, paths of the Huffman tree."""
        keep = keep_thresholds(counts, sample) if sample > 0 else None
        threshold, other = alias_table(counts, ns_exponent) if negative else (None, None)
        offsets, nodes, codes = huffman(counts) if hs else (None, None, None)
        return cls(keep, threshold, other, offsets, nodes, codes)
