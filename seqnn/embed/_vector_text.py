"""Word vectors as text, one "word number number ..." a line, with word2vec's header "count size" or without (GloVe)."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import _core
from .._files import Path, atomic_write, open_binary
from ..text._strings import pack
from ._window import Window

_BLANKS = b" \t\r\n"
# What the kernel says of a line.
_GOOD, _BLANK, _TOO_FEW, _TOO_MANY, _NOT_A_NUMBER, _NOT_FINITE = range(6)


def read_text(
    path: Path,
    *,
    encoding: str = "utf-8",
    unicode_errors: str = "strict",
    limit: int | None = None,
    dtype: Any = np.float32,
    header: bool | None = None,
    allow_nonfinite: bool = False,
) -> tuple[list[str], np.ndarray]:
    """Words and vectors [V, D] of a text file, plain or packed (.gz, .bz2, .xz); the first `limit` with a limit.

    The last D columns are the numbers, so words may hold blanks. `header` says whether the first line is
    "count size"; None looks. Whatever is wrong raises a ValueError that names file and line.
    """
    kind = np.float64 if np.dtype(dtype) == np.float64 else np.float32
    with open_binary(path) as file:
        start = file.read(1 << 20)
    promised = find_header(start, header)
    first = 0 if promised is None else 1
    if promised is None:
        if header:
            raise ValueError(f'{path}: line 1 must be "count size", got {start[:60]!r}')
        size = _guess_size(path, start.split(b"\n")[:100])
        total = sum(map(_count, _pieces(path)))
    else:
        total, size = promised
    if limit is not None:
        total = min(total, limit)
    check_promise(path, 2 * total * size)
    words: list[str] = []
    vectors = np.empty((total, size), kind)
    line = 1  # number of the first line of a piece
    for data in _pieces(path):
        skip = first if line == 1 else 0
        row = len(words)
        starts = _core.vector_text_lines(data, _count(data))[skip : skip + total - row + 1]
        line += skip
        ends, status = _core.vector_text_parse(data, starts, vectors[row : row + len(starts) - 1])
        bad = (status != _GOOD) & ~(allow_nonfinite & (status == _NOT_FINITE))
        if bad.any():
            i = int(np.argmax(bad))
            raise ValueError(f"{path}: line {line + i} {_explain(data[starts[i] : starts[i + 1]], status[i], size)}")
        words += split_words(data, starts[:-1], ends, "\n", encoding, unicode_errors, f"{path}: line", line)
        line += len(starts) - 1
        if limit is not None and len(words) == total:
            break
        if starts[-1] < len(data):
            raise ValueError(f"{path}: the header promises {total} vectors, line {line} is one more")
    if len(words) < total:
        raise ValueError(f"{path}: the header promises {total} vectors, the file holds {len(words)}: truncated?")
    return words, vectors.astype(dtype, copy=False)


def write_text(path: Path, words: Sequence[str], vectors: np.ndarray, *, header: bool = True) -> None:
    """Write words and vectors [V, D] as text, atomically; packed by the suffix .gz, .bz2 or .xz.

    The numbers have the fewest digits that give float32 (float64 likewise) back exactly. A word that would not be
    read back (it holds a line end, or blanks at its ends, or ends in what looks like a number of the vector) raises a
    ValueError before anything is written.
    """
    for word in filter(re.compile(r"[ \t\r\n]").search, words):
        if "\n" in word or word != word.strip(" \t\r") or _ends_in_numbers(word):
            raise ValueError(f"a line of text cannot hold the word {word!r}; KeyedVectors.save can")
    if vectors.dtype not in (np.float32, np.float64):
        vectors = vectors.astype(np.float32)
    size = vectors.shape[1]
    step = max(1, (1 << 18) // size)
    with atomic_write(path, compress=True) as file:
        if header:
            file.write(f"{len(words)} {size}\n".encode())
        for i in range(0, len(words), step):
            data, offsets = pack(words[i : i + step])
            text = np.empty(len(data) + (len(offsets) - 1) * (32 * size + 1), np.uint8)
            used = _core.vector_text_format(data, offsets, vectors[i : i + step], text)
            file.write(text[: int(used[0])].data)


def find_header(start: bytes, header: bool | None = None) -> tuple[int, int] | None:
    """(count, size) where the first line of the file is word2vec's header; `header` as in `read_text`."""
    first, _, rest = start[: 1 << 16].partition(b"\n")
    fields = _columns(first)
    if header is False or len(fields) != 2 or not all(re.fullmatch(rb"\d{1,18}", f) for f in fields):
        return None
    count, size = map(int, fields)
    # Two columns of integers may be vectors of size 1 as well: the second line decides.
    if header is None and (size == 0 or (size != 1 and len(_columns(rest.partition(b"\n")[0])) == 2)):
        return None
    return count, size


