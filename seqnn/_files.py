"""Files as they are read: opened once, whatever they are (a pipe, too) and however they are packed."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import mmap
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Self

import numpy as np

Path = str | os.PathLike[str]


class TruncatedError(ValueError, EOFError):
    """A file ends before all that it should hold."""


BOM = b"\xef\xbb\xbf"
"""The byte-order mark that some programs write at the start of UTF-8 text."""

_START = 8
_HEAD = 64
_PIECE = 1 << 20


def _unzipped(file: IO[bytes]) -> IO[bytes]:
    """Open the only member of a zip archive."""
    if not file.seekable():
        file = _copied(file)
    archive = zipfile.ZipFile(file)
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        names = ", ".join(m.filename for m in members[:3]) + (", ..." if len(members) > 3 else "")
        raise ValueError(f"a zip archive of {len(members)} files ({names or 'empty'}); expected one: unzip it")
    return archive.open(members[0])


_PACKED: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"PK\x03\x04": _unzipped,
    b"PK\x05\x06": _unzipped,
}
"""How packed files begin, and what unpacks them."""

_UNREAD = {b"\x28\xb5\x2f\xfd": "Zstandard", b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!": "RAR"}
"""How files of packing programs begin that the standard library does not read."""


def name_of(path: Path) -> str:
    """Return a path as text; TypeError for what is none, such as an open file."""
    if hasattr(path, "read") or not isinstance(path, str | bytes | os.PathLike):
        what = "an open file: give its path" if hasattr(path, "read") else type(path).__name__
        raise TypeError(f"path: expected a str or os.PathLike, got {what}")
    return os.fsdecode(path)


def descriptor(path: Path) -> int | None:
    """Return the number of the open file that /dev/stdin, /dev/stdout, /dev/stderr, /dev/fd/N stand for, else None."""
    name = name_of(path)
    streams = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
    match = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", name)
    return int(match[1]) if match else streams.get(name)


def _raw(path: Path) -> IO[bytes]:
    """Open a file or pipe as it is. Folders and missing files raise what `open` raises."""
    name = name_of(path)
    if os.path.isdir(name):
        raise IsADirectoryError(errno.EISDIR, "is a directory, a file is expected", name)
    number = descriptor(name)
    if number is not None and not stat.S_ISREG(os.fstat(number).st_mode):
        return os.fdopen(os.dup(number), "rb")
    return open(name, "rb")


class _Begun(io.RawIOBase):
    """A stream of which `start` has been read already."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start, self._rest = start, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._start:
            part, self._start = self._start[: len(buffer)], self._start[len(buffer) :]
        else:
            part = self._rest.read1(len(buffer))  # type: ignore[attr-defined]
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        self._rest.close()
        super().close()


class _Over(io.RawIOBase):
    """A stream over another one; both are closed together."""

    def __init__(self, reader: IO[bytes], below: IO[bytes]) -> None:
        self._reader, self._below = reader, below

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._reader.readinto(buffer)  # type: ignore[attr-defined]

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
            self._below.close()
        super().close()


def _copied(file: IO[bytes]) -> IO[bytes]:
    """Copy a stream to an unnamed temporary file."""
    with ExitStack() as on_error:
        copy = on_error.enter_context(tempfile.TemporaryFile(prefix="seqnn-"))
        shutil.copyfileobj(file, copy, _PIECE)
        copy.flush()
        copy.seek(0)
        on_error.pop_all()
        return copy


def _packing(start: bytes, name: str) -> Callable[[IO[bytes]], IO[bytes]] | None:
    """Return what unpacks a file that begins like this; None for a plain one."""
    for magic, program in _UNREAD.items():
        if start.startswith(magic):
            raise ValueError(f"{name}: packed by {program}, which is not read: unpack it first")
    return next((opener for magic, opener in _PACKED.items() if start.startswith(magic)), None)


def _unpacked(file: IO[bytes], opener: Callable[[IO[bytes]], IO[bytes]] | None, name: str) -> IO[bytes]:
    """Return what unpacks an open file; a ValueError names a zip archive that cannot be read."""
    if opener is None:
        return file
    try:
        return io.BufferedReader(_Over(opener(file), file), _PIECE)
    except (
        ValueError,
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
    ) as error:  # a password, an unknown method
        raise ValueError(f"{name}: {error}") from error


