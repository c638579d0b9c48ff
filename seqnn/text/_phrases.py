"""Multi-word expressions found by their counts: `Phrases`, with gensim's arguments, counted and applied in C."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from .._files import Path
from .._interrupts import DeferredInterrupt
from . import _phrases_file
from ._corpus import scan
from ._phrase_counts import PhraseCounts
from ._phrase_joiner import Joiner, PhraseModel
from ._phrase_scores import Scoring, check_scoring, scores_of
from ._phrase_table import unpair

ENGLISH_CONNECTOR_WORDS = frozenset(
    ("a", "an", "the", "for", "of", "with", "without", "at", "from", "to", "in", "on", "by", "and", "or")
)
"""Words that may stand inside of English phrases (bank_of_america) and neither start nor end one; gensim's list."""


class Phrases(PhraseModel):
    """Finds words that occur together more often than chance has it, and joins them: new york -> new_york.

    sentences        a corpus as `seqnn.text.scan` reads it (lists of words, a path, a column); None: `add_vocab` later
    min_count        in the scores, see below
    threshold        pairs with a score above it are phrases (more means fewer)
    max_vocab_size   whenever a sentence ends with more words and pairs, the rarest are dropped
    delimiter        stands between the words of a phrase
    progress_per     has no effect
    scoring          "default": (n(ab) - min_count) / (n(a) n(b)) * V, with V different words and pairs (Mikolov et al.,
                     "Distributed representations of words and phrases", NIPS 2013); "npmi": ln(p(ab) / (p(a) p(b))) /
                     -ln p(ab), from -1 to 1 (Bouma, "Normalized (pointwise) mutual information", 2009); or a function of
                     gensim's worda_count, wordb_count, bigram_count, len_vocab, min_count, corpus_word_count
    connector_words  are passed over between two words, and not counted; English: `ENGLISH_CONNECTOR_WORDS`

    `phrases[sentence]` and `phrases[corpus]` join; longer phrases come from a second model, `Phrases(phrases[corpus])`.
    The settings may be changed at any time except `connector_words`. Counts, scores and results are gensim 4's, but a
    phrase is its words: a word that holds the delimiter is not taken for a phrase of the same spelling. The same for
    any number of threads.

    >>> from seqnn import Phrases
    >>> text = [["he", "left", "new", "york"], ["new", "york", "is", "big"], ["a", "new", "day"], ["old", "york"]]
    >>> phrases = Phrases(text, min_count=1, threshold=1)
    >>> phrases[["in", "new", "york"]]
    ['in', 'new_york']
    >>> {phrase: round(score, 2) for phrase, score in phrases.export_phrases().items()}
    {'new_york': 1.89}
    """

    def __init__(
        self,
        sentences: Any = None,
        min_count: float = 5,
        threshold: float = 10.0,
        max_vocab_size: int = 40_000_000,
        delimiter: str = "_",
        progress_per: int = 10_000,
        scoring: Scoring = "default",
        connector_words: Iterable[str] = frozenset(),
    ) -> None:
        if not min_count > 0:
            raise ValueError(f"min_count: expected a number > 0, got {min_count!r}")
        if not max_vocab_size >= 1:
            raise ValueError(f"max_vocab_size: expected an integer >= 1, got {max_vocab_size!r}")
        if not isinstance(delimiter, str):
            raise TypeError(f"delimiter: expected a string, got {delimiter!r}")
        if isinstance(connector_words, str):
            raise TypeError(f"connector_words: expected a set of words, got a string: {connector_words!r:.60}")
        check_scoring(scoring, threshold)
        self.min_count = min_count
        self.threshold = threshold
        self.max_vocab_size = max_vocab_size
        self.delimiter = delimiter
        self.progress_per = progress_per
        self.scoring = scoring
        self.connector_words = frozenset(connector_words)
        self._counts = PhraseCounts(bool(self.connector_words))
        self._known: tuple[tuple, Joiner] | None = None
        if sentences is not None:
            self.add_vocab(sentences)

    def add_vocab(self, sentences: Any) -> None:
        """Count another corpus into the model; on any error, and on Ctrl-C, it is as before."""
        with scan(sentences) as scanned:
            counts = PhraseCounts.of(scanned, self.connector_words, self.max_vocab_size)
        with DeferredInterrupt():
            if self._counts.size:
                counts = self._counts.merged(counts, self.max_vocab_size)
            else:
                counts.min_reduce = 1  # gensim's: only later corpora raise it
            self._counts, self._known = counts, None

    @property
    def corpus_word_count(self) -> int:
        """Words of all corpora together, connector words too."""
        return self._counts.total_words

    @property
    def vocab(self) -> dict[str, int]:
        """How often each word, and each candidate joined by the delimiter, occurs; made anew each time."""
        pairs, gaps, values = self._counts.pairs.entries()
        found = {w: n for w, n in zip(self._counts.words, self._counts.counts.tolist(), strict=True) if n}
        for words, count in zip(self._spelled(pairs, gaps), values.tolist(), strict=True):
            joined = self.delimiter.join(words)
            found[joined] = found.get(joined, 0) + count
        return found

    def export_phrases(self) -> dict[str, float]:
        """All phrases with their scores, in the order in which their words first occurred."""
        return dict(zip(self._joiner.joined, self._joiner.scores, strict=True))

    def freeze(self) -> FrozenPhrases:
        """The phrases without the counts: far smaller, joins the same."""
        return FrozenPhrases(self)

    def save(self, path: Path) -> None:
        """Write the model to a safetensors file; on any error an old file of this name stays."""
        _phrases_file.save_counts(self, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The model that `save` wrote."""
        return _phrases_file.load_counts(cls, path)

    def __repr__(self) -> str:
        """As gensim."""
        return (
            f"Phrases<{self._counts.size} vocab, min_count={self.min_count}, threshold={self.threshold}, "
            f"max_vocab_size={self.max_vocab_size}>"
        )

    @property
    def _joiner(self) -> Joiner:
        """The pairs above the threshold; found again when a setting was changed."""
        settings = (self.scoring, self.min_count, self.threshold, self.delimiter)
        if self._known is None or self._known[0] != settings:
            self._known = settings, self._find_known()
        return self._known[1]

    def _find_known(self) -> Joiner:
        check_scoring(self.scoring, self.threshold)
        counts = self._counts
        # Both scorings have no phrase below min_count.
        pairs, gaps, values = counts.pairs.entries(1 if callable(self.scoring) else math.ceil(self.min_count))
        left, right = unpair(pairs)
        scores = scores_of(
            self.scoring,
            counts.counts[left],
            counts.counts[right],
            values,
            counts.size,
            self.min_count,
            counts.total_words,
        )
        best = np.flatnonzero(scores > self.threshold)
        keys = (pairs[best],) if gaps is None else (gaps[best], pairs[best])
        best = best[np.lexsort(keys)]
        words = self._spelled(pairs[best], None if gaps is None else gaps[best])
        return Joiner(words, scores[best].tolist(), self.delimiter)

    def _spelled(self, pairs: np.ndarray, gaps: np.ndarray | None) -> list[tuple[str, ...]]:
        """The words of each pair, with those between."""
        words = self._counts.words
        left, right = (side.tolist() for side in unpair(pairs))
        if gaps is None:
            return [(words[a], words[b]) for a, b in zip(left, right, strict=True)]
        between = [tuple(words[w] for w in sequence) for sequence in self._counts.trie.sequences()]
        return [(words[a], *between[g], words[b]) for a, g, b in zip(left, gaps.tolist(), right, strict=True)]


class FrozenPhrases(PhraseModel):
    """The phrases of a `Phrases` model with their scores (`phrasegrams`); joins as that, counts no more.

    >>> from seqnn import Phrases
    >>> frozen = Phrases([["new", "york"], ["new", "york"]], min_count=1, threshold=0.5).freeze()
    >>> frozen.phrasegrams
    {'new_york': 0.75}
    """

    def __init__(self, phrases_model: Phrases) -> None:
        for name in _phrases_file.FROZEN_SETTINGS:
            setattr(self, name, getattr(phrases_model, name))
        self._frozen = phrases_model._joiner

    @property
    def phrasegrams(self) -> dict[str, float]:
        """All phrases with their scores."""
        return dict(zip(self._frozen.joined, self._frozen.scores, strict=True))

    def save(self, path: Path) -> None:
        """Write the phrases to a safetensors file; on any error an old file of this name stays."""
        _phrases_file.save_frozen(self, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The phrases that `save` wrote."""
        return _phrases_file.load_frozen(cls, path)

    def __repr__(self) -> str:
        """As gensim."""
        count = len(self._frozen.phrases)
        return f"FrozenPhrases<{count} phrases, min_count={self.min_count}, threshold={self.threshold}>"

    @property
    def _joiner(self) -> Joiner:
        return self._frozen
