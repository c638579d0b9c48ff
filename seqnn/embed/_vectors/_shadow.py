"""One query after the other over the same matrix; a large one has a shadow, a byte a number, that finds the same rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import _core
from ._neighbors import reciprocal, unit

_WITNESSES = 32
"""Rows that tell whether a matrix was changed in place."""

_WORTHWHILE = 1 << 17
"""Numbers of a matrix from which on a shadow is faster: three quarters of the time for 1,311 rows of 100, half for 10,000."""


class Search:
    """What `nearest_neighbors` finds for one query, with what it computes of the matrix kept for the next one.

    Args:
        vectors: float32 or float64 [V, D].
        norms: the rows' lengths [V].
    """

    def __init__(self, vectors: np.ndarray, norms: np.ndarray) -> None:
        self.norms = norms
        self._vectors = vectors
        self._scale = reciprocal(norms).astype(vectors.dtype, copy=False)

    @staticmethod
    def suits(vectors: np.ndarray) -> bool:
        """Tell whether a matrix is searched where it lies."""
        return isinstance(vectors, np.ndarray) and vectors.dtype in (np.float32, np.float64)

    def top(
        self, query: np.ndarray, topn: int, begin: int, end: int, exclude: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the ids [n] and the cosines [n] of the rows of [begin, end) that are nearest to a query [D]."""
        query = unit(query.astype(self._vectors.dtype, copy=False))
        return self._found(query, np.array(exclude, np.int64), begin, end, min(topn, end - begin))

    def _found(
        self, query: np.ndarray, exclude: np.ndarray, begin: int, end: int, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        ids, scores = _core.neighbors_top(query[None], self._vectors, self._scale, exclude[None], begin, end, count)
        return ids[0], scores[0]


class Shadow(Search):
    """What a `Search` of float32 finds, by a matrix of bytes that bounds the cosines."""

    def __init__(self, vectors: np.ndarray, norms: np.ndarray) -> None:
        super().__init__(vectors, norms)
        self._witnesses = slice(None, None, -(-len(vectors) // _WITNESSES))
        self._seen = vectors[self._witnesses].tobytes()
        self._packed, self._step, self._error = _core.shadow_pack(vectors)

    @staticmethod
    def suits(vectors: np.ndarray) -> bool:
        """Tell whether a matrix is worth a shadow."""
        plain = vectors.dtype == np.float32 and vectors.shape[1] <= _core.shadow.MOST_COLUMNS
        return plain and vectors.size >= _WORTHWHILE

    @property
    def fresh(self) -> bool:
        """Whether some rows are as they were. Others may have changed: to look at all would cost what a shadow spares."""
        return self._vectors[self._witnesses].tobytes() == self._seen

    def _found(
        self, query: np.ndarray, exclude: np.ndarray, begin: int, end: int, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        return _core.shadow_top(
            query, self._vectors, self._packed, self._step, self._error, self._scale, exclude, begin, end, count
        )
