"""A window that moves over a file: plain files are mapped into memory, packed ones unpacked piece by piece."""

from __future__ import annotations

import mmap
import os
from typing import Self

import numpy as np

from .._files import Path, compression, open_binary


class Window:
    """`ahead` is the next part of the file (uint8), at least `size` bytes unless it is `last`; `skip` moves on.

    What was read from `ahead` must not be used after `skip` or `widen`.

        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "letters")
        >>> with open(path, "wb") as file:
        ...     _ = file.write(b"abcdef")
        >>> with Window(path, size=4) as window:
        ...     window.skip(3)
        ...     bytes(window.ahead), window.last
        (b'def', True)
    """

    def __init__(self, path: Path, size: int = 1 << 24) -> None:
        self.size = size
        self._ended = compression(path) is None  # are all bytes in `_data`?
        self._file = open_binary(path)
        self._at = 0  # of the window, in the data
        if not self._ended:
            self._data = np.empty(0, np.uint8)
        elif os.path.getsize(path):
            self._data = np.frombuffer(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        else:
            self._data = np.frombuffer(self._file.read(), np.uint8)  # pipes and devices cannot be mapped
        self._move()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def skip(self, count: int) -> None:
        """Move `count` bytes on."""
        self._at += count
        self._move()

    def widen(self) -> None:
        """Double the window, for what does not fit."""
        self.size *= 2
        self._move()

    def _move(self) -> None:
        if not self._ended and len(self._data) - self._at < self.size:
            # A new buffer each time: no array that the caller holds changes.
            data = np.empty(2 * self.size, np.uint8)
            filled = len(self._data) - self._at
            data[:filled] = self._data[self._at :]
            while filled < len(data) and (count := self._file.readinto(memoryview(data)[filled:])):
                filled += count
            self._ended = filled < len(data)
            self._data, self._at = data[:filled], 0
        self.ahead = self._data[self._at : self._at + self.size]
        self.last = self._ended and self._at + len(self.ahead) == len(self._data)
