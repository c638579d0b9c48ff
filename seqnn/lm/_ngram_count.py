"""Counting n-grams: in one piece, or within a stated memory as sorted runs that are merged."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .. import _core
from .._spill import GrowingArray
from ..text import Corpus
from ._ngram_trie import Level

UNK, BOS, EOS = _core.ngram_count.UNK, _core.ngram_count.BOS, _core.ngram_count.EOS
"""Ids of "<unk>", "<s>" and "</s>"; other words follow."""

MOST_ORDER = 16

_MOST_WORDS = 2**31 - 1
"""Words of a corpus, with the marks of its sentences: so counts fit in 31 bits."""

_PARTS = 256
"""Parts of sorted rows that threads take in turn."""

_BYTES_A_WORD = 32
"""Memory for sorting a word of the text: the text itself, positions, shared words, keys of a large part, n-grams."""

_MOST_RUNS = 64


class Rows(NamedTuple):
    """Sorted rows of at most `order` words, which begin at `positions` of a text (default: the text is rows of `order`
    words). `shared` says how many words each begins with as the row before it, `counts` how often it stands (default: 1).
    """

    text: np.ndarray
    positions: np.ndarray | None
    counts: np.ndarray | None
    shared: np.ndarray


class Run(NamedTuple):
    """Sorted different rows [R, order], and how often each occurs (uint32)."""

    rows: np.ndarray
    counts: np.ndarray


def count(
    corpus: Corpus,
    mapping: np.ndarray,
    words: int,
    order: int,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Level]:
    """Count the n-grams of 1 to `order` words of each sentence with its marks <s> and </s>.

    Args:
        corpus: the sentences; `mapping` (int32) gives each of its ids the number of a word, or -1 to leave it out.
        words: size of the vocabulary, above all numbers in `mapping`.
        order: length of the longest n-grams.
        limit: bytes of memory; what needs more lies in temporary files.
        progress: is called with words of the corpus done, and all.

    Returns:
        The n-grams of each length, with their counts as both figures.

    Raises:
        ValueError: a corpus of 2**31 words or more.
    """
    total = _checked_total(len(corpus.ids) + 2 * len(corpus))
    size = total if limit is None else max(limit // _BYTES_A_WORD, 1 << 10)
    runs = []
    for first, last in _pieces(corpus.offsets, size):
        rows = _sorted_rows(corpus, first, last, mapping, words, order)
        if last - first == len(corpus):
            return _levels(rows, order)
        runs.append(_spilled([_different(rows, order)], order))
        if progress is not None:
            progress(int(corpus.offsets[last]), len(corpus.ids))
    return levels_of(runs, order, size, limit)


def count_run(corpus: Corpus, mapping: np.ndarray, words: int, order: int) -> Run:
    """Return the different rows of a corpus, as `count` does, before they become n-grams."""
    _checked_total(len(corpus.ids) + 2 * len(corpus))
    if not len(corpus):
        return Run(np.empty((0, order), np.int32), np.empty(0, np.uint32))
    return _different(_sorted_rows(corpus, 0, len(corpus), mapping, words, order), order)


def merge_runs(runs: Sequence[Run], order: int) -> Run:
    """Add up runs, in any order."""
    total = _checked_total(sum(int(run.counts.sum(dtype=np.int64)) for run in runs))
    while len(runs) > 1:
        groups = [runs[i : i + _MOST_RUNS] for i in range(0, len(runs), _MOST_RUNS)]
        runs = [_concatenated([run for run, _ in _merged(group, order, max(total, 1))], order) for group in groups]
    return runs[0]


def levels_of(runs: Sequence[Run], order: int, size: int, limit: int | None) -> list[Level]:
    """Return the n-grams of each length of some runs together; about the memory of `size` words of a text is needed."""
    while len(runs) > _MOST_RUNS:
        groups = (runs[i : i + _MOST_RUNS] for i in range(0, len(runs), _MOST_RUNS))
        runs = [_spilled((run for run, _ in _merged(group, order, size)), order) for group in groups]
    merged = (Rows(run.rows.ravel(), None, run.counts, shared) for run, shared in _merged(runs, order, size))
    return _joined((_levels(rows, order) for rows in merged), order, limit)


def _checked_total(total: int) -> int:
    """Return the words of a corpus, marks included; a ValueError where their counts would not fit."""
    if total > _MOST_WORDS:
        raise ValueError(f"the corpus has {total} words with the marks of its sentences, expected at most 2**31 - 1")
    return total


def _sorted_rows(corpus: Corpus, first: int, last: int, mapping: np.ndarray, words: int, order: int) -> Rows:
    """Return the sorted rows of the sentences [first, last)."""
    offsets = corpus.offsets[first : last + 1]
    ids = corpus.ids[offsets[0] : offsets[-1]]
    text, used = _core.ngram_count_stream(ids, offsets - offsets[0], mapping)
    text = text[: used[0]]
    return Rows(text, *_sorted(text, words, order))


def _pieces(offsets: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Yield sentences [first, last) of at most `most` words together with their marks, at least one sentence each."""
    ends = offsets + 2 * np.arange(len(offsets))
    first = 0
    while first < len(offsets) - 1:
        last = max(int(np.searchsorted(ends, ends[first] + most, "right")) - 1, first + 1)
        yield first, last
        first = last


