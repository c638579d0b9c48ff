"""How much examples count: by weights of their own, and by those of their classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._base import class_weights, drop_weightless
from ._sequences import Sequences

__all__ = ["by_class", "weighed"]


def weighed(sequences: Sequences, y: np.ndarray, sample_weight: Any) -> tuple[Sequences, np.ndarray, np.ndarray | None]:
    """Return the sequences that count, their targets [N, ...], and their weights; None where all count the same."""
    rows, y, weights = drop_weightless(sequences.rows, y, sample_weight)
    return sequences._replace(rows=rows), y, weights


def by_class(weight: Any, classes: np.ndarray, ids: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
    """Return how much each example counts, of its own and by its class; None where all count the same.

    Args:
        weight: of the classes: None, "balanced" or {label: weight}.
        classes: the labels.
        ids: the class number of each example, [N].
        weights: of the examples, [N], or None.
    """
    of_classes = class_weights(weight, classes, ids, weights)
    if of_classes is None:
        return weights
    return of_classes[ids] if weights is None else weights * of_classes[ids]
