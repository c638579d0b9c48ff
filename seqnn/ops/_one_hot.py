"""One-hot vectors of class numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def one_hot(labels: npt.ArrayLike, num_classes: int = -1) -> np.ndarray:
    """Write class numbers as one-hot vectors: 1 at the label, 0 elsewhere.

    Args:
        labels: class numbers, of any shape.
        num_classes: the size of the vectors; -1 takes the largest label + 1.

    Returns:
        An int64 array [*labels.shape, num_classes].

    Raises:
        TypeError: where labels are no integers.
        ValueError: for a label that is negative or too large.

    >>> one_hot([0, 2])
    array([[1, 0, 0],
           [0, 0, 1]])
    """
    if isinstance(labels, np.ma.MaskedArray):
        raise TypeError("one_hot: labels are a masked array: its mask would be lost; give labels.filled(...)")
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"one_hot: labels must be integers, got {labels.dtype}")
    if num_classes == -1:
        if not labels.size:
            raise ValueError("one_hot: num_classes is needed where there are no labels")
        num_classes = int(labels.max()) + 1
    outside = (labels < 0) | (labels >= num_classes)
    if outside.any():
        raise ValueError(f"one_hot: labels must lie in [0, {num_classes}), got {labels[outside][0]}")
    out = np.zeros((*labels.shape, num_classes), np.int64)
    np.put_along_axis(out, labels[..., None].astype(np.int64), 1, -1)
    return out
