"""How much a pair of words is a phrase: a score of its count and its words' counts."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

Scoring = str | Callable[..., float]

_PARAMETERS = ("worda_count", "wordb_count", "bigram_count", "len_vocab", "min_count", "corpus_word_count")


def check_scoring(scoring: Scoring, threshold: float) -> None:
    """Refuse unknown scorings, functions without gensim's six parameters, and thresholds out of the scores' range."""
    if callable(scoring):
        if missing := [name for name in _PARAMETERS if name not in inspect.signature(scoring).parameters]:
            raise ValueError(f"scoring: the function lacks the parameters {missing}; expected are {list(_PARAMETERS)}")
    elif scoring == "default":
        if not threshold > 0:
            raise ValueError(f"threshold: expected a number > 0 for scoring='default', got {threshold!r}")
    elif scoring == "npmi":
        if not -1 <= threshold <= 1:
            raise ValueError(f"threshold: expected a number from -1 to 1 for scoring='npmi', got {threshold!r}")
    else:
        raise ValueError(f"scoring: expected 'default', 'npmi' or a function, got {scoring!r}")


def scores_of(
    scoring: Scoring,
    first: np.ndarray,
    second: np.ndarray,
    both: np.ndarray,
    vocabulary: int,
    minimum: float,
    total: int,
) -> np.ndarray:
    """Score pairs (float64) with counts `both` of words with counts `first` and `second`; -inf: never a phrase.

    default: (both - minimum) / (first * second) * vocabulary                  (Mikolov et al. 2013, gensim's form)
    npmi:    ln(p(both) / (p(first) p(second))) / -ln p(both), p = count / total; -inf where both < minimum (Bouma 2009)

    A function is called with gensim's six keyword arguments for each pair. A word that was dropped has count 0.
    """
    scores = np.full(len(both), -np.inf)
    use = (first > 0) & (second > 0)
    if scoring == "npmi":
        use &= both >= minimum
    first, second, both = first[use], second[use], both[use]
    if scoring == "default":
        scores[use] = (both - minimum) / (first * second).astype(np.float64) * vocabulary
    elif scoring == "npmi":
        joint = both / total
        with np.errstate(divide="ignore"):  # a corpus that is one phrase has -ln p = 0
            scores[use] = np.log(joint / (first / total * (second / total))) / -np.log(joint)
    else:
        scores[use] = [
            scoring(
                worda_count=a, wordb_count=b, bigram_count=ab,
                len_vocab=vocabulary, min_count=minimum, corpus_word_count=total,
            )
            for a, b, ab in zip(first.tolist(), second.tolist(), both.tolist(), strict=True)
        ]  # fmt: skip
    return scores
