"""Files that are read whatever their compression, and written so that a failure leaves the old file as it was."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import secrets
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

Path = str | os.PathLike[str]

_MAGIC = {b"\x1f\x8b": gzip.GzipFile, b"BZh": bz2.BZ2File, b"\xfd7zXZ\x00": lzma.LZMAFile}
_SUFFIX = {
    ".gz": lambda file: gzip.GzipFile("", "wb", 6, file, mtime=0),  # no name, no date: same data, same bytes
    ".bz2": lambda file: bz2.BZ2File(file, "wb"),
    ".xz": lambda file: lzma.LZMAFile(file, "wb"),  # noqa: SIM115
}


def compression(path: Path) -> type | None:
    """The class that unpacks the file at `path` (gzip, bz2 or xz), None for a plain file; by its first bytes.

    Directories and missing files raise what `open` raises.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "is a directory, a file is expected", os.fspath(path))
    with open(path, "rb") as file:
        start = file.read(6)
    return next((opener for magic, opener in _MAGIC.items() if start.startswith(magic)), None)


def open_binary(path: Path) -> IO[bytes]:
    """Open `path` for reading bytes; gzip, bz2 and xz files, known by their first bytes, are unpacked."""
    opener = compression(path)
    return open(path, "rb") if opener is None else opener(os.fspath(path))


def open_text(path: Path, *, encoding: str = "utf-8", errors: str = "strict") -> IO[str]:
    """Open `path` for reading text; gzip, bz2 and xz files, known by their first bytes, are unpacked.

    Lines end in "\\n", "\\r" or "\\r\\n".
    """
    return io.TextIOWrapper(open_binary(path), encoding=encoding, errors=errors)


@contextmanager
def unpacking(path: Path) -> Iterator[None]:
    """Context for reading: a packed file that does not unpack is a ValueError that names it."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{os.fspath(path)}: the compressed file is truncated or damaged ({error})") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise ValueError(f"{os.fspath(path)}: the compressed file is damaged ({error})") from error


@contextmanager
def atomic_write(path: Path, mode: str = "wb", *, compress: bool = False) -> Iterator[IO]:
    """Open a new file that takes the place of `path` only when the block ends without an error.

    It is written under a temporary name in the same folder, synchronised to the disk, then renamed; on any error
    (full disk, Ctrl-C) the temporary file goes and `path` is as it was. The old file's permissions and, for a
    symbolic link, the link are kept. What is no regular file (/dev/stdout, a named pipe) is written directly.

    `mode` is "wb" or "w" (UTF-8). `compress=True` packs by the suffix of `path`: .gz, .bz2, .xz.

        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "notes.txt")
        >>> with atomic_write(path, "w") as file:
        ...     _ = file.write("kept")
        >>> with open_text(path) as file:
        ...     file.read()
        'kept'
    """
    if mode not in ("wb", "w"):
        raise ValueError(f"mode must be 'wb' or 'w', got {mode!r}")
    target = os.path.realpath(path)
    pack = _SUFFIX.get(os.path.splitext(target)[1].lower()) if compress else None
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, "is a directory, it cannot be written", os.fspath(path))
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe's real path cannot be opened
        with _named(path), open(path, "wb") as raw, _layers(raw, mode, pack) as file:
            yield file
        return
    raw, temporary = _open_temporary(target)
    try:
        with _named(path), raw:
            with _layers(raw, mode, pack) as file:
                yield file
            raw.flush()
            os.fsync(raw.fileno())
        if os.path.exists(target):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        error.add_note(f"{os.fspath(path)} was not written; if it existed before, it is unchanged")
        raise


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """An error such as a full disk names the file."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = os.fspath(path)
        raise


def _open_temporary(target: str) -> tuple[IO[bytes], str]:
    """A new file beside `target`, with the permissions of any new file (mkstemp's are private)."""
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"there is no folder for {name}", folder)
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(8)}.tmp")
    return open(temporary, "xb"), temporary


@contextmanager
def _layers(raw: IO[bytes], mode: str, pack) -> Iterator[IO]:
    """`raw` under the packing and the text encoding asked for; both are completed at the end, `raw` stays open."""
    file = pack(raw) if pack else raw
    text = io.TextIOWrapper(file, encoding="utf-8", newline="\n") if mode == "w" else None
    try:
        yield text or file
        if text:
            text.flush()
    finally:
        if text:
            text.detach()
        if pack:
            file.close()
