"""The vocabulary: which words have vectors, in which order; and the tables that training derives from their counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .. import _core
from ._vocabulary_limit import RULE_DEFAULT, RULE_DISCARD, RULE_KEEP, TrimRule, kept_by

__all__ = [
    "RULE_DEFAULT", "RULE_DISCARD", "RULE_KEEP", "TrimRule", "Vocabulary", "alias_table", "huffman", "keep_thresholds",
]  # fmt: skip

_ALWAYS = 2**32 - 1


class Vocabulary:
    """Words and how often each occurs: `words` (list), `counts` (int64), `index` (word to position).

    >>> from seqnn.text import Vocabulary
    >>> vocabulary = Vocabulary(["the", "cat"], [9, 2])
    >>> vocabulary.index["cat"], len(vocabulary), "dog" in vocabulary
    (1, 2, False)
    """

    def __init__(self, words: Sequence[str], counts: Sequence[int] | np.ndarray) -> None:
        self.words = list(words)
        self.counts = np.array(counts, np.int64)
        self.index = dict(zip(self.words, range(len(self.words)), strict=True))
        if self.counts.shape != (len(self.words),):
            raise ValueError(f"counts: expected one for each of {len(self.words)} words, got shape {self.counts.shape}")
        if len(self.index) != len(self.words):
            raise ValueError(f"words: {len(self.words) - len(self.index)} of the {len(self.words)} words occur again")

    @classmethod
    def build(
        cls,
        words: Sequence[str],
        counts: Sequence[int] | np.ndarray,
        *,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        trim_rule: TrimRule | None = None,
        sorted_vocab: bool = True,
    ) -> tuple[Vocabulary, np.ndarray]:
        """Chooses and orders words as gensim 4 does; returns the vocabulary and each given word's position (int32) or -1.

        Args:
            words, counts: different words and how often each occurs.
            min_count: rarer words are left out.
            max_final_vocab: raises `min_count` until at most so many words are left.
            trim_rule: rule(word, count, min_count) returns `RULE_KEEP`, `RULE_DISCARD`, or `RULE_DEFAULT` or None where
                `min_count` is to decide.
            sorted_vocab: most frequent words first, of equally frequent ones the later first (gensim's order); otherwise
                the order of `words`.

        Raises:
            ValueError: no word is left.

        >>> from seqnn.text import Vocabulary
        >>> vocabulary, position = Vocabulary.build(["rare", "cat", "the"], [1, 5, 9], min_count=5)
        >>> vocabulary.words, position.tolist()
        (['the', 'cat'], [-1, 1, 0])
        """
        counts = np.asarray(counts, np.int64)
        needed = effective_min_count(counts, min_count, max_final_vocab)
        order = np.flatnonzero(kept_by(trim_rule, words, np.arange(len(words)), counts, needed))
        if not len(order):
            message = f"the vocabulary is empty: no word is kept with min_count={needed}"
            if len(words):
                top = int(np.argmax(counts))
                message += f"; of {len(words)} words the most frequent, {words[top]!r}, occurs {counts[top]} times"
            raise ValueError(message)
        if sorted_vocab:
            order = order[::-1][np.argsort(-counts[order[::-1]], kind="stable")]
        mapping = np.full(len(words), -1, np.int32)
        mapping[order] = np.arange(len(order), dtype=np.int32)
        return cls([words[i] for i in order.tolist()], counts[order]), mapping

    def update(
        self,
        words: Sequence[str],
        counts: Sequence[int] | np.ndarray,
        *,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        trim_rule: TrimRule | None = None,
    ) -> tuple[Vocabulary, np.ndarray]:
        """This vocabulary with the words of more text: known words keep their positions and their counts grow; new ones
        that `min_count`, `max_final_vocab` and `trim_rule` (see `build`) keep are appended in the order given.

        Returns the new vocabulary and each given word's position in it (int32) or -1.

        >>> from seqnn.text import Vocabulary
        >>> vocabulary, position = Vocabulary(["the"], [9]).update(["dog", "the"], [5, 1])
        >>> vocabulary.words, vocabulary.counts.tolist(), position.tolist()
        (['the', 'dog'], [10, 5], [1, 0])
        """
        counts = np.asarray(counts, np.int64)
        mapping = self.positions(words)
        needed = effective_min_count(counts, min_count, max_final_vocab)
        new = np.flatnonzero(mapping < 0)
        new = new[kept_by(trim_rule, words, new, counts[new], needed)]
        mapping[new] = np.arange(len(self), len(self) + len(new), dtype=np.int32)
        known = mapping >= 0
        all_counts = np.zeros(len(self) + len(new), np.int64)
        all_counts[: len(self)] = self.counts
        all_counts[mapping[known]] += counts[known]
        return Vocabulary([*self.words, *(words[i] for i in new.tolist())], all_counts), mapping

    def positions(self, words: Sequence[str]) -> np.ndarray:
        """Each word's position (int32), -1 for words that are not here."""
        get = self.index.get
        return np.fromiter((get(word, -1) for word in words), np.int32, len(words))

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self)} words>"


