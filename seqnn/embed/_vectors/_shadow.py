"""A shadow of a large matrix, a byte a number: one query at a time reads a quarter of the memory, and finds the same rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import _core
from ._neighbors import reciprocal, row_norms

_WITNESSES = 32
"""Rows that tell whether a matrix was changed in place."""

_WORTHWHILE = 1 << 20
"""Numbers of a matrix from which on a shadow is faster."""


class Shadow:
    """What `nearest_neighbors` finds for one query, by a matrix of bytes that bounds the cosines.

    Args:
        vectors: float32 [V, D].
        norms: the rows' lengths [V].
    """

    def __init__(self, vectors: np.ndarray, norms: np.ndarray) -> None:
        self.norms = norms
        self._vectors = vectors
        self._scale = reciprocal(norms).astype(np.float32, copy=False)
        self._witnesses = slice(None, None, -(-len(vectors) // _WITNESSES))
        self._seen = vectors[self._witnesses].tobytes()
        self._packed, self._step, self._error = _core.shadow_pack(vectors)

    @property
    def fresh(self) -> bool:
        """Whether some rows are as they were. Others may have changed: to look at all would cost what a shadow spares."""
        return self._vectors[self._witnesses].tobytes() == self._seen

    @staticmethod
    def suits(vectors: np.ndarray) -> bool:
        """Tell whether a matrix is worth a shadow."""
        plain = isinstance(vectors, np.ndarray) and vectors.ndim == 2 and vectors.dtype == np.float32
        return plain and vectors.size >= _WORTHWHILE and vectors.shape[1] <= _core.shadow.MOST_COLUMNS

    def top(
        self, query: np.ndarray, topn: int, begin: int, end: int, exclude: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the ids [n] and the cosines [n] of the rows of [begin, end) that are nearest to a query [D]."""
        query = np.ascontiguousarray(query, np.float32)[None]
        query = (query * reciprocal(row_norms(query))[:, None])[0]
        return _core.shadow_top(
            query, self._vectors, self._packed, self._step, self._error, self._scale, np.asarray(exclude, np.int64),
            begin, end, min(topn, end - begin),
        )  # fmt: skip
