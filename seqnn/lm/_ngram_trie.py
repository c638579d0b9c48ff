"""Tries of n-grams: two arrays that the C kernels search, and that a file can hold as they are (csrc/lm/trie.h)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import _core
from .._memory import big_zeros

FREE = 2**32 - 1
"""The word of a free slot."""


class Level(NamedTuple):
    """All n-grams of one length: the last word of each (uint32); the place, in the level before, of the n-gram without
    that word (uint32); and two figures of 32 bits, such as the probability and the weight of backing off."""

    words: np.ndarray
    parents: np.ndarray
    first: np.ndarray
    second: np.ndarray | None


@dataclass
class Trie:
    """N-grams up to `order` words: `nodes` [M + 1, 4] for the shorter ones, `leaves` [L, 2] for the longest (uint32)."""

    nodes: np.ndarray
    leaves: np.ndarray
    order: int

    @property
    def words(self) -> int:
        """The size of the vocabulary."""
        return int(self.nodes[1, 3]) - 1

    @property
    def starts(self) -> list[int]:
        """Where the slots of each length begin: of n words [starts[n], starts[n + 1])."""
        starts = [0, 1]
        while len(starts) < self.order + 2:
            starts.append(int(self.nodes[starts[-1], 3]))
        return starts

    @property
    def counts(self) -> list[int]:
        """How many n-grams of each length there are."""
        return [int(np.count_nonzero(self.slots(n)[:, 0] != FREE)) for n in range(1, self.order + 1)]

    def slots(self, length: int) -> np.ndarray:
        """Return the slots of the n-grams of `length` words: rows {word, log-probability, log-weight, child}, of the
        longest ones {word, log-probability}."""
        begin, end = self.starts[length : length + 2]
        return self.nodes[begin:end] if length < self.order else self.leaves

    def levels(self) -> Iterator[Level]:
        """Yield the n-grams of each length, in the order of their slots."""
        places = np.zeros(1, np.uint32)  # of the slots of the level before
        for length in range(1, self.order + 1):
            slots = self.slots(length)
            used = slots[:, 0] != FREE
            begin, end = self.starts[length - 1 : length + 1]
            sizes = np.diff(self.nodes[begin : end + 1, 3].astype(np.int64))
            second = slots[used, 2] if length < self.order else None
            yield Level(slots[used, 0], np.repeat(places, sizes)[used], slots[used, 1], second)
            places = (np.cumsum(used) - 1).astype(np.uint32)


class TrieBuilder:
    """A trie in the making, one length of n-grams after the other.

    Args:
        sizes: how many n-grams of each length there will be; those of one word are the vocabulary.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.order, self._words = len(sizes), sizes[0]
        room = sum(size + size // 2 for size in sizes[1:-1])
        self._nodes = big_zeros((2 + (self._words if self.order > 1 else 0) + room, 4), np.uint32)
        self._leaves = np.zeros((0, 2), np.uint32)
        self._low, self._high = 0, 1  # the slots of the last level
        self._length = 0
        self._nodes[0, 3] = 1

    def add_words(self, words: np.ndarray, first: np.ndarray, second: np.ndarray | None) -> np.ndarray:
        """Add figures of words, and return their slots; all others have the figures 0."""
        size = self._words
        self._nodes[1, 3] = 1 + size
        if self.order > 1:
            slots, self._low, self._high = self._nodes[1 : 1 + size], 1, 1 + size
            self._nodes[1 : 2 + size, 3] = 1 + size
            if second is not None:
                slots[words, 2] = second
        else:
            slots = self._leaves = np.zeros((size, 2), np.uint32)
        slots[:, 0] = np.arange(size)
        slots[words, 1] = first
        self._length = 1
        return words.astype(np.uint32) + np.uint32(1)

    def add(self, parents: np.ndarray, words: np.ndarray, first: np.ndarray, second: np.ndarray | None) -> np.ndarray:
        """Add the n-grams of the next length: slots of the n-grams without their last words, these words, and figures.
        Return their slots, 0 for one that is there before."""
        end = int(_core.ngram_trie_room(self._nodes, self._low, self._high, parents)[0])
        self._length += 1
        leaves = None
        if self._length == self.order:
            leaves = self._leaves = big_zeros((end - self._high, 2), np.uint32)
        place = _core.ngram_trie_place
        slots = place(self._nodes, leaves, self._low, self._high, parents, words, first, second)
        if leaves is None:
            self._low, self._high = self._high, end
            self._nodes[end, 3] = end
        return slots

    def find(self, rows: np.ndarray) -> np.ndarray:
        """Return the slots of n-grams (int32 [R, n]) shorter than what was added last; 0 for those that are not there."""
        return _core.ngram_trie_find(self._nodes[: self._high + 1], np.zeros((0, 2), np.uint32), self._length + 1, rows)

    def finish(self) -> Trie:
        """Return the trie."""
        return Trie(self._nodes[: self._high + 1], self._leaves, self.order)


def build(levels: Sequence[Level], words: int) -> Trie:
    """Make a trie of the n-grams of each length over a vocabulary of that many words."""
    builder = TrieBuilder([words, *(len(level.words) for level in levels[1:])])
    slots = builder.add_words(levels[0].words, levels[0].first, levels[0].second)
    for level in levels[1:]:
        slots = builder.add(slots[level.parents], level.words, level.first, level.second)
    return builder.finish()
