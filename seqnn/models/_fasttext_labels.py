"""The labels of texts: one or several for each, as numbers of a classifier's labels; and how well they are predicted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._arguments import integer
from ._base import label_array

__all__ = [
    "GivenLabels",
    "Scores",
    "checked_k",
    "given_labels",
    "label_name",
    "label_places",
    "label_text",
    "score_labels",
]


def checked_k(k: Any) -> int:
    """Return a number of labels; -1 stands for all."""
    k = integer("k", k, -1)
    if k == 0:
        raise ValueError("k: expected a number of labels >= 1, or -1 for all, got 0")
    return k


@dataclass(frozen=True)
class GivenLabels:
    """Labels of texts: those of text i are ids[offsets[i] : offsets[i + 1]], numbers of `names`.

    Attributes:
        classes: the different labels, sorted.
        names: their texts, as files have them.
    """

    classes: np.ndarray
    names: list[str]
    ids: np.ndarray
    offsets: np.ndarray

    def counted(self) -> tuple[list[str], np.ndarray]:
        """Return the texts of the labels, and how often each occurs."""
        return self.names, np.bincount(self.ids, minlength=len(self.names))

    def numbered(self, labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the labels as places in a list of texts, int32, without those that it lacks; and offsets."""
        place = {label: i for i, label in enumerate(labels)}
        ids = np.array([place.get(name, -1) for name in self.names], np.int32)[self.ids]
        known = np.concatenate([[0], np.cumsum(ids >= 0)])
        return ids[ids >= 0], known[self.offsets]


def label_text(label: Any, prefix: str) -> str:
    """Return a label as it stands in a file."""
    text = str(label)
    return text if text.startswith(prefix) else prefix + text


def label_name(text: str, prefix: str) -> str:
    """Return a label of a file without its prefix; as it is where `label_text` would not lead back."""
    name = text.removeprefix(prefix)
    return name if label_text(name, prefix) == text else text


def label_places(classes: list[Any], labels: list[str], prefix: str) -> np.ndarray:
    """Return where each class stands among the labels of a dictionary, which may have another prefix.

    Raises:
        ValueError: the classes are not those of the labels, as in a damaged file.
    """
    place = {label: i for i, label in enumerate(labels)}
    found = [place.get(label_text(label, prefix), place.get(str(label), -1)) for label in classes]
    if sorted(found) != [*range(len(labels))]:
        raise ValueError(f"classes_: expected one for each of the labels {labels!r:.80}, got {classes!r:.80}")
    return np.array(found)


def given_labels(y: Any, count: int, prefix: str) -> GivenLabels:
    """Return the labels of `count` texts: a label for each, or a list of labels for each.

    Raises:
        TypeError, ValueError: there is not one entry for each text, or labels are of several kinds or missing.
    """
    rows = list(y) if isinstance(y, list | tuple) else None
    offsets = np.arange(count + 1)
    if rows and any(isinstance(row, list | tuple | set | frozenset) for row in rows):
        wrong = next((i for i, row in enumerate(rows) if isinstance(row, str) or not isinstance(row, Iterable)), None)
        if wrong is not None:
            raise TypeError(f"y[{wrong}]: expected a list of labels as the others are, got {rows[wrong]!r:.60}")
        if len(rows) != count:
            raise ValueError(f"y: expected labels for each of {count} texts, got {len(rows)}")
        rows = [sorted(row, key=str) if isinstance(row, set | frozenset) else list(row) for row in rows]
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        y = [label for row in rows for label in row]
        if not y:
            raise ValueError("y: expected at least one label, got none")
    flat = label_array(y, int(offsets[-1]))
    try:
        classes, ids = np.unique(flat, return_inverse=True)
    except TypeError:
        raise ValueError("y: expected labels of one kind that sorts, got several kinds") from None
    names = [label_text(label, prefix) for label in classes.tolist()]
    if len({*names}) < len(names):
        raise ValueError(
            f"y: expected labels that differ also without label_prefix={prefix!r}, got {classes.tolist()!r:.80}"
        )
    return GivenLabels(classes, names, ids.astype(np.int32), offsets)


@dataclass(frozen=True)
class Scores:
    """How well labels are predicted.

    Attributes:
        examples: texts with at least one known label.
        precision: the share of the predicted labels that are right.
        recall: the share of the true labels that are predicted.
        labels: for each label a dict with precision, recall, f1 (NaN where it is undefined), predicted and true (counts).
    """

    examples: int
    precision: float
    recall: float
    labels: dict[Any, dict[str, float]]

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        return _share(2 * self.precision * self.recall, self.precision + self.recall)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def score_labels(
    predicted: tuple[np.ndarray, np.ndarray], true: tuple[np.ndarray, np.ndarray], classes: list[Any]
) -> Scores:
    """Compare predicted labels with true ones: (texts, labels) pairs, each a number of a text and of a class."""
    count = len(classes)
    found, right = (np.unique(texts * count + labels) for texts, labels in (predicted, true))
    hits = np.intersect1d(found, right, assume_unique=True)
    by_class = [np.bincount(pairs % count, minlength=count) for pairs in (found, right, hits)]
    labels = {}
    for label, p, t, h in zip(classes, *(counts.tolist() for counts in by_class), strict=True):
        if p or t:
            labels[label] = {
                "precision": _share(h, p), "recall": _share(h, t), "f1": _share(2 * h, p + t), "predicted": p, "true": t,
            }  # fmt: skip
    return Scores(len(np.unique(right // count)), _share(len(hits), len(found)), _share(len(hits), len(right)), labels)