def open_binary(path: Path) -> IO[bytes]:
    """Open a file or a pipe for reading bytes, once from its start to its end.

    gzip, bz2, xz files and zip archives of one member, known by their first bytes, are unpacked.
    """
    name = name_of(path)
    with ExitStack() as on_error:
        file = on_error.enter_context(_raw(path))
        seekable = file.seekable()
        start = file.read(_START)
        opener = _packing(start, name)
        if seekable:
            file.seek(0)
        else:
            file = io.BufferedReader(_Begun(start, file))
        opened = _unpacked(file, opener, name)
        on_error.pop_all()
        return opened


@contextmanager
def regular_file(path: Path) -> Iterator[str]:
    """Yield the path of a file that can be opened again: of a pipe, that of a copy."""
    name = name_of(path)
    with ExitStack() as opened:
        file = opened.enter_context(_raw(name))
        if file.seekable():
            yield name
            return
        copy = opened.enter_context(tempfile.NamedTemporaryFile(prefix="seqnn-"))
        shutil.copyfileobj(file, copy, _PIECE)
        copy.flush()
        yield copy.name


def is_packed(path: Path) -> bool:
    """Tell whether a file, which must not be a pipe, has to be unpacked."""
    with _raw(path) as file:
        return _packing(file.read(_START), name_of(path)) is not None


def open_text(path: Path, *, encoding: str = "utf-8", errors: str = "strict") -> IO[str]:
    """Open a file for reading text, unpacked as by `open_binary`.

    Lines end in "\\n", "\\r" or "\\r\\n". A byte-order mark at the start of UTF-8 is left out.
    """
    utf8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    return io.TextIOWrapper(open_binary(path), encoding="utf-8-sig" if utf8 else encoding, errors=errors)


class Source:
    """A file that may be read from its start more than once; of a pipe, a copy is kept in a temporary file.

    Args:
        path: of a file or a pipe, packed or not.

    Attributes:
        name: the path as text, for messages.
        size: bytes of the file as it lies there.
        packed: whether it has to be unpacked.
        head: its first bytes as they lie there.
    """

    def __init__(self, path: Path) -> None:
        self.name = name_of(path)
        with ExitStack() as opened:
            file = opened.enter_context(_raw(path))
            self._file = file if file.seekable() else opened.enter_context(_copied(file))
            self.size = os.fstat(self._file.fileno()).st_size
            self.head = self._file.read(_HEAD)
            self._opener = _packing(self.head, self.name)
            self.packed = self._opener is not None
            self._plain: IO[bytes] | None = None if self.packed else self._file
            self._open = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def stream(self) -> IO[bytes]:
        """Return the unpacked bytes from the start; an earlier stream must not be read any more."""
        if self._opener is None:
            self._file.seek(0)
            return self._file
        below = self._open.enter_context(os.fdopen(os.dup(self._file.fileno()), "rb"))
        below.seek(0)
        return self._open.enter_context(_unpacked(below, self._opener, self.name))

    def start(self, size: int) -> bytes:
        """Return the first unpacked bytes, `size` of them where there are so many."""
        with unpacking(self.name):
            return self.stream().read(size)

    def mapped(self, *, writable: bool = False) -> np.ndarray:
        """Return the unpacked bytes (uint8) where they lie in the file, or in a copy of a packed one.

        Args:
            writable: whether they may be written to: the pages that change are copied, and the file stays as it is.
        """
        return np.frombuffer(self.mapping(writable=writable), np.uint8)

    def mapping(self, *, writable: bool = False) -> mmap.mmap | bytes:
        """Return the same as an object that can be searched.

        Args:
            writable: as for `mapped`.
        """
        if self._plain is None:
            with unpacking(self.name):
                self._plain = self._open.enter_context(_copied(self.stream()))
        number = self._plain.fileno()
        access = mmap.ACCESS_COPY if writable else mmap.ACCESS_READ
        return mmap.mmap(number, 0, access=access) if os.fstat(number).st_size else b""


@contextmanager
def unpacking(path: Path) -> Iterator[None]:
    """Turn the errors of a packed file that does not unpack, or of text that is none, into a ValueError that names it."""
    name = name_of(path)
    try:
        yield
    except ValueError as error:
        if type(error) is UnicodeDecodeError:
            raise ValueError(f"{name} is not valid {error.encoding}: {error.reason}") from None
        raise
    except EOFError as error:
        raise TruncatedError(f"{name}: the compressed file is truncated or damaged ({error})") from error
    except (zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise ValueError(f"{name}: the compressed file is truncated or damaged ({error})") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise ValueError(f"{name}: the compressed file is damaged ({error})") from error
