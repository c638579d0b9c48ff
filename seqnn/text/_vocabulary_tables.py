"""The tables that word-vector training derives from word counts: sub-sampling, negative draws, the Huffman tree."""

from __future__ import annotations

import numpy as np

from .. import _core

_ALWAYS = 2**32 - 1


def keep_thresholds(counts: np.ndarray, sample: float) -> np.ndarray:
    """Compute how often each word is kept by sub-sampling: a word w stays if 32 random bits are <= threshold[w].

    With t = `sample` * total words (for sample < 1) or t = int(sample * (3 + sqrt 5) / 2) (a count: words above about
    `sample` occurrences are thinned), a word with count c stays with probability (sqrt(c / t) + 1) * t / c, at most 1.

    Args:
        counts: how often each word occurs, [V].
        sample: the threshold, >= 0; 0 keeps all.

    Returns:
        Thresholds, uint32 [V].

    Source: Mikolov et al., "Distributed representations of words and phrases", 2013, as word2vec.c and gensim do it.

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
    """Prepare draws of words with probabilities proportional to counts ** ns_exponent.

    Draw a cell c of V and 32 random bits r: the word is c if r < threshold[c], else other[c]. Probabilities are exact
    to 2**-32 / V.

    Args:
        counts: how often each word occurs, [V].
        ns_exponent: any number; 0 draws all words alike.

    Returns:
        threshold (uint32 [V]) and other (int32 [V]).

    Source: Vose, "A linear algorithm for generating random numbers with a given distribution", 1991.

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
    """Build the Huffman tree of words by their counts.

    The path of word w from the root is [offsets[w], offsets[w + 1]): inner nodes, numbered 0 .. V - 2 (the last is the
    root), and at each the branch taken, 1 for the heavier side. The sum of counts * path lengths is the least possible.
    Where counts fall, this is the tree of word2vec.c and of the original fastText.

    Args:
        counts: how often each word occurs, [V].

    Returns:
        offsets (int64 [V + 1]), nodes (int32 [L]) and codes (uint8 [L]).

    >>> import numpy as np
    >>> from seqnn.text import huffman
    >>> offsets, nodes, codes = huffman(np.array([5, 2, 1]))
    >>> offsets.tolist(), nodes.tolist(), codes.tolist()
    ([0, 1, 3, 5], [1, 1, 0, 1, 0], [1, 0, 1, 0, 0])
    """
    counts = np.asarray(counts, np.int64)
    if not len(counts):
        raise ValueError("counts: expected at least one word")
    word = np.argsort(-counts, kind="stable")[::-1].astype(np.int32)  # of equal counts the later word first
    parent, bit, depth = _core.vocabulary_huffman(counts[word])
    offsets = np.zeros(len(counts) + 1, np.int64)
    offsets[word + 1] = depth[: len(counts)]
    np.cumsum(offsets, out=offsets)
    return offsets, *_core.vocabulary_huffman_paths(offsets, word, parent, bit, int(offsets[-1]))
