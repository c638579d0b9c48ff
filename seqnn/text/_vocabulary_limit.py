"""The limit of words while a corpus is counted (gensim's `max_vocab_size`), replayed on the encoded corpus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import _core

TrimRule = Callable[[str, int, int], int | None]

RULE_DEFAULT = 0
"""What a trim rule returns where `min_count` decides."""
RULE_DISCARD = 1
"""What a trim rule returns for a word that is dropped."""
RULE_KEEP = 2
"""What a trim rule returns for a word that is kept."""

_TOKENS = 1 << 24


def kept_by(
    rule: TrimRule | None, words: list[str], numbers: np.ndarray, counts: np.ndarray, min_count: int
) -> np.ndarray:
    """Tell whether words[n] with count counts[i], for the i-th number n, is kept."""
    enough = counts >= min_count
    if rule is None:
        return enough
    if not callable(rule):
        raise TypeError(f"trim_rule: expected a function (word, count, min_count), got {rule!r}")
    for i, (n, count) in enumerate(zip(numbers.tolist(), counts.tolist(), strict=True)):
        answer = rule(words[n], count, min_count)
        if answer in (RULE_KEEP, RULE_DISCARD):
            enough[i] = answer == RULE_KEEP
        elif answer not in (RULE_DEFAULT, None):
            raise ValueError(
                f"trim_rule: expected RULE_DEFAULT (0), RULE_DISCARD (1) or RULE_KEEP (2) for {words[n]!r}, got {answer!r}"
            )
    return enough


def limited(
    words: list[str], ids: np.ndarray, offsets: np.ndarray, limit: int, rule: TrimRule | None
) -> tuple[np.ndarray, np.ndarray]:
    """Count sentence by sentence, and return which words are left (indices, as they last came in) and their counts.

    Whenever a sentence ends with more than `limit` words, those with counts below m are dropped, where
    m = 1, 2, 3, … grows with each such moment. A word that was dropped and occurs again counts from 1.
    """
    state = np.zeros(3, np.int64)
    counts = np.zeros(len(words), np.int64)
    living = np.empty(len(words), np.int32)
    min_count = 1
    while state[1] < len(offsets) - 1:
        _core.vocabulary_replay(ids, offsets, state, counts, living, limit, _TOKENS)
        if state[2] > limit:
            numbers = living[: state[2]]
            kept = kept_by(rule, words, numbers, counts[numbers], min_count)
            counts[numbers[~kept]] = 0
            numbers = numbers[kept]
            living[: len(numbers)] = numbers
            state[2] = len(numbers)
            min_count += 1
    left = living[: state[2]].copy()
    return left, counts[left]
