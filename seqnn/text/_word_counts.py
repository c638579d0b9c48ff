"""Counts of words before a vocabulary is chosen: those of the parts of a corpus add up to those of the whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import numpy as np

from ._corpus import scan
from ._vocabulary import Vocabulary


class WordCounts(NamedTuple):
    """The different words of a corpus, and how often each occurs. `Vocabulary.build` chooses among them.

    Counts of parts are merged exactly: those of all parts, in order, are those of the whole corpus.

    Attributes:
        words: in the order of their first occurrence.
        counts: int64 [V].
        sentences: of the corpus, empty ones included.

    >>> from seqnn.text import WordCounts
    >>> parts = [WordCounts.of([["to", "be"]]), WordCounts.of([["not", "to", "be"]])]
    >>> counts = WordCounts.merge(parts)
    >>> counts.words, counts.counts.tolist(), counts.sentences
    (['to', 'be', 'not'], [2, 2, 1], 2)
    """

    words: list[str]
    counts: np.ndarray
    sentences: int

    @property
    def total_words(self) -> int:
        """The number of words of the corpus."""
        return int(self.counts.sum())

    @classmethod
    def of(cls, source: Any, **options: Any) -> Self:
        """Count the words of a corpus.

        Args:
            source: the corpus, as for `scan`.
            options: those of `scan`: tokenizer, errors, max_memory, keep_empty.

        Returns:
            The counts.
        """
        with scan(source, **options) as scanned:
            return cls(scanned.words, scanned.counts, scanned.sentences)

    @classmethod
    def merge(cls, parts: Iterable[WordCounts]) -> Self:
        """Add the counts of the parts of a corpus.

        Args:
            parts: the counts of each, in the order of the corpus.

        Returns:
            The counts of the whole.

        Raises:
            TypeError: for what are no counts.
        """
        index: dict[str, int] = {}
        places, counts, sentences = [], [], 0
        for number, part in enumerate(parts):
            if not isinstance(part, WordCounts):
                raise TypeError(f"parts[{number}]: expected WordCounts, got {type(part).__name__}")
            places.append(np.fromiter((index.setdefault(w, len(index)) for w in part.words), np.int64, len(part.words)))
            counts.append(part.counts)
            sentences += part.sentences
        totals = np.zeros(len(index), np.int64)
        for place, part_counts in zip(places, counts, strict=True):
            totals[place] += part_counts
        return cls(list(index), totals, sentences)

    def vocabulary(self, **options: Any) -> Vocabulary:
        """Choose and order words, as `Vocabulary.build` does.

        Args:
            options: those of `Vocabulary.build`: min_count, max_final_vocab, trim_rule, sorted_vocab.

        Returns:
            The vocabulary.
        """
        return Vocabulary.build(self.words, self.counts, **options)[0]
