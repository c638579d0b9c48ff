"""What estimators check of their data, in scikit-learn's shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["as_features", "as_labels", "as_targets", "r2_score"]


def as_features(x: Any, features: int | None = None) -> np.ndarray:
    """X as a float32 or float64 matrix [N, features]; float64 only when it is so."""
    x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        raise TypeError(f"X: expected numbers, got {x.dtype}")
    if x.ndim != 2 or (features is not None and x.shape[1] != features):
        raise ValueError(f"X: expected shape [N, {'features' if features is None else features}], got {list(x.shape)}")
    if x.dtype != np.float64:
        x = x.astype(np.float32, copy=False)
    if not np.isfinite(x).all():
        raise ValueError(
            f"X: expected finite numbers, row {int(np.argmin(np.isfinite(x).all(axis=1)))} has NaN or infinity"
        )
    return x


def as_labels(y: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(classes, sorted; number of each label's class, int32 [N]) of `count` labels, at least two of them different."""
    y = np.asarray(y)
    if y.shape != (count,):
        raise ValueError(f"y: expected one label for each of {count} rows of X, got shape {list(y.shape)}")
    classes, ids = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y: expected at least two classes, got {classes.tolist()}")
    return classes, ids.astype(np.int32)


def as_targets(y: Any, count: int, dtype: np.dtype) -> np.ndarray:
    """y as [N] or [N, outputs] numbers."""
    y = np.asarray(y)
    if y.ndim not in (1, 2) or len(y) != count:
        raise ValueError(f"y: expected [N] or [N, outputs] with N={count} as X has, got {list(y.shape)}")
    if y.dtype.kind not in "fiub" or not np.isfinite(y).all():
        raise ValueError("y: expected finite numbers")
    return y.astype(dtype, copy=False)


def r2_score(y: np.ndarray, predicted: np.ndarray) -> float:
    """R^2 = 1 - sum (y - prediction)^2 / sum (y - mean)^2, the mean over several outputs."""
    return float(np.mean(1 - np.square(y - predicted).sum(axis=0) / np.square(y - y.mean(axis=0)).sum(axis=0)))
