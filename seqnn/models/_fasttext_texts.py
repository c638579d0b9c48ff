"""What texts are made of for a classifier as the original fastText's: words, their character n-grams, n-grams of words."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import _core
from .._files import Source
from .._strings import encode, pack
from ..embed import Subwords, bytes_of_rows
from ..text import Scanner

__all__ = ["Dictionary", "Texts", "file_texts", "given_texts"]

END = "</s>"
"""The word that every text ends with."""

_DENSE = 1 << 26
"""Up to this many n-grams a table tells which of them occur; more are sorted."""


@dataclass(frozen=True)
class Texts:
    """Texts as bytes: text i is text[offsets[i] : offsets[i + 1]]."""

    text: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def part(self, start: int, stop: int) -> Texts:
        """Return some of the texts."""
        offsets = self.offsets[start : stop + 1]
        return Texts(self.text[offsets[0] : offsets[-1]], offsets - offsets[0])

    def count_words(self) -> tuple[list[str], np.ndarray]:
        """Return the different words, in the order of their first occurrence, and their counts."""
        scanner = Scanner()
        text = np.where(self.text == 0, np.uint8(32), self.text) if (self.text == 0).any() else self.text
        scanner.scan(text, 0)
        _, pool = scanner.packed()
        words = pool.tobytes().decode("utf-8", "surrogateescape").split("\n")[:-1]
        return words, scanner.counts[: scanner.words].copy()


def given_texts(X: Any, name: str = "X") -> Texts:  # noqa: N803 - scikit-learn's name
    """Return strings, or lists of tokens, as bytes.

    Raises:
        TypeError: what is given is no iterable of these.
        ValueError: there is no text, or a token with white space in it.
    """
    if isinstance(X, str | bytes | dict) or not isinstance(X, Iterable):
        one = f"one {type(X).__name__}" if isinstance(X, str | bytes) else type(X).__name__
        raise TypeError(f"{name}: expected a list of texts, got {one}")
    given = list(X.to_numpy().ravel() if hasattr(X, "columns") else X)
    if not given:
        raise ValueError(f"{name}: expected at least one text, got none")
    strings = [one if isinstance(one, str) else _joined(one, f"{name}[{i}]") for i, one in enumerate(given)]
    return Texts(*pack([f"{string}\n" for string in strings]))


def _joined(tokens: Any, name: str) -> str:
    if isinstance(tokens, bytes | dict) or not isinstance(tokens, Iterable):
        raise TypeError(f"{name}: expected a string or a list of tokens, got {tokens!r:.60}")
    found = list(tokens)
    for token in found:
        if not isinstance(token, str):
            raise TypeError(f"{name}: expected tokens (strings), got {token!r:.60}")
        if len(token.split()) > 1:
            raise ValueError(f"{name}: expected tokens without white space, got {token!r:.60}: join its words by '_'")
    return " ".join(found)


def file_texts(path: Any) -> Texts:
    """Return the lines of a file."""
    with Source(path) as source:
        text = source.mapped()
        text = text[3 if text[:3].tobytes() == BOM_UTF8 else 0 :].copy()
        name = source.name
    if not len(text):
        raise ValueError(f"{name}: is empty: expected a text in each line")
    ends = np.flatnonzero(text == 10) + 1
    if not len(ends) or ends[-1] != len(text):
        ends = np.append(ends, len(text))
    return Texts(text, np.concatenate([[0], ends]))


def is_path(X: Any) -> bool:  # noqa: N803
    """Tell whether texts are given as the path of a file."""
    return isinstance(X, str | bytes | os.PathLike)


@dataclass(frozen=True)
class Dictionary:
    """Words and labels, and which n-grams have a row.

    Attributes:
        words: the words; word i has row i.
        counts: how often each occurs.
        labels: the labels, with their prefix, by falling count.
        label_counts: how often each occurs.
        prefix: how labels begin.
        word_ngrams: most words of an n-gram.
        min_n, max_n: characters of the shortest and longest n-grams of a word; max_n=0: none.
        bucket: numbers that the n-grams share.
        buckets: the numbers that have a row, rising, int32; None: all.
        pruned: whether n-grams without a row are left out; else they count as rows of zeros.
    """

    words: list[str]
    counts: np.ndarray
    labels: list[str]
    label_counts: np.ndarray
    prefix: str
    word_ngrams: int
    min_n: int
    max_n: int
    bucket: int
    buckets: np.ndarray | None = None
    pruned: bool = False

    @property
    def rows(self) -> int:
        """Return how many rows there are."""
        return len(self.words) + (self.bucket if self.buckets is None else len(self.buckets))

    @cached_property
    def _arguments(self) -> dict[str, Any]:
        """Return the arguments of the kernels."""
        pool, entries = pack([*self.words, *self.labels])
        slots = 1 << max(2 * len(entries), 4).bit_length()
        found: dict[str, Any] = {
            "pool": pool, "entries": entries, "table": _core.fasttext_texts_table(pool, entries, slots),
            "prefix": np.frombuffer(encode(self.prefix), np.uint8), "words": len(self.words),
            "word_ngrams": self.word_ngrams, "min_n": self.min_n, "max_n": self.max_n, "bucket": self.bucket,
            "zeros": not self.pruned,
        }  # fmt: skip
        if self.max_n >= max(self.min_n, 1) and self.bucket:
            subwords = Subwords(self.min_n, self.max_n, self.bucket, self.buckets)
            own = np.arange(len(self.words))
            found["parts"], found["part_offsets"], _ = subwords.rows(self.words, own, len(self.words))
        if self.buckets is not None:
            # Only the pages with n-grams are ever touched, so a large bucket takes no memory.
            words, first = np.unique(self.buckets >> 6, return_index=True)
            found["bits"] = np.zeros((self.bucket + 63) // 64, np.uint64)
            np.bitwise_or.at(found["bits"], self.buckets >> 6, np.uint64(1) << (self.buckets & 63).astype(np.uint64))
            found["ranks"] = np.zeros(len(found["bits"]), np.int32)
            found["ranks"][words] = first
        return found

    def parts(self, texts: Texts, *, labels: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of all texts end to end, int32, and where those of each text begin; or their labels."""
        given = {"text": texts.text, "offsets": texts.offsets, **self._arguments, "labels": labels}
        starts = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(_core.fasttext_texts_parts(**given).counts, out=starts[1:])
        ids = _core.fasttext_texts_parts(**given, starts=starts, count=int(starts[-1]), ids=True).ids
        return ids, starts

    def means(self, texts: Texts, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean of the rows of each text [N, D], zeros where it has none, and how many it has."""
        data, stride = bytes_of_rows(matrix)
        return _core.fasttext_texts_means(
            texts.text, texts.offsets, **self._arguments, data=data, stride=stride, size=matrix.shape[1]
        )

    def with_rows_of(self, ids: np.ndarray) -> tuple[Dictionary, np.ndarray]:
        """Return a dictionary whose n-grams are those of `ids`, rows as `parts` lists them, and of words; and the new rows."""
        first = np.int64(len(self.words))
        ngram = ids >= first
        of_words = self._arguments.get("parts", ids[:0])
        numbers = np.concatenate([ids[ngram], of_words[of_words >= first]]) - first
        ids = ids.copy()
        if self.bucket <= _DENSE:
            known = np.zeros(self.bucket, bool)
            known[numbers] = True
            buckets = np.flatnonzero(known).astype(np.int32)
            place = np.cumsum(known, dtype=np.int32)[ids[ngram] - first] - 1
        else:
            buckets = np.unique(numbers).astype(np.int32)
            place = np.searchsorted(buckets, ids[ngram] - first)
        ids[ngram] = place + first
        return self.replaced(buckets=buckets), ids

    def replaced(self, **changes: Any) -> Dictionary:
        """Return a dictionary with some other attributes."""
        names = self.__dataclass_fields__
        return Dictionary(**{name: changes.get(name, getattr(self, name)) for name in names})


def sorted_by_count(words: Sequence[str], counts: np.ndarray, least: int) -> tuple[list[str], np.ndarray]:
    """Return the words that occur `least` times or more, the most frequent ones first."""
    kept = np.flatnonzero(counts >= least)
    kept = kept[np.argsort(-counts[kept], kind="stable")]
    return [words[i] for i in kept.tolist()], counts[kept]
