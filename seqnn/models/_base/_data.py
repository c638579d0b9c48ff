"""Checks of what `fit` and `predict` get, with messages that name the argument and, where it matters, scikit-learn's words."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._arguments import warn_caller
from ._sklearn import DataConversionWarning, theirs_too

__all__ = [
    "as_features",
    "as_labels",
    "as_numbers",
    "as_targets",
    "as_weights",
    "drop_weightless",
    "label_array",
    "number_classes",
    "r2_score",
    "same_labels",
]


def as_numbers(values: Any, name: str) -> np.ndarray:
    """Return real numbers as an array of their kind; objects become float64.

    Raises:
        TypeError: these are texts, dates, sparse matrices or other objects than numbers.
        ValueError: these are complex numbers.
    """
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise TypeError(f"{name}: expected a dense array, got a sparse {type(values).__name__}: give {name}.toarray()")
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name}: expected an array, or lists of equal lengths, got lists of other lengths") from None
    if array.dtype == object:
        array = _from_objects(values, array, name)
    if array.dtype.kind == "c":
        raise ValueError(f"{name}: Complex data not supported, got {array.dtype}")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected numbers, got {array.dtype}")
    return array


def _from_objects(values: Any, array: np.ndarray, name: str) -> np.ndarray:
    """Return objects as float64, such as the columns of different kinds of a data frame; what is missing becomes NaN."""
    if hasattr(values, "convert_dtypes"):  # pandas, whose own missing values are no floats
        array = values.to_numpy(dtype=object, na_value=np.nan)
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: expected numbers, got objects: {error}") from None


def as_features(x: Any, name: str = "X") -> np.ndarray:
    """Return a matrix [N, features] of finite numbers, float32, or float64 where it is so."""
    x = as_numbers(x, name)
    if x.ndim != 2:
        reshape = f"{name}.reshape(-1, 1) for one feature, {name}.reshape(1, -1) for one row"
        raise ValueError(f"{name}: expected shape [N, features], got {list(x.shape)}. Reshape your data: {reshape}")
    for size, what in zip(x.shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise ValueError(f"{name}: found 0 {what}(s) (shape={x.shape}) while a minimum of 1 is required.")
    x = x.astype(np.float64 if x.dtype.kind == "f" and x.dtype.itemsize > 4 else np.float32, copy=False)
    finite = np.isfinite(x).all(axis=1)
    if not finite.all():
        raise ValueError(f"{name}: expected finite numbers, row {int(np.argmin(finite))} has NaN or infinity")
    return x


def as_labels(y: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Number the classes of labels.

    Args:
        y: `count` labels of any kind that sorts.
        count: how many examples there are.

    Returns:
        The classes, sorted; and the number of each label's class, int32 [N].

    Raises:
        ValueError: there is not one label for each example, labels are missing, or they are of fewer than two classes
            or of so many floating values that they are no labels.
    """
    return number_classes(label_array(y, count))


