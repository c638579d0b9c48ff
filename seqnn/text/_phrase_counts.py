"""How often words and candidates for phrases occur in a corpus."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from .. import _core
from .._arguments import integer
from .._strings import pack, packed_fits, unpack
from ._corpus import ScannedCorpus
from ._phrase_table import ConnectorTrie, PhraseTable, pair, unpair

_SPAN = 1 << 22
"""Tokens that are counted in one step, so that Ctrl-C acts soon."""


class PhraseCounts:
    """The counts of words (0 for connector words) and of pairs of words with only connector words between them.

    `min_reduce` is the count that the next cut to `max_vocab_size` asks for.
    """

    def __init__(self, with_connectors: bool) -> None:
        self.words: list[str] = []
        self.counts = np.zeros(0, np.int64)
        self.pairs = PhraseTable(with_connectors)
        self.trie = ConnectorTrie()
        self.total_words = 0
        self.min_reduce = 1

    @classmethod
    def of(cls, scanned: ScannedCorpus, connector_words: Collection[str], limit: int) -> PhraseCounts:
        """Count a corpus; whenever a sentence ends with more than `limit` words and pairs, drop the rare ones."""
        made = cls(bool(connector_words))
        made.words, made.total_words = scanned.words, scanned.total_words
        connector = np.fromiter(map(connector_words.__contains__, scanned.words), np.uint8, len(scanned.words))
        made.counts = np.where(connector, 0, scanned.counts)
        for pairs, gaps in made._candidates(scanned, connector):
            made.pairs.add(pairs, gaps)
        if made.size > limit:
            made._replay(scanned, connector, limit)
        return made

    @property
    def size(self) -> int:
        """The number of different words and pairs."""
        return int(np.count_nonzero(self.counts)) + len(self.pairs)

    def spelled(self, pairs: np.ndarray, gaps: np.ndarray | None) -> list[tuple[str, ...]]:
        """Return the words of each pair, with those between."""
        words = self.words
        left, right = (side.tolist() for side in unpair(pairs))
        if gaps is None:
            return [(words[a], words[b]) for a, b in zip(left, right, strict=True)]
        between = [tuple(words[w] for w in sequence) for sequence in self.trie.sequences()]
        return [(words[a], *between[g], words[b]) for a, g, b in zip(left, gaps.tolist(), right, strict=True)]

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, int]]:
        """Return all that `restored` needs: arrays, and numbers by name."""
        words, offsets = pack(self.words)
        pairs, gaps, values = self.pairs.entries()
        tensors = {"words": words, "offsets": offsets, "counts": self.counts, "pairs": pairs, "pair_counts": values}
        if gaps is not None:
            tensors |= {"gaps": gaps, "connector_sequences": self.trie.keys}
        return tensors, {"total_words": self.total_words, "min_reduce": self.min_reduce}

    @classmethod
    def restored(
        cls, tensors: Mapping[str, np.ndarray], numbers: Mapping[str, Any], with_connectors: bool
    ) -> PhraseCounts:
        """Return the counts of a `state`; an error says what does not belong together."""
        made = cls(with_connectors)
        made.total_words = integer("total_words", numbers["total_words"], 0, 2**63 - 1)
        made.min_reduce = integer("min_reduce", numbers["min_reduce"], 1, 2**63 - 1)
        made.counts = counts = tensors["counts"]
        if counts.dtype != np.int64 or counts.ndim != 1 or (len(counts) and counts.min() < 0):
            raise ValueError(f"counts: expected integers >= 0, got {counts.dtype} of shape {counts.shape}")
        if not packed_fits(tensors["words"], tensors["offsets"], len(counts)):
            raise ValueError(f"the words do not belong to {len(counts)} counts")
        made.words = unpack(tensors["words"], tensors["offsets"])
        pairs, values = tensors["pairs"], tensors["pair_counts"]
        gaps = tensors["gaps"] if with_connectors else None
        kinds = [(pairs, np.uint64), (values, np.int64)] + ([] if gaps is None else [(gaps, np.int32)])
        if any(array.dtype != kind or array.shape != (len(pairs),) for array, kind in kinds):
            raise ValueError("pairs, their counts and their gaps do not belong together")
        if len(values) and values.min() < 1:
            raise ValueError("pair_counts: expected counts >= 1")
        if any(len(side) and side.max() >= len(counts) for side in unpair(pairs)):
            raise ValueError("a pair has a word that is not there")
        if gaps is not None:
            made.trie = ConnectorTrie.restored(tensors["connector_sequences"], len(counts))
            if len(gaps) and not 0 <= gaps.min() <= gaps.max() <= len(made.trie.keys):
                raise ValueError("gaps: one is no sequence of connector words")
        made.pairs.add(pairs, gaps, values)
        return made

    def merged(self, other: PhraseCounts, limit: int) -> PhraseCounts:
        """Add another corpus' counts, and drop the rare ones if there are more than `limit`.

        The table of these counts goes over to the result.
        """
        index = {word: i for i, word in enumerate(self.words)}
        words = np.array([index.setdefault(word, len(index)) for word in other.words], np.int64)
        total = PhraseCounts(self.pairs.gaps is not None)
        total.words = list(index)
        total.counts = np.zeros(len(index), np.int64)
        total.counts[: len(self.counts)] = self.counts
        total.counts[words] += other.counts
        total.trie = ConnectorTrie(self.trie.keys)
        parents, connectors = unpair(other.trie.keys)
        nodes = total.trie.merge(pair(parents, words[connectors]))
        total.total_words = self.total_words + other.total_words
        total.min_reduce = max(self.min_reduce, other.min_reduce)
        pairs, gaps, values = other.pairs.entries()
        left, right = unpair(pairs)
        self.pairs.add(pair(words[left], words[right]), None if gaps is None else nodes[gaps], values)
        total.pairs = self.pairs
        if total.size > limit:
            total._keep(total.counts, *total.pairs.entries(), total.min_reduce)
            total.min_reduce += 1
        return total

    def _keep(
        self, counts: np.ndarray, pairs: np.ndarray, gaps: np.ndarray | None, values: np.ndarray, minimum: int
    ) -> None:
        """Make these the counts, without those below `minimum`."""
        enough = values >= minimum
        table = PhraseTable(gaps is not None)
        table.add(pairs[enough], None if gaps is None else gaps[enough], values[enough])
        self.counts, self.pairs = np.where(counts >= minimum, counts, 0), table

    def _candidates(
        self, scanned: ScannedCorpus, connector: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Yield all pairs of the corpus in its order, with their gaps; the trie grows to hold these."""
        ids, offsets = scanned.ids, scanned.offsets
        with_gaps = self.pairs.gaps is not None
        table = self.trie.table() if with_gaps else None
        state = np.array([0, 0, -1, 0, len(self.trie.keys)], np.int64)  # token, sentence, left word, gap, nodes
        for first in range(0, len(ids), _SPAN):
            span = ids[first : first + _SPAN]
            begin, end = np.searchsorted(offsets, [first, first + len(span)])
            state[:2] = 0
            while state[0] < len(span):
                pairs, gaps, made = _core.phrases_pairs(
                    span, offsets[begin:end] - first, state, connector, table, gaps=with_gaps
                )
                yield pairs[: made[0]], gaps[: made[0]] if with_gaps else None
                if with_gaps:
                    self.trie.take(table)
                    if state[0] < len(span):
                        table = self.trie.table(room=len(self.trie.keys))

    def _replay(self, scanned: ScannedCorpus, connector: np.ndarray, limit: int) -> None:
        """Count again, sentence by sentence, with the limit: words and pairs are numbered and become one text."""
        pairs, gaps, _ = self.pairs.entries()
        words, size = len(self.words), len(self.words) + len(pairs)
        numbers = PhraseTable(gaps is not None)
        numbers.add(pairs, gaps, np.arange(words, size) + 1)
        text = scanned.ids[connector[scanned.ids] == 0]
        positions = np.concatenate([[0], np.cumsum(connector[scanned.ids] == 0)])[scanned.offsets]
        lengths = np.diff(positions)
        candidates = np.concatenate([numbers.find(*part) - 1 for part in self._candidates(scanned, connector)])
        both = np.concatenate([[0], np.cumsum(lengths + np.maximum(lengths - 1, 0))])
        stream = np.empty(both[-1], np.int32)
        word_places = np.arange(len(text)) + np.repeat(both[:-1] - positions[:-1], lengths)
        is_word = np.zeros(len(stream), bool)
        is_word[word_places] = True
        stream[is_word], stream[~is_word] = text, candidates
        counts, living = np.zeros(size, np.int64), np.empty(size, np.int32)
        state = np.zeros(3, np.int64)  # token, sentence, living
        while state[1] < len(both) - 1:
            _core.vocabulary_replay(stream, both, state, counts, living, limit, _SPAN)
            if state[2] > limit:
                alive = living[: state[2]]
                counts[alive[counts[alive] < self.min_reduce]] = 0
                alive = alive[counts[alive] > 0]
                living[: len(alive)] = alive
                state[2] = len(alive)
                self.min_reduce += 1
        self._keep(counts[:words], pairs, gaps, counts[words:], 1)
