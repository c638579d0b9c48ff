"""Word vectors as text, one "word number number ..." a line, with word2vec's header "count size" or without (GloVe)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from ... import _core
from ..._atomic import atomic_write
from ..._files import BOM, Path, Source
from ..._strings import pack
from ..._window import Window
from ._vector_words import Options, check_promise, split_words, truncated

_BLANKS = b" \t\r\n"
_STATUS = _core.vector_text.status
"""The names of what the kernel says of a line."""


def read_text(source: Source, options: Options) -> tuple[list[str], np.ndarray]:
    """Read words and vectors [V, D] of a text file.

    The last D columns are the numbers, so words may hold blanks. Whatever is wrong raises a ValueError that names file and
    line.
    """
    name = source.name
    kind = np.float64 if np.dtype(options.dtype) == np.float64 else np.float32
    start = source.start(1 << 20).removeprefix(BOM)
    if b"\n" not in start and b"\r" in start.rstrip():
        raise ValueError(f"{name}: its lines end in \\r alone; convert them to \\n first")
    promised = find_header(start, options.header)
    first = 0 if promised is None else 1
    if promised is None:
        if options.header:
            raise ValueError(f'{name}: line 1 must be "count size", got {start[:60]!r}')
        size = _guess_size(name, start.split(b"\n")[:100])
        total = options.wanted(sum(map(_count, _pieces(source))))
    else:
        total, size = options.wanted(promised[0]), promised[1]
    check_promise(source, 2 * total * size)
    words: list[str] = []
    vectors = np.empty((total, size), kind)
    line = 1  # number of the first line of a piece
    for data in _pieces(source):
        skip = first if line == 1 else 0
        row = len(words)
        starts = _core.vector_text_lines(data, _count(data))[skip : skip + total - row + 1]
        line += skip
        ends, status = _core.vector_text_parse(data, starts, vectors[row : row + len(starts) - 1])
        passed = [_STATUS.index(name) for name in ("good", "not_finite")[: 1 + options.allow_nonfinite]]
        bad = ~np.isin(status, passed)
        if bad.any():
            i = int(np.argmax(bad))
            raise ValueError(
                f"{name}: line {line + i} {_explain(data[starts[i] : starts[i + 1]], _STATUS[status[i]], size)}"
            )
        words += split_words(data, starts[:-1], ends, "\n", options, f"{name}: line", line)
        line += len(starts) - 1
        if options.limit is not None and len(words) == total:
            break
        if starts[-1] < len(data):
            advice = f"; limit={total} reads the first {total}"
            raise ValueError(f"{name}: the header promises {total} vectors, line {line} is one more{advice}")
    if len(words) < total:
        raise truncated(source, total, len(words))
    return words, vectors.astype(options.dtype, copy=False)


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
            text = np.empty(len(data) + (len(offsets) - 1) * (_core.vector_text.WIDTH * size + 1), np.uint8)
            used = _core.vector_text_format(data, offsets, vectors[i : i + step], text)
            file.write(text[: int(used[0])].data)


def find_header(start: bytes, header: bool | None = None) -> tuple[int, int] | None:
    """Return (count, size) where the first line of a file is word2vec's header, else None.

    Two columns of integers may be vectors of size 1 as well: the lines after it decide, unless `header` says it.
    """
    first, *others = start[: 1 << 16].removeprefix(BOM).split(b"\n")[:10]
    fields = _columns(first.lstrip(_BLANKS))
    if header is False or len(fields) != 2 or not all(re.fullmatch(rb"\d{1,18}", f) for f in fields):
        return None
    count, size = map(int, fields)
    columns = [len(_columns(line)) for line in others if line.strip()]
    if header is None and (size == 0 or (size != 1 and columns[:1] == [2] and size + 1 not in columns)):
        return None
    return count, size


def is_vector_line(line: bytes, size: int) -> bool:
    """Tell whether the last `size` columns hold numbers."""
    return 0 < size <= len(line) and size <= _trailing_numbers(line)


def _pieces(source: Source) -> Iterator[np.ndarray]:
    """Yield the file in pieces that end at line ends; blank lines at its end are left out."""
    window = Window(source.stream() if source.packed else source.mapped())
    if window.ahead[: len(BOM)].tobytes() == BOM:
        window.skip(len(BOM))
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
    """Return where the last line of data[:end] starts."""
    for begin in (max(0, end - (1 << 16)), 0):
        found = data[begin:end].tobytes().rfind(b"\n")
        if found >= 0:
            return begin + found + 1
    return 0


def _count(data: np.ndarray) -> int:
    return int(_core.vector_text_count(data)[0])


def _guess_size(name: str, lines: list[bytes]) -> int:
    """Return how many columns hold numbers in most of the first lines; each line's first column is a word."""
    sizes = Counter(_trailing_numbers(line) for line in lines if line.strip())
    if not sizes:
        raise ValueError(f"{name} is empty")
    size = sizes.most_common(1)[0][0]
    if size == 0:
        raise ValueError(f"{name}: line 1 has no numbers: not a text file of vectors ({_shown(lines[0])})")
    return size


def _shown(line: bytes) -> str:
    """Show the start of a line, or that it is no text."""
    text = line[:60].decode("utf-8", "replace").strip()
    return repr(text) if all(c >= " " or c == "\t" for c in text) and "\ufffd" not in text else "binary data"


def _columns(line: bytes) -> list[bytes]:
    """Split a line as the kernel does; one that starts with a blank has an empty first column."""
    return re.split(rb"[ \t\r]+", line.rstrip(_BLANKS))


def _trailing_numbers(line: bytes) -> int:
    """Count the columns at the end that are numbers; the first one is always the word."""
    count = 0
    for column in reversed(_columns(line)[1:]):
        try:
            float(column)
        except ValueError:
            break
        if b"_" in column:  # a number for Python only
            break
        count += 1
    return count


def _ends_in_numbers(word: str) -> bool:
    """Tell whether the end of this word would be taken for numbers of the vector."""
    line = word.encode("utf-8", "replace")
    tail = _columns(line)[1:]
    return 0 < len(tail) == _trailing_numbers(line) and all(b"." in column or b"e" in column for column in tail)


def _explain(line: np.ndarray, status: str, size: int) -> str:
    text = line.tobytes()
    found = f"{_trailing_numbers(text)} numbers, {size} are expected"
    what = {
        "blank": "is empty",
        "too_few": f"has {found}",
        "too_many": f"has {found}",
        "not_a_number": f"ends in {found}",
        "not_finite": "holds NaN or infinity (allow_nonfinite=True lets it pass)",
    }[status]
    return f"{what}: {_shown(text)}"
