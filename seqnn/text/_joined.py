"""Token lists joined to one text, so that words are counted in C; tokens that whitespace would break are escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from .. import _core
from ._tokenize import split_words

_SIZE = 1 << 20
"""Characters that are joined before they are handed on."""

_LINES = 1 << 11
"""Strings that are joined before they are handed on."""

_ESCAPE = b"\xff"
_BREAKING = re.compile(rb"[\0\t-\r ]")
_ESCAPED = re.compile(rb"\xff([\x80-\xa0])")


@dataclass
class Joined:
    """A piece of text made of sentences: words separated by spaces, sentences by newlines.

    `sentences` counts those up to its end; `lengths` are the lengths of its own.
    """

    text: np.ndarray
    position: int
    sentences: int
    lengths: np.ndarray | None


def joined(chunks: Iterable[list[Sequence[str]]]) -> Iterator[Joined]:
    """Join the sentences of all chunks to pieces of text. Raises TypeError for a token that is no string."""
    escapes = _Escapes()
    position = sentences = size = 0
    gathered: list[Sequence[str]] = []
    parts: list[str] = []

    def flush() -> Joined:
        nonlocal position, sentences, size
        text = np.frombuffer("\n".join(parts).encode("utf-8", "surrogatepass"), np.uint8)
        lengths = np.fromiter(map(len, gathered), np.int64, len(gathered))
        words, _, spaces, nul = _core.corpus_count(text).tolist()
        separators = lengths.sum() - np.count_nonzero(lengths) + len(lengths) - 1
        if words != lengths.sum() or spaces != separators or nul >= 0:
            lines = (b" ".join(map(escapes.__getitem__, sentence)) for sentence in gathered)
            text = np.frombuffer(b"\n".join(lines), np.uint8)
        sentences += len(gathered)
        result = Joined(text, position, sentences, lengths)
        position += len(text)
        gathered.clear()
        parts.clear()
        size = 0
        return result

    for chunk in chunks:
        try:
            parts.append("\n".join(map(" ".join, chunk)))
        except TypeError:
            token = next(token for sentence in chunk for token in sentence if not isinstance(token, str))
            advice = ""
            if isinstance(token, int | np.integer):
                advice = "; write [[str(t) for t in s] for s in sentences], or give encoded (ids, offsets) arrays"
            raise TypeError(f"a token must be a string, got {type(token).__name__}: {token!r:.60}{advice}") from None
        gathered += chunk
        size += len(parts[-1])
        if size >= _SIZE:
            yield flush()
    if gathered:
        yield flush()


def joined_lines(lines: Iterable[str]) -> Iterator[Joined]:
    """Join strings whose words ASCII whitespace separates, each a sentence. `lengths` are left out."""
    escapes = _Escapes()
    lines = iter(lines)
    position = sentences = 0
    while chunk := list(islice(lines, _LINES)):
        text = np.frombuffer("\n".join(chunk).encode("utf-8", "surrogatepass"), np.uint8)
        _, line_ends, _, nul = _core.corpus_count(text).tolist()
        if line_ends != len(chunk) - 1 or nul >= 0:
            cleaned = (b" ".join(map(escapes.__getitem__, split_words(line))) for line in chunk)
            text = np.frombuffer(b"\n".join(cleaned), np.uint8)
        sentences += len(chunk)
        yield Joined(text, position, sentences, None)
        position += len(text)


class _Escapes(dict[str, bytes]):
    """Tokens as bytes without whitespace and NUL, never empty; 0xff does not occur in UTF-8."""

    def __missing__(self, token: str) -> bytes:
        raw = token.encode("utf-8", "surrogatepass")
        escaped = _BREAKING.sub(lambda m: _ESCAPE + bytes([m[0][0] | 0x80]), raw) or _ESCAPE
        self[token] = escaped
        return escaped


def split_joined(text: bytes) -> list[str]:
    """Split a text in which a newline separates words, and undo the escapes."""
    if _ESCAPE not in text:
        return text.decode("utf-8", "surrogatepass").split("\n")
    return [
        _ESCAPED.sub(lambda m: bytes([m[1][0] & 0x7F]), word).removesuffix(_ESCAPE).decode("utf-8", "surrogatepass")
        for word in text.split(b"\n")
    ]
