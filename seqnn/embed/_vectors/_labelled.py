"""Vectors with their words, in whichever form they are given: KeyedVectors or a pair (matrix, words)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ..._arguments import warn_caller
from ._fasttext_vectors import FastTextKeyedVectors
from ._keyed_vectors import KeyedVectors

Labelled = KeyedVectors | tuple[np.ndarray, Sequence[str]]

Change = Callable[[np.ndarray], np.ndarray]
"""A linear change of vectors [N, D]."""


class LabelledVectors:
    """The `matrix` [V, D], `words` and `index` (word -> row) of KeyedVectors (also gensim's) or a pair (matrix, words)."""

    def __init__(self, vectors: Labelled) -> None:
        self._given = vectors
        if hasattr(vectors, "index_to_key"):
            self.matrix, self.words, self.index = (
                np.asarray(vectors.vectors),
                vectors.index_to_key,
                vectors.key_to_index,
            )
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
        """Return the rows (int64) of words; one KeyError names the argument and those that are missing."""
        if isinstance(words, str):
            raise TypeError(f"{name}: expected a list of words, got a string: {words!r:.60}")
        words = list(words)
        if missing := [word for word in words if word not in self.index]:
            raise KeyError(f"{name}: {len(missing)} of {len(words)} words have no vector: {_some(missing)}")
        return np.array([self.index[word] for word in words], np.int64)

    def known(self, words: Iterable[str], name: str, missing: str, most_lost: float = 1.0) -> list[str]:
        """Return words: all of them, or with missing="drop" those that have a vector, and a warning about the others.

        A ValueError where a larger share than `most_lost` would be dropped.
        """
        if missing not in ("raise", "drop"):
            raise ValueError(f"missing: expected 'raise' or 'drop', got {missing!r}")
        if missing == "raise" or isinstance(words, str):
            return words if isinstance(words, str) else list(words)
        words = list(words)
        if lost := [word for word in words if word not in self.index]:
            if len(lost) > most_lost * len(words):
                raise ValueError(
                    f"{name}: {len(lost)} of {len(words)} words have no vector, more than "
                    f"lost_vocabulary_threshold={most_lost:g} allows: {_some(lost)}"
                )
            warn_caller(
                f"{name}: {len(lost)} of {len(words)} words have no vector and are left out: {_some(lost)}", UserWarning
            )
        return [word for word in words if word in self.index]

    def units(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors (float64) of some rows, scaled to length 1; a zero vector stays zero."""
        return unit_rows(self.matrix[rows].astype(np.float64))

    def with_matrix(self, matrix: np.ndarray, change: Change | None) -> Labelled:
        """Return the same words with other vectors, in the form in which these were given."""
        if not hasattr(self._given, "index_to_key"):
            return matrix, self.words
        if isinstance(self._given, FastTextKeyedVectors):
            wv = self._given._debiased(matrix, self._changed_ngrams(change), copy=True)
        else:
            wv = KeyedVectors.from_arrays(self.words, matrix)
        for name, values in getattr(self._given, "expandos", {}).items():
            wv.set_vecattrs(name, values)
        return wv

    def writable(self) -> np.ndarray:
        """Return the matrix, to be changed in place."""
        parts = getattr(self._given, "_parts", self.matrix)
        if self.matrix.dtype.kind != "f" or not (self.matrix.flags.writeable and parts.flags.writeable):
            raise ValueError("vectors: these cannot be changed in place (read-only, or no floats); use copy=True")
        return self.matrix

    def changed(self, change: Change | None) -> Labelled:
        """Return what was given, after its matrix was changed in place."""
        if isinstance(self._given, FastTextKeyedVectors):
            return self._given._debiased(self.matrix, self._changed_ngrams(change), copy=False)
        if hasattr(self._given, "fill_norms"):
            self._given.fill_norms(force=True)
        return self._given

    def _changed_ngrams(self, change: Change | None) -> np.ndarray | None:
        """Return the n-grams' vectors after a linear change, so that unknown words are changed, too; None without one."""
        ngrams = self._given._parts[self._given._own :]  # type: ignore[union-attr]
        return None if change is None or not len(ngrams) else change(ngrams)


def _some(words: Sequence[str]) -> str:
    return ", ".join(map(repr, words[:8])) + (", ..." if len(words) > 8 else "")


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """Scale rows to length 1, in place; zero rows stay zero."""
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
    matrix /= np.where(norms > 0, norms, 1)[:, None]
    return matrix
