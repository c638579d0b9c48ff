"""Text files as pieces of bytes that start and end between words: memory-mapped, or unpacked as they are read."""

from __future__ import annotations

import mmap
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from .._files import compression, open_binary, unpacking

PIECE = 1 << 21
"""Bytes of text that are scanned in one step: a few hundredths of a second."""

_SPACES = (b" ", b"\n", b"\t", b"\r", b"\v", b"\f")
_SPACE = re.compile(rb"[ \n\t\r\v\f]")
_BOM = b"\xef\xbb\xbf"


@dataclass
class Piece:
    """Some text of a file, from byte `position` of the corpus (all files end to end) on; `last` of its file or not."""

    text: np.ndarray
    path: str
    position: int
    last: bool = False
    mapping: mmap.mmap | None = None
    start: int = 0

    def release(self) -> None:
        """Let the system take back the memory of a mapped file's pages: they would count as this process's own."""
        if self.mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            begin = self.start // mmap.PAGESIZE * mmap.PAGESIZE
            self.mapping.madvise(mmap.MADV_DONTNEED, begin, self.start + len(self.text) - begin)


def list_files(source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[str]:
    """The files that a path, a directory (its visible files sorted by name, not those below) or several paths name."""
    sources = [source] if isinstance(source, (str, os.PathLike)) else list(source)
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
    """Bytes of all files together; None when one is compressed or of a kind without a size (a pipe)."""
    sizes = [os.stat(path).st_size if _is_plain(path) else None for path in files]
    return None if None in sizes else sum(size for size in sizes if size)


def pieces(files: list[str]) -> Iterator[Piece]:
    """All text of the files. A byte-order mark at the start of a file is left out."""
    position = 0
    for path in files:
        read = _mapped if _is_plain(path) and os.path.getsize(path) else _streamed
        for piece in read(path, position):
            yield piece
        position = piece.position + len(piece.text)


def _is_plain(path: str) -> bool:
    return stat.S_ISREG(os.stat(path).st_mode) and compression(path) is None


def _mapped(path: str, position: int) -> Iterator[Piece]:
    with open(path, "rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    size = len(mapping)
    text = np.frombuffer(mapping, np.uint8)
    offset = len(_BOM) if mapping[: len(_BOM)] == _BOM else 0
    start = offset
    while True:
        cut = _SPACE.search(mapping, start + PIECE) if start + PIECE < size else None
        end = cut.end() if cut else size
        yield Piece(text[start:end], path, position + start - offset, end == size, mapping, start)
        if end == size:
            return
        start = end


def _streamed(path: str, position: int) -> Iterator[Piece]:
    begun = False
    rest: list[bytes] = []
    with open_binary(path) if stat.S_ISREG(os.stat(path).st_mode) else open(path, "rb") as file:
        while True:
            with unpacking(path):
                data = file.read(PIECE)
            cut = _last_space(data) if data else 0
            if cut or not data:
                whole = b"".join([*rest, data[:cut]])
                if not begun and whole.startswith(_BOM):
                    whole = whole[len(_BOM) :]
                begun = True
                yield Piece(np.frombuffer(whole, np.uint8), path, position, not data)
                position += len(whole)
                rest = []
            if not data:
                return
            rest.append(data[cut:])


def _last_space(data: bytes) -> int:
    """The number of bytes up to and with the last whitespace; 0 when there is none."""
    near = max(0, len(data) - 4096)
    start = near if _SPACE.search(data, near) else 0
    return 1 + max(data.rfind(c, start) for c in _SPACES)


def line_at(path: str, position: int) -> int | None:
    """The number (from 1) of the line that holds byte `position` of the file's text; None if it cannot be read again."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        return None
    line = 1
    with open_binary(path) as file:
        if file.read(len(_BOM)) != _BOM:
            file.seek(0)
        while position > 0 and (data := file.read(min(PIECE, position))):
            line += data.count(b"\n")
            position -= len(data)
    return line
