"""Text files as pieces of bytes that start and end between words: memory-mapped, or unpacked as they are read."""

from __future__ import annotations

import mmap
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from .._files import BOM, Path, is_packed, open_binary, unpacking
from .._window import Window

PIECE = 1 << 21
"""Bytes of text that are scanned in one step: a few hundredths of a second."""

_SPACES = (b" ", b"\n", b"\t", b"\r", b"\v", b"\f")
_SPACE = re.compile(rb"[ \n\t\r\v\f]")


@dataclass
class Piece:
    """A part of a file's text, from byte `position` of the corpus (all files end to end) on."""

    text: np.ndarray
    path: str
    position: int
    last: bool = False
    """Whether it is the last part of its file."""
    mapping: mmap.mmap | None = None
    start: int = 0

    def release(self) -> None:
        """Let the system take back the memory of a mapped file's pages: they would count as this process's own."""
        if self.mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            begin = self.start // mmap.PAGESIZE * mmap.PAGESIZE
            self.mapping.madvise(mmap.MADV_DONTNEED, begin, self.start + len(self.text) - begin)


def list_files(source: Path | Iterable[Path]) -> list[str]:
    """List the files that a path, a directory (its visible files sorted by name, not those below) or several paths name."""
    sources = [source] if isinstance(source, str | os.PathLike) else list(source)
    files: list[str] = []
    for item in sources:
        path = os.fsdecode(item)
        if not os.path.exists(path):
            hint = "; if this is a text, wrap it: [s.split()]" if _SPACE.search(os.fsencode(path)) else ""
            raise FileNotFoundError(f"the corpus file {path[:200]!r} does not exist{hint}")
        if not os.path.isdir(path):
            files.append(path)
            continue
        names = sorted(name for name in os.listdir(path) if not name.startswith("."))
        inside = [full for name in names if not os.path.isdir(full := os.path.join(path, name))]
        if not inside:
            raise FileNotFoundError(f"the corpus directory {path!r} holds no files")
        files += inside
    return files


def plain_size(files: list[str]) -> int | None:
    """Return the bytes of all files together; None when one is compressed or of a kind without a size (a pipe)."""
    sizes = [os.stat(path).st_size if _is_plain(path) else None for path in files]
    return None if None in sizes else sum(size for size in sizes if size)


def pieces(files: list[str]) -> Iterator[Piece]:
    """Yield all text of the files. A byte-order mark at the start of a file is left out."""
    position = 0
    for path in files:
        mapping = _mapping(path) if _is_plain(path) and os.path.getsize(path) else None
        with open_binary(path) if mapping is None else nullcontext() as stream, unpacking(path):
            window = Window(stream or np.frombuffer(mapping, np.uint8), PIECE)
            if window.ahead[: len(BOM)].tobytes() == BOM:
                window.skip(len(BOM))
            done = False
            while not done:
                data, done = window.ahead, window.last
                cut = len(data) if done else _last_space(data)
                if cut or done:
                    yield Piece(data[:cut], path, position, done, mapping, window.at)
                    position += cut
                    window.skip(cut)
                else:
                    window.widen()


def _is_plain(path: str) -> bool:
    return stat.S_ISREG(os.stat(path).st_mode) and not is_packed(path)


def _mapping(path: str) -> mmap.mmap:
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _last_space(data: np.ndarray) -> int:
    """Return the number of bytes up to and with the last whitespace; 0 when there is none."""
    for begin in (max(0, len(data) - 4096), 0):
        raw = data[begin:].tobytes()
        if (found := max(map(raw.rfind, _SPACES))) >= 0:
            return begin + found + 1
    return 0


def line_at(path: str, position: int) -> int | None:
    """Return the number (from 1) of the line that holds byte `position` of a file's text; None if it cannot be read again."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        return None
    line = 1
    with open_binary(path) as file:
        data = file.read(len(BOM)).removeprefix(BOM) or file.read(min(PIECE, position))
        while position > 0 and data:
            line += data[:position].count(b"\n")
            position -= len(data)
            data = file.read(min(PIECE, max(position, 0)))
    return line