def effective_min_count(counts: np.ndarray, min_count: int, max_final_vocab: int | None) -> int:
    """`min_count`, raised as far as needed for at most `max_final_vocab` words."""
    if max_final_vocab is None or max_final_vocab >= len(counts):
        return min_count
    if max_final_vocab < 0:
        raise ValueError(f"max_final_vocab: expected None or an integer >= 0, got {max_final_vocab}")
    from_top = len(counts) - 1 - max_final_vocab
    return max(min_count, int(np.partition(counts, from_top)[from_top]) + 1)


def keep_thresholds(counts: np.ndarray, sample: float) -> np.ndarray:
    """Sub-sampling: a word w of the text stays if 32 random bits are <= threshold[w] (uint32), as in gensim.

    With t = `sample` * total words (for sample < 1) or t = int(sample * (3 + sqrt 5) / 2) (a count: words above about
    `sample` occurrences are thinned), a word with count c stays with probability (sqrt(c / t) + 1) * t / c, at most 1.
    sample = 0 keeps all. Source: Mikolov et al., "Distributed representations of words and phrases", 2013, as word2vec.c.

    >>> import numpy as np
    >>> from seqnn.text import keep_thresholds
    >>> (keep_thresholds(np.array([990, 10]), sample=0.01) / 2**32).round(3).tolist()
    [0.111, 1.0]
    """
    if not sample >= 0:
        raise ValueError(f"sample: expected a number >= 0, got {sample}")
    counts = np.asarray(counts, np.int64)
    if sample == 0 or not counts.any():
        return np.full(len(counts), _ALWAYS, np.uint32)
    target = sample * counts.sum() if sample < 1 else int(sample * (3 + np.sqrt(5)) / 2)
    c = np.maximum(counts, 1)
    return (np.minimum((np.sqrt(c / target) + 1) * (target / c), 1.0) * _ALWAYS).astype(np.uint32)


def alias_table(counts: np.ndarray, ns_exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """For drawing words with probabilities proportional to counts ** ns_exponent: threshold (uint32[V]), other (int32[V]).

    Draw a cell c of V and 32 random bits r: the word is c if r < threshold[c], else other[c]. Probabilities are exact
    to 2**-32 / V. Source: Vose, "A linear algorithm for generating random numbers with a given distribution", 1991.

    >>> import numpy as np
    >>> from seqnn.text import alias_table
    >>> threshold, other = alias_table(np.array([3, 1]), ns_exponent=1.0)
    >>> (threshold / 2**32).tolist(), other.tolist()
    ([0.9999999997671694, 0.5], [0, 0])
    """
    counts = np.asarray(counts, np.float64)
    if not len(counts):
        raise ValueError("counts: expected at least one word")
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        share = (counts / counts.max()) ** ns_exponent
        share /= share.sum()
    if not np.isfinite(share).all() or not share.max() > 0:
        raise ValueError(f"counts ** ns_exponent with ns_exponent={ns_exponent}: not all are finite, or all are zero")
    # The largest share takes the rounding errors, so that the integer weights sum to V * 2**32 exactly.
    weights = (share * (len(counts) * 2.0**32)).astype(np.int64)
    weights[np.argmax(weights)] += (len(counts) << 32) - int(weights.sum())
    return _core.vocabulary_alias(weights.astype(np.uint64))


def huffman(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Huffman tree of the words: offsets (int64[V+1]), nodes (int32[L]), codes (uint8[L]).

    The path of word w from the root is [offsets[w], offsets[w + 1]): inner nodes, numbered 0 .. V - 2 (the last is the
    root), and at each the branch taken, 1 for the heavier side. The sum of counts * path lengths is the least possible.

    >>> import numpy as np
    >>> from seqnn.text import huffman
    >>> offsets, nodes, codes = huffman(np.array([5, 2, 1]))
    >>> offsets.tolist(), nodes.tolist(), codes.tolist()
    ([0, 1, 3, 5], [1, 1, 0, 1, 0], [1, 0, 1, 0, 0])
    """
    counts = np.asarray(counts, np.int64)
    if not len(counts):
        raise ValueError("counts: expected at least one word")
    word = np.argsort(counts, kind="stable").astype(np.int32)
    parent, bit, depth = _core.vocabulary_huffman(counts[word])
    offsets = np.zeros(len(counts) + 1, np.int64)
    offsets[word + 1] = depth[: len(counts)]
    np.cumsum(offsets, out=offsets)
    return offsets, *_core.vocabulary_huffman_paths(offsets, word, parent, bit, int(offsets[-1]))
