"""Hidden tokens that are filled in all at once, one after another, or all again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._arguments import integer

__all__ = ["Filled", "fill_masks"]

ORDERS = ("parallel", "confidence", "left_to_right", "mask_predict")


class Filled(NamedTuple):
    """Sequences whose hidden tokens were filled in.

    Attributes:
        ids: [B, T].
        scores: the log-probability of each token that was filled in, at the time when it was, [B, T]; 0 at the others.

    >>> import numpy as np
    >>> from seqnn.models import Filled
    >>> Filled(np.array([[5, 7]]), np.array([[0.0, -0.1]])).scores.sum(axis=1)
    array([-0.1])
    """

    ids: np.ndarray
    scores: np.ndarray


def fill_masks(
    score: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    ids: np.ndarray,
    hidden: np.ndarray,
    mask_id: int,
    order: str,
    iterations: int,
) -> Filled:
    """Fill in the hidden tokens of sequences.

    Args:
        score: (ids [B, T], which rows [n], which columns [n]) -> logits [n, V] of these places.
        ids: [B, T].
        hidden: booleans [B, T]: where `mask_id` stands for a token.
        mask_id: the token that hides others; it is never filled in.
        order: as for `BERTForPretraining.fill_masks`.
        iterations: of "mask_predict".

    Raises:
        ValueError: the order is not known, nothing is hidden, or iterations is below 1.
    """
    if order not in ORDERS:
        raise ValueError(f"order: expected one of {', '.join(ORDERS)}, got {order!r}")
    integer("iterations", iterations, 1)
    if not hidden.any():
        raise ValueError(f"ids: expected the mask token {mask_id} somewhere, got none")
    filled, scores = ids.copy(), np.zeros(ids.shape)
    counts = hidden.sum(axis=1)
    passes = {"parallel": 1, "mask_predict": iterations}.get(order, int(counts.max()))
    open_ = hidden.copy()
    for n in range(passes):
        rows, columns = open_.nonzero()
        if not len(rows):
            break
        found, chances = _best(score(filled, rows, columns), mask_id)
        if order in ("confidence", "left_to_right"):  # one of each sequence
            rank = np.lexsort((columns, -chances if order == "confidence" else columns, rows))
            first = rank[np.unique(rows[rank], return_index=True)[1]]
            rows, columns, found, chances = rows[first], columns[first], found[first], chances[first]
        filled[rows, columns], scores[rows, columns] = found, chances
        open_[rows, columns] = False
        if order == "mask_predict" and n + 1 < passes:  # the tokens that are least sure are hidden again
            again = counts * (passes - 1 - n) // passes
            rank = np.where(hidden, scores, np.inf).argsort(axis=1, kind="stable").argsort(axis=1)
            open_ = hidden & (rank < again[:, None])
            filled[open_] = mask_id
    return Filled(filled, scores)


def _best(logits: np.ndarray, mask_id: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the most probable token of each place but the mask, [n], and its log-probability [n]."""
    logits = logits.astype(np.float64)
    logits[:, mask_id] = -np.inf
    best = logits.argmax(axis=1)
    top = logits.max(axis=1)
    return best, -np.log(np.exp(logits - top[:, None]).sum(axis=1))
