"""Longest common subsequences of pairs of sequences."""

from __future__ import annotations

import numpy as np

from .. import _core
from ._tokens import Tokens


def lcs_length(tokens: Tokens, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the length of the longest common subsequence of sequences left[p] and right[p]: int32 [pairs]."""
    return _core.lcs_length(tokens.ids, tokens.offsets, left, right, tokens.limit)


def lcs_union(tokens: Tokens, documents: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the hits of summary-level LCS of documents left[p] and right[p], the reference: int32 [pairs].

    Document d has the sentences documents[d] to documents[d + 1] - 1. For each sentence of the reference, the places of its
    LCS with each sentence of the other document are united; each token counts at most as often as the other has it.
    """
    return _core.lcs_union(tokens.ids, tokens.offsets, documents, left, right, tokens.limit)


def lcs_weighted(tokens: Tokens, left: np.ndarray, right: np.ndarray, weight: float) -> np.ndarray:
    """Return the weighted LCS of sequences left[p] and right[p], where k matches in a row count k**weight: float64 [pairs]."""
    longest = int(tokens.lengths.max(initial=0))
    return _core.lcs_weighted(tokens.ids, tokens.offsets, left, right, np.arange(longest + 1.0) ** weight)
