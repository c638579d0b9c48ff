"""Matching n-grams of hypotheses and references."""

from __future__ import annotations

import numpy as np

from .. import _core
from ._tokens import Tokens


def match_merged(tokens: Tokens, groups: np.ndarray, order: int) -> np.ndarray:
    """Return the matches of the first sequence of each group with all the others of it together: [groups, order].

    An n-gram counts as often as it occurs, but no more often than in that reference that has it most often.
    """
    return _core.ngrams_match(tokens.ids, tokens.offsets, groups[:-1], groups[:-1] + 1, groups[1:], order)


def match_pairs(tokens: Tokens, left: np.ndarray, right: np.ndarray, order: int) -> np.ndarray:
    """Return the matches of sequence left[p] with sequence right[p]: [pairs, order]."""
    return _core.ngrams_match(tokens.ids, tokens.offsets, left, right, right + 1, order)


def totals(lengths: np.ndarray, order: int) -> np.ndarray:
    """Return how many n-grams sequences of these lengths have: [..., order]."""
    return np.maximum(lengths[..., None] - np.arange(order), 0)
