"""The matrices of a Word2Vec model, and the tables that follow from its word counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import numpy as np

from ... import _core
from ..._memory import big_zeros, padded
from ...random import fill_uniform
from ...text import Vocabulary, alias_table, huffman, keep_thresholds
from .._vectors import KeyedVectors

INITIAL_STREAM = 1 << 40
"""Stream of random numbers of the initial vectors; plus the first row, where rows are appended later."""


@dataclass
class Weights:
    """Matrices whose rows, or the parts of them, are padded with zeros from `size` to a multiple of 16 columns."""

    size: int
    input: np.ndarray
    """The word vectors, V x P."""
    output: np.ndarray | None
    """The words' vectors as predicted words, V x P; only with negative sampling."""
    nodes: np.ndarray | None
    """The inner nodes of the Huffman tree, max(V - 1, 0) x P; only with hierarchical softmax."""
    parts: int = field(default=1, kw_only=True)
    """The vectors that a row of `output` and `nodes` has side by side, in P columns each."""

    @classmethod
    def new(cls, vocabulary: Vocabulary, settings: Any) -> Weights:
        """Make the initial weights of a vocabulary, by a model's settings."""
        count = len(vocabulary)
        weights = cls.zeros(count, settings.vector_size, negative=settings.negative > 0, hs=bool(settings.hs))
        weights.draw(0, settings.seed)
        return weights

    @classmethod
    def zeros(cls, count: int, size: int, *, negative: bool, hs: bool, parts: int = 1) -> Weights:
        """Make zeros for `count` words."""
        width = padded(size)
        return cls(
            size,
            big_zeros((count, width)),
            big_zeros((count, parts * width)) if negative else None,
            big_zeros((max(count - 1, 0), parts * width)) if hs else None,
            parts=parts,
        )

    @staticmethod
    def estimated(count: int, words: list[str] | None, settings: Any) -> dict[str, int]:
        """Estimate the bytes of the matrices for `count` words, which are not known before there is a vocabulary."""
        row = 4 * padded(settings.vector_size)
        found = {"syn0": count * row}
        if settings.hs:
            found["syn1"] = max(count - 1, 0) * row
        if settings.negative:
            found["syn1neg"] = count * row
        return found

    @property
    def negative(self) -> bool:
        """Whether these are for negative sampling."""
        return self.output is not None

    @property
    def hs(self) -> bool:
        """Whether these are for hierarchical softmax."""
        return self.nodes is not None

    def arrays(self) -> list[np.ndarray]:
        """List the matrices that training changes."""
        return [a for a in (self.input, self.output, self.nodes) if a is not None]

    def check_settings(self, settings: Any) -> None:
        """Raise a ValueError where the weights were built with other settings than the present ones."""
        for name, now, built in self._built_with(settings):
            if now != built:
                raise ValueError(
                    f"{name}: the weights were built with another setting than {getattr(settings, name)}; "
                    "set it back, or make a new model"
                )

    def _built_with(self, settings: Any) -> list[tuple[str, Any, Any]]:
        """List (setting, its present value, the value that these weights have)."""
        return [
            ("vector_size", settings.vector_size, self.size),
            ("hs", bool(settings.hs), self.hs),
            ("negative", settings.negative > 0, self.negative),
        ]

    # Initial values

    def reset(self, seed: int) -> None:
        """Set initial values: vectors uniform in [-0.5/size, 0.5/size), drawn by (seed, word's row, column); zeros else."""
        self.draw(0, seed)
        for array in self.arrays()[1:]:
            array[:] = 0

    def draw(self, first: int, seed: int) -> None:
        """Draw initial values of the vectors from row `first` on."""
        half = 0.5 / self.size
        fill_uniform(self.input[first:, : self.size], -half, half, seed=seed, stream=INITIAL_STREAM + first)

    def grown(self, vocabulary: Vocabulary, seed: int) -> Weights:
        """Return weights with new rows appended, up to those of `vocabulary`: initial vectors, zeros elsewhere."""
        larger = self.zeros(len(vocabulary), self.size, negative=self.negative, hs=self.hs)
        for old, new in zip(self.arrays(), larger.arrays(), strict=True):
            new[: len(old)] = old
        larger.draw(len(self.input), seed)
        return larger

    def rows_in(self, larger: Any) -> np.ndarray:
        """Return the rows of `input` that our rows have in weights that have `grown` from these."""
        return np.arange(len(self.input))

    def grown_factors(self, factors: np.ndarray | None, larger: Any) -> np.ndarray | None:
        """Return the factors of `input`'s rows (see `kernel`) for weights that have `grown` from these: 1 for new rows."""
        if factors is None:
            return None
        grown = np.ones(len(larger.input), np.float32)
        grown[self.rows_in(larger)] = factors
        return grown

    # Vectors

    @staticmethod
    def no_vectors(settings: Any) -> KeyedVectors:
        """Return the vectors of a model without a vocabulary."""
        return KeyedVectors(settings.vector_size)

    def vectors(self, vocabulary: Vocabulary) -> KeyedVectors:
        """Return the words' vectors, a view of the weights."""
        return KeyedVectors.from_arrays(vocabulary.words, self.input[:, : self.size], counts=vocabulary.counts)

    def publish(self, wv: KeyedVectors) -> None:
        """Bring the vectors up to date after a change of the weights."""
        wv._vectors_changed()

    def following(self, wv: KeyedVectors) -> Self:
        """Return weights that a kernel can train and that have what a user has put into `wv`, which becomes a view of them.

        These are the weights themselves where `wv` is a view of them. Weights of a file may be read-only and unpadded.
        """
        rows = self._rows_of(wv)
        width = padded(self.size)
        widths = (width, self.parts * width)
        suitable = all(a.shape[1] in widths and a.flags.c_contiguous and a.flags.writeable for a in self.arrays())
        if suitable and rows.ctypes.data == self.input.ctypes.data and rows.strides == self.input.strides:
            return self
        copy = self._blank()
        for old, new in zip([rows, *self.arrays()[1:]], copy.arrays(), strict=True):
            parts = new.shape[1] // width
            _split(new, parts)[:, :, : self.size] = _split(old, parts)[:, :, : self.size]
        copy._show(wv)
        return copy

    def unpadded(self, matrix: np.ndarray) -> np.ndarray:
        """Return `output` or `nodes` without the padding of the parts; a view where rows have one part."""
        return _split(matrix, self.parts)[:, :, : self.size].reshape(len(matrix), self.parts * self.size)

    def _blank(self) -> Self:
        """Make zeros of these shapes, ready to be trained."""
        return type(self).zeros(len(self.input), self.size, negative=self.negative, hs=self.hs)  # type: ignore[return-value]

    def _rows_of(self, wv: KeyedVectors) -> np.ndarray:
        """Return the matrix of `wv` that is our input; a ValueError where it cannot be."""
        if wv.vectors.shape != (len(self.input), self.size):
            raise ValueError(f"wv.vectors has shape {wv.vectors.shape}, expected {(len(self.input), self.size)}")
        return wv.vectors

    def _show(self, wv: KeyedVectors) -> None:
        wv.vectors = self.input[:, : self.size]
        wv._vectors_changed()

    # Training

    def kernel(
        self, vocabulary: Vocabulary, factors: np.ndarray | None
    ) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        """Return the function that trains on a part of a corpus.

        `factors` say which share of its changes each row of `input` takes; None: all, by a faster kernel.
        """
        if factors is None:
            return _core.word2vec_train
        count = len(self.input)
        return partial(_core.fasttext_train, rows=np.arange(count), row_offsets=np.arange(count + 1), factors=factors)

    # Files

    def tensors(self, wv: KeyedVectors) -> dict[str, np.ndarray]:
        """Return the matrices of the predicted words and the inner nodes, as files keep them; those in `wv` it keeps itself."""
        self._rows_of(wv)
        found = {"output": self.output, "nodes": self.nodes}
        return {name: self.unpadded(matrix) for name, matrix in found.items() if matrix is not None}

    @classmethod
    def restored(cls, settings: Any, wv: KeyedVectors, tensors: Mapping[str, np.ndarray], parts: int = 1) -> Weights:
        """Return the weights that a file holds, where they lie; a ValueError where they are not there or do not fit."""
        size, count = settings.vector_size, len(wv)
        check_tensor(tensors, "vectors", (count, size))
        output = check_tensor(tensors, "output", (count, parts * size)) if settings.negative else None
        nodes = check_tensor(tensors, "nodes", (count - 1, parts * size)) if settings.hs else None
        weights = cls._of_file(size, wv, output, nodes)
        weights.parts = parts
        return weights

    @classmethod
    def _of_file(cls, size: int, wv: KeyedVectors, output: np.ndarray | None, nodes: np.ndarray | None) -> Weights:
        return cls(size, wv.vectors, output, nodes)


