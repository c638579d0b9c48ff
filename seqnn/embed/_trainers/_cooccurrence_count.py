"""Counting co-occurrences: in one piece, or within a stated memory as sorted runs that are merged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from ... import _core
from ..._spill import parse_size
from ...text import Corpus
from ._cooccurrence import Cooccurrence
from ._cooccurrence_rows import STEP_ENTRIES, RowsBuffer, merge_rows, rounded

_STEP_POSITIONS = 1 << 21
"""The most words of the text of one call of the kernel, unless a row needs more."""

_MOST_WORDS = 2**31 - 2
"""The most words of the text that one inverted index holds."""


def count(
    corpus: Corpus,
    vocabulary_size: int,
    *,
    window: int = 10,
    symmetric: bool = True,
    distance_weighting: bool = True,
    max_memory: int | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Cooccurrence:
    """Count the contexts of each word: the words at most `window` places away in its sentence.

    A context at distance d counts 1/d, or 1 without `distance_weighting`; without `symmetric` only contexts to the
    right count. The sums are exact integers in units of 1/lcm(1..window), rounded once at the end, so they depend
    neither on the number of threads nor on `max_memory`. Where the unit gets too small for 64 bits (windows above 28
    for 20 million words), 1/d is rounded to a power of two that leaves the sums exact (error below 1e-10).

    Args:
        corpus: ids below `vocabulary_size`.
        vocabulary_size: V.
        window, symmetric, distance_weighting: which contexts count, and how much.
        max_memory: bytes, or "2GB": bounds the text's index and the counts; beyond, the text is counted in pieces whose
            sorted runs lie in temporary files, and the result is a memory-mapped temporary file.
        progress: is called with (done, total) words of the text.

    >>> import numpy as np
    >>> corpus = Corpus.from_arrays(np.array([0, 1, 0]), np.array([0, 3]), vocabulary_size=2)
    >>> counts = count(corpus, 2, window=2)
    >>> [array.tolist() for array in counts]
    [[0, 0, 1], [0, 1, 0], [1.0, 2.0, 2.0]]
    """
    sums = count_sums(
        corpus,
        vocabulary_size,
        window=window,
        symmetric=symmetric,
        distance_weighting=distance_weighting,
        max_memory=max_memory,
        progress=progress,
    )
    return rounded(*sums)


def count_sums(
    corpus: Corpus,
    vocabulary_size: int,
    *,
    window: int,
    symmetric: bool,
    distance_weighting: bool,
    total_words: int | None = None,
    max_memory: int | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Do as `count`, before the sums are rounded; the corpus may be a part of one of `total_words` words."""
    limit = parse_size(max_memory)
    total = len(corpus.ids) if total_words is None else total_words
    weights, unit = _weights(window, total, distance_weighting)
    if len(corpus.ids) > total and _weights(window, len(corpus.ids), distance_weighting)[1] != unit:
        raise ValueError(
            f"total_words: expected at least the {len(corpus.ids)} known words of this part, got {total}: their sums need a "
            "smaller unit"
        )
    piece_words = _MOST_WORDS if limit is None else min(_MOST_WORDS, max(limit // 8, 1 << 10))
    pieces = list(_pieces(corpus, piece_words))
    whole = len(pieces) == 1
    runs = []
    done = 0
    for first, last in pieces:
        run = RowsBuffer(vocabulary_size, limit if whole else 0)
        for indices, sums, row_ends, words in _count_piece(
            corpus, first, last, vocabulary_size, weights, symmetric, limit
        ):
            run.append((indices, sums, row_ends))
            done += words
            if progress is not None:
                progress(done, len(corpus.ids))
        runs.append(run.finish())
    return *(runs[0] if whole else merge_rows(runs, vocabulary_size, limit)), unit


def _weights(window: int, words: int, distance_weighting: bool) -> tuple[np.ndarray, float]:
    """Return the integer weight of each distance (0: none), and the unit that they are multiples of, inverted."""
    if not distance_weighting:
        return np.array([0] + [1] * window, np.int64), 1.0
    scale = math.lcm(*range(1, window + 1))
    most = 2 * max(words, 1) * (math.log(window) + 1)  # the sum of all weights to both sides
    if scale >= 2**63 / most:
        scale = 2 ** int(62 - math.log2(most))
    return np.array([0] + [round(scale / d) for d in range(1, window + 1)], np.int64), float(scale)


def _pieces(corpus: Corpus, most: int) -> Iterator[tuple[int, int]]:
    """Yield sentences [first, last) of at most `most` words together, at least one sentence each."""
    offsets, first = corpus.offsets, 0
    while first < len(corpus) or first == 0:
        last = int(np.searchsorted(offsets, offsets[first] + most, "right")) - 1
        last = min(max(last, first + 1), len(corpus))
        if offsets[last] - offsets[first] > _MOST_WORDS:
            raise ValueError(f"a sentence has {offsets[last] - offsets[first]} words, expected at most {_MOST_WORDS}")
        yield first, last
        first = last
        if first == len(corpus):
            return


def _count_piece(
    corpus: Corpus, first: int, last: int, size: int, weights: np.ndarray, symmetric: bool, limit: int | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
    """Count the sentences [first, last); yield some rows at a time, and how many words of the text these took."""
    offsets = corpus.offsets[first : last + 1] - corpus.offsets[first]
    ids = corpus.ids[corpus.offsets[first] : corpus.offsets[last]]
    starts, positions = np.zeros(size + 1, np.int64), np.empty(len(ids), np.int32)
    boundaries = np.empty(len(ids) // 64 + 1, np.uint64)
    _core.cooccurrence_index(ids, offsets, starts, positions, boundaries)
    reach = (len(weights) - 1) * (2 if symmetric else 1)
    places = np.concatenate([[0], np.cumsum(np.minimum(np.diff(starts) * reach, size))])
    room = STEP_ENTRIES if limit is None else min(STEP_ENTRIES, limit // 48)
    indices, sums = np.empty(0, np.int32), np.empty(0, np.int64)
    row = 0
    while row < size:
        by_words = np.searchsorted(starts, starts[row] + _STEP_POSITIONS, "right") - 1
        by_places = np.searchsorted(places, places[row] + room, "right") - 1
        end = min(max(int(min(by_words, by_places)), row + 1), size)
        if places[end] - places[row] > len(indices):
            indices = np.empty(places[end] - places[row], np.int32)
            sums = np.empty(len(indices), np.int64)
        row_ends = np.zeros(end - row, np.int64)
        _core.cooccurrence_count(
            ids, boundaries, positions[starts[row] : starts[end]], starts[row : end + 1], weights,
            vocabulary=size, symmetric=symmetric, columns=indices, sums=sums, row_ends=row_ends,
        )  # fmt: skip
        yield indices[: row_ends[-1]], sums[: row_ends[-1]], row_ends, int(starts[end] - starts[row])
        row = end
