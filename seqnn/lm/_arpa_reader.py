"""Reading ARPA files: the sections one after the other, each in pieces on all threads; errors name the line."""

from __future__ import annotations

import mmap
import re
import warnings
from collections.abc import Iterator
from contextlib import closing
from itertools import repeat
from typing import NamedTuple

import numpy as np

from .. import _core
from .._files import Source
from .._strings import decode
from ..text import NulByteError, ScannerTeam, in_order
from ._ngram_count import BOS, EOS, MOST_ORDER, UNK
from ._ngram_trie import Trie, TrieBuilder

_SPECIAL = {b"<unk>": UNK, b"<s>": BOS, b"</s>": EOS}
"""Words with numbers of their own."""

UNKNOWN_LOG_PROB = -100.0
"""What unknown words get from a file without "<unk>", as in KenLM."""

_PIECE = 1 << 21
"""Bytes that are parsed in one step."""

_HEADER = re.compile(rb"ngram\s+(\d{1,4})\s*=\s*(\d{1,15})")


class ArpaModel(NamedTuple):
    """What an ARPA file holds: the words by their numbers, probabilities and weights, and whether every n-gram without
    its first word is there, too."""

    words: list[str]
    trie: Trie
    closed: bool


class _Section(NamedTuple):
    """The n-grams of one length: words [R, n] as indices of `names`, log10 probabilities and weights (float32)."""

    start: int
    names: list[bytes]
    rows: np.ndarray
    log_probs: np.ndarray
    log_backoffs: np.ndarray


