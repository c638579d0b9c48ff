"""What all fuzzers share: one try of a reader, judged; and changes of files."""

from __future__ import annotations

import io
import random
import re
import signal
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from .readers import Reader

HANG_SECONDS = 5
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
WORDS = (
    b"-1", b"0", b"1e999", b"nan", b"9" * 20, b"9" * 5000, b"1.5", b"\xff", b"\xed\xa0\x80", b"\0", b"\n", b"\r", b"\t", b" ",
    b"[" * 3000, b"{", b"}", b'"', b"null", b"true", b"[]", b"{}", b'""', b'"\\ud800"', b"\xef\xbb\xbf", b"\xc2\xa0",
)  # fmt: skip


class Hang(BaseException):
    """A reader takes too long."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Hang


def fault(reader: Reader, data: bytes, path: Path) -> str | None:
    """Read a file with these contents; return what is wrong with the way it ended, None where nothing is.

    Right is a value, or a ValueError or OSError that names the file.
    """
    path.write_bytes(data)
    old = signal.signal(signal.SIGPROF, _interrupt)
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)  # time of the CPU: another process may have the rest
    try:
        with warnings.catch_warnings(action="ignore"):
            reader.read(path)
    except (ValueError, OSError) as error:
        if path.name in str(error):
            return None
        return _described(error)
    except (Exception, Hang) as error:
        return _described(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)
    return None


def _described(error: BaseException) -> str:
    """Return the kind of an error, and where in the package it arose: equal for faults that are one."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/seqnn/" in f.filename]
    where = f"{Path(frames[-1].filename).stem}.{frames[-1].name}" if frames else "?"
    return f"{type(error).__name__} in {where}"


def mutations(seeds: list[bytes], r: random.Random) -> Iterator[bytes]:
    """Yield changed files without end: often the inner part of one alone, so that its lengths and checksums are right."""
    while True:
        seed = r.choice(seeds)
        part, close = (seed, bytes) if r.random() < 0.3 else _inner(seed, r)
        data = bytearray(part)
        for _ in range(r.choice((1, 1, 1, 2, 3, 8))):
            _change(data, r, seeds)
        yield close(bytes(data))


def _inner(data: bytes, r: random.Random) -> tuple[bytes, Callable[[bytes], bytes]]:
    """Return the header of a safetensors file, or one file of a zip archive, and what puts a changed one into its place."""
    if data[8:9] == b"{":
        end = 8 + int.from_bytes(data[:8], "little")
        return data[8:end], lambda new: len(new).to_bytes(8, "little") + new + data[end:]
    files = _unzipped(data)
    if files:
        name = r.choice([*files])
        return files[name], lambda new: _zipped({**files, name: new})
    return data, bytes


def _unzipped(data: bytes) -> dict[str, bytes]:
    """Return the files of an archive; none where it is no whole one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (ValueError, RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error):
        return {}


def _zipped(files: dict[str, bytes]) -> bytes:
    """Return an archive of files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def _change(data: bytearray, r: random.Random, seeds: list[bytes]) -> None:
    """Change a file in one place."""
    at = r.randrange(len(data) + 1)
    end = min(len(data), at + r.choice((1, 2, 4, 8, 16, 100)))
    way = r.randrange(9)
    if way == 0 and data:
        data[at % len(data)] ^= 1 << r.randrange(8)
    elif way == 1:
        size = r.choice((1, 2, 4, 8))
        number = (r.choice(NUMBERS) + r.choice((0, 0, 1, -1))) % (1 << 8 * size)
        data[at : at + size] = number.to_bytes(size, r.choice(("little", "little", "big")))
    elif way == 2:
        del data[at:end]
    elif way == 3:
        data[at:at] = data[at:end] * r.choice((1, 1, 2, 50))
    elif way == 4:
        del data[at:]
    elif way == 5:
        data[at : r.choice((at, end))] = r.choice(WORDS)
    elif way == 6:
        other = r.choice(seeds)
        start = r.randrange(len(other) + 1)
        data[at:end] = other[start : start + r.choice((4, 16, 100))]
    else:  # a token of text: a number, a name or a value of JSON
        tokens = list(re.finditer(rb'"[^"]*"|-?[0-9.]+|[a-z]+', bytes(data)))
        if tokens:
            token = r.choice(tokens)
            number = str(r.choice(NUMBERS)).encode()
            data[token.start() : token.end()] = r.choice((r.choice(tokens)[0], number, r.choice(WORDS)))
