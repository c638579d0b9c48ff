"""Arrays that grow piece by piece, and go to a temporary file where they would take more than a stated memory."""

from __future__ import annotations

import re
import tempfile
from typing import IO

import numpy as np
import numpy.typing as npt

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_LEAST = 1 << 12


def parse_size(size: int | str | None, name: str = "max_memory") -> int | None:
    """Return the bytes of a size such as 2_000_000, "500MB" (decimal) or "2GiB" (binary); None stays None."""
    if size is None:
        return None
    if isinstance(size, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?|)B?\s*", size.upper())
        if match is None:
            raise ValueError(f"{name}: expected bytes or a size such as '500MB' or '2GiB', got {size!r}")
        return int(float(match[1]) * _UNITS[match[2]])
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
        raise ValueError(f"{name}: expected a number of bytes >= 0 or a size such as '2GB', got {size!r}")
    return int(size)


class GrowingArray:
    """A one-dimensional array that grows; beyond `max_memory` bytes it lies in a temporary file.

    The file has no name (or, where the system does not know such files, one that the system removes when it is
    closed): it is gone with the last array over it, and with the process, however that ends.

    Args:
        max_memory: bytes; None sets no limit.
        expected: how many elements are likely, to make room for them at once.
        dtype: of the elements (default int32).
    """

    def __init__(self, max_memory: int | None, expected: int = 0, dtype: npt.DTypeLike = np.int32) -> None:
        self.size = 0
        self._dtype = np.dtype(dtype)
        self._max_memory = max_memory
        self._file: IO[bytes] | None = None
        limit = expected if max_memory is None else min(expected, max_memory // self._dtype.itemsize)
        self._elements = np.empty(max(limit, _LEAST), self._dtype)

    def append(self, elements: np.ndarray) -> None:
        """Add elements of the array's dtype at the end."""
        size = self.size + len(elements)
        if self._file is None and self._max_memory is not None and self._dtype.itemsize * size > self._max_memory:
            self._file = tempfile.TemporaryFile(prefix="seqnn-")  # noqa: SIM115 (closed in finish)
            self._file.write(self._elements[: self.size].data)
            self._elements = np.empty(0, self._dtype)
        if self._file is not None:
            self._file.write(elements.data)
        else:
            if size > len(self._elements):
                self._elements.resize(size + size // 8, refcheck=False)
            self._elements[self.size : size] = elements
        self.size = size

    def finish(self) -> np.ndarray:
        """Return all elements; nothing may be appended afterwards."""
        if self._file is None:
            elements, self._elements = self._elements, np.empty(0, self._dtype)
            elements.resize(self.size, refcheck=False)
            return elements
        with self._file as file:
            file.flush()
            return np.memmap(file, self._dtype, "r+", shape=(self.size,))