def check_promise(path: Path, least: int) -> None:
    """A header must not ask for more memory than the file can fill; packing makes it at most some 1000 times smaller."""
    size = os.path.getsize(path)
    if least > size * 2000 and os.path.isfile(path):
        raise ValueError(f"{path}: the header promises vectors of at least {least} bytes, the file has {size}")


def is_vector_line(line: bytes, size: int) -> bool:
    """Do the last `size` columns hold numbers?"""
    return 0 < size <= len(line) and size <= _trailing_numbers(line)


def split_words(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    separator: str,
    encoding: str,
    errors: str,
    where: str,
    first: int,
) -> list[str]:
    """The words data[starts[i]:ends[i]], none of which holds `separator`; an error says `where`, from `first` on."""
    packed = np.empty(int((ends - starts).sum()) + len(ends), np.uint8)
    _core.vector_text_words(data, starts, ends, ord(separator), packed)
    raw = packed.tobytes()
    try:
        return raw.decode(encoding, errors).split(separator)[:-1]
    except UnicodeDecodeError as error:
        number = first + raw.count(separator.encode(), 0, error.start)
        raise ValueError(
            f"{where} {number}: the word is not valid {encoding} ({error.reason}); unicode_errors='replace' or 'ignore' reads on"
        ) from None


def _pieces(path: Path) -> Iterator[np.ndarray]:
    """The file in pieces that end at line ends; blank lines at its end are left out."""
    with Window(path) as window:
        while len(window.ahead):
            data = window.ahead
            end = len(data)
            while end and data[end - 1] in _BLANKS:
                end -= 1
            if window.last:
                if end:
                    ended = end < len(data) and data[end] == 10
                    yield data[: end + 1] if ended else np.append(data[:end], np.uint8(10))
                return
            cut = _last_line(data, end)
            if cut:
                yield data[:cut]
                window.skip(cut)
            else:
                window.widen()


def _last_line(data: np.ndarray, end: int) -> int:
    """Where the last line of data[:end] starts."""
    for begin in (max(0, end - (1 << 16)), 0):
        found = data[begin:end].tobytes().rfind(b"\n")
        if found >= 0:
            return begin + found + 1
    return 0


def _count(data: np.ndarray) -> int:
    return int(_core.vector_text_count(data)[0])


def _guess_size(path: Path, lines: list[bytes]) -> int:
    """The number of columns that hold numbers in most of the first lines; each line's first column is a word."""
    sizes = Counter(_trailing_numbers(line) for line in lines if line.strip())
    if not sizes:
        raise ValueError(f"{path} is empty")
    size = sizes.most_common(1)[0][0]
    if size == 0:
        raise ValueError(f"{path}: line 1 has no numbers: not a text file of vectors ({lines[0][:60]!r})")
    return size


def _columns(line: bytes) -> list[bytes]:
    """The columns as the kernel sees them; a line that starts with a blank has an empty first one."""
    return re.split(rb"[ \t\r]+", line.rstrip(_BLANKS))


def _trailing_numbers(line: bytes) -> int:
    """How many columns at the end are numbers; the first one is always the word."""
    count = 0
    for column in reversed(_columns(line)[1:]):
        try:
            float(column)
        except ValueError:
            break
        count += 1
    return count


def _ends_in_numbers(word: str) -> bool:
    """Would the end of this word be taken for numbers of the vector?"""
    line = word.encode("utf-8", "replace")
    tail = _columns(line)[1:]
    return 0 < len(tail) == _trailing_numbers(line) and all(b"." in column or b"e" in column for column in tail)


def _explain(line: np.ndarray, status: int, size: int) -> str:
    text = line.tobytes()
    found = f"{_trailing_numbers(text)} numbers, {size} are expected"
    what = {
        _BLANK: "is empty",
        _TOO_FEW: f"has {found}",
        _TOO_MANY: f"has {found}",
        _NOT_A_NUMBER: f"ends in {found}",
        _NOT_FINITE: "holds NaN or infinity (allow_nonfinite=True lets it pass)",
    }[int(status)]
    return f"{what}: {text[:60].decode('utf-8', 'replace').strip()!r}"