def _sorted(text: np.ndarray, words: int, order: int) -> tuple[np.ndarray, None, np.ndarray]:
    """Return positions, counts and shared words of the rows of a text."""
    positions, shared = _core.ngram_count_sort(text, words, order)
    return positions, None, shared


def _different(rows: Rows, order: int) -> Run:
    """Return the different rows of a sorted text."""
    size = int(np.count_nonzero(rows.shared < order))
    run = Run(np.empty((size, order), np.int32), np.empty(size, np.uint32))
    _core.ngram_count_distinct(rows.text, rows.positions, rows.shared, order, *run)
    return run


def _spilled(parts: Iterable[Run], order: int) -> Run:
    """Return a run whose parts lie in temporary files."""
    rows, counts = GrowingArray(0), GrowingArray(0, dtype=np.uint32)
    for part in parts:
        rows.append(part.rows.ravel())
        counts.append(part.counts)
    return Run(rows.finish().reshape(-1, order), counts.finish())


def _concatenated(parts: Sequence[Run], order: int) -> Run:
    """Return a run in memory of parts that follow each other."""
    rows = [part.rows for part in parts] or [np.empty((0, order), np.int32)]
    return Run(np.concatenate(rows), np.concatenate([part.counts for part in parts] or [np.empty(0, np.uint32)]))


def _merged(runs: Sequence[Run], order: int, words: int) -> Iterator[tuple[Run, np.ndarray]]:
    """Yield the merged rows of some first words at a time, and the words that each shares with the row before it.

    About as much memory is needed as for `words` words of a text, unless a single first word needs more.
    """
    share = max(words * _BYTES_A_WORD // (12 * order + 16) // len(runs), 64)
    at = [0] * len(runs)
    while left := [k for k, run in enumerate(runs) if at[k] < len(run.rows)]:
        low = min(int(runs[k].rows[at[k], 0]) for k in left)
        ahead = [int(runs[k].rows[at[k] + share, 0]) for k in left if at[k] + share < len(runs[k].rows)]
        high = max(min(ahead, default=_MOST_WORDS), low + 1)
        ends = [bisect.bisect_left(run.rows[:, 0], high, lo=begin) for run, begin in zip(runs, at, strict=True)]
        parts = [Run(run.rows[b:e], run.counts[b:e]) for run, b, e in zip(runs, at, ends, strict=True)]
        bounds = np.cumsum([0, *(len(part.counts) for part in parts)])
        rows, counts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        merged, totals, shared, size = _core.ngram_count_merge(rows, counts, bounds)
        yield Run(merged[: size[0]], totals[: size[0]]), shared[: size[0]]
        at = ends


def _levels(rows: Rows, order: int) -> list[Level]:
    """Return the n-grams of each length of sorted rows."""
    firsts = np.flatnonzero(rows.shared == 0)
    cuts = np.searchsorted(firsts, np.linspace(0, len(rows.shared), _PARTS, endpoint=False))
    bounds = np.unique([0, *firsts[np.minimum(cuts, len(firsts) - 1)], len(rows.shared)])
    sizes = _core.ngram_count_sizes(rows.text, rows.positions, rows.shared, bounds, order)
    ends = np.cumsum(sizes.sum(axis=0))
    words, counts, parents = (np.empty(ends[-1], np.uint32) for _ in range(3))
    _core.ngram_count_levels(*rows, bounds, order, sizes, words, counts, parents)
    slices = [slice(begin, end) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
    return [Level(words[s], parents[s], counts[s], counts[s]) for s in slices]


def _joined(parts: Iterable[list[Level]], order: int, limit: int | None) -> list[Level]:
    """Return the n-grams of all parts, which differ in their first words; beyond the limit in temporary files."""
    share = None if limit is None else limit // (3 * order)
    buffers = [[GrowingArray(share, dtype=np.uint32) for _ in range(3)] for _ in range(order)]
    for levels in parts:
        before = [0, *(level[0].size for level in buffers)]
        for (words, parents, counts), level, shift in zip(buffers, levels, before, strict=False):
            words.append(level.words)
            parents.append(level.parents + np.uint32(shift))
            counts.append(level.first)
    finished = [[buffer.finish() for buffer in level] for level in buffers]
    return [Level(words, parents, counts, counts) for words, parents, counts in finished]