class ArpaReader:
    """A back-off model in a file, on its way into a trie.

    Args:
        source: a plain or packed file.
    """

    def __init__(self, source: Source) -> None:
        self._name = source.name
        self._data: bytes | mmap.mmap = source.mapping()
        self._at = 0  # the next byte

    def read(self) -> ArpaModel:
        """Read all sections. Raises ValueError with the number of the line for a file that is truncated or damaged."""
        sizes = self._sizes()
        order = len(sizes)
        section = self._section(1, sizes[0])
        words = self._words(section)
        index = {word: number for number, word in enumerate(words)}
        builder = TrieBuilder([len(words), *sizes[1:]])
        numbers = np.array([index[name] for name in section.names], np.int64)
        builder.add_words(numbers, _bits(section.log_probs), _bits(section.log_backoffs) if order > 1 else None)
        for n in range(2, order + 1):
            section = self._section(n, sizes[n - 1])
            mapping = np.fromiter(map(index.get, section.names, repeat(-1)), np.int32, len(section.names))
            rows = mapping[section.rows]
            if (unknown := rows < 0).any():
                place = int(np.argmax(unknown.any(axis=1)))
                name = section.names[section.rows[place, int(np.argmax(unknown[place]))]]
                raise self._error_at(section, place, f"{decode(name)!r} is not among the 1-grams")
            parents = builder.find(rows[:, :-1])
            if not parents.all():
                place = int(np.argmin(parents != 0))
                context = decode(b" ".join(words[i] for i in rows[place, :-1]))
                raise self._error_at(section, place, f"its context {context!r} is not among the {n - 1}-grams")
            last = np.ascontiguousarray(rows[:, -1]).view(np.uint32)
            weights = _bits(section.log_backoffs) if n < order else None
            slots = builder.add(parents, last, _bits(section.log_probs), weights)
            if not slots.all():
                raise self._error_at(section, int(np.argmin(slots != 0)), f"this {n}-gram stands in a line before, too")
        self._marker("\\end\\")
        trie = builder.finish()
        _, missing = _core.ngram_trie_suffixes(trie.nodes, trie.leaves, order)
        return ArpaModel([decode(word) for word in words], trie, not missing[0])

    def _sizes(self) -> list[int]:
        """Read the header: how many n-grams of each length there are."""
        self._at = self._data.find(b"\\data\\")
        if self._at < 0:
            raise ValueError(f"{self._name}: not an ARPA file: it has no line \\data\\")
        self._line()
        sizes: list[int] = []
        while True:
            start = self._at
            line = self._line()
            if line.startswith(b"\\"):
                break
            found = _HEADER.fullmatch(line)
            if line and (not found or int(found[1]) != len(sizes) + 1):
                raise self._error(f"expected 'ngram {len(sizes) + 1}=NUMBER', got {_shown(line)}", start)
            if found:
                sizes.append(int(found[2]))
        self._at = start
        if not 1 <= len(sizes) <= MOST_ORDER:
            raise self._error(f"expected 1 to {MOST_ORDER} lines 'ngram N=NUMBER' before, got {len(sizes)}", start)
        if sum(sizes) > len(self._data):
            raise self._error(f"the header promises {sum(sizes)} n-grams, more than the file can hold", start)
        return sizes

    def _section(self, n: int, size: int) -> _Section:
        """Read the n-grams of n words, whose number the header gives."""
        self._marker(f"\\{n}-grams:")
        start = self._at
        end = self._data.find(b"\n\\", start - 1) + 1 or len(self._data)
        team = ScannerTeam()

        def parse(piece: tuple[int, int]) -> tuple[np.ndarray, ...]:
            begin, stop = piece
            text = np.frombuffer(self._data, np.uint8, stop - begin, begin)
            lines = int(_core.corpus_count(text)[1]) + 1
            log_probs, log_backoffs = np.empty(lines, np.float32), np.empty(lines, np.float32)
            words = np.empty(len(text) + 1, np.uint8)
            found = _core.arpa_parse(text, n, log_probs, log_backoffs, words)
            lines, used, bad, problem = found.tolist()
            if bad >= 0:
                raise self._unreadable(n, begin + bad, _core.arpa.problem[problem])
            try:
                ids, _, scanner = team.scan(words[:used], begin)
            except NulByteError:
                raise self._error(f"a NUL byte among the {n}-grams", begin) from None
            return log_probs[:lines], log_backoffs[:lines], ids, np.array([scanner])

        with closing(in_order(parse, self._pieces(start, end))) as results:
            parts = list(results)
        merged = team.merge()
        log_probs, log_backoffs = (
            np.concatenate([part[k] for part in parts] or [np.zeros(0, np.float32)]) for k in (0, 1)
        )
        self._at = end
        if len(log_probs) != size:
            truncated = ", it is truncated" if end == len(self._data) else ""
            raise self._error(f"the file has {len(log_probs)} {n}-grams, its header promises {size}{truncated}")
        ids = [merged.maps[int(part[3][0])][part[2]] for part in parts]
        rows = np.concatenate(ids or [np.zeros(0, np.int32)]).reshape(-1, n)
        raw = merged.text.split(b"\n")
        return _Section(start, [raw[i] for i in merged.order.tolist()], rows, log_probs, log_backoffs)

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the bounds of pieces that end with lines."""
        while start < end:
            stop = self._data.find(b"\n", start + _PIECE, end) + 1 or end
            yield start, stop
            start = stop

    def _words(self, section: _Section) -> list[bytes]:
        """Return the words by their numbers: <unk>, <s> and </s>, then the others as they stand in the file."""
        if len(section.names) < len(section.rows):
            first = np.unique(section.rows, return_index=True)[1]
            again = np.setdiff1d(np.arange(len(section.rows)), first)[0]
            raise self._error_at(section, int(again), "this word stands in a line before, too")
        names = section.names
        if b"<UNK>" in names and b"<unk>" not in names:
            names[names.index(b"<UNK>")] = b"<unk>"
        for word in (b"<s>", b"</s>"):
            if word not in names:
                raise self._error(f"the 1-grams lack {decode(word)!r}", section.start)
        if b"<unk>" not in names:
            warnings.warn(
                f"{self._name}: the model has no '<unk>': unknown words get log10 p = {UNKNOWN_LOG_PROB}", stacklevel=5
            )
            names.append(b"<unk>")
            section.log_probs.resize(len(names), refcheck=False)
            section.log_backoffs.resize(len(names), refcheck=False)
            section.log_probs[-1] = UNKNOWN_LOG_PROB
        return [*_SPECIAL, *(name for name in names if name not in _SPECIAL)]

    # Lines and errors.

    def _line(self) -> bytes:
        """Return the next line without white space around it."""
        if self._at >= len(self._data):
            raise self._error("the file ends before \\end\\: it is truncated")
        end = self._data.find(b"\n", self._at)
        end = len(self._data) if end < 0 else end
        line = self._data[self._at : end].strip()
        self._at = end + 1
        return line

    def _marker(self, expected: str) -> None:
        """Read blank lines, and the line that must follow."""
        start = self._at
        while not (line := self._line()):
            start = self._at
        if line != expected.encode():
            raise self._error(f"expected {expected}, got {_shown(line)}", start)

    def _error(self, message: str, at: int | None = None) -> ValueError:
        """Return an error that names the file and the line with this byte."""
        line = self._data[: self._at if at is None else at].count(b"\n") + 1
        return ValueError(f"{self._name}: line {line}: {message}")

    def _error_at(self, section: _Section, place: int, message: str) -> ValueError:
        """Return an error about an n-gram of a section."""
        at = section.start
        while True:
            end = self._data.find(b"\n", at)
            if self._data[at:end].strip():
                if place == 0:
                    return self._error(f"{_shown(self._data[at:end])}: {message}", at)
                place -= 1
            at = end + 1

    def _unreadable(self, n: int, at: int, problem: str) -> ValueError:
        """Return an error about a line that is no n-gram."""
        expected = {
            "numeral": "expected a log10 probability first",
            "words": f"expected a log10 probability, {n} word{'s' * (n > 1)}, and no more than a weight of backing off",
            "positive": "expected a log10 probability that is not above 0",
        }[problem]
        end = self._data.find(b"\n", at)
        line = self._data[at : end if end >= 0 else len(self._data)]
        return self._error(f"{expected}, got {_shown(line)}", at)


def _bits(values: np.ndarray) -> np.ndarray:
    """Return the bits of float32 values."""
    return values.view(np.uint32)


def _shown(line: bytes) -> str:
    """Return a line for an error message."""
    return repr(decode(line.strip()[:80]))
