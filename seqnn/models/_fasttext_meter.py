"""Precision against recall of a classifier of texts, at every threshold of the probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._arguments import number

__all__ = ["Meter"]


@dataclass(frozen=True)
class Meter:
    """Probabilities that a classifier gave to labels of texts, and which of them are right.

    Attributes:
        classes: the labels.
        labels: the number of the class of each prediction, [P].
        scores: the largest threshold at which each is predicted, its probability, [P].
        right: whether it is a label of its text, [P].
        true: how many texts have each label, [classes].
    """

    classes: list[Any]
    labels: np.ndarray
    scores: np.ndarray
    right: np.ndarray
    true: np.ndarray

    def precision_recall_curve(self, label: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return precision, recall and threshold at every probability, from the largest down to where recall is complete.

        The last point is precision 1 and recall 0, at an infinite threshold, as in the original's Python package.

        Args:
            label: a class; None: all labels together.

        Returns:
            Three arrays [K]: at point k all labels are predicted that `predict_top(texts, -1, threshold[k])` gives. Without
            predictions they are empty.
        """
        scores, right, true = self._of(label)
        order = np.lexsort((right, scores))[::-1]
        scores, right = scores[order], right[order]
        last = np.append(scores[1:] != scores[:-1], True) if len(scores) else np.zeros(0, bool)
        hits, thresholds = np.cumsum(right)[last], scores[last]
        count = (np.flatnonzero(last) + 1).astype(float)
        stop = int(np.searchsorted(hits, true)) + 1
        if not len(hits):
            return np.zeros(0), np.zeros(0), np.zeros(0)
        recall = hits[:stop] / true if true else np.full(len(hits[:stop]), np.nan)
        return (
            np.append(hits[:stop] / count[:stop], 1.0), np.append(recall, 0.0), np.append(thresholds[:stop], np.inf)
        )  # fmt: skip

    def precision_at_recall(self, recall: float, label: Any = None) -> float:
        """Return the best precision of the thresholds with at least a recall; 0 where there is none.

        Args:
            recall: the least recall, in [0, 1].
            label: a class; None: all labels together.
        """
        least = number("recall", recall, minimum=0, maximum=1)
        precisions, recalls, _ = self.precision_recall_curve(label)
        return float(precisions[recalls >= least].max(initial=0.0))

    def recall_at_precision(self, precision: float, label: Any = None) -> float:
        """Return the best recall of the thresholds with at least a precision; 0 where there is none.

        Args:
            precision: the least precision, in [0, 1].
            label: a class; None: all labels together.
        """
        least = number("precision", precision, minimum=0, maximum=1)
        precisions, recalls, _ = self.precision_recall_curve(label)
        return float(recalls[precisions >= least].max(initial=0.0))

    def threshold_at_precision(self, precision: float, label: Any = None) -> float:
        """Return the threshold with the best recall among those with at least a precision; infinity where there is none.

        Args:
            precision: the least precision, in [0, 1].
            label: a class; None: all labels together.
        """
        least = number("precision", precision, minimum=0, maximum=1)
        precisions, recalls, thresholds = self.precision_recall_curve(label)
        good = np.flatnonzero(precisions >= least)
        return float(thresholds[good[np.argmax(recalls[good])]]) if len(good) else float("inf")

    def _of(self, label: Any) -> tuple[np.ndarray, np.ndarray, int]:
        """Return probabilities, whether each is right, and how many true labels there are."""
        if label is None:
            return self.scores, self.right, int(self.true.sum())
        if label not in self.classes:
            raise ValueError(f"label: expected one of {self.classes!r:.80}, got {label!r:.60}")
        place = self.classes.index(label)
        own = self.labels == place
        return self.scores[own], self.right[own], int(self.true[place])
