"""Text to word ids: pieces of text are scanned by the C kernels on all threads; the result is the same for any number."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .. import _core
from .._memory import big_zeros
from .._threads import get_num_threads

Item = TypeVar("Item")
Result = TypeVar("Result")

_MERGED = 1 << 15
"""Words that are merged in one step."""

_BYTE, _LINES, _WORDS = map(_core.corpus.state.index, ("byte", "lines", "words"))
"""Places in the state of a scan."""

_FIRST_WORDS = 1 << 16
_FIRST_POOL = 1 << 20


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Do `map(work, items)` on `get_num_threads()` Python threads, for kernels that leave the interpreter's lock.

    Items are taken, in the calling thread, only shortly before they are worked on. Close the generator to stop early:
    it waits for the calls that run, each a fraction of a second.
    """
    count = get_num_threads()
    items = iter(items)
    first = list(islice(items, 2))
    if count == 1 or len(first) < 2:
        yield from map(work, chain(first, items))
        return
    from concurrent.futures import ThreadPoolExecutor  # its import costs some ms that other users need not pay

    pending: deque[Any] = deque()
    pool = ThreadPoolExecutor(count)
    try:
        for item in chain(first, items):
            pending.append(pool.submit(work, item))
            if len(pending) > 2 * count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class Scanner:
    """The words that one thread has met: hash table, counts, place of the first occurrence, bytes.

    `counts[w]`, `first[w]` (byte of the corpus) belong to word w, in the order in which this scanner met them.
    """

    def __init__(self) -> None:
        self.words = 0
        self.table = np.zeros((2 * _FIRST_WORDS, 2), np.uint64)
        self.counts = np.empty(_FIRST_WORDS, np.int64)
        self.first = np.empty(_FIRST_WORDS, np.int64)
        self.word_offsets = np.zeros(_FIRST_WORDS + 1, np.int64)
        self.pool = np.empty(_FIRST_POOL, np.uint8)

    def _reserve(self, words: int, pool: int) -> None:
        """Make room for this many words and bytes."""
        if pool > len(self.pool):
            self.pool = _extended(self.pool, max(2 * len(self.pool), pool))
        if words <= len(self.counts):
            return
        capacity = 1 << (words - 1).bit_length()
        if capacity > 1 << 31:
            raise MemoryError("the corpus has more than 2**31 different words")
        self.counts = _extended(self.counts, capacity)
        self.first = _extended(self.first, capacity)
        self.word_offsets = _extended(self.word_offsets, capacity + 1)
        self.table = big_zeros((2 * capacity, 2), np.uint64)
        _core.corpus_rehash(self.table, self.word_offsets[: self.words + 1], self.pool)

    def scan(
        self, text: np.ndarray, position: int, every_line: bool = False, unknown: int = -1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return local ids (int32) of the words of `text`, and how many of its words stand before each line end (int64).

        `text` is a piece of the corpus from byte `position` on that starts and ends between words. Ends of lines without
        words count only with `every_line`. New words get the number `unknown`; below 0 they are added, and all words are
        counted. Raises NulByteError.
        """
        words, lines, _, nul = _core.corpus_count(text).tolist()
        if nul >= 0:
            raise NulByteError(position + nul)
        ids = np.empty(words, np.int32)
        line_ends = np.empty(lines if every_line else min(lines, words + 1), np.int64)
        state = np.array([0, -1, 0, -1, 0, self.words], np.int64)
        while True:
            need = _core.corpus_scan(
                text, position, state, ids, line_ends,
                self.table, self.counts, self.first, self.word_offsets, self.pool, every_line, unknown,
            )  # fmt: skip
            self.words = int(state[_WORDS])
            if state[_BYTE] >= len(text):
                return ids, line_ends[: state[_LINES]]
            self._reserve(*need.tolist())

    def add(
        self, offsets: np.ndarray, pool: np.ndarray, counts: np.ndarray | None = None, first: np.ndarray | None = None
    ) -> np.ndarray:
        """Add words, and return the ids (int32) that they have here.

        The bytes of word i, and a "\\n", lie at pool[offsets[i] : offsets[i + 1]].
        `counts` and `first` say how often and where each occurs; None stands for zeros.
        """
        number = len(offsets) - 1
        mapping, nothing = np.empty(number, np.int32), np.zeros(min(number, _MERGED), np.int64)
        for start in range(0, number, _MERGED):
            stop = min(start + _MERGED, number)
            begin, end = offsets[[start, stop]].tolist()
            self._reserve(self.words + stop - start, int(self.word_offsets[self.words]) + end - begin)
            mapping[start:stop], total = _core.corpus_merge(
                self.table, self.counts, self.first, self.word_offsets, self.pool, self.words,
                nothing[: stop - start] if counts is None else counts[start:stop],
                nothing[: stop - start] if first is None else first[start:stop],
                offsets[start : stop + 1] - begin, pool[begin:end],
            )  # fmt: skip
            self.words = int(total[0])
        return mapping

    def merge(self, other: Scanner) -> np.ndarray:
        """Add the other's words to this one's, and return the ids (int32) that they have here."""
        return self.add(other.word_offsets[: other.words + 1], other.pool, other.counts, other.first)

    def find(self, offsets: np.ndarray, pool: np.ndarray) -> np.ndarray:
        """Return the ids (int32) of words as for `add`, -1 for those that are not there."""
        own = self.word_offsets[: self.words + 1]
        return _core.corpus_find(self.table, own, self.pool, offsets, pool)

    def packed(self) -> tuple[np.ndarray, np.ndarray]:
        """Return offsets and bytes of the words, as `add` takes them."""
        offsets = self.word_offsets[: self.words + 1].copy()
        return offsets, self.pool[: offsets[-1]].copy()


class NulByteError(ValueError):
    """The text holds a NUL byte; `position` is the first one's place in the corpus."""

    def __init__(self, position: int) -> None:
        super().__init__(f"a NUL byte at {position}")
        self.position = position


class ScannerTeam:
    """A scanner for each thread that asks."""

    def __init__(self) -> None:
        self._scanners: list[Scanner] = []
        self._local = threading.local()
        self._lock = threading.Lock()

    def scan(self, text: np.ndarray, position: int, every_line: bool = False) -> tuple[np.ndarray, np.ndarray, int]:
        """Do as `Scanner.scan`, by this thread's scanner; return its number, too."""
        if not hasattr(self._local, "number"):
            with self._lock:
                self._local.number = len(self._scanners)
                self._scanners.append(Scanner())
        number = self._local.number
        return *self._scanners[number].scan(text, position, every_line), number

    def merge(self) -> Merged:
        """Merge all scanners' words, in the order of their first occurrence, however the pieces were shared out."""
        everything, *others = self._scanners or [Scanner()]
        maps = [np.arange(everything.words, dtype=np.int32)]
        self._scanners.clear()
        while others:
            maps.append(everything.merge(others.pop(0)))
        first = everything.first[: everything.words]
        order = np.argsort(first, kind="stable")
        rank = np.empty(everything.words, np.int32)
        rank[order] = np.arange(everything.words, dtype=np.int32)
        text = everything.pool[: everything.word_offsets[everything.words]].tobytes()
        return Merged(text, order, everything.counts[order], first[order], [rank[m] for m in maps])


class Merged(NamedTuple):
    """The words, counts and first positions in order, and each scanner's map from its local ids.

    `text` holds the words, each followed by "\\n", in some other order: the i-th word is the order[i]-th of the text.
    """

    text: bytes
    order: np.ndarray
    counts: np.ndarray
    first: np.ndarray
    maps: list[np.ndarray]


def _extended(array: np.ndarray, size: int) -> np.ndarray:
    """Copy to an array of `size` elements, in memory that goes back to the system when it is no longer used."""
    longer = big_zeros((size,), array.dtype)
    longer[: len(array)] = array
    return longer
