"""The character n-grams of words: their numbers by fastText's hash, the rows they stand for, sums of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import _core
from ..text._strings import pack

MAX_BUCKET = 2**31 - 1


def ngram_numbers(words: Sequence[str], min_n: int, max_n: int, bucket: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers int32[K] of the n-grams of all words end to end, and offsets int64[N + 1]: word i has [offsets[i], offsets[i+1]).

    The n-grams of "<word>", of `min_n` to `max_n` characters (not bytes) and in the original's order, without the
    borders "<" and ">" alone; a number is the FNV-1a hash of the n-gram's UTF-8 bytes, each taken as a signed one, modulo
    `bucket`. Bojanowski et al. 2017, "Enriching word vectors with subword information", and their program's source.

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


@dataclass(frozen=True)
class Subwords:
    """Which n-grams there are, and which row of a matrix stands for each: the words' own rows come first.

    `buckets` holds the numbers of the n-grams that have a row, rising; None: all from 0 to `bucket` - 1 have one.
    """

    min_n: int
    max_n: int
    bucket: int
    buckets: np.ndarray | None = None

    @classmethod
    def of_words(
        cls, words: Sequence[str], min_n: int, max_n: int, bucket: int, old: np.ndarray | None = None
    ) -> Subwords:
        """Those of the given words, besides the `old` ones."""
        numbers, _ = ngram_numbers(words, min_n, max_n, bucket)
        found = np.unique(numbers)
        return cls(min_n, max_n, bucket, found if old is None else np.union1d(old, found))

    @property
    def count(self) -> int:
        """How many n-grams have a row."""
        return self.bucket if self.buckets is None else len(self.buckets)

    def rows(self, words: Sequence[str], own: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows int32[K] of all words end to end, offsets int64[N + 1], and of how many parts each word consists.

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


def means(matrix: np.ndarray, rows: np.ndarray, offsets: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The means float32[N, D] of rows of a float32 matrix [R, D], divided by `parts`; zeros where there are none.

    Rounded as by the original: added up in order, then multiplied with the rounded 1 / parts.
    """
    if matrix.dtype != np.float32 or matrix.strides[1] != 4 or matrix.strides[0] < 4 * matrix.shape[1]:
        matrix = np.ascontiguousarray(matrix, np.float32)
    size = (len(matrix) - 1) * matrix.strides[0] + 4 * matrix.shape[1] if len(matrix) else 0
    data = np.lib.stride_tricks.as_strided(matrix.view(np.uint8), (size,), (1,), writeable=False)
    sums = _core.fasttext_sums(data, matrix.strides[0], offsets, rows, matrix.shape[1])
    sums *= (1 / np.maximum(parts, 1)).astype(np.float32)[:, None]
    return sums
