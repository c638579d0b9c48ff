"""Rows of a co-occurrence matrix as integer sums: gathered, merged, rounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import _core
from ..._spill import GrowingArray
from ._cooccurrence import Cooccurrence

STEP_ENTRIES = 1 << 23
"""The most counts of one call of the kernel, unless a row needs more."""

_STEP_ROUNDED = 1 << 20

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Some rows of integer sums: indices, sums, where each row ends."""


def rounded(indptr: np.ndarray, indices: np.ndarray, sums: np.ndarray, unit: float) -> Cooccurrence:
    """Round sums to counts, which take their memory."""
    data = sums.view(np.float64)
    for at in range(0, len(sums), _STEP_ROUNDED):
        data[at : at + _STEP_ROUNDED] = sums[at : at + _STEP_ROUNDED] / unit
    return Cooccurrence._of(indptr, indices, data)


class RowsBuffer:
    """Rows that are gathered in memory up to `limit` bytes, beyond in temporary files."""

    def __init__(self, size: int, limit: int | None) -> None:
        self._indptr = np.zeros(size + 1, np.int64)
        self._rows = 0
        self._indices = GrowingArray(None if limit is None else limit // 6)
        self._sums = GrowingArray(None if limit is None else limit // 3, dtype=np.int64)

    def append(self, rows: Rows) -> None:
        """Add rows below those that are there."""
        indices, sums, row_ends = rows
        self._indptr[self._rows + 1 : self._rows + 1 + len(row_ends)] = self._indices.size + row_ends
        self._rows += len(row_ends)
        self._indices.append(indices)
        self._sums.append(sums)

    def finish(self) -> Rows:
        """Return the matrix of all rows."""
        return self._indptr, self._indices.finish(), self._sums.finish()


def merge_rows(runs: Sequence[Rows], size: int, limit: int | None) -> Rows:
    """Add up all runs, some rows at a time."""
    result = RowsBuffer(size, limit)
    ends = sum(run[0] for run in runs)  # places that the rows before need at most
    room = STEP_ENTRIES if limit is None else max(limit // 48, 1)
    row = 0
    while row < size:
        end = min(max(int(np.searchsorted(ends, ends[row] + room, "right")) - 1, row + 1), size)
        spans = [slice(indptr[row], indptr[end]) for indptr, _, _ in runs]
        parts = np.concatenate([indices[span] for (_, indices, _), span in zip(runs, spans, strict=True)])
        part_sums = np.concatenate([sums[span] for (_, _, sums), span in zip(runs, spans, strict=True)])
        bounds = np.array([indptr[row : end + 1] - indptr[row] for indptr, _, _ in runs])
        bounds += np.concatenate([[0], np.cumsum(bounds[:-1, -1])])[:, None]
        indices, sums = np.empty(len(parts), np.int32), np.empty(len(parts), np.int64)
        row_ends = np.zeros(end - row, np.int64)
        _core.cooccurrence_merge(
            parts, part_sums, bounds, vocabulary=size, columns=indices, sums=sums, row_ends=row_ends
        )
        result.append((indices[: row_ends[-1]], sums[: row_ends[-1]], row_ends))
        row = end
    return result.finish()