def _split(matrix: np.ndarray, parts: int) -> np.ndarray:
    """Return a view of a matrix whose rows are cut into parts."""
    return matrix.reshape(len(matrix), parts, matrix.shape[1] // parts)


def check_tensor(tensors: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name not in tensors or tensors[name].shape != shape or tensors[name].dtype != np.float32:
        raise ValueError(f"damaged, tensor {name!r} must be float32 of shape {shape}")
    return tensors[name]


@dataclass(frozen=True)
class Tables:
    """The values that the kernel looks up per word; None where the mode does not need them."""

    keep: np.ndarray | None = None
    alias_threshold: np.ndarray | None = None
    alias_other: np.ndarray | None = None
    path_offsets: np.ndarray | None = None
    path_nodes: np.ndarray | None = None
    path_codes: np.ndarray | None = None

    @classmethod
    def create(cls, counts: np.ndarray, *, sample: float, negative: bool, ns_exponent: float, hs: bool) -> Tables:
        """Compute sub-sampling thresholds, the alias table of count ** ns_exponent, paths of the Huffman tree."""
        keep = keep_thresholds(counts, sample) if sample > 0 else None
        threshold, other = alias_table(counts, ns_exponent) if negative else (None, None)
        offsets, nodes, codes = huffman(counts) if hs else (None, None, None)
        return cls(keep, threshold, other, offsets, nodes, codes)
