"""Files written so that a failure leaves the old file as it was."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from ._files import Path, descriptor, name_of

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_SUFFIX = {
    ".gz": lambda file: gzip.GzipFile("", "wb", 6, file, mtime=0),  # no name, no date: same data, same bytes
    ".bz2": lambda file: bz2.BZ2File(file, "wb"),
    ".xz": lambda file: lzma.LZMAFile(file, "wb"),  # noqa: SIM115
}

_NOT_BESIDE = {errno.EACCES, errno.EPERM, errno.EROFS}
"""Why no file can be made in a folder, though one that is there may be writable."""


@contextmanager
def atomic_write(path: Path, mode: str = "wb", *, compress: bool = False) -> Iterator[IO]:
    """Open a new file that takes the place of `path` only when the block ends without an error.

    It is written under a temporary name in the same folder, synchronised to the disk, then renamed; on
    any error (full disk, Ctrl-C) `path` is as it was. The old file's permissions and owner and, for a symbolic link, the
    link are kept; another hard link keeps the old content. A write-protected file is a PermissionError. A file that cannot
    be replaced (mounted by itself, in a folder that is not writable) is overwritten when the new content is complete. What
    is no regular file (/dev/stdout, a named pipe) is written directly.

    Args:
        path: the file to write.
        mode: "wb", or "w" for UTF-8 text.
        compress: whether the suffix .gz, .bz2 or .xz of `path` packs the content (default False).

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "notes.txt")
    >>> with atomic_write(path, "w") as file:
    ...     _ = file.write("kept")
    >>> with open(path) as file:
    ...     file.read()
    'kept'
    """
    if mode not in ("wb", "w"):
        raise ValueError(f"mode must be 'wb' or 'w', got {mode!r}")
    name = name_of(path)
    pack = _SUFFIX.get(os.path.splitext(name)[1].lower()) if compress else None
    if (direct := _opened_directly(name)) is not None:
        with _named(name), direct as raw, _layers(raw, mode, pack) as file:
            yield file
        return
    target = os.path.realpath(name)
    _require_replaceable(name, target)
    new = None
    try:
        with _named(name):
            new = _New(target)
            with _layers(new.file, mode, pack) as file:
                yield file
            new.take_place()
    except BaseException as error:
        error.add_note(f"{name} was not written; if it existed before, it is unchanged")
        raise
    finally:
        if new is not None:
            new.close()


def require_writable(path: Path) -> None:
    """Raise what `atomic_write` would raise about a place, before anything is computed for it."""
    name = name_of(path)
    target = os.path.realpath(name)
    if descriptor(name) is not None or (os.path.exists(name) and not os.path.isfile(name) and not os.path.isdir(name)):
        return
    _require_replaceable(name, target)
    with _named(name):
        _New(target).close()


def _require_replaceable(name: str, target: str) -> None:
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, "is a directory, it cannot be written", name)
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "is write-protected", name)


def _opened_directly(name: str) -> IO[bytes] | None:
    """Open what is no regular file; None for one. A pipe's real path cannot be opened."""
    number = descriptor(name)
    if number is not None:
        return os.fdopen(os.dup(number), "wb")
    if os.path.exists(name) and not os.path.isfile(name) and not os.path.isdir(name):
        return open(name, "wb")
    return None


class _New:
    """A new file for the place of `target`; it vanishes by `close` unless `take_place` has been called."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._name: str | None = None
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            raise FileNotFoundError(errno.ENOENT, f"there is no folder for {os.path.basename(target)}", folder)
        try:
            self.file = self._temporary(folder)
        except OSError as error:
            if error.errno not in _NOT_BESIDE or not os.path.isfile(target):
                error.filename = target
                raise
            self.file, self._name = tempfile.TemporaryFile(prefix="seqnn-"), None  # noqa: SIM115 (closed in close)

    def _temporary(self, folder: str) -> IO[bytes]:
        """Make a file with the permissions of any new file (mkstemp's are private), and lock it as long as it is written.

        Files that a process which was killed has left behind are not locked any more: they are removed.
        """
        start = f".{os.fsdecode(os.fsencode(os.path.basename(self._target))[:100])}."
        _remove_abandoned(folder, start)
        while True:
            self._name = os.path.join(folder, f"{start}{secrets.token_hex(8)}.tmp")
            file = open(self._name, "x+b")  # noqa: SIM115 (closed in close)
            if not _lock(file) or os.fstat(file.fileno()).st_nlink:
                return file
            file.close()  # taken for an abandoned one before it was locked

    def take_place(self) -> None:
        """Put the file in the place of the target."""
        self.file.flush()
        os.fsync(self.file.fileno())
        if self._name is None:
            self._overwrite()
            return
        if os.path.exists(self._target):
            self._take_attributes()
        try:
            os.replace(self._name, self._target)
        except OSError as error:
            if error.errno != errno.EBUSY:  # a file that is mounted by itself
                raise
            self._overwrite()
        else:
            self._name = None

    def _take_attributes(self) -> None:
        old = os.stat(self._target)
        if hasattr(os, "fchown") and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
            with suppress(OSError):  # only root gives files away
                os.fchown(self.file.fileno(), old.st_uid, old.st_gid)
        os.chmod(self._name, stat.S_IMODE(old.st_mode))

    def _overwrite(self) -> None:
        self.file.seek(0)
        with open(self._target, "r+b") as target:
            shutil.copyfileobj(self.file, target, 1 << 20)
            target.truncate()
            target.flush()
            os.fsync(target.fileno())

    def close(self) -> None:
        """Close the file, and remove it where it has no place."""
        with suppress(OSError):  # a full disk, which has been told
            self.file.close()
        if self._name is not None:
            with suppress(OSError):
                os.unlink(self._name)


def _lock(file: IO[bytes], *, wait: bool = True) -> bool:
    """Lock a file until it is closed; False where another has locked it, or the system has no such locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _remove_abandoned(folder: str, start: str) -> None:
    """Remove the temporary files of this name that nobody writes any more."""
    with suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(start) and re.fullmatch(r"[0-9a-f]{16}\.tmp", entry.name[len(start) :]):
                with suppress(OSError), open(entry.path, "r+b") as file:
                    if _lock(file, wait=False):
                        os.unlink(entry.path)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Let an error, such as a full disk, name the file that the user asked for."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or str(error.filename).endswith(".tmp")):
            error.filename, error.filename2 = name, None
        raise


@contextmanager
def _layers(raw: IO[bytes], mode: str, pack: Callable[[IO[bytes]], IO[bytes]] | None) -> Iterator[IO]:
    """Put the packing and the text encoding over `raw`; both are completed at the end, `raw` stays open."""
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
