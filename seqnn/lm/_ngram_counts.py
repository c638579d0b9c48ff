"""Counts of n-grams before they are smoothed: those of the parts of a corpus add up to those of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .._arguments import integer
from .._spill import parse_size
from ..text import Vocabulary, WordCounts, scan, split_words
from ._ngram_count import EOS, MOST_ORDER, UNK, Run, count_run, levels_of, merge_runs
from ._ngram_fit import SPECIALS, longest_of, marks_in, numbered
from ._ngram_trie import Level


@dataclass(frozen=True, eq=False)
class NGramCounts:
    """Counts of each sequence of 1 to `order` words in the sentences of a corpus, with their marks <s> and </s>.

    Counts of parts are merged exactly, in any order.

    Args:
        vocabulary: the words by their numbers, first "<unk>", "<s>" and "</s>".
        order: length of the longest n-grams.
        rows: int32 [R, order], sorted: the different pieces of `order` words, each from its first word on, filled up with 0
            after a sentence's end.
        counts: uint32 [R], how often each occurs.
        longest: words of the longest sentence, its marks included.

    >>> from seqnn.lm import NGramCounts
    >>> corpus = [["to", "be"], ["not", "to", "be"]]
    >>> vocabulary = NGramCounts.vocabulary_of(corpus)
    >>> counts = NGramCounts.merge([NGramCounts.of([part], vocabulary, order=2) for part in corpus])
    >>> ids, found = counts.ngrams(2)
    >>> {" ".join(vocabulary.decode(row)): n for row, n in zip(ids, found.tolist())}
    {'<s> to': 1, '<s> not': 1, 'to be': 2, 'be </s>': 2, 'not to': 1}
    """

    vocabulary: Vocabulary
    order: int
    rows: np.ndarray
    counts: np.ndarray
    longest: int

    @staticmethod
    def vocabulary_of(corpus: Any, *, min_count: int = 1, skip_symbols: bool = False, **options: Any) -> Vocabulary:
        """Number the words of a corpus as `NGramLM.fit` does.

        Args:
            corpus: `seqnn.text.WordCounts`, perhaps merged ones, or a corpus as for `NGramLM.fit`.
            min_count: rarer words are counted as "<unk>".
            skip_symbols: leave out "<s>", "</s>" and "<unk>" in the corpus; otherwise the first two raise an error.
            options: of `seqnn.text.scan`: tokenizer, errors.

        Returns:
            The vocabulary.
        """
        if not isinstance(corpus, WordCounts):
            corpus = WordCounts.of(corpus, **{"tokenizer": split_words, "keep_empty": True} | options)
        return numbered(corpus, integer("min_count", min_count, 1), skip_symbols)[1]

    @classmethod
    def of(
        cls, corpus: Any, vocabulary: Vocabulary, order: int = 3, *, skip_symbols: bool = False, **options: Any
    ) -> Self:
        """Count the n-grams of a corpus, or of a part of it.

        Args:
            corpus: as for `NGramLM.fit`. An empty line or list is a sentence without words.
            vocabulary: what `vocabulary_of` gave for the whole corpus; other words count as "<unk>".
            order: length of the longest n-grams, 1 to 16.
            skip_symbols: leave out "<s>", "</s>" and "<unk>" in the corpus.
            options: of `seqnn.text.scan`: tokenizer, errors.

        Returns:
            The counts.

        Raises:
            TypeError: another kind of vocabulary.
            ValueError: a vocabulary without the marks; "<s>" or "</s>" in the corpus; a corpus of 2**31 words or more.
        """
        order = integer("order", order, 1, MOST_ORDER)
        if not isinstance(vocabulary, Vocabulary):
            raise TypeError(f"vocabulary: expected a seqnn.text.Vocabulary, got {type(vocabulary).__name__}")
        if vocabulary.words[: len(SPECIALS)] != list(SPECIALS.values()):
            raise ValueError(
                f"vocabulary: expected one that begins with {', '.join(SPECIALS.values())}, got {vocabulary.words[:3]}; "
                "NGramCounts.vocabulary_of makes one"
            )
        with scan(corpus, **{"tokenizer": split_words, "keep_empty": True} | options) as scanned:
            mapping = vocabulary.positions(scanned.words)
            mapping[mapping < 0] = UNK
            marks = marks_in(scanned.words, scanned.counts, skip_symbols)
            if skip_symbols:
                mapping[marks] = -1
            run = count_run(scanned, mapping, len(vocabulary), order)
            return cls(vocabulary, order, run.rows, run.counts, longest_of(scanned))

    @classmethod
    def merge(cls, parts: Sequence[NGramCounts]) -> Self:
        """Add the counts of the parts of a corpus.

        Args:
            parts: of one vocabulary and order, at least one.

        Returns:
            The counts of the whole.

        Raises:
            TypeError: for what are no counts.
            ValueError: no part, parts of several orders or vocabularies, 2**31 words or more together.
        """
        parts = list(parts)
        for number, part in enumerate(parts):
            if not isinstance(part, NGramCounts):
                raise TypeError(f"parts[{number}]: expected NGramCounts, got {type(part).__name__}")
        orders = sorted({part.order for part in parts})
        if len(orders) != 1:
            raise ValueError(f"parts: expected counts of one order, got {orders or 'none'}")
        first = parts[0]
        for number, part in enumerate(parts):
            if part.vocabulary is not first.vocabulary and part.vocabulary.words != first.vocabulary.words:
                raise ValueError(f"parts[{number}]: expected the vocabulary of parts[0], got another one")
        run = merge_runs([Run(part.rows, part.counts) for part in parts], first.order)
        return cls(first.vocabulary, first.order, *run, max(part.longest for part in parts))

    @property
    def total_words(self) -> int:
        """The number of words of the corpus, without the marks of its sentences."""
        sentences = self.counts[self.rows[:, 0] == EOS].sum(dtype=np.int64)
        return int(self.counts.sum(dtype=np.int64) - 2 * sentences)

    def ngrams(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the n-grams of one length.

        Args:
            length: their words, 1 to `order`.

        Returns:
            The words' numbers, int32 [N, length], sorted, and the counts, int64 [N].
        """
        length = integer("length", length, 1, self.order)
        levels = self.levels()[:length]
        ids = np.empty((len(levels[-1].words), length), np.int32)
        place = np.arange(len(ids))
        for column in range(length - 1, -1, -1):
            ids[:, column] = levels[column].words[place]
            place = levels[column].parents[place]
        return ids, levels[-1].first.astype(np.int64)

    def levels(self, max_memory: int | str | None = None) -> list[Level]:
        """Return the n-grams of each length as a trie: last words, places of the n-grams without them, counts twice.

        Args:
            max_memory: bytes, or "2GB"; more lies in temporary files.

        Returns:
            A record for each length.
        """
        size = max(int(self.counts.sum(dtype=np.int64)), 1)
        return levels_of([Run(self.rows, self.counts)], self.order, size, parse_size(max_memory))
