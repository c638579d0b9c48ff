"""A second copy of the weights that does not cost a second time their memory."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from types import TracebackType
from typing import IO

import numpy as np

IN_MEMORY = 16 << 20
"""Weights up to this many bytes are copied in memory, larger ones into an unnamed temporary file."""

PIECE = 1 << 24


class Snapshot:
    """A copy of some arrays, to return to it later.

    `take()` copies them, `restore()` puts the copy back into the same arrays. Up to 16 MiB the copy lies in memory;
    above, in a temporary file without a name (in `tempfile.gettempdir()`) that vanishes with the process. When that
    folder has no room, a `RuntimeWarning` says so and the copy lies in memory.
    """

    _copies: list[np.ndarray] | None = None
    _file: IO[bytes] | None = None

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self._arrays = list(arrays)
        self._in_memory = sum(a.nbytes for a in self._arrays) <= IN_MEMORY
        self.taken = False

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()  # of a run that was broken off

    def take(self) -> None:
        """Copy the arrays as they are now; an earlier copy is replaced."""
        self.put(self._arrays)

    def put(self, arrays: Sequence[np.ndarray]) -> None:
        """Keep arrays that were copied elsewhere; a ValueError where they do not fit."""
        given, expected = ([(a.shape, a.dtype) for a in some] for some in (arrays, self._arrays))
        if given != expected:
            raise ValueError(f"snapshot: expected arrays of {expected}, got {given}")
        self.taken = False
        if not self._in_memory:
            try:
                self._write(arrays)
            except OSError as error:
                self.close()
                self._in_memory = True
                warnings.warn(
                    f"no room for a copy of the weights in {tempfile.gettempdir()} ({error}): it lies in memory",
                    RuntimeWarning,
                    stacklevel=2,
                )
        if self._in_memory:
            if self._copies is None:
                self._copies = [a.copy() for a in arrays]
            else:
                for copy, array in zip(self._copies, arrays, strict=True):
                    np.copyto(copy, array)
        self.taken = True

    def restore(self) -> None:
        """Put the copy back into the arrays."""
        self._copy_to(self._arrays)

    def arrays(self) -> list[np.ndarray]:
        """Return the copy itself."""
        found = [np.empty(a.shape, a.dtype) for a in self._arrays]
        self._copy_to(found)
        return found

    def holds(self, arrays: Sequence[np.ndarray]) -> bool:
        """Tell whether there is a copy, of these very arrays."""
        return (
            self.taken
            and len(arrays) == len(self._arrays)
            and all(a is b for a, b in zip(arrays, self._arrays, strict=True))
        )

    def _copy_to(self, arrays: Sequence[np.ndarray]) -> None:
        if not self.taken:
            raise RuntimeError("nothing to restore: take() has not completed")
        if self._copies is not None:
            for copy, array in zip(self._copies, arrays, strict=True):
                np.copyto(array, copy)
        elif self._file is not None:
            self._file.seek(0)
            for array in arrays:
                view = _bytes(array)
                while len(view):
                    view = view[self._file.readinto(view) :]  # type: ignore[attr-defined]

    def close(self) -> None:
        """Give the memory or the file back."""
        self.taken = False
        self._copies = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, arrays: Sequence[np.ndarray]) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115, it lives as long as the snapshot
        self._file.seek(0)
        for array in arrays:
            view = _bytes(array)
            for start in range(0, len(view), PIECE):  # Ctrl-C acts between two pieces
                self._file.write(view[start : start + PIECE])
        self._file.flush()


def _bytes(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
