"""Estimators whose X is a matrix: its features are counted and named by `fit`, and checked afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._arguments import warn_caller
from ._data import as_features
from ._learnt import Labels, Learner, Plain

__all__ = ["FeaturesMixin"]


class FeaturesMixin(Learner):
    """X is a matrix [N, features]: an array, a list of rows, or a data frame.

    Attributes:
        n_features_in_: how many features there are.
        feature_names_in_: the names of a data frame's columns, [features], where all are strings.
    """

    _dense = True

    n_features_in_ = Plain(int, axis="F")
    feature_names_in_ = Labels("F", optional=True)

    def _learn_features(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        """Return X as a matrix, and remember its features."""
        x = as_features(X)
        names = _names(X)
        self.n_features_in_ = x.shape[1]
        vars(self).pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names
        return x

    def _check_features(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return X as a matrix with the features of `fit`."""
        names, known = _names(X), vars(self).get("feature_names_in_")
        kind = type(self).__name__
        if names is not None and known is None:
            warn_caller(f"X has feature names, but {kind} was fitted without feature names", UserWarning)
        elif names is None and known is not None:
            warn_caller(f"X does not have valid feature names, but {kind} was fitted with feature names", UserWarning)
        elif names is not None and names.tolist() != known.tolist():
            raise ValueError(_difference(known.tolist(), names.tolist()))
        x = as_features(X)
        if x.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X: expected shape [N, {self.n_features_in_}], got {list(x.shape)}: X has {x.shape[1]} features, but "
                f"{kind} is expecting {self.n_features_in_} features as input"
            )
        return x


def _names(X: Any) -> np.ndarray | None:  # noqa: N803
    """Return the names of a data frame's columns; None where there are none, or not all are strings."""
    columns = getattr(X, "columns", None)
    if columns is None or not hasattr(X, "to_numpy"):
        return None
    names = np.array(list(columns), object)
    texts = [isinstance(name, str) for name in names]
    if any(texts) and not all(texts):
        raise TypeError(
            "X: feature names are only supported if all input features have string names: X.columns.astype(str)"
        )
    return names if len(texts) and all(texts) else None


def _difference(known: list[str], given: list[str]) -> str:
    """Say how names differ from those of `fit`, beginning as scikit-learn does."""
    message = "The feature names should match those that were passed during fit."
    for what, names in (
        ("Feature names unseen at fit time", [n for n in given if n not in known]),
        ("Feature names seen at fit time, yet now missing", [n for n in known if n not in given]),
    ):
        if names:
            message += f" {what}: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}."
    return (
        message
        if set(known) != set(given)
        else f"{message} Feature names must be in the same order as they were in fit."
    )
