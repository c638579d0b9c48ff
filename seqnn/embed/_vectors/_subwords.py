"""The character n-grams of words: their numbers by fastText's hash, the rows they stand for, sums of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ... import _core
from ..._arguments import integer
from ..._strings import pack

ABOUT = "seqnn.subwords"
"""The metadata of files of vectors with n-grams."""

MAX_BUCKET = _core.fasttext.MOST_BUCKET
MAX_N = _core.fasttext.ANY_LENGTH
"""The longest n-grams: of long words they are many, and quadratically many without a bound."""


def ngram_numbers(words: Sequence[str], min_n: int, max_n: int, bucket: int) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers int32 [K] of the n-grams of all words end to end, and offsets int64 [N + 1].

    Word i has [offsets[i], offsets[i + 1]): the n-grams of "<word>", of `min_n` to `max_n` characters (not bytes) and in
    the original's order, without the borders "<" and ">" alone. A number is the FNV-1a hash of the n-gram's UTF-8 bytes,
    each taken as a signed one, modulo `bucket`. Bojanowski et al. 2017, "Enriching word vectors with subword information",
    and their program's source.

    >>> numbers, offsets = ngram_numbers(["cat", "a"], 3, 6, bucket=2_000_000)
    >>> numbers.tolist(), offsets.tolist()
    ([916747, 1988973, 1428137, 289031, 1127995, 351106, 1087600], [0, 6, 7])
    """
    text, at = pack(words)
    offsets = np.zeros(len(words) + 1, np.int64)
    if bucket == 0 or max_n < max(min_n, 1):
        return np.zeros(0, np.int32), offsets
    np.cumsum(_core.fasttext_ngram_counts(text, at, min_n, max_n), out=offsets[1:])
    return _core.fasttext_ngram_ids(text, at, offsets, int(offsets[-1]), min_n, max_n, bucket), offsets


def ngrams_of(word: str, min_n: int, max_n: int, bucket: int) -> tuple[list[str], np.ndarray]:
    """Return the n-grams of one word, and their numbers; see `ngram_numbers`.

    >>> ngrams_of("cat", 3, 4, bucket=2_000_000)[0]
    ['<ca', '<cat', 'cat', 'cat>', 'at>']
    """
    whole = f"<{word}>"
    ends = [
        (start, start + size)
        for start in range(len(whole))
        for size in range(max(min_n, 1), max_n + 1)
        if start + size <= len(whole) and not (size == 1 and start in (0, len(whole) - 1))
    ]
    numbers, _ = ngram_numbers([word], min_n, max_n, bucket)
    return [whole[start:end] for start, end in ends] if len(numbers) else [], numbers


@dataclass(frozen=True)
class Subwords:
    """The n-grams there are, and which row of a matrix stands for each: the words' own rows come first.

    `buckets` holds the numbers of the n-grams that have a row, rising; None: all from 0 to `bucket` - 1 have one.
    """

    min_n: int
    max_n: int
    bucket: int
    buckets: np.ndarray | None = None

    def __post_init__(self) -> None:
        integer("min_n", self.min_n, 0, MAX_N)
        integer("max_n", self.max_n, 0, MAX_N)
        integer("bucket", self.bucket, 0, MAX_BUCKET)
        if self.max_n < max(self.min_n, 1):
            object.__setattr__(self, "bucket", 0)

    @classmethod
    def of_words(
        cls, words: Sequence[str], min_n: int, max_n: int, bucket: int, old: np.ndarray | None = None
    ) -> Subwords:
        """Find the n-grams of the given words, besides the `old` ones."""
        numbers, _ = ngram_numbers(words, min_n, max_n, bucket)
        found = np.unique(numbers)
        return cls(min_n, max_n, bucket, found if old is None else np.union1d(old, found))

    @classmethod
    def restored(cls, about: Mapping[str, Any], buckets: np.ndarray | None) -> Self:
        """Return what `about` and an array in a file describe, checked."""
        made = cls(about["min_n"], about["max_n"], about["bucket"], buckets)
        if buckets is not None and (
            buckets.dtype != np.int32
            or buckets.ndim != 1
            or not (np.diff(buckets) > 0).all()
            or (len(buckets) and not 0 <= buckets[0] <= buckets[-1] < made.bucket)
        ):
            raise ValueError("buckets: expected rising numbers (int32) below bucket")
        return made

    def equals(self, other: Subwords) -> bool:
        """Tell whether the others are the same n-grams with the same rows."""
        mine, theirs = self.buckets, other.buckets
        same = mine is theirs or (mine is not None and theirs is not None and np.array_equal(mine, theirs))
        return same and self.about == other.about

    @property
    def about(self) -> dict[str, int]:
        """The numbers that `restored` takes."""
        return {"min_n": self.min_n, "max_n": self.max_n, "bucket": self.bucket}

    @property
    def count(self) -> int:
        """The number of n-grams that have a row."""
        return self.bucket if self.buckets is None else len(self.buckets)

    def rows(self, words: Sequence[str], own: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the rows int32 [K] of all words end to end, offsets int64 [N + 1], and of how many parts each word consists.

        own[i] is the row of word i itself, which comes first, or -1 where it has none; `first` is the row of the first
        n-gram. A word's n-grams without a row count as parts: they stand for zeros.
        """
        numbers, offsets = ngram_numbers(words, self.min_n, self.max_n, self.bucket)
        parts = np.diff(offsets) + (own >= 0)
        if self.buckets is not None:
            place = np.searchsorted(self.buckets, numbers)
            place[place == len(self.buckets)] = 0
            known = self.buckets[place] == numbers if len(self.buckets) else np.zeros(len(numbers), bool)
            numbers = place[known]
            offsets = np.concatenate([[0], np.cumsum(known)])[offsets]
        with_own = np.concatenate([[0], np.cumsum(own >= 0)])
        starts = offsets + with_own
        rows = np.empty(starts[-1], np.int32)
        is_own = np.zeros(len(rows), bool)
        is_own[starts[:-1][own >= 0]] = True
        rows[is_own] = own[own >= 0]
        rows[~is_own] = numbers + np.int64(first)
        return rows, starts, parts


def bytes_of_rows(matrix: np.ndarray) -> tuple[np.ndarray, int]:
    """Return a float32 matrix as bytes, without a copy where rows lie one after the other, and the bytes from row to row."""
    if matrix.dtype != np.float32 or matrix.strides[1] != 4 or matrix.strides[0] < 4 * matrix.shape[1]:
        matrix = np.ascontiguousarray(matrix, np.float32)
    size = (len(matrix) - 1) * matrix.strides[0] + 4 * matrix.shape[1] if len(matrix) else 0
    data = np.lib.stride_tricks.as_strided(matrix.view(np.uint8), (size,), (1,), writeable=False)
    return data, matrix.strides[0] if len(matrix) else 4 * matrix.shape[1]


def sums(matrix: np.ndarray, rows: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Add up rows of a float32 matrix [R, D] in order: row i of the result is that of rows[offsets[i]:offsets[i + 1]]."""
    data, stride = bytes_of_rows(matrix)
    return _core.fasttext_sums(data, stride, offsets, rows, matrix.shape[1])


def means(matrix: np.ndarray, rows: np.ndarray, offsets: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Compute the means float32 [N, D] of rows of a float32 matrix [R, D], divided by `parts`; zeros where there are none.

    Rounded as by the original: added up in order, then multiplied with the rounded 1 / parts.
    """
    total = sums(matrix, rows, offsets)
    total *= (1 / np.maximum(parts, 1)).astype(np.float32)[:, None]
    return total
