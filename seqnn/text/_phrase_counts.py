"""How often words and candidates for phrases occur in a corpus."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from .. import _core
from ._corpus import ScannedCorpus
from ._phrase_table import ConnectorTrie, PhraseTable, pair, unpair

_SPAN = 1 << 22
"""Tokens that are counted in one step, so that Ctrl-C acts soon."""


class PhraseCounts:
    """Counts of words (0 for connector words) and of pairs of words with only connector words between them.

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
        """The counts of a corpus; whenever a sentence ends with more than `limit` words and pairs, the rare ones go."""
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
        """Number of different words and pairs."""
        return int(np.count_nonzero(self.counts)) + len(self.pairs)

    def merged(self, other: PhraseCounts, limit: int) -> PhraseCounts:
        """These counts and another corpus' together, without the rare ones if there are more than `limit`.

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
        """The counts become these, without those below `minimum`."""
        enough = values >= minimum
        table = PhraseTable(gaps is not None)
        table.add(pairs[enough], None if gaps is None else gaps[enough], values[enough])
        self.counts, self.pairs = np.where(counts >= minimum, counts, 0), table

    def _candidates(
        self, scanned: ScannedCorpus, connector: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """All pairs of the corpus in its order, with their gaps; the trie grows to hold these."""
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
