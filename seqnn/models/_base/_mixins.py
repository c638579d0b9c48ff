"""What all classifiers have in common, and all regressors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._data import r2_score
from ._learnt import Labels, Learner

__all__ = ["ClassifierMixin", "RegressorMixin"]


class ClassifierMixin(Learner):
    """Labels of the most probable classes; the estimator has `predict_proba`."""

    _kind = "classifier"

    classes_ = Labels("C")

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        """Return the probabilities [N, classes], in the order of `classes_`."""
        raise NotImplementedError

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the most probable label of each example, [N]."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Return the share of examples whose label is predicted."""
        return float((self.predict(X) == np.asarray(y)).mean())


class RegressorMixin:
    """The coefficient of determination of predictions; the estimator has `predict`."""

    _kind = "regressor"

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the predicted numbers, in the shape of the y of `fit`."""
        raise NotImplementedError

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Return R^2 = 1 - sum (y - prediction)^2 / sum (y - mean)^2, the mean over several outputs."""
        return r2_score(np.asarray(y), self.predict(X))
