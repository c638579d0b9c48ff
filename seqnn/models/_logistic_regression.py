"""Logistic regression: linear classification to the optimum."""

from __future__ import annotations

import logging
from typing import Any, Self

import numpy as np

from .. import ops
from .._settings import Flag, Integer, Number
from ..autograd import Tensor
from ..optim import minimize_lbfgs
from ._base import (
    Array,
    ClassifierMixin,
    ClassWeight,
    Estimator,
    Plain,
    as_features,
    as_labels,
    class_weights,
)

__all__ = ["LogisticRegression"]

_log = logging.getLogger(__name__)


class LogisticRegression(ClassifierMixin, Estimator):
    """Logistic regression with an L2 penalty, solved by L-BFGS; scikit-learn's names.

    Minimises C sum_i w_i loss(x_i W^T + b, y_i) + |W|^2 / 2: the logistic loss for two classes, the cross-entropy of
    the softmax for more. The intercept b is not penalised.

    Args:
        C: how much the data count against the penalty (> 0).
        fit_intercept: whether there is b.
        class_weight: None, "balanced" (N / (classes * count of the class)) or {label: weight}.
        max_iter: steps at most; a warning is logged where they do not suffice.
        tol: largest element of the gradient at the end.

    Attributes:
        coef_: W, [1 or classes, features].
        intercept_: b, [1 or classes].
        classes_: the labels, sorted.
        n_iter_: steps of the solver.

    >>> import numpy as np
    >>> from seqnn.models import LogisticRegression
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), ["no", "no", "yes", "yes"]
    >>> model = LogisticRegression(C=10.0).fit(X, y)
    >>> model.predict([[0.5], [2.5]]).tolist(), model.score(X, y)
    (['no', 'yes'], 1.0)
    """

    _dense = True

    C = Number(1.0, above=0)
    fit_intercept = Flag(True)
    class_weight = ClassWeight()
    max_iter = Integer(100, minimum=1)
    tol = Number(1e-4, minimum=0)

    coef_ = Array("K F")
    intercept_ = Array("K")
    n_iter_ = Plain(int)

    def __init__(
        self,
        C: float = 1.0,  # noqa: N803 - scikit-learn's name
        *,
        fit_intercept: bool = True,
        class_weight: dict | str | None = None,
        max_iter: int = 100,
        tol: float = 1e-4,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from X [N, features] and labels y [N] of any kind that sorts; return the estimator."""
        settings = self._begin()
        x = as_features(X)
        self.classes_, ids = as_labels(y, len(x))
        binary = len(self.classes_) == 2
        outputs = 1 if binary else len(self.classes_)
        of_classes = class_weights(settings.class_weight, self.classes_, ids)
        weights = (np.ones(len(ids)) if of_classes is None else of_classes[ids]).astype(x.dtype)
        target = ids.astype(x.dtype) if binary else ids
        features = x.shape[1]

        def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            parts = parameters.astype(x.dtype).reshape(outputs, features + 1)
            w = Tensor(parts[:, :features].copy(), requires_grad=True)
            b = Tensor(parts[:, features].copy(), requires_grad=settings.fit_intercept)
            logits = ops.linear(x, w, b)
            if binary:
                loss = ops.binary_cross_entropy_with_logits(logits[:, 0], target, weights, reduction="sum")
            else:
                losses = ops.cross_entropy(logits, target, reduction="none")
                loss = (losses * weights).sum()
            loss.backward()
            gradient = np.zeros((outputs, features + 1))
            gradient[:, :features] = settings.C * w.grad + w.data
            if settings.fit_intercept:
                gradient[:, features] = settings.C * b.grad
            return settings.C * loss.item() + 0.5 * float(np.square(w.data, dtype=np.float64).sum()), gradient.ravel()

        found = minimize_lbfgs(
            objective, np.zeros(outputs * (features + 1)), max_iter=settings.max_iter, tol=settings.tol
        )
        if not found.converged:
            _log.warning(
                "LogisticRegression: not converged after %d steps; raise max_iter or scale X", found.iterations
            )
        solution = found.x.reshape(outputs, features + 1)
        self.coef_, self.intercept_ = solution[:, :features].copy(), solution[:, features].copy()
        self.n_iter_ = found.iterations
        return self

    def decision_function(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the logits: [N] of the second class where there are two, else [N, classes]."""
        self._require_fit()
        x = as_features(X, self.coef_.shape[1])
        logits = x @ self.coef_.T.astype(x.dtype) + self.intercept_.astype(x.dtype)
        return logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`."""
        logits = self.decision_function(X)
        if logits.ndim == 2:
            return ops.softmax(logits)
        second = ops.sigmoid(logits)
        return np.stack([1 - second, second], axis=1)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the most probable label of each row."""
        logits = self.decision_function(X)
        return self.classes_[(logits > 0).astype(np.intp) if logits.ndim == 1 else logits.argmax(axis=1)]

    def _verify(self) -> None:
        rows = 1 if len(self.classes_) == 2 else len(self.classes_)
        if len(self.coef_) != rows:
            raise ValueError(f"coef_: expected a row for {len(self.classes_)} classes, got {len(self.coef_)}")
