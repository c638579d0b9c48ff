"""One query after the other over the same matrix; a large one has a shadow, a byte a number, that finds the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import _core
from ..._file_floats import widened
from ._compact_rows import HalfRows
from ._neighbors import reciprocal, unit

_WITNESSES = 32
"""Rows that tell whether a matrix was changed in place."""

_WORTHWHILE = 1 << 17
"""Numbers of a matrix from which on a shadow is faster: three quarters of the time for 1,311 rows of 100, half for 10,000."""

_PACKED = 1 << 14
"""Rows of float16 that are widened together for their shadow: whole groups of rows."""


class Search:
    """What `nearest_neighbors` finds for one query, with what it computes of the matrix kept for the next one.

    Args:
        vectors: float32 or float64 [V, D]; or float16, in C order or as `HalfRows`.
        norms: the rows' lengths [V].
    """

    def __init__(self, vectors: Any, norms: np.ndarray) -> None:
        self.norms = norms
        self._rows = _plain(vectors)
        self._halves = self._rows.dtype == np.float16
        self._bits = self._rows.view(np.uint16) if self._halves else self._rows  # as kernels take them
        self._scale = reciprocal(norms).astype(np.promote_types(self._rows.dtype, np.float32), copy=False)

    @staticmethod
    def suits(vectors: Any) -> bool:
        """Tell whether a matrix is searched where it lies."""
        rows = _plain(vectors)
        if not isinstance(rows, np.ndarray):
            return False
        return rows.dtype in (np.float32, np.float64) or (rows.dtype == np.float16 and rows.flags.c_contiguous)

    def top(
        self, query: np.ndarray, topn: int, begin: int, end: int, exclude: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the ids [n] and the cosines [n] of the rows of [begin, end) that are nearest to a query [D]."""
        query = unit(query.astype(self._scale.dtype, copy=False))
        return self._found(query, np.array(exclude, np.int64), begin, end, min(topn, end - begin))

    def _found(
        self, query: np.ndarray, exclude: np.ndarray, begin: int, end: int, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        top = _core.neighbors_top_halves if self._halves else _core.neighbors_top
        ids, scores = top(query[None], self._bits, self._scale, exclude[None], begin, end, count)
        return ids[0], scores[0]


class Shadow(Search):
    """What a `Search` of float32 or float16 finds, by a matrix of bytes that bounds the cosines."""

    def __init__(self, vectors: Any, norms: np.ndarray) -> None:
        super().__init__(vectors, norms)
        self._witnesses = self._rows[:: -(-len(vectors) // _WITNESSES)]
        self._seen = self._witnesses.tobytes()
        self._shadow = _shadow_of_halves(self._rows) if self._halves else _core.shadow_pack(self._rows)

    @staticmethod
    def suits(vectors: Any) -> bool:
        """Tell whether a matrix that is searched where it lies is worth a shadow."""
        rows = _plain(vectors)
        plain = rows.dtype != np.float64 and rows.shape[1] <= _core.shadow.MOST_COLUMNS
        return plain and rows.size >= _WORTHWHILE

    @property
    def fresh(self) -> bool:
        """Whether some rows are as they were. Others may have changed: to look at all would cost what a shadow spares."""
        return self._witnesses.tobytes() == self._seen

    def _found(
        self, query: np.ndarray, exclude: np.ndarray, begin: int, end: int, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        top = _core.shadow_top_halves if self._halves else _core.shadow_top
        return top(query, self._bits, *self._shadow, self._scale, exclude, begin, end, count)


def _plain(vectors: Any) -> Any:
    """Return the array that holds the rows, where there is one."""
    return vectors.halves if isinstance(vectors, HalfRows) else vectors


def _shadow_of_halves(halves: np.ndarray) -> tuple[np.ndarray, ...]:
    """Make the shadow of rows of float16, some of which are float32 at a time."""
    parts = [_core.shadow_pack(widened(halves[i : i + _PACKED])) for i in range(0, len(halves), _PACKED)]
    return tuple(map(np.concatenate, zip(*parts, strict=True)))
