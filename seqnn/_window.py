"""The one reader of big files: a window that moves over their bytes, mapped ones where they lie, others piece by piece."""

from __future__ import annotations

from typing import IO

import numpy as np


class Window:
    """The next bytes of a file: `ahead` (uint8), at least `size` of them unless it is `last`; `skip` moves on.

    What was read from `ahead` stays as it is after `skip` and `widen`.

    Args:
        data: all bytes of a mapped file, or a stream.
        size: bytes of the window (default 16 MiB).

    Attributes:
        ahead: the window.
        last: whether the window reaches to the end.
        at: bytes before the window, of mapped data.

    >>> import io
    >>> window = Window(io.BytesIO(b"abcdef"), size=4)
    >>> window.skip(3)
    >>> bytes(window.ahead), window.last
    (b'def', True)
    """

    def __init__(self, data: np.ndarray | IO[bytes], size: int = 1 << 24) -> None:
        self.size = size
        self.at = 0
        self._stream = None if isinstance(data, np.ndarray) else data
        self._data = data if isinstance(data, np.ndarray) else np.empty(0, np.uint8)
        self._move()

    def skip(self, count: int) -> None:
        """Move `count` bytes on, to the end of the data at most."""
        self.at = min(self.at + count, len(self._data))
        self._move()

    def widen(self) -> None:
        """Double the window, for what does not fit."""
        self.size *= 2
        self._move()

    def _move(self) -> None:
        if self._stream is not None and len(self._data) - self.at < self.size:
            # A new buffer each time: no array that the caller holds changes.
            data = np.empty(2 * self.size, np.uint8)
            filled = len(self._data) - self.at
            data[:filled] = self._data[self.at :]
            while filled < len(data) and (count := self._stream.readinto(memoryview(data)[filled:])):  # type: ignore[attr-defined]
                filled += count
            if filled < len(data):
                self._stream = None
            self._data, self.at = data[:filled], 0
        self.ahead = self._data[self.at : self.at + self.size]
        self.last = self._stream is None and self.at + len(self.ahead) == len(self._data)
