"""Logistic regression: linear classification to the optimum."""

from __future__ import annotations

import logging
from typing import Any, Self

import numpy as np

from .. import ops
from ..autograd import Tensor
from ..optim import minimize_lbfgs
from ._data import as_features, as_labels, check_fitted

__all__ = ["LogisticRegression"]

_log = logging.getLogger(__name__)


class LogisticRegression:
    """Logistic regression with an L2 penalty, solved by L-BFGS; scikit-learn's names.

    Minimises C sum_i w_i loss(x_i W^T + b, y_i) + |W|^2 / 2: the logistic loss for two classes, the cross-entropy of
    the softmax for more. The intercept b is not penalised.

    Args:
        C: how much the data count against the penalty (> 0).
        fit_intercept: whether there is b.
        class_weight: None, "balanced" (N / (classes * count of the class)) or {label: weight}.
        max_iter: steps at most; a warning is logged where they do not suffice.
        tol: largest element of the gradient at the end.

    After `fit`: `coef_` [1 or classes, features], `intercept_`, `classes_`, `n_iter_`.

    >>> import numpy as np
    >>> from seqnn.models import LogisticRegression
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), ["no", "no", "yes", "yes"]
    >>> model = LogisticRegression(C=10.0).fit(X, y)
    >>> model.predict([[0.5], [2.5]]).tolist(), model.score(X, y)
    (['no', 'yes'], 1.0)
    """

    def __init__(
        self,
        C: float = 1.0,  # noqa: N803 - scikit-learn's name
        *,
        fit_intercept: bool = True,
        class_weight: dict | str | None = None,
        max_iter: int = 100,
        tol: float = 1e-4,
    ) -> None:
        if not C > 0:
            raise ValueError(f"C: expected a number > 0, got {C}")
        self.C, self.fit_intercept, self.class_weight = C, fit_intercept, class_weight
        self.max_iter, self.tol = max_iter, tol

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from X [N, features] and labels y [N] of any kind that sorts."""
        x = as_features(X)
        self.classes_, ids = as_labels(y, len(x))
        binary = len(self.classes_) == 2
        outputs = 1 if binary else len(self.classes_)
        weights = self._weights(ids).astype(x.dtype)
        target = ids.astype(x.dtype) if binary else ids
        features = x.shape[1]

        def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            parts = parameters.astype(x.dtype).reshape(outputs, features + 1)
            w = Tensor(parts[:, :features].copy(), requires_grad=True)
            b = Tensor(parts[:, features].copy(), requires_grad=self.fit_intercept)
            logits = ops.linear(x, w, b)
            if binary:
                loss = ops.binary_cross_entropy_with_logits(logits[:, 0], target, weights, reduction="sum")
            else:
                losses = ops.cross_entropy(logits, target, reduction="none")
                loss = (losses * weights).sum()
            loss.backward()
            gradient = np.zeros((outputs, features + 1))
            gradient[:, :features] = self.C * w.grad + w.data
            if self.fit_intercept:
                gradient[:, features] = self.C * b.grad
            return self.C * loss.item() + 0.5 * float(np.square(w.data, dtype=np.float64).sum()), gradient.ravel()

        found = minimize_lbfgs(objective, np.zeros(outputs * (features + 1)), max_iter=self.max_iter, tol=self.tol)
        if not found.converged:
            _log.warning(
                "LogisticRegression: not converged after %d steps; raise max_iter or scale X", found.iterations
            )
        solution = found.x.reshape(outputs, features + 1)
        self.coef_, self.intercept_ = solution[:, :features].copy(), solution[:, features].copy()
        self.n_iter_ = found.iterations
        return self

    def decision_function(self, X: Any) -> np.ndarray:  # noqa: N803
        """Logits: [N] of the second class where there are two, else [N, classes]."""
        check_fitted(self, "coef_")
        x = as_features(X, self.coef_.shape[1])
        logits = x @ self.coef_.T.astype(x.dtype) + self.intercept_.astype(x.dtype)
        return logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Probabilities [N, classes], in the order of `classes_`."""
        logits = self.decision_function(X)
        if logits.ndim == 2:
            return ops.softmax(logits)
        second = ops.sigmoid(logits)
        return np.stack([1 - second, second], axis=1)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The most probable label of each row."""
        logits = self.decision_function(X)
        return self.classes_[(logits > 0).astype(np.intp) if logits.ndim == 1 else logits.argmax(axis=1)]

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Share of rows whose label is predicted."""
        return float((self.predict(X) == np.asarray(y)).mean())

    def _weights(self, ids: np.ndarray) -> np.ndarray:
        """The weight of each row."""
        counts = np.bincount(ids, minlength=len(self.classes_))
        if self.class_weight is None:
            return np.ones(len(ids))
        if isinstance(self.class_weight, str):
            if self.class_weight != "balanced":
                raise ValueError(f"class_weight: expected None, 'balanced' or a dict, got {self.class_weight!r}")
            return (len(ids) / (len(counts) * counts))[ids]
        unknown = set(self.class_weight) - set(self.classes_.tolist())
        if unknown:
            raise ValueError(f"class_weight: {sorted(unknown)} are not among the classes {self.classes_.tolist()}")
        return np.array([self.class_weight.get(c, 1.0) for c in self.classes_.tolist()])[ids]
