"""Smoothing: from the counts in a trie to probabilities and weights of backing off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _core
from ._ngram_trie import Level, Trie, build

FALLBACK = (0.5, 1.0, 1.5)
"""Discounts of counts 1, 2, and 3 or more, where a small or artificial text gives none; KenLM's."""

_COUNT = 2**31 - 1  # the bits of a count; the one above marks a pruned n-gram
_BOS = _core.ngram_smooth.BOS


def kneser_ney(
    trie: Trie,
    *,
    modified: bool,
    discount: float | None = None,
    fallback: Sequence[float] | None = FALLBACK,
    prune: Sequence[int] = (),
) -> tuple[Trie, np.ndarray, np.ndarray]:
    """Interpolate all orders by Kneser and Ney's counts, in place.

    Args:
        trie: n-grams with their counts.
        modified: three discounts for each order, as KenLM's `lmplz`, instead of one.
        discount: the one discount, instead of the estimate n1 / (n1 + 2 n2).
        fallback: discounts of an order for which the estimates fail; None raises an error instead.
        prune: for each order the largest count of n-grams that are left out; the last one serves for all longer ones.

    Returns:
        The trie, made anew if n-grams were pruned; the discounts [order, 3]; the numbers of the words that are left.

    Raises:
        ValueError: no discounts, and no fallback.

    Source: Chen and Goodman, "An empirical study of smoothing techniques for language modeling", 1998.
    """
    nodes, leaves, order = trie.nodes, trie.leaves, trie.order
    limits = np.array([prune[min(n, len(prune) - 1)] if prune else 0 for n in range(order)], np.int64)
    suffixes, _ = _core.ngram_trie_suffixes(nodes, leaves, order)
    last = _core.ngram_smooth_last(nodes, leaves, order)
    raw = nodes[last, 2]
    _core.ngram_smooth_adjust(nodes, leaves, order, suffixes, limits)
    tally = _core.ngram_smooth_tally(nodes, leaves, order)
    if modified:
        # KenLM takes the last n-gram of each order at its count, not at its adjusted one.
        for n in np.flatnonzero(last):
            for count, change in ((int(nodes[last[n], 2]) & _COUNT, -1), (int(raw[n]), 1)):
                if 0 < count < 5:
                    tally[n, 1 + count] += change
    discounts = np.array([_discounts(n, tally[n - 1, 2:], modified, discount, fallback) for n in range(1, order + 1)])
    table = np.concatenate([np.zeros((order, 1)), discounts], axis=1)
    uniform = 1 / (int(tally[0, 1]) - 1)  # all words that are left but <s>
    _core.ngram_smooth_kneser_ney(nodes, leaves, order, suffixes, table, uniform)
    words = np.arange(trie.words)
    if limits.any():
        trie, words = _without_pruned(trie)
    return trie, discounts, words


def relative_frequencies(trie: Trie, *, added: float = 0.0, alpha: float = 0.0) -> None:
    """Turn counts into relative frequencies, in place.

    p(w | h) = (c(hw) + added) / (c(h) + added V), where V counts all words but <s>. The weight of a context is `alpha`,
    or without one the probability of a word that never followed it.
    """
    _core.ngram_smooth_relative(trie.nodes, trie.leaves, trie.order, added, trie.words - 1, alpha)


def _discounts(
    length: int, tally: np.ndarray, modified: bool, discount: float | None, fallback: Sequence[float] | None
) -> list[float]:
    """Return the discounts of n-grams with count 1, 2, and 3 or more, of which `tally` have the counts 1, 2, 3, 4."""
    if discount is not None:
        return [discount] * 3
    n = [float(count) for count in tally]
    wanted = n[:3] if modified else n[:1]
    reason = f"there are no {length}-grams with count {wanted.index(0) + 1}" if 0 in wanted else ""
    found = [0.0] * 3
    if not reason:
        y = n[0] / (n[0] + 2 * n[1])
        found = [j - (j + 1) * y * n[j] / n[j - 1] for j in (1, 2, 3)] if modified else [y] * 3
        if not all(0 <= d <= j for j, d in enumerate(found, 1)):
            reason = f"the discounts of {length}-grams, {', '.join(f'{d:.3g}' for d in found)}, are out of range"
    if not reason:
        return found
    if fallback is None:
        raise ValueError(
            f"no discounts for this corpus: {reason}; it is small or artificial: train on more text without repeated "
            "sentences, or give discount_fallback=(0.5, 1, 1.5)"
        )
    return list(fallback) if modified else [fallback[0]] * 3


def _without_pruned(trie: Trie) -> tuple[Trie, np.ndarray]:
    """Return a trie without the n-grams whose probability is infinite, and the numbers of the words that are left."""
    levels = []
    places = np.zeros(1, np.uint32)  # of the level before, among those that are left
    words = numbers = np.zeros(0, np.int64)
    for length, level in enumerate(trie.levels(), 1):
        kept = np.isfinite(level.first.view(np.float32)) | (level.first.view(np.float32) < 0)
        if length == 1:
            words = np.flatnonzero(kept)
            numbers = np.cumsum(kept) - 1
        second = None if level.second is None else level.second[kept]
        last = numbers[level.words[kept]].astype(np.uint32)
        levels.append(Level(last, places[level.parents[kept]], level.first[kept], second))
        places = (np.cumsum(kept) - 1).astype(np.uint32)
    return build(levels, len(words)), words
