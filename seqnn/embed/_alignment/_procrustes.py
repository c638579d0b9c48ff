"""Orthogonal Procrustes: the rotation that brings rows nearest to others, and the scaling of spaces before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .._vectors import unit_rows

STEPS = ("unit", "center")

_ROWS = 1 << 14
"""Rows that are added up at a time."""


class Normalization:
    """The steps that bring a space to a common scale: "unit" scales rows to length 1, "center" subtracts their mean.

    The means are those of the matrix that it is made for, so that other vectors are changed in the same way.
    """

    def __init__(self, steps: Sequence[str]) -> None:
        if isinstance(steps, str) or not isinstance(steps, Iterable) or not all(step in STEPS for step in steps):
            raise ValueError(f"normalize: expected a sequence of 'unit' and 'center', got {steps!r}")
        self.steps = tuple(steps)
        self.means: list[np.ndarray] = []

    def fit(self, matrix: np.ndarray) -> np.ndarray:
        """Find the means of a matrix [V, D], and return a changed copy of it."""
        self.means = []
        matrix = _floats(matrix)
        for step in self.steps:
            if step == "unit":
                unit_rows(matrix)
            else:
                self.means.append(matrix.mean(0, dtype=np.float64).astype(matrix.dtype))
                matrix -= self.means[-1]
        return matrix

    def apply(self, matrix: np.ndarray) -> np.ndarray:
        """Return a copy of other vectors [N, D], changed in the same way."""
        matrix, means = _floats(matrix), iter(self.means)
        for step in self.steps:
            if step == "unit":
                unit_rows(matrix)
            else:
                matrix -= next(means)
        return matrix


def rotation(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Find the orthogonal R [D, D] that minimises |source R - target|, for rows [N, D] that belong together.

    With U S V' the singular value decomposition of source' target it is U V' (Schönemann, "A generalized solution of the
    orthogonal Procrustes problem", 1966).
    """
    products = np.zeros((source.shape[1], target.shape[1]))
    for first in range(0, len(source), _ROWS):
        products += source[first : first + _ROWS].T @ target[first : first + _ROWS]
    left, _, right = np.linalg.svd(products)
    return left @ right


def check_enough(count: int, size: int, name: str) -> None:
    """Refuse fewer pairs than dimensions: they do not determine a rotation."""
    if count < size:
        raise ValueError(
            f"{name}: expected at least {size} different pairs of known words, one for each dimension of the vectors, got "
            f"{count}: with fewer the rotation is not determined"
        )


def _floats(matrix: np.ndarray) -> np.ndarray:
    """Return a copy as float32, or float64 where it is that."""
    return np.array(matrix, np.float64 if matrix.dtype == np.float64 else np.float32)
