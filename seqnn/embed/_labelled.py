"""Vectors with their words, whichever way they are given: KeyedVectors or a pair (matrix, words)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ._keyed_vectors import KeyedVectors

Labelled = KeyedVectors | tuple[np.ndarray, Sequence[str]]


class LabelledVectors:
    """`matrix` [V, D], `words`, `index` (word -> row) of KeyedVectors (also gensim's) or a pair (matrix, words)."""

    def __init__(self, vectors: Labelled) -> None:
        self._given = vectors
        if hasattr(vectors, "index_to_key"):
            self.matrix, self.words, self.index = vectors.vectors, vectors.index_to_key, vectors.key_to_index
            return
        if not (isinstance(vectors, Sequence) and len(vectors) == 2):
            raise TypeError(f"vectors: expected KeyedVectors or a pair (matrix, words), got {type(vectors).__name__}")
        self.matrix, self.words = np.asarray(vectors[0]), list(vectors[1])
        if self.matrix.ndim != 2 or self.matrix.dtype.kind not in "fiu" or len(self.matrix) != len(self.words):
            raise ValueError(
                f"vectors: expected a matrix of numbers with a row for each of {len(self.words)} words, "
                f"got shape {self.matrix.shape} of {self.matrix.dtype}"
            )
        self.index = {word: row for row, word in enumerate(self.words)}
        if len(self.index) < len(self.words):
            raise ValueError(f"vectors: {len(self.words) - len(self.index)} words occur twice")

    def rows(self, words: Iterable[str], name: str) -> np.ndarray:
        """The rows (int64) of words; one KeyError names the argument and those that are missing."""
        if isinstance(words, str):
            raise TypeError(f"{name}: expected a list of words, got a string: {words!r:.60}")
        words = list(words)
        if missing := [word for word in words if word not in self.index]:
            names = ", ".join(map(repr, missing[:8])) + (", ..." if len(missing) > 8 else "")
            raise KeyError(f"{name}: {len(missing)} of {len(words)} words have no vector: {names}")
        return np.array([self.index[word] for word in words], np.int64)

    def units(self, rows: np.ndarray) -> np.ndarray:
        """The vectors (float64) of some rows, scaled to length 1; a zero vector stays zero."""
        return unit_rows(self.matrix[rows].astype(np.float64))

    def with_matrix(self, matrix: np.ndarray) -> Labelled:
        """The same words with other vectors, in the form in which these were given."""
        if not hasattr(self._given, "index_to_key"):
            return matrix, self.words
        wv = KeyedVectors.from_arrays(self.words, matrix)
        for name, values in getattr(self._given, "expandos", {}).items():
            wv.set_vecattrs(name, values)
        return wv

    def writable(self) -> np.ndarray:
        """The matrix, to be changed in place."""
        if self.matrix.dtype.kind != "f" or not self.matrix.flags.writeable:
            raise ValueError("vectors: these cannot be changed in place (read-only, or no floats); use copy=True")
        return self.matrix

    def changed(self) -> Labelled:
        """What was given, after its matrix was changed in place."""
        if hasattr(self._given, "fill_norms"):
            self._given.fill_norms(force=True)
        return self._given


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """The rows scaled to length 1, in place; zero rows stay zero."""
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
    matrix /= np.where(norms > 0, norms, 1)[:, None]
    return matrix
