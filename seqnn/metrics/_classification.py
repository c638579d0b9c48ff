"""Scores of labels and of numbers: accuracy, F1, correlations."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np


def paired(predictions: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays of one axis. Raises `ValueError` for other shapes, different lengths, and nothing at all."""
    arrays = []
    for name, value in (("predictions", predictions), ("labels", labels)):
        if isinstance(value, str):
            raise TypeError(f"{name}: expected a list of labels, got a string: {value!r:.60}")
        array = np.asarray(value)
        if array.ndim != 1:
            raise ValueError(f"{name}: expected one axis, one value for each example, got shape {array.shape}")
        arrays.append(array)
    if len(arrays[0]) != len(arrays[1]):
        raise ValueError(f"predictions: expected {len(arrays[1])} values, one for each label, got {len(arrays[0])}")
    if not len(arrays[0]):
        raise ValueError("predictions: expected at least one value, got none")
    kinds = [array.dtype.kind in "iufb" for array in arrays]
    if kinds[0] != kinds[1]:
        raise TypeError(f"predictions: expected the kind of the labels ({arrays[1].dtype}), got {arrays[0].dtype}")
    return arrays[0], arrays[1]


def _confusion(predictions: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts [true class, predicted class] and the classes, in order."""
    predicted, true = paired(predictions, labels)
    classes, numbers = np.unique(np.concatenate([true, predicted]), return_inverse=True)
    size, cut = len(classes), len(true)
    return np.bincount(numbers[:cut] * size + numbers[cut:], minlength=size * size).reshape(size, size), classes


def accuracy(predictions: Any, labels: Any) -> float:
    """Return the share of predictions that are right.

    Args:
        predictions: a label for each example, [N].
        labels: the true ones, [N].

    Returns:
        The accuracy, 0 to 1.

    Raises:
        TypeError: numbers here and strings there.
        ValueError: different lengths, no example.

    >>> from seqnn.metrics import accuracy
    >>> accuracy([1, 0, 1, 1], [1, 0, 0, 1])
    0.75
    """
    predicted, true = paired(predictions, labels)
    return float(np.mean(predicted == true))


def f1_score(
    predictions: Any,
    labels: Any,
    *,
    average: Literal["binary", "micro", "macro", "weighted"] = "binary",
    positive: Any = 1,
) -> float:
    """Return the F1 score, the harmonic mean of precision and recall.

    Args:
        predictions: a label for each example, [N].
        labels: the true ones, [N].
        average: "binary" (default), the F1 of the class `positive`; "macro", the mean over classes; "weighted", the mean
            weighted by the classes' numbers of examples; "micro", of all together, the accuracy where each example has one
            label.
        positive: the class that "binary" scores (default 1).

    Returns:
        The score, 0 to 1; 0 where a class is neither predicted nor present.

    Raises:
        TypeError: numbers here and strings there.
        ValueError: different lengths, no example, an unknown average, more than two classes with "binary".

    >>> from seqnn.metrics import f1_score
    >>> f1_score([1, 0, 1, 1], [1, 0, 0, 1])
    0.8
    """
    if average not in ("binary", "micro", "macro", "weighted"):
        raise ValueError(f"average: expected 'binary', 'micro', 'macro' or 'weighted', got {average!r}")
    counts, classes = _confusion(predictions, labels)
    both = counts.sum(0) + counts.sum(1)
    scores = 2 * np.diag(counts) / np.maximum(both, 1)
    if average == "micro":
        return float(np.trace(counts) / counts.sum())
    if average == "macro":
        return float(scores.mean())
    if average == "weighted":
        return float(np.average(scores, weights=counts.sum(1)))
    others = [value for value in classes.tolist() if value != positive]
    of_other_kind = isinstance(positive, str) == (classes.dtype.kind in "iufb")
    if len(others) == len(classes) and (len(classes) > 1 or of_other_kind):
        raise ValueError(f"positive: expected one of the classes {', '.join(map(repr, others[:5]))}, got {positive!r}")
    if len(others) > 1:
        raise ValueError(
            f"average: 'binary' expects two classes, got {len(classes)} ({', '.join(map(repr, classes[:5].tolist()))} ...); "
            "use 'macro', 'micro' or 'weighted'"
        )
    return float(scores[classes == positive].sum())


def matthews(predictions: Any, labels: Any) -> float:
    """Return Matthews' correlation coefficient, for two classes or more.

    Args:
        predictions: a label for each example, [N].
        labels: the true ones, [N].

    Returns:
        The coefficient, -1 to 1; 0 where all predictions, or all labels, are the same.

    Raises:
        TypeError: numbers here and strings there.
        ValueError: different lengths, no example.

    J. Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004.

    >>> from seqnn.metrics import matthews
    >>> round(matthews([1, 0, 1, 1], [1, 0, 0, 1]), 4)
    0.5774
    """
    counts, _ = _confusion(predictions, labels)
    counts = counts.astype(np.float64)
    true, predicted, total = counts.sum(1), counts.sum(0), counts.sum()
    covariance = np.trace(counts) * total - true @ predicted
    below = np.sqrt(total**2 - predicted @ predicted) * np.sqrt(total**2 - true @ true)
    return float(covariance / below) if below else 0.0


def pearson(predictions: Any, labels: Any) -> float:
    """Return Pearson's correlation coefficient of two lists of numbers.

    Args:
        predictions: float [N].
        labels: float [N].

    Returns:
        The coefficient, -1 to 1; NaN where one list is constant.

    Raises:
        TypeError: what is no number.
        ValueError: different lengths, no example, values that are not finite.

    >>> from seqnn.metrics import pearson
    >>> round(pearson([1, 2, 3], [1, 2, 4]), 4)
    0.982
    """
    x, y = _numbers(predictions, labels)
    x, y = x - x.mean(), y - y.mean()
    sizes = np.abs(x).max(), np.abs(y).max()
    if min(sizes) == 0:
        return float("nan")
    x, y = x / sizes[0], y / sizes[1]
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1, 1))


def spearman(predictions: Any, labels: Any) -> float:
    """Return Spearman's rank correlation of two lists of numbers; equal numbers share the mean of their ranks.

    Args:
        predictions: float [N].
        labels: float [N].

    Returns:
        The coefficient, -1 to 1; NaN where one list is constant.

    Raises:
        TypeError: what is no number.
        ValueError: different lengths, no example, values that are not finite.

    >>> from seqnn.metrics import spearman
    >>> spearman([1, 2, 3], [10, 20, 400])
    1.0
    """
    return pearson(*map(_ranks, _numbers(predictions, labels)))


def _numbers(predictions: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    arrays = paired(predictions, labels)
    for name, array in zip(("predictions", "labels"), arrays, strict=True):
        if array.dtype.kind not in "iufb":
            raise TypeError(f"{name}: expected numbers, got {array.dtype}: {array[0]!r:.60}")
        if not np.isfinite(array).all():
            place = int(np.argmin(np.isfinite(array)))
            raise ValueError(f"{name}[{place}]: expected a finite number, got {array[place]}")
    return arrays[0].astype(np.float64), arrays[1].astype(np.float64)


def _ranks(values: np.ndarray) -> np.ndarray:
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - 0.5 * (counts - 1))[group]