def number_classes(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes of labels, sorted, and the number of each label's class, int32 [N]."""
    try:
        classes, ids = np.unique(labels, return_inverse=True)
    except TypeError:
        raise ValueError("y: Unknown label type: expected labels of one kind that sorts, got several kinds") from None
    if len(classes) < 2:
        raise ValueError(f"y: expected at least two classes, got {classes.tolist()} (1 class)")
    return classes, ids.astype(np.int32)


def label_array(y: Any, count: int) -> np.ndarray:
    """Return labels [N], checked; a column becomes [N] with a warning, and objects that are numbers become numbers."""
    try:
        y = np.asarray(_given(y))
    except ValueError as error:
        if y is None:
            raise
        raise ValueError(
            f"y: expected one label for each of {count} rows of X, got {type(y).__name__}: {error}"
        ) from None
    if y.dtype.kind == "O":
        y = _narrowed(y)
    if y.shape == (count, 1) and count:
        message = "A column-vector y was passed when a 1d array was expected: its only column is taken"
        warn_caller(message, theirs_too(DataConversionWarning))
        y = y[:, 0]
    if y.shape != (count,):
        raise ValueError(f"y: expected one label for each of {count} rows of X, got shape {list(y.shape)}")
    if y.dtype.kind == "c":
        raise ValueError(f"y: Complex data not supported, got {y.dtype}")
    if y.dtype.kind in "fmM" and not (np.isfinite(y) if y.dtype.kind == "f" else ~np.isnat(y)).all():
        raise ValueError("y: expected labels, got NaN or infinity among them")
    if y.dtype.kind == "f" and (y != np.trunc(y)).any():
        raise ValueError(
            "y: Unknown label type: continuous numbers are no labels; give integers or texts, or take a regressor"
        )
    return y


def _given(y: Any) -> Any:
    if y is None:
        raise ValueError("y: this estimator requires y to be passed, but the target y is None")
    return y


def _narrowed(y: np.ndarray) -> np.ndarray:
    """Return objects that are all numbers or all truth values as such; texts stay."""
    if any(value is None or value != value or type(value).__name__ == "NAType" for value in y.ravel().tolist()):
        raise ValueError("y: expected labels, got missing ones (None or NaN) among them")
    found = np.array(y.tolist()) if all(isinstance(v, bool | int | float) for v in y.ravel().tolist()) else y
    return found if found.shape == y.shape and found.dtype.kind in "biuf" else y


def as_targets(y: Any, count: int, dtype: np.dtype) -> np.ndarray:
    """Return numbers [N] or [N, outputs], one row for each of `count` examples."""
    y = as_numbers(_given(y), "y")
    if y.ndim not in (1, 2) or len(y) != count or 0 in y.shape:
        raise ValueError(f"y: expected [N] or [N, outputs] with N={count} as X has, got {list(y.shape)}")
    if not np.isfinite(y).all():
        raise ValueError("y: expected finite numbers, got NaN or infinity")
    return y.astype(dtype, copy=False)


def as_weights(weights: Any, count: int) -> np.ndarray | None:
    """Return how much each of `count` examples counts, float64 [N]; None where all count the same."""
    if weights is None:
        return None
    found = as_numbers(weights, "sample_weight").astype(np.float64)
    if found.ndim == 0:
        found = np.full(count, found)
    if found.shape != (count,):
        raise ValueError(f"sample_weight: expected {count} numbers, one for each example, got {list(found.shape)}")
    if not np.isfinite(found).all() or (found < 0).any():
        raise ValueError("sample_weight: expected finite numbers >= 0")
    if not found.any():
        raise ValueError("sample_weight: expected at least one weight that is not zero, got none")
    return found


def drop_weightless(x: Any, y: np.ndarray, sample_weight: Any) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Return the examples that count, their targets, and their weights; None where all count the same."""
    weights = as_weights(sample_weight, len(y))
    if weights is None or weights.all():
        return x, y, weights
    rows = np.flatnonzero(weights)
    return (x[rows] if isinstance(x, np.ndarray) else [x[i] for i in rows]), y[rows], weights[rows]


def same_labels(y: Any, predicted: np.ndarray) -> np.ndarray:
    """Return true labels to compare predicted ones with; a ValueError where they are of another kind."""
    y = label_array(y, len(predicted))
    texts = [array.dtype.kind in "US" or isinstance(array[:1].item(), str) for array in (y, predicted)]
    if texts[0] != texts[1]:
        raise ValueError(f"y: expected labels as fit got, such as {predicted.tolist()[0]!r}, got {y.tolist()[0]!r}")
    return y


def r2_score(y: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return R^2 = 1 - sum (y - prediction)^2 / sum (y - mean)^2, the mean over several outputs.

    Where y does not vary it is 1 for exact predictions, else 0. `weights` [N] say how much each row counts.
    """
    errors = np.average(np.square(y - predicted), axis=0, weights=weights)
    spread = np.average(np.square(y - np.average(y, axis=0, weights=weights)), axis=0, weights=weights)
    constant = np.where(errors > 0, 0.0, 1.0)
    return float(np.mean(np.where(spread > 0, 1 - errors / np.where(spread > 0, spread, 1), constant)))
