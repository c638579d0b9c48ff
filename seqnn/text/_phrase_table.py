"""Values of word pairs with connector words between them, in a hash table of arrays that the C kernels fill and search.

A pair is left << 32 | right (uint64); its gap is the sequence of connector words between the two: a node of a trie
whose node k + 1 is the sequence keys[k] = parent << 32 | connector word, node 0 the empty sequence.
"""

from __future__ import annotations

import numpy as np

from .. import _core
from .._memory import big_zeros

_PARTS = _core.phrases.PARTS
_LOW = np.uint64(0xFFFFFFFF)


class PhraseTable:
    """A table of pairs (with gaps where `with_gaps`) and their values > 0, such as counts."""

    def __init__(self, with_gaps: bool, parts: int = _PARTS) -> None:
        self._used = np.zeros(parts, np.int64)
        self._with_gaps = with_gaps
        self._allocate(8)

    def _allocate(self, capacity: int) -> None:
        parts = len(self._used)
        self.slots = big_zeros((parts, capacity, 2), np.uint64)
        self.gaps = np.empty((parts, capacity), np.int32) if self._with_gaps else None

    def __len__(self) -> int:
        return int(self._used.sum())

    def add(self, pairs: np.ndarray, gaps: np.ndarray | None, weights: np.ndarray | None = None) -> None:
        """Add the weights (int64 > 0; by default 1) to the values of the pairs; new ones begin at 0."""
        if not len(self) and len(pairs) > self.slots.size:
            self._allocate(1 << (len(pairs) // 8 // len(self._used)).bit_length())  # many occur more than once
        done = np.zeros(len(self._used), np.int64)
        while True:
            _core.phrases_add(pairs, gaps, weights, done, self._used, self.slots, self.gaps)
            if done.min() == len(pairs):
                return
            bigger = PhraseTable(self._with_gaps, len(self._used))
            bigger._allocate(2 * self.slots.shape[1])
            bigger.add(*self.entries())
            self.slots, self.gaps, self._used = bigger.slots, bigger.gaps, bigger._used

    def find(self, pairs: np.ndarray, gaps: np.ndarray | None) -> np.ndarray:
        """Look up the pairs' values (int64), 0 for those that are missing."""
        return _core.phrases_find(pairs, gaps, self.slots, self.gaps)

    def entries(self, least: int = 1) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Return pairs with values >= `least`, gaps, values; in an order that does not depend on the threads."""
        filled = self.slots[:, :, 1] >= np.uint64(least)
        pairs, values = self.slots[filled].T
        return pairs.copy(), None if self.gaps is None else self.gaps[filled], values.astype(np.int64)


class ConnectorTrie:
    """The sequences of connector words (ids) that occur between others; `keys` says what the nodes are."""

    def __init__(self, keys: np.ndarray | None = None) -> None:
        self.keys = np.zeros(0, np.uint64) if keys is None else keys

    @classmethod
    def restored(cls, keys: np.ndarray, words: int) -> ConnectorTrie:
        """Return the trie of these keys; a ValueError where they cannot be nodes over so many words."""
        parents, connectors = unpair(keys)
        nodes = np.arange(len(keys))
        if keys.dtype != np.uint64 or keys.ndim != 1 or (parents > nodes).any() or (connectors >= words).any():
            raise ValueError("connector_sequences: damaged")
        return cls(keys)

    def table(self, room: int = 0) -> np.ndarray:
        """Make the kernels' table [C, 2], with room for at least `room` more nodes."""
        capacity = max(64, 1 << (2 * (len(self.keys) + room)).bit_length())
        slots = np.zeros((1, capacity, 2), np.uint64)
        numbers = np.arange(1, len(self.keys) + 1)
        _core.phrases_add(self.keys, None, numbers, np.zeros(1, np.int64), np.zeros(1, np.int64), slots)
        return slots[0]

    def take(self, table: np.ndarray) -> None:
        """Take over the nodes of a table that a kernel has added to."""
        filled = table[table[:, 1] != 0]
        self.keys = filled[np.argsort(filled[:, 1]), 0]

    def merge(self, keys: np.ndarray) -> np.ndarray:
        """Add another trie's nodes (its words are ids of this one), and return the numbers (int32) that they have here."""
        known = {key: node for node, key in enumerate(self.keys.tolist(), 1)}
        mapping = [0]
        for key in keys.tolist():
            mapping.append(known.setdefault(mapping[key >> 32] << 32 | key & 0xFFFFFFFF, len(known) + 1))
        self.keys = np.array(list(known), np.uint64)
        return np.array(mapping, np.int32)

    def sequences(self) -> list[tuple[int, ...]]:
        """Return the connector words' ids of each node, in order."""
        found: list[tuple[int, ...]] = [()]
        for key in self.keys.tolist():
            found.append((*found[key >> 32], key & 0xFFFFFFFF))
        return found


def pair(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Join two arrays of word ids to pairs (uint64)."""
    return left.astype(np.uint64) << np.uint64(32) | right.astype(np.uint64)


def unpair(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the word ids left and right (int64)."""
    return (pairs >> np.uint64(32)).astype(np.int64), (pairs & _LOW).astype(np.int64)
