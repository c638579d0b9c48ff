"""The corpus' ids: gathered piece by piece, in memory or in a temporary file, then mapped to others in place."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from contextlib import closing
from typing import IO

import numpy as np
import numpy.typing as npt

from .. import _core
from ._scanner import in_order

_SPAN = 1 << 21
"""Ids that are mapped in one step."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


def parse_size(size: int | str | None) -> int | None:
    """Bytes of a size such as 2_000_000, "500MB" (decimal), "2GiB" (binary); None stays None."""
    if size is None:
        return None
    if isinstance(size, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?|)B?\s*", size.upper())
        if match is None:
            raise ValueError(f"max_memory: expected bytes or a size such as '500MB' or '2GiB', got {size!r}")
        return int(float(match[1]) * _UNITS[match[2]])
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
        raise ValueError(f"max_memory: expected a number of bytes >= 0 or a size such as '2GB', got {size!r}")
    return int(size)


class IdBuffer:
    """A growing array, int32 unless another `dtype` is asked for; beyond `max_memory` bytes it goes to a temporary file.

    The file has no name (or, where the system does not know such files, one that the system removes when it is
    closed): it is gone with the last array over it, and with the process, however that ends.
    """

    def __init__(self, max_memory: int | None, expected: int = 0, dtype: npt.DTypeLike = np.int32) -> None:
        self.size = 0
        self._dtype = np.dtype(dtype)
        self._max_memory = max_memory
        self._file: IO[bytes] | None = None
        limit = expected if max_memory is None else min(expected, max_memory // self._dtype.itemsize)
        self._ids = np.empty(max(limit, 1 << 12), self._dtype)

    def append(self, ids: np.ndarray) -> None:
        """Add ids of the buffer's dtype at the end."""
        size = self.size + len(ids)
        if self._file is None and self._max_memory is not None and self._dtype.itemsize * size > self._max_memory:
            self._file = tempfile.TemporaryFile(prefix="seqnn-")  # noqa: SIM115 (closed in finish)
            self._file.write(self._ids[: self.size].data)
            self._ids = np.empty(0, self._dtype)
        if self._file is not None:
            self._file.write(ids.data)
        else:
            if size > len(self._ids):
                self._ids.resize(size + size // 8, refcheck=False)
            self._ids[self.size : size] = ids
        self.size = size

    def finish(self) -> np.ndarray:
        """All ids; the buffer is empty afterwards."""
        if self._file is None:
            ids, self._ids = self._ids, np.empty(0, self._dtype)
            ids.resize(self.size, refcheck=False)
            return ids
        with self._file as file:
            file.flush()
            return np.memmap(file, self._dtype, "r+", shape=(self.size,))


def apply(
    ids: np.ndarray, ends: np.ndarray, maps: Sequence[np.ndarray], spans: Sequence[tuple[int, int, int]] | None = None
) -> int:
    """ids = maps[m][ids] in place for each span (first, last, m); those that map to -1 are dropped, the others move up.

    `ends`, ascending positions in the ids, become the number of kept ids before each. Without spans, maps[0] serves
    for all. Returns the number of kept ids.
    """
    if spans is None:
        spans = [(first, min(first + _SPAN, len(ids)), 0) for first in range(0, len(ids), _SPAN)]
    cuts = [*np.searchsorted(ends, [first for first, _, _ in spans]).tolist(), len(ends)]

    def encode(number: int) -> tuple[int, np.ndarray]:
        first, last, m = spans[number]
        inside = ends[cuts[number] : cuts[number + 1]] - first
        return int(_core.corpus_encode(ids[first:last], maps[m], inside)[0]), inside

    kept = 0
    with closing(in_order(encode, range(len(spans)))) as results:
        for number, (count, inside) in enumerate(results):
            first = spans[number][0]
            if kept != first:
                ids[kept : kept + count] = ids[first : first + count]
            ends[cuts[number] : cuts[number + 1]] = kept + inside
            kept += count
    return kept
