"""Words in files of vectors: how they are decoded, and the errors about what a file holds."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import _core
from ..._files import Source, TruncatedError


class WordDecodeError(UnicodeDecodeError):
    """A word of a file of vectors is not valid in the encoding; `where` names file and place."""

    def __init__(self, error: UnicodeDecodeError, where: str) -> None:
        super().__init__(error.encoding, error.object, error.start, error.end, error.reason)
        self._message = (
            f"{where}: the word is not valid {error.encoding} ({error.reason}); "
            "unicode_errors='replace' or 'ignore' reads on"
        )

    def __str__(self) -> str:
        return self._message


@dataclass(frozen=True)
class Options:
    """How a file of vectors is read."""

    encoding: str = "utf-8"
    unicode_errors: str = "strict"
    limit: int | None = None
    """Read the first vectors only, this many."""
    dtype: Any = np.float32
    allow_nonfinite: bool = False
    header: bool | None = None
    """Whether a text has the line "count size"; None looks."""
    mmap: bool = True
    """Whether vectors stay in the file where the format allows it."""

    def wanted(self, total: int) -> int:
        """Return how many of `total` vectors are read."""
        return total if self.limit is None else min(self.limit, total)


def check_promise(source: Source, least: int) -> None:
    """Refuse a header that asks for more memory than the file can fill; packing makes it at most some 1000 times smaller."""
    if least > source.size * 2000:
        raise ValueError(
            f"{source.name}: the header promises vectors of at least {least} bytes, the file has {source.size}"
        )


def truncated(source: Source, promised: int, found: int) -> TruncatedError:
    """Make the error about a file that ends too early; it names the way to read what is there."""
    advice = f"; limit={found} reads these" if found else ""
    return TruncatedError(
        f"{source.name}: the header promises {promised} vectors, the file holds {found}: truncated?{advice}"
    )


def split_words(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray, separator: str, options: Options, where: str, first: int
) -> list[str]:
    """Decode the words data[starts[i]:ends[i]], none of which holds `separator`; an error says `where`, from `first` on."""
    packed = np.empty(int((ends - starts).sum()) + len(ends), np.uint8)
    _core.vector_text_words(data, starts, ends, ord(separator), packed)
    raw = packed.tobytes()
    try:
        return raw.decode(options.encoding, options.unicode_errors).split(separator)[:-1]
    except UnicodeDecodeError as error:
        number = first + raw.count(separator.encode(), 0, error.start)
        raise WordDecodeError(error, f"{where} {number}") from None


def first_of_each(name: str, words: list[str], vectors: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Drop words that occur again, with their vectors, and warn."""
    if len(set(words)) == len(words):
        return words, vectors
    first: dict[str, int] = {}
    for i, word in enumerate(words):
        first.setdefault(word, i)
    twice = next(word for i, word in enumerate(words) if first[word] != i)
    warnings.warn(
        f"{name}: {len(words) - len(first)} words occur again and are dropped, the first is {twice!r}", stacklevel=4
    )
    return list(first), vectors[list(first.values())]


def counts_of(words: Iterable[str], counts: Mapping[str, int], name: str) -> np.ndarray:
    """Return each word's count from a vocabulary file; missing ones get 0, and a warning."""
    words = list(words)
    if missing := [word for word in words if word not in counts]:
        message = f"{name} has no count for {len(missing)} words, the first is {missing[0]!r}: they get 0"
        warnings.warn(message, stacklevel=3)
    return np.array([counts.get(word, 0) for word in words], np.int64)
