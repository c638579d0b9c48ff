"""Texts as token ids, for metrics: the texts that are compared form a group and share their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from .. import _core
from ._inputs import as_texts, check_strings


class Texts(NamedTuple):
    """Texts end to end: text i is data[offsets[i] : offsets[i + 1] - 1] in UTF-8, a separator follows it.

    `groups` holds where groups of texts begin, and the number of texts; `ascii` tells that there are no other bytes.
    """

    data: np.ndarray
    offsets: np.ndarray
    groups: np.ndarray
    ascii: bool


class Tokens(NamedTuple):
    """Sequences of token ids: sequence i is ids[offsets[i] : offsets[i + 1]]; all ids are below `limit`."""

    ids: np.ndarray
    offsets: np.ndarray
    limit: int

    @property
    def lengths(self) -> np.ndarray:
        """The number of tokens of each sequence."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class Tokenizer:
    """How texts become tokens, read by the kernel `tokens_split` (csrc/metrics/reader.h says what a kind does).

    Attributes:
        name: what a signature calls it.
        kinds: makes the table of kinds: one for each code point, the last one for all others; for ASCII texts only
            (argument True) or for all texts.
        markup: whose escapes and line ends are taken out first: "none", "mteval" or "tercom".
        padded: whether a text counts as surrounded by spaces.
        trimmed: whether spaces at the beginning go, as those at the end do.
        edges: whether punctuation at the edge of a word is split off as in chrF.
        stem: whether words of more than three letters are stemmed.
    """

    name: str
    kinds: Callable[[bool], np.ndarray]
    markup: str = "none"
    padded: bool = False
    trimmed: bool = False
    edges: bool = False
    stem: bool = False


def pack(strings: Sequence[str], groups: np.ndarray, *, lowercase: bool = False) -> Texts:
    """Return the strings as one buffer."""
    data, joined = _join(strings, lowercase)
    if joined.count("\n") == len(strings):
        return Texts(data, _core.tokens_lines(data, len(strings)), groups, joined.isascii())
    encoded = [_encode(s.lower() if lowercase else s) + b"\n" for s in strings]
    offsets = np.zeros(len(strings) + 1, np.int64)
    np.cumsum([len(e) for e in encoded], out=offsets[1:])
    return Texts(np.frombuffer(b"".join(encoded), np.uint8), offsets, groups, joined.isascii())


def pack_lines(strings: Sequence[str], groups: np.ndarray, *, lowercase: bool = False) -> tuple[Texts, np.ndarray]:
    """Return the lines of the strings as texts, and where each string begins among them, with the number of lines."""
    data, joined = _join(strings, lowercase)
    lines = joined.count("\n")
    bounds = np.arange(len(strings) + 1)
    if lines > len(strings):
        np.cumsum([string.count("\n") + 1 for string in strings], out=bounds[1:])
    return Texts(data, _core.tokens_lines(data, lines), bounds[groups], joined.isascii()), bounds


def _join(strings: Sequence[str], lowercase: bool) -> tuple[np.ndarray, str]:
    """Return the strings with a newline after each, as bytes and as a string."""
    joined = "\n".join([*strings, ""])
    if lowercase:
        joined = joined.lower()  # no letter's case depends on what stands on another line
    return np.frombuffer(_encode(joined), np.uint8), joined


def _encode(string: str) -> bytes:
    try:
        return string.encode()
    except UnicodeEncodeError:  # a lone surrogate is a character like any other
        return string.encode("utf-8", "surrogatepass")


def split(texts: Texts, tokenizer: Tokenizer, twice: np.ndarray | None = None) -> Tokens:
    """Return the token ids of the texts; equal tokens of a group have equal ids.

    `twice` (bool) says which texts are split again after their tokens have been joined by spaces.
    """
    ids, offsets, limit = _core.tokens_split(
        texts.data, texts.offsets, texts.groups, tokenizer.kinds(texts.ascii), twice, tokenizer.markup,
        True, tokenizer.padded, tokenizer.trimmed, tokenizer.edges, tokenizer.stem,
    )  # fmt: skip
    return Tokens(ids[: offsets[-1]], offsets, int(limit[0]))


def numbered(sequences: Iterable[Sequence[object]]) -> Tokens:
    """Return sequences of any hashable tokens as ids."""
    sequences = list(sequences)
    numbers: dict[object, int] = {}
    ids = np.fromiter((numbers.setdefault(t, len(numbers)) for t in chain.from_iterable(sequences)), np.int32)
    offsets = np.zeros(len(sequences) + 1, np.int64)
    np.cumsum([len(s) for s in sequences], out=offsets[1:])
    return Tokens(ids, offsets, len(numbers))


def porter_stem(words: Sequence[str]) -> list[str]:
    """Return the stems of English words (Porter's algorithm with NLTK's extensions), all in lower case.

    Args:
        words: the words. Words of one or two letters are their own stems.

    Returns:
        A stem for each word.

    Raises:
        TypeError: `words` is a string, or holds what is none.

    M. F. Porter, "An algorithm for suffix stripping", Program 14.3 (1980); NLTK's PorterStemmer gives the same stems.

    >>> from seqnn.metrics import porter_stem
    >>> porter_stem(["running", "relational", "Ponies", "sky"])
    ['run', 'relat', 'poni', 'sky']
    """
    words = as_texts("words", words)
    check_strings("words", words)
    texts = pack(words, np.array([0, len(words)]), lowercase=True)
    bounds = texts.offsets - np.arange(len(texts.offsets))
    keep = np.ones(len(texts.data), bool)
    keep[texts.offsets[1:] - 1] = False
    stems, ends = _core.tokens_stem(texts.data[keep], bounds)
    raw, at = stems.tobytes(), ends.tolist()
    return [raw[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(at)]
