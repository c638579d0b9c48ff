"""Co-occurrence counts: a sparse matrix of how often, and how near, words stand together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np

from .._files import Path, atomic_write
from ..text._strings import pack, unpack


class Cooccurrence:
    """A sparse matrix of counts, V x V; a row is a word, a column a context word.

    Unpacks as `rows, cols, values = counts` (int32, int32, float64, by row, then column). Stored as compressed rows: row
    r has the columns `indices[indptr[r]:indptr[r + 1]]` (int32, ascending) and the counts `data[...]` (float64 > 0), so
    `scipy.sparse.csr_array((counts.data, counts.indices, counts.indptr), counts.shape)` shares the memory. `words` are
    the rows' words where they are known. The arrays may lie in a temporary file.

    >>> counts = Cooccurrence.from_any(([0, 1, 1], [1, 0, 1], [2.0, 2.0, 0.5]), size=2)
    >>> counts.shape, counts.nnz, counts.data.tolist()
    ((2, 2), 3, [2.0, 2.0, 0.5])
    """

    def __init__(
        self, indptr: np.ndarray, indices: np.ndarray, data: np.ndarray, words: Sequence[str] | None = None
    ) -> None:
        self.indptr = indptr
        self.indices = indices
        self.data = data
        self.words = None if words is None else list(words)

    @property
    def shape(self) -> tuple[int, int]:
        """(V, V)."""
        return len(self.indptr) - 1, len(self.indptr) - 1

    @property
    def nnz(self) -> int:
        """The number of counts that are not zero."""
        return len(self.indices)

    @property
    def rows(self) -> np.ndarray:
        """The row of each count (int32), made anew at each use."""
        return np.repeat(np.arange(self.shape[0], dtype=np.int32), np.diff(self.indptr))

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.rows, self.indices, self.data))

    def __repr__(self) -> str:
        return f"<Cooccurrence of {self.shape[0]} words, {self.nnz} counts>"

    def save(self, path: Path) -> None:
        """Write a .npz file that `scipy.sparse.load_npz` and `Cooccurrence.load` read; the old file stays on any error.

        It holds the words, too, where they are known.
        """
        arrays = {"indices": self.indices, "indptr": self.indptr, "data": self.data, "shape": np.array(self.shape)}
        if self.words is not None:
            arrays["words"], arrays["word_offsets"] = pack(self.words)
        with atomic_write(path) as file:
            np.savez(file, format=np.array(b"csr"), **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The counts in a .npz file of `save`, or of `scipy.sparse.save_npz` (format csr, csc or coo)."""
        name = os.fspath(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            kind = arrays["format"].item().decode()
            if kind == "coo":
                counts = cls._from_coo(arrays["row"], arrays["col"], arrays["data"], arrays["shape"].tolist())
            elif kind in ("csr", "csc"):
                pair = _major_index(arrays["indptr"]), arrays["indices"]
                rows, cols = pair if kind == "csr" else pair[::-1]
                counts = cls._from_coo(rows, cols, arrays["data"], arrays["shape"].tolist())
            else:
                raise ValueError(f"expected format csr, csc or coo, got {kind}")
            if "words" in arrays:
                counts.words = unpack(arrays["words"], arrays["word_offsets"])
        except (KeyError, AttributeError, TypeError, ValueError, EOFError) as error:
            raise ValueError(f"{name}: not a sparse matrix of counts in .npz format ({error})") from error
        return counts

    @classmethod
    def from_any(cls, counts: Any, size: int | None = None) -> Self:
        """Counts that a user has: this class, a scipy sparse matrix, (rows, cols, values), or a .npz file of either.

        Duplicates are summed, zeros dropped. `size` is the number of words of (rows, cols, values); by default the
        largest index + 1. A `ValueError` names what is wrong: not square, negative or not finite, nothing but zeros.
        """
        if isinstance(counts, cls):
            return counts
        if isinstance(counts, (str, os.PathLike)):
            return cls.load(counts)
        if hasattr(counts, "tocoo"):
            coo = counts.tocoo()
            return cls._from_coo(coo.row, coo.col, coo.data, coo.shape)
        if not isinstance(counts, (tuple, list)) or len(counts) != 3:
            raise TypeError(
                "cooccurrence: expected a scipy sparse matrix, (rows, cols, values), a Cooccurrence or the path of a "
                f".npz file, got {type(counts).__name__}"
            )
        rows, cols, values = map(np.asarray, counts)
        if size is None:
            size = 1 + max((int(x.max()) for x in (rows, cols) if x.size), default=-1)
        return cls._from_coo(rows, cols, values, (size, size))

    @classmethod
    def _from_coo(cls, rows: np.ndarray, cols: np.ndarray, values: np.ndarray, shape: Sequence[int]) -> Self:
        """Checked, sorted, duplicates summed (in the order of their occurrence), zeros dropped."""
        for name, index in (("rows", rows), ("cols", cols)):
            if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
                raise TypeError(f"cooccurrence: expected {name} as a 1-D integer array, got {index.dtype}")
        if values.ndim != 1 or values.dtype.kind not in "iuf":
            raise TypeError(f"cooccurrence: expected values as a 1-D array of real numbers, got {values.dtype}")
        if not len(rows) == len(cols) == len(values):
            raise ValueError(f"cooccurrence: {len(rows)} rows, {len(cols)} cols, {len(values)} values do not agree")
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(f"cooccurrence: expected a square matrix, words by words, got shape {tuple(shape)}")
        size = int(shape[0])
        for name, index in (("rows", rows), ("cols", cols)):
            if len(index) and not (index.min() >= 0 and index.max() < size):
                raise ValueError(f"cooccurrence: {name} lie in {index.min()}..{index.max()}, expected 0..{size - 1}")
        values = values.astype(np.float64, copy=False)
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            k = int(np.argmax(bad))
            raise ValueError(
                f"cooccurrence: expected finite counts >= 0, got {values[k]} at row {rows[k]}, column {cols[k]}"
            )
        key = rows.astype(np.int64) * size + cols
        if np.any(values == 0):
            key, values = key[values > 0], values[values > 0]
        if np.any(key[1:] <= key[:-1]):
            order = np.argsort(key, kind="stable")
            key, values = key[order], values[order]
            first = np.flatnonzero(np.diff(key, prepend=-1))
            key, values = key[first], np.add.reduceat(values, first) if len(first) else values
        indptr = np.searchsorted(key, np.arange(size + 1, dtype=np.int64) * size)
        return cls(indptr.astype(np.int64, copy=False), (key % max(size, 1)).astype(np.int32), values)


def _major_index(indptr: np.ndarray) -> np.ndarray:
    """The row (column) of each entry of compressed rows (columns)."""
    sizes = np.diff(indptr)
    if indptr.ndim != 1 or indptr[0] != 0 or np.any(sizes < 0):
        raise ValueError("damaged: indptr does not ascend from 0")
    return np.repeat(np.arange(len(sizes)), sizes)
