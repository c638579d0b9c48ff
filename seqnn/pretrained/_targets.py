"""What a classifier is to learn of each text: a number of a class, several of them, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["targets_of"]


def targets_of(labels: Any, classes: Sequence[str], several: bool) -> np.ndarray:
    """Return the targets of labels.

    Args:
        labels: a class of each text, by its name or its number; numbers, where there is one output; rows of 0 and 1.
        classes: their names.
        several: whether a text may have several classes.

    Returns:
        Integers [N]; float32 [N] for one output; float32 [N, classes] of 0 and 1 for several classes.

    Raises:
        TypeError: labels are no list.
        ValueError: a label is none of these; the message names it.
    """
    if isinstance(labels, str) or not hasattr(labels, "__iter__"):
        raise TypeError(f"labels: expected one for each text, got {labels!r:.60}")
    try:
        given = labels if isinstance(labels, np.ndarray) else np.asarray([*labels])
    except ValueError:
        raise ValueError("labels: expected one for each text, got rows of unequal length") from None
    if several:
        if given.ndim != 2 or given.shape[1] != len(classes) or given.dtype.kind not in "biuf":
            raise ValueError(
                f"labels: expected rows of {len(classes)} of 0 and 1, got {given.dtype} {list(given.shape)}"
            )
        if not np.isin(given, (0, 1)).all():
            raise ValueError(f"labels: expected rows of 0 and 1, got {given[~np.isin(given, (0, 1))][0]}")
        return given.astype(np.float32)
    if given.ndim != 1:
        raise ValueError(f"labels: expected one for each text, got an array of shape {list(given.shape)}")
    if len(classes) == 1:
        if given.dtype.kind not in "biuf" or not np.isfinite(given).all():
            raise ValueError("labels: expected finite numbers, as the model has one output")
        return given.astype(np.float32)
    numbers = {name: i for i, name in enumerate(classes)}
    if given.dtype.kind in "biu":
        given = given.astype(int)
        if not any(name.isdigit() for name in classes):
            numbers = {str(i): i for i in range(len(classes))}
    if unknown := sorted({str(label) for label in given} - numbers.keys()):
        raise ValueError(f"labels: expected names of {', '.join(classes)}, or their numbers, got {unknown[0]!r}")
    return np.array([numbers[str(label)] for label in given], np.int64)
