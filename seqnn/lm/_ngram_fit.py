"""From a corpus to a model: words get numbers, n-grams are counted and smoothed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from .._progress import advance, progress_bar
from .._spill import parse_size
from ..text import Corpus, ScannedCorpus, Vocabulary, WordCounts, WordIndex, scan
from ._ngram_count import UNK, count
from ._ngram_score import CLOSED, DIRECT, Scorer
from ._ngram_smooth import kneser_ney, relative_frequencies
from ._ngram_trie import Level, build

SPECIALS = {"unk": "<unk>", "bos": "<s>", "eos": "</s>"}
"""The first words of every vocabulary: unknown word, begin and end of a sentence."""

Tokenizer = Callable[[str], Iterable[str]]


@dataclass
class Model:
    """What was learnt: the words by their numbers, how they are scored, and Kneser-Ney's discounts [order, 3]."""

    vocabulary: Vocabulary
    scorer: Scorer
    discounts: np.ndarray | None = None

    @cached_property
    def word_index(self) -> WordIndex:
        """The vocabulary for whole texts, made when it is first needed."""
        return WordIndex(self.vocabulary.words, UNK)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy needs."""
        return {name: value for name, value in vars(self).items() if name != "word_index"}


def read(corpus: Any, tokenizer: Tokenizer | None, settings: SimpleNamespace) -> ScannedCorpus:
    """Read a corpus, whose empty lines are sentences, too."""
    with progress_bar("corpus", "B", show=settings.verbose > 0, delay=1) as bar:
        return scan(
            corpus,
            tokenizer=tokenizer,
            errors=settings.errors,
            max_memory=settings.max_memory,
            progress=lambda done, total: advance(bar, done, total),
            keep_empty=True,
        )


def fit(corpus: ScannedCorpus, settings: SimpleNamespace) -> Model:
    """Count and smooth the n-grams of a corpus. Raises ValueError where settings and corpus do not fit together."""
    counted = WordCounts(corpus.words, corpus.counts, len(corpus))
    check(settings, counted.total_words, longest_of(corpus))
    mapping, vocabulary = numbered(counted, settings.min_count, settings.skip_symbols)
    levels = count(corpus, mapping, len(vocabulary), settings.order, parse_size(settings.max_memory))
    corpus.close()
    return smooth(levels, vocabulary, settings)


def longest_of(corpus: Corpus) -> int:
    """Return the words of the longest sentence, its marks included."""
    return int(np.diff(corpus.offsets).max(initial=0)) + 2


def check(settings: SimpleNamespace, words: int, longest: int) -> None:
    """Raise ValueError where settings and corpus do not fit together."""
    order, smoothing = settings.order, settings.smoothing
    if not words:
        raise ValueError("the corpus is empty: it has no word")
    if any(settings.prune) and "kneser_ney" not in smoothing:
        raise ValueError(f"prune: only Kneser-Ney models can be pruned, smoothing is {smoothing!r}")
    if len(settings.prune) > order:
        raise ValueError(f"prune: expected at most {order} counts, one for each length, got {settings.prune}")
    if longest < order:
        raise ValueError(
            f"order: {order} is too large for this corpus: its longest sentence has {longest} words, the marks <s> and </s> "
            f"included; expected at most {longest}"
        )


def smooth(levels: list[Level], vocabulary: Vocabulary, settings: SimpleNamespace) -> Model:
    """Make a model of n-grams and their counts; the list is emptied."""
    smoothing = settings.smoothing
    trie = build(levels, len(vocabulary))
    levels.clear()
    if "kneser_ney" in smoothing:
        trie, discounts, words = kneser_ney(
            trie,
            modified=smoothing == "modified_kneser_ney",
            discount=settings.discount,
            fallback=settings.discount_fallback,
            prune=settings.prune,
        )
        if len(words) < len(vocabulary):
            kept = [vocabulary.words[w] for w in words.tolist()]
            vocabulary = Vocabulary(kept, vocabulary.counts[words], specials=SPECIALS)
        return Model(vocabulary, Scorer(trie), discounts)
    if smoothing == "stupid_backoff":
        relative_frequencies(trie, alpha=settings.alpha)
        return Model(vocabulary, Scorer(trie, CLOSED, math.log10(settings.alpha)))
    added = {"laplace": 1.0, "add_k": settings.k, "mle": 0.0}[smoothing]
    relative_frequencies(trie, added=added)
    return Model(vocabulary, Scorer(trie, CLOSED | DIRECT, -math.log10(len(vocabulary) - 1) if added else -math.inf))


def marks_in(words: list[str], counts: np.ndarray, skip_symbols: bool) -> list[int]:
    """Return the places of "<unk>", "<s>" and "</s>" in a corpus' words; ValueError for the last two unless skipped."""
    marks = {word: i for i, word in enumerate(words) if word in SPECIALS.values()}
    for word, i in marks.items():
        if not skip_symbols and word != SPECIALS["unk"]:
            raise ValueError(
                f"the corpus has the word {word!r} ({counts[i]} times), with which fit marks sentences itself: take it out, "
                "or set skip_symbols=True"
            )
    return [*marks.values()]


def numbered(counted: WordCounts, min_count: int, skip_symbols: bool) -> tuple[np.ndarray, Vocabulary]:
    """Return the number of each word of a corpus (-1: left out), and the vocabulary."""
    kept = counted.counts >= min_count
    marks = marks_in(counted.words, counted.counts, skip_symbols)
    kept[marks] = False
    mapping = np.where(kept, np.cumsum(kept) + len(SPECIALS) - 1, UNK).astype(np.int32)
    if skip_symbols:
        mapping[marks] = -1
    words = [word for word, keep in zip(counted.words, kept.tolist(), strict=True) if keep]
    unknown = int(counted.counts[mapping == UNK].sum())
    counts = np.concatenate([[unknown, counted.sentences, counted.sentences], counted.counts[kept]])
    return mapping, Vocabulary([*SPECIALS.values(), *words], counts, specials=SPECIALS)
