"""Numbers brought to offset 0 and scale 1, and back."""

from __future__ import annotations

from typing import Self

import numpy as np

from ._learnt import Array, Learner

__all__ = ["Scaler"]


class Scaler(Learner):
    """Scale each column: (rows - offset) / scale.

    Args:
        offset: what becomes 0, [F].
        scale: what becomes 1, [F]; one of 0, or not larger than the rounding of the offset, counts as 1.

    >>> import numpy as np
    >>> scaler = Scaler.standard(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> scaler.scaled(np.array([[5.0, 6.0]])).tolist(), scaler.unscaled(np.array([[3.0, 1.0]])).tolist()
    ([[3.0, 1.0]], [[5.0, 6.0]])
    """

    offset = Array("F")
    scale = Array("F")

    def __init__(self, offset: np.ndarray, scale: np.ndarray) -> None:
        rounding = 10 * np.finfo(scale.dtype).eps * np.abs(offset)
        self.offset, self.scale = offset, np.where(scale > rounding, scale, 1).astype(scale.dtype, copy=False)

    @classmethod
    def standard(cls, rows: np.ndarray, weights: np.ndarray | None = None) -> Self:
        """Bring rows [N, F], which count by their weights [N], to mean 0 and standard deviation 1."""
        if weights is None:
            return cls(rows.mean(axis=0), rows.std(axis=0))
        mean = np.average(rows, axis=0, weights=weights)
        deviation = np.sqrt(np.average(np.square(rows - mean), axis=0, weights=weights))
        return cls(mean.astype(rows.dtype), deviation.astype(rows.dtype))

    @classmethod
    def minmax(cls, rows: np.ndarray) -> Self:
        """Bring rows [N, F] into [0, 1]."""
        return cls(rows.min(axis=0), np.ptp(rows, axis=0))

    @classmethod
    def none(cls, rows: np.ndarray) -> Self:
        """Leave rows [N, F] as they are."""
        return cls(np.zeros(rows.shape[1]), np.ones(rows.shape[1]))

    def scaled(self, rows: np.ndarray) -> np.ndarray:
        """Return rows [..., F] in units of the scale."""
        return (rows - self.offset) / self.scale

    def unscaled(self, rows: np.ndarray) -> np.ndarray:
        """Return scaled rows [..., F] in their own units."""
        return rows * self.scale + self.offset
