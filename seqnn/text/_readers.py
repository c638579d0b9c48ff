"""Files and token lists, read once into words, counts, ids and offsets."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import closing
from dataclasses import replace
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from .._files import BOM, open_binary, unpacking
from .._spill import GrowingArray
from ._ids import apply
from ._joined import Joined, joined, joined_lines, split_joined
from ._scanner import Merged, NulByteError, ScannerTeam, in_order
from ._sources import Tokenizer, sentence_chunks
from ._text_files import PIECE, Piece, line_at, pieces, plain_size

Errors = Literal["replace", "ignore", "strict"]
Progress = Callable[[int, int | None], object]


class Text(Protocol):
    """A text that starts and ends between words, from byte `position` of the corpus on."""

    text: np.ndarray
    position: int


P = TypeVar("P", bound=Text)


class Scanned(NamedTuple):
    """A text as read: words in the order of their first occurrence, their counts, ids (indices of words), sentence offsets."""

    words: list[str]
    counts: np.ndarray
    ids: np.ndarray
    offsets: np.ndarray
    invalid_utf8: int = 0


def read_files(
    files: list[str], errors: Errors, max_memory: int | None, progress: Progress | None, keep_empty: bool = False
) -> Scanned:
    """Read text files: one sentence a line, words separated by ASCII whitespace.

    errors="ignore" leaves NUL bytes out. Lines without words are sentences only with `keep_empty`.
    """
    size = plain_size(files)
    ids = GrowingArray(max_memory, 0 if size is None else size // 6)
    starts: list[tuple[int, str]] = []
    ends: list[np.ndarray] = []
    last_end = nul_bytes = 0

    def noted() -> Iterator[Piece]:
        nonlocal nul_bytes
        for piece in pieces(files):
            if not starts or starts[-1][1] != piece.path:
                starts.append((piece.position, piece.path))
            if errors == "ignore" and (clean := piece.text[piece.text != 0]).size < piece.text.size:
                nul_bytes += piece.text.size - clean.size
                piece = replace(piece, text=clean, mapping=None)
            yield piece

    def done(piece: Piece, line_ends: np.ndarray) -> None:
        nonlocal last_end
        ends.append(line_ends)
        last_end = line_ends[-1] if len(line_ends) else last_end
        if piece.last and ids.size > last_end:
            ends.append(np.array([ids.size]))
            last_end = ids.size
        piece.release()
        if progress is not None:
            progress(piece.position + len(piece.text), size)

    try:
        merged, all_ids = _scan(noted(), ids, done, every_line=keep_empty)
    except NulByteError as nul:
        start, path = _file_at(nul.position, starts)
        raise _nul_byte(path, f"byte {nul.position - start}") from None
    all_ends = np.concatenate(ends)
    offsets = np.concatenate([[0], all_ends if keep_empty else all_ends[np.diff(all_ends, prepend=0) > 0]])
    try:
        words = merged.text.decode().split("\n")
    except UnicodeDecodeError:
        repaired = _repaired(merged, all_ids, offsets, errors, starts, keep_empty)
        return repaired._replace(invalid_utf8=repaired.invalid_utf8 + nul_bytes)
    return Scanned([words[i] for i in merged.order.tolist()], merged.counts, all_ids, offsets, nul_bytes)


def _scan(
    texts: Iterable[P], ids: GrowingArray, done: Callable[[P, np.ndarray], None], every_line: bool = False
) -> tuple[Merged, np.ndarray]:
    """Scan texts in C on all threads; return all words, and the ids.

    done(text, line ends) is called after each text; line ends are numbers of words before them.
    """
    team = ScannerTeam()
    spans: list[tuple[int, int, int]] = []

    def scan(text: P) -> tuple[P, np.ndarray, np.ndarray, int]:
        return text, *team.scan(text.text, text.position, every_line)

    with closing(in_order(scan, texts)) as results:
        for text, local_ids, line_ends, scanner in results:
            start = ids.size
            ids.append(local_ids)
            spans.append((start, ids.size, scanner))
            done(text, line_ends + start)
    merged = team.merge()
    all_ids = ids.finish()
    if len(merged.maps) > 1:
        apply(all_ids, np.zeros(0, np.int64), merged.maps, spans)
    return merged, all_ids


def _file_at(position: int, starts: list[tuple[int, str]]) -> tuple[int, str]:
    """Return where in the corpus the file that holds this byte begins, and its path."""
    return starts[bisect.bisect_right(starts, position, key=lambda start: start[0]) - 1]


def _repaired(
    merged: Merged,
    ids: np.ndarray,
    offsets: np.ndarray,
    errors: Errors,
    starts: list[tuple[int, str]],
    keep_empty: bool,
) -> Scanned:
    """Decode the words of a corpus with invalid UTF-8: some become equal, with errors="ignore" some vanish."""
    raw = merged.text.split(b"\n")
    counts = merged.counts
    numbers: dict[str, int] = {}
    mapping = np.empty(len(counts), np.int32)
    invalid = 0
    for i, word in enumerate(raw[number] for number in merged.order.tolist()):
        try:
            text = word.decode()
        except UnicodeDecodeError as error:
            if errors == "strict":
                position = int(merged.first[i]) + error.start
                start, path = _file_at(position, starts)
                line = line_at(path, position - start)
                where = f"byte {position - start}" + (f", line {line}" if line else "")
                raise ValueError(f"{path}: invalid UTF-8 at {where} ({error.reason})") from None
            replaced = word.decode(errors="replace")
            invalid += int(counts[i]) * (replaced.count("\ufffd") - word.count("\ufffd".encode()))
            text = replaced if errors == "replace" else word.decode(errors="ignore")
        mapping[i] = numbers.setdefault(text, len(numbers)) if text else -1
    kept = apply(ids, offsets, [mapping])
    new_counts = np.zeros(len(numbers), np.int64)
    np.add.at(new_counts, mapping[mapping >= 0], counts[mapping >= 0])
    if not keep_empty:
        offsets = offsets[np.diff(offsets, prepend=-1) > 0]
    return Scanned(list(numbers), new_counts, ids[:kept], offsets, invalid)


def read_sentences(
    source: Any, tokenizer: Tokenizer | None, max_memory: int | None, progress: Progress | None
) -> Scanned:
    """Read any source of `sentence_chunks`: joined to texts, which is faster than looking up each word in a dictionary."""
    ids = GrowingArray(max_memory)
    lengths: list[np.ndarray] = []
    total = len(source) if isinstance(source, Sized) else None

    def done(text: Joined, line_ends: np.ndarray) -> None:
        assert text.lengths is not None
        lengths.append(text.lengths)
        if progress is not None:
            progress(text.sentences, total)

    merged, all_ids = _scan(joined(sentence_chunks(source, tokenizer)), ids, done)
    words = split_joined(merged.text)
    offsets = np.concatenate([[0], *lengths]).cumsum()
    return Scanned([words[i] for i in merged.order.tolist()], merged.counts, all_ids, offsets)


def read_lines(
    lines: Iterable[str], max_memory: int | None, progress: Progress | None, total: int | None = None
) -> Scanned:
    """Read strings whose words ASCII whitespace separates, one a sentence: they are joined, and split in C."""
    ids = GrowingArray(max_memory)
    ends: list[np.ndarray] = []

    def done(text: Joined, line_ends: np.ndarray) -> None:
        ends.extend([line_ends, np.array([ids.size])])
        if progress is not None:
            progress(text.sentences, total)

    merged, all_ids = _scan(joined_lines(lines), ids, done, every_line=True)
    words = split_joined(merged.text)
    return Scanned([words[i] for i in merged.order.tolist()], merged.counts, all_ids, np.concatenate([[0], *ends]))


def read_encoded(ids: np.ndarray, offsets: np.ndarray) -> Scanned:
    """Read a user's own ids (int32, not negative): the words are their decimal numbers."""
    size = int(ids.max()) + 1 if len(ids) else 0
    if size > 10 * len(ids) + 1_000_000:
        raise ValueError(
            f"ids: {len(ids)} values reach up to {size - 1}; number them densely: np.unique(ids, return_inverse=True)"
        )
    counts = np.zeros(size, np.int64)
    for start in range(0, len(ids), PIECE):  # in parts, because `bincount` makes int64 of them
        counts += np.bincount(ids[start : start + PIECE], minlength=size)
    return Scanned([str(i) for i in range(size)], counts, ids.copy(), offsets.copy())


def _nul_byte(path: str, place: str) -> ValueError:
    return ValueError(
        f"{path}: a NUL byte at {place}: the file is binary or not UTF-8 text (UTF-16?); "
        "errors='ignore' leaves such bytes out"
    )


class Lines:
    """The lines of text files as strings. `invalid` counts what was not UTF-8 in them."""

    def __init__(self, files: list[str], errors: Errors) -> None:
        self._files = files
        self._errors = errors
        self.invalid = 0

    def __iter__(self) -> Iterator[str]:
        for path in self._files:
            with unpacking(path), open_binary(path) as file:
                for number, line in enumerate(file, 1):
                    yield self._decoded(line.removeprefix(BOM) if number == 1 else line, path, number)

    def _decoded(self, line: bytes, path: str, number: int) -> str:
        if self._errors == "ignore":
            self.invalid += line.count(b"\0")
            line = line.replace(b"\0", b"")
        elif b"\0" in line:
            raise _nul_byte(path, f"line {number}")
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            if self._errors == "strict":
                raise ValueError(f"{path}: invalid UTF-8 in line {number} ({error.reason})") from None
            self.invalid += line.decode(errors="replace").count("\ufffd") - line.count("\ufffd".encode())
            return line.decode(errors=self._errors)
