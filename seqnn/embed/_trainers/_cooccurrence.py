"""Co-occurrence counts: a sparse matrix of how often, and how near, words stand together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from ..._archives import read_archive
from ..._atomic import atomic_write
from ..._files import Path, name_of
from ..._strings import pack, packed_fits, unpack

_KIND = "a sparse matrix of counts in .npz format"
_MOST_WORDS = 2**31 - 2
_STEP = 1 << 24


class Cooccurrence:
    """A sparse matrix of counts, V x V; a row is a word, a column a context word.

    It unpacks as `rows, cols, values = counts` (int32, int32, float64, by row, then column), and
    `scipy.sparse.csr_array((counts.data, counts.indices, counts.indptr), counts.shape)` shares its memory. The arrays may
    lie in a temporary file. `from_any` takes counts of any form.

    Args:
        indptr: int64 [V + 1]: row r has the columns indices[indptr[r]:indptr[r + 1]].
        indices: int32, ascending in each row.
        data: the counts, float64 > 0.
        words: the rows' words, where they are known.

    Raises:
        ValueError: arrays that are no such matrix.

    >>> from seqnn import Cooccurrence
    >>> counts = Cooccurrence.from_any(([0, 1, 1], [1, 0, 1], [2.0, 2.0, 0.5]), size=2)
    >>> counts.shape, counts.nnz, counts.data.tolist()
    ((2, 2), 3, [2.0, 2.0, 0.5])
    """

    def __init__(
        self, indptr: np.ndarray, indices: np.ndarray, data: np.ndarray, words: Sequence[str] | None = None
    ) -> None:
        self.indptr = np.asarray(indptr)
        self.indices = np.asarray(indices)
        self.data = np.asarray(data)
        self.words = None if words is None else list(words)
        self._check()

    @classmethod
    def _of(cls, indptr: np.ndarray, indices: np.ndarray, data: np.ndarray) -> Self:
        """Make a matrix of arrays that are known to be one."""
        made = cls.__new__(cls)
        made.indptr, made.indices, made.data, made.words = indptr, indices, data, None
        return made

    def _alike(self) -> Self:
        """Return another object with the same arrays."""
        return self._of(self.indptr, self.indices, self.data)

    def _check(self) -> None:
        """Check all of the arrays: they may have been made or changed by anyone, and the kernels rely on them."""
        for name, array, kinds in (
            ("indptr", self.indptr, "iu"),
            ("indices", self.indices, "iu"),
            ("data", self.data, "iuf"),
        ):
            if array.ndim != 1 or array.dtype.kind not in kinds:
                raise TypeError(f"{name}: expected a 1-D array of numbers, got {array.dtype} of shape {array.shape}")
        size, ends = len(self.indptr) - 1, self.indptr
        if size < 0 or ends[0] != 0 or ends[-1] != len(self.indices) or (ends[1:] < ends[:-1]).any():
            raise ValueError(
                f"indptr: expected positions that ascend from 0 to {len(self.indices)}, one more than rows"
            )
        if len(self.data) != len(self.indices):
            raise ValueError(f"indices and data: expected as many, got {len(self.indices)} and {len(self.data)}")
        if self.words is not None and len(self.words) != size:
            raise ValueError(f"words: expected one for each of {size} rows, got {len(self.words)}")
        first = np.zeros(len(self.indices), bool)
        first[ends[:-1][ends[:-1] < len(self.indices)].astype(np.int64)] = True
        for at in range(0, len(self.indices), _STEP):
            columns, counts = self.indices[at : at + _STEP], self.data[at : at + _STEP]
            if columns.min() < 0 or columns.max() >= size:
                raise ValueError(f"indices: expected 0..{size - 1}, got {columns.min()}..{columns.max()}")
            before = self.indices[at - 1 : at + len(columns) - 1] if at else np.append(columns[:1], columns[:-1])
            if ((columns <= before) & ~first[at : at + len(columns)])[0 if at else 1 :].any():
                raise ValueError("indices: expected ascending columns in each row; Cooccurrence.from_any sorts them")
            if not (np.isfinite(counts).all() and (counts > 0).all()):
                raise ValueError("data: expected finite counts > 0; Cooccurrence.from_any drops zeros")
        self.indptr = self.indptr.astype(np.int64, copy=False)
        self.indices = self.indices.astype(np.int32, copy=False)
        self.data = self.data.astype(np.float64, copy=False)

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

        Args:
            path: the file.
        """
        arrays = {"indices": self.indices, "indptr": self.indptr, "data": self.data, "shape": np.array(self.shape)}
        if self.words is not None:
            arrays["words"], arrays["word_offsets"] = pack(self.words)
        with atomic_write(path) as file:
            np.savez(file, format=np.array(b"csr"), **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read counts from a .npz file of `save`, or of `scipy.sparse.save_npz` (format csr, csc or coo).

        Args:
            path: the file.

        Returns:
            The counts.

        Raises:
            ValueError: another file, or a damaged one.

        >>> import tempfile
        >>> from seqnn import Cooccurrence
        >>> counts = Cooccurrence.from_any(([0, 1], [1, 0], [2.0, 2.0]))
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     counts.save(file.name)
        ...     Cooccurrence.load(file.name)
        <Cooccurrence of 2 words, 2 counts>
        """
        name = name_of(path)
        arrays = read_archive(path, _KIND)
        try:
            return cls._read(arrays)
        except (LookupError, AttributeError, TypeError, ValueError, OverflowError, MemoryError) as error:
            raise ValueError(f"{name}: not {_KIND} ({error})") from error

    @classmethod
    def _read(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        kind, shape = arrays["format"].item().decode(), arrays["shape"].ravel().tolist()
        if len(shape) != 2 or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise ValueError(f"shape {shape}")
        words = None
        if "words" in arrays:
            if not packed_fits(arrays["words"], arrays["word_offsets"], shape[0]):
                raise ValueError(f"the words do not belong to a matrix of {shape[0]} rows")
            words = unpack(arrays["words"], arrays["word_offsets"])
        if kind == "coo":
            rows, cols = arrays["row"], arrays["col"]
        elif kind in ("csr", "csc"):
            indices = arrays["indices"]
            pair = _major_index(arrays["indptr"], shape[kind == "csc"], len(indices)), indices
            rows, cols = pair if kind == "csr" else pair[::-1]
        else:
            raise ValueError(f"expected format csr, csc or coo, got {kind}")
        counts = cls._from_coo(rows, cols, arrays["data"], shape, known=words is not None)
        counts.words = words
        return counts

    @classmethod
    def from_any(cls, counts: Any, size: int | None = None) -> Self:
        """Make counts of what a user has; duplicates are summed, zeros dropped.

        Args:
            counts: this class, a scipy sparse matrix, (rows, cols, values), or the path of a .npz file of either.
            size: the number of words of (rows, cols, values); by default the largest index + 1.

        Returns:
            The counts.

        Raises:
            ValueError: a matrix that is not square, negative counts or such that are not finite, indices out of range.

        >>> from seqnn import Cooccurrence
        >>> Cooccurrence.from_any(([1, 0, 1], [0, 1, 0], [0.5, 2, 1])).data
        array([2. , 1.5])
        """
        if isinstance(counts, cls):
            counts._check()
            return counts
        if isinstance(counts, str | os.PathLike):
            return cls.load(counts)
        if hasattr(counts, "tocoo"):
            coo = counts.tocoo()
            return cls._from_coo(coo.row, coo.col, coo.data, coo.shape, known=size is not None)
        if not isinstance(counts, tuple | list) or len(counts) != 3:
            raise TypeError(
                "cooccurrence: expected a scipy sparse matrix, (rows, cols, values), a Cooccurrence or the path of a "
                f".npz file, got {type(counts).__name__}"
            )
        rows, cols, values = map(np.asarray, counts)
        known = size is not None
        if size is None:
            size = 1 + max((int(x.max()) for x in (rows, cols) if x.size), default=-1)
        return cls._from_coo(rows, cols, values, (size, size), known=known)

    @classmethod
    def _from_coo(
        cls, rows: np.ndarray, cols: np.ndarray, values: np.ndarray, shape: Sequence[int], *, known: bool = False
    ) -> Self:
        """Check and sort entries; duplicates are summed in the order of their occurrence, zeros dropped.

        `known`: something else than the entries says how many words there are.
        """
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
        if size > _MOST_WORDS or (not known and size > 100 * len(rows) + 1_000_000):
            raise ValueError(f"cooccurrence: {size} words for {len(rows)} counts; number the words densely")
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
        return cls._of(indptr.astype(np.int64, copy=False), (key % max(size, 1)).astype(np.int32), values)


def _major_index(indptr: np.ndarray, size: int, entries: int) -> np.ndarray:
    """Return the row (column) of each entry of compressed rows (columns)."""
    if indptr.ndim != 1 or indptr.dtype.kind not in "iu" or len(indptr) != size + 1:
        raise ValueError(f"damaged: indptr is {indptr.dtype} of shape {indptr.shape}, expected {size + 1} integers")
    sizes = np.diff(indptr)
    if indptr[0] != 0 or np.any(sizes < 0) or indptr[-1] != entries:
        raise ValueError(f"damaged: indptr does not ascend from 0 to {entries}")
    return np.repeat(np.arange(len(sizes)), sizes)
