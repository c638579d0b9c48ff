"""Multi-word expressions found by their counts: `Phrases`, with gensim's arguments, counted and applied in C."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np

from .. import _model_file
from .._arguments import number
from .._files import Path
from .._interrupts import DeferredInterrupt
from .._settings import Anything, Integer, Settings
from ._corpus import scan
from ._phrase_counts import PhraseCounts
from ._phrase_joiner import Joiner, PhraseModel
from ._phrase_scores import Scoring, check_scoring, scores_of
from ._phrase_table import unpair

ENGLISH_CONNECTOR_WORDS = frozenset(
    ("a", "an", "the", "for", "of", "with", "without", "at", "from", "to", "in", "on", "by", "and", "or")
)
"""Words that may stand inside of English phrases (bank_of_america) and neither start nor end one; gensim's list."""


def _count(name: str, value: Any) -> float:
    if not number(name, value) > 0:
        raise ValueError(f"{name}: expected a number > 0, got {value!r}")
    number(name, value, below=2**63)
    return value


def _threshold(name: str, value: Any) -> float:
    number(name, value)
    return value


def _delimiter(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a string, got {value!r}")
    return value


def _connectors(name: str, value: Any) -> frozenset[str]:
    if isinstance(value, str):
        raise TypeError(f"{name}: expected a set of words, got a string: {value!r:.60}")
    words = frozenset(value)
    if wrong := next((word for word in words if not isinstance(word, str)), None):
        raise TypeError(f"{name}: expected a set of words, it holds {wrong!r:.60}")
    return words


class Phrases(Settings, PhraseModel):
    """Words that occur together more often than chance has it: found, and joined as new york -> new_york.

    `phrases[sentence]` and `phrases[corpus]` join; longer phrases come from a second model, `Phrases(phrases[corpus])`.
    Counts, scores and results are gensim 4's, but a phrase is its words: a word that holds the delimiter is not taken for
    a phrase of the same spelling. The results are the same for any number of threads.

    Args:
        sentences: a corpus as `seqnn.text.scan` reads it (lists of words, a path, a column); None: `add_vocab` later.
        min_count: words and pairs that are rarer are no phrases; how it enters the scores is said at `scoring`.
        threshold: pairs with a score above it are phrases; a higher one leaves fewer.
        max_vocab_size: whenever a sentence ends with more words and pairs than this, the rarest are dropped.
        delimiter: stands between the words of a phrase.
        progress_per: has no effect.
        scoring: "default", (n(ab) - min_count) / (n(a) n(b)) * V, with V different words and pairs (Mikolov et al.,
            "Distributed representations of words and phrases", NIPS 2013); "npmi", ln(p(ab) / (p(a) p(b))) / -ln p(ab),
            from -1 to 1 (Bouma, "Normalized (pointwise) mutual information", 2009); or a function of gensim's
            worda_count, wordb_count, bigram_count, len_vocab, min_count, corpus_word_count, which files do not keep.
        connector_words: words that are passed over between two words, and not counted; for English
            `ENGLISH_CONNECTOR_WORDS`. They cannot be changed after counting; the other settings can.

    >>> from seqnn import Phrases
    >>> text = [["he", "left", "new", "york"], ["new", "york", "is", "big"], ["a", "new", "day"], ["old", "york"]]
    >>> phrases = Phrases(text, min_count=1, threshold=1)
    >>> phrases[["in", "new", "york"]]
    ['in', 'new_york']
    >>> {phrase: round(score, 2) for phrase, score in phrases.export_phrases().items()}
    {'new_york': 1.89}
    """

    min_count = Anything(5, _count, saved=True)
    threshold = Anything(10.0, _threshold, saved=True)
    max_vocab_size = Integer(40_000_000, minimum=1, maximum=2**63 - 1)
    delimiter = Anything("_", _delimiter, saved=True)
    progress_per = Anything(10_000, saved=True)
    scoring: Any = Anything("default", saved=True)
    connector_words = Anything(frozenset(), _connectors, saved=True)

    _checks_at_once = True

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
        self._store(locals())
        check_scoring(self.scoring, self.threshold)
        self._counts = PhraseCounts(bool(self.connector_words))
        self._known: tuple[tuple, Joiner] | None = None
        if sentences is not None:
            self.add_vocab(sentences)

    def add_vocab(self, sentences: Any) -> None:
        """Count another corpus into the model; on any error, and on Ctrl-C, the model is as before.

        Args:
            sentences: a corpus as `seqnn.text.scan` reads it.

        >>> from seqnn import Phrases
        >>> phrases = Phrases(min_count=1, threshold=0.5)
        >>> phrases.add_vocab([["new", "york"], ["new", "york"]])
        >>> phrases.corpus_word_count
        4
        """
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
        """The words of all corpora together, connector words too."""
        return self._counts.total_words

    @property
    def vocab(self) -> dict[str, int]:
        """The counts of all words, and of all candidates joined by the delimiter; made anew each time."""
        pairs, gaps, values = self._counts.pairs.entries()
        found = {w: n for w, n in zip(self._counts.words, self._counts.counts.tolist(), strict=True) if n}
        for words, count in zip(self._counts.spelled(pairs, gaps), values.tolist(), strict=True):
            joined = self.delimiter.join(words)
            found[joined] = found.get(joined, 0) + count
        return found

    def export_phrases(self) -> dict[str, float]:
        """Return all phrases with their scores, in the order in which their words first occurred.

        >>> from seqnn import Phrases
        >>> Phrases([["new", "york"], ["new", "york"]], min_count=1, threshold=0.5).export_phrases()
        {'new_york': 0.75}
        """
        return dict(zip(self._joiner.joined, self._joiner.scores, strict=True))

    def freeze(self) -> FrozenPhrases:
        """Return the phrases without the counts: far smaller, joins the same."""
        return FrozenPhrases(self)

    def save(self, path: Path) -> None:
        """Write the model to a safetensors file; on any error an old file of this name stays.

        Args:
            path: the file.

        Raises:
            ValueError: `scoring` is a function.
        """
        if callable(self.scoring):
            raise ValueError(
                "scoring: a function cannot be saved; save phrases.freeze(), or set scoring='default' before"
            )
        _model_file.save(path, "Phrases", *self._state())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the model that `save` wrote.

        Args:
            path: the file.

        Returns:
            The model.

        Raises:
            ValueError: another file, or a damaged one.

        >>> import tempfile
        >>> from seqnn import Phrases
        >>> phrases = Phrases([["new", "york"], ["new", "york"]], min_count=1, threshold=0.5)
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     phrases.save(file.name)
        ...     Phrases.load(file.name)[["new", "york"]]
        ['new_york']
        """
        tensors, record, _ = _model_file.load(path, "Phrases", mmap=False)
        with _model_file.damage(path):
            return cls._restored(tensors, record)

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        tensors, numbers = self._counts.state()
        settings = self._saved_settings() | {"connector_words": sorted(self.connector_words)}
        return tensors, {"settings": settings, **numbers}

    @classmethod
    def _restored(cls, tensors: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> Self:
        model = cls(**{name: record["settings"][name] for name in cls._settings})
        model._counts = PhraseCounts.restored(tensors, record, bool(model.connector_words))
        return model

    def __repr__(self) -> str:
        """Show what gensim shows."""
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
        words = counts.spelled(pairs[best], None if gaps is None else gaps[best])
        return Joiner(words, scores[best].tolist(), self.delimiter)


class FrozenPhrases(PhraseModel):
    """The phrases of a `Phrases` model with their scores (`phrasegrams`); joins as that, counts no more.

    Args:
        phrases_model: the model; its settings of now are kept.

    >>> from seqnn import Phrases
    >>> frozen = Phrases([["new", "york"], ["new", "york"]], min_count=1, threshold=0.5).freeze()
    >>> frozen.phrasegrams
    {'new_york': 0.75}
    """

    _kept = ("threshold", "min_count", "delimiter", "scoring", "connector_words")

    def __init__(self, phrases_model: Phrases) -> None:
        for name in self._kept:
            setattr(self, name, getattr(phrases_model, name))
        self._frozen = phrases_model._joiner

    @property
    def phrasegrams(self) -> dict[str, float]:
        """All phrases with their scores."""
        return dict(zip(self._frozen.joined, self._frozen.scores, strict=True))

    def save(self, path: Path) -> None:
        """Write the phrases to a safetensors file; on any error an old file of this name stays.

        Of a `scoring` function its name is kept.

        Args:
            path: the file.
        """
        _model_file.save(path, "FrozenPhrases", *self._state())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the phrases that `save` wrote.

        Args:
            path: the file.

        Returns:
            The phrases.

        Raises:
            ValueError: another file, or a damaged one.
        """
        tensors, record, _ = _model_file.load(path, "FrozenPhrases", mmap=False)
        with _model_file.damage(path):
            return cls._restored(tensors, record)

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        settings = {name: getattr(self, name) for name in self._kept}
        settings["connector_words"] = sorted(settings["connector_words"])
        if callable(settings["scoring"]):
            settings["scoring"] = getattr(self.scoring, "__name__", "function")
        return self._frozen.tensors(), {"settings": settings}

    @classmethod
    def _restored(cls, tensors: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> Self:
        model = cls.__new__(cls)
        for name in cls._kept:
            value = record["settings"][name]
            setattr(model, name, value if name == "scoring" else getattr(Phrases, name).check(name, value))
        model._frozen = Joiner.restored(tensors, model.delimiter)
        return model

    def __repr__(self) -> str:
        """Show what gensim shows."""
        count = len(self._frozen.phrases)
        return f"FrozenPhrases<{count} phrases, min_count={self.min_count}, threshold={self.threshold}>"

    @property
    def _joiner(self) -> Joiner:
        return self._frozen
