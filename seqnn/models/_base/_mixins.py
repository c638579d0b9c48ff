"""What all classifiers have in common, all regressors, and all that transform."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._data import as_targets, as_weights, r2_score, same_labels
from ._learnt import Labels, Learner

__all__ = ["ClassifierMixin", "RegressorMixin", "TransformerMixin"]


class ClassifierMixin(Learner):
    """Labels of the most probable classes; the estimator has `predict_proba`."""

    _kind = "classifier"

    classes_ = Labels("C")

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        """Return the probabilities [N, classes], in the order of `classes_`."""
        raise NotImplementedError

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the most probable label of each example, [N].

        Args:
            X: as for `fit`.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_log_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the logarithms of the probabilities [N, classes], in the order of `classes_`.

        Args:
            X: as for `fit`.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Return the share of examples whose label is predicted.

        Args:
            X: examples.
            y: their labels [N].
            sample_weight: how much each example counts, [N]; default: all the same.

        Raises:
            ValueError: there is not one label for each example, or labels are of another kind than those of `fit`.
        """
        predicted = self.predict(X)
        hits = predicted == same_labels(y, predicted)
        return float(np.average(hits, weights=as_weights(sample_weight, len(hits))))


class RegressorMixin:
    """The coefficient of determination of predictions; the estimator has `predict`."""

    _kind = "regressor"

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the predicted numbers, in the shape of the y of `fit`.

        Args:
            X: as for `fit`.
        """
        raise NotImplementedError

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Return R^2 = 1 - sum (y - prediction)^2 / sum (y - mean)^2, the mean over several outputs.

        Args:
            X: examples.
            y: their numbers, [N] or [N, outputs] as in `fit`.
            sample_weight: how much each example counts, [N]; default: all the same.

        Raises:
            ValueError: y has another shape than the predictions.
        """
        predicted = self.predict(X)
        y = as_targets(y, len(predicted), np.dtype(np.float64))
        if y.size != predicted.size:
            raise ValueError(f"y: expected {list(predicted.shape)} as predictions have, got {list(y.shape)}")
        return r2_score(y.reshape(predicted.shape), predicted, as_weights(sample_weight, len(predicted)))


class TransformerMixin:
    """Names of the columns that `transform` makes."""

    @property
    def _n_features_out(self) -> int:
        """Return how many columns there are; an error before `fit`."""
        raise NotImplementedError

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return names for the columns of what `transform` gives.

        Args:
            input_features: not used.
        """
        names = [f"{type(self).__name__.lower()}{i}" for i in range(self._n_features_out)]
        return np.asarray(names, dtype=object)
