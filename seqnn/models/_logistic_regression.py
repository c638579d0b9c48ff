"""Logistic regression: linear classification to the optimum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from .. import ops
from .._arguments import warn_caller
from .._settings import Flag, Integer, Number
from ..autograd import Tensor
from ..optim import minimize_lbfgs
from ._base import (
    Array,
    ClassifierMixin,
    ClassWeight,
    ConvergenceWarning,
    Estimator,
    FeaturesMixin,
    Plain,
    class_weights,
    drop_weightless,
    label_array,
    number_classes,
    theirs_too,
)

__all__ = ["LogisticRegression"]


class LogisticRegression(ClassifierMixin, FeaturesMixin, Estimator):
    """Classify rows by logistic regression with an L2 penalty, solved by L-BFGS; scikit-learn's names.

    Minimises C sum_i w_i loss(x_i W^T + b, y_i) + |W|^2 / 2: the logistic loss for two classes, the cross-entropy of
    the softmax for more. The intercept b is not penalised. float64, whatever X is.

    Args:
        C: how much the data count against the penalty.
        fit_intercept: whether there is b.
        class_weight: how much each class counts: None (all the same), "balanced" (N / (classes * count of the class)), or
            {label: weight}.
        max_iter: steps at most; a ConvergenceWarning where they do not suffice.
        tol: largest element of the gradient at the end.
        warm_start: whether `fit` begins at the solution of the last fit, of the same features and classes.

    Attributes:
        coef_: W, [1 or classes, features].
        intercept_: b, [1 or classes].
        classes_: the labels, sorted.
        n_features_in_: how many features there are.
        feature_names_in_: the names of a data frame's columns, where all are strings.
        n_iter_: steps of the solver.

    >>> import numpy as np
    >>> from seqnn.models import LogisticRegression
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), ["no", "no", "yes", "yes"]
    >>> model = LogisticRegression(C=10.0).fit(X, y)
    >>> model.predict([[0.5], [2.5]]).tolist(), model.score(X, y)
    (['no', 'yes'], 1.0)
    """

    C = Number(1.0, above=0)
    fit_intercept = Flag(True)
    class_weight = ClassWeight()
    max_iter = Integer(100, minimum=1)
    tol = Number(1e-4, minimum=0)
    warm_start = Flag(False)

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
        warm_start: bool = False,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Learn from rows and their labels.

        Args:
            X: [N, features].
            y: labels [N] of any kind that sorts.
            sample_weight: how much each row counts, [N]; default: all the same. A row of weight 2 is as good as two rows.

        Returns:
            The estimator.
        """
        settings = self._begin()
        before = vars(self).get("coef_"), vars(self).get("intercept_")
        x = self._learn_features(X)
        x, labels, weights = drop_weightless(x, label_array(y, len(x)), sample_weight)
        self.classes_, ids = number_classes(labels)
        of_classes = class_weights(settings.class_weight, self.classes_, ids, weights)
        weights = np.ones(len(ids)) if weights is None else weights
        weights = weights if of_classes is None else weights * of_classes[ids]
        x = x.astype(np.float64)
        objective = self._objective(x, ids, weights)
        outputs = 1 if len(self.classes_) == 2 else len(self.classes_)
        start = np.zeros((outputs, x.shape[1] + 1))
        if settings.warm_start and before[0] is not None and before[0].shape == (outputs, x.shape[1]):
            start[:, :-1], start[:, -1] = before
        found = minimize_lbfgs(objective, start.ravel(), max_iter=settings.max_iter, tol=settings.tol)
        if not found.converged:
            largest = np.abs(objective(found.x)[1]).max()
            rounding = 1e-14 * settings.C * float(weights @ np.abs(x).max(axis=1))
            stuck = found.iterations < settings.max_iter or largest < rounding
            why = "rounding errors hide the way down: scale X, or raise tol" if stuck else "raise max_iter or scale X"
            warn_caller(
                f"LogisticRegression: not converged after {found.iterations} steps, the gradient is {largest:.2g}, "
                f"tol={settings.tol:g}: {why}",
                theirs_too(ConvergenceWarning),
            )
        solution = found.x.reshape(outputs, -1)
        self.coef_, self.intercept_ = solution[:, :-1].copy(), solution[:, -1].copy()
        self.n_iter_ = max(found.iterations, 1)
        return self

    def _objective(self, x: np.ndarray, ids: np.ndarray, weights: np.ndarray) -> Callable[[np.ndarray], tuple]:
        """Return the function that `fit` minimises: coefficients to (value, gradient)."""
        settings, features, binary = self._used, x.shape[1], len(self.classes_) == 2
        target = ids.astype(x.dtype) if binary else ids

        def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            parts = parameters.reshape(-1, features + 1)
            w = Tensor(parts[:, :features].copy(), requires_grad=True)
            b = Tensor(parts[:, features].copy(), requires_grad=settings.fit_intercept)
            logits = ops.linear(x, w, b)
            if binary:
                loss = ops.binary_cross_entropy_with_logits(logits[:, 0], target, weights, reduction="sum")
            else:
                loss = (ops.cross_entropy(logits, target, reduction="none") * weights).sum()
            loss.backward()
            gradient = np.zeros(parts.shape)
            gradient[:, :features] = settings.C * w.grad + w.data
            if settings.fit_intercept:
                gradient[:, features] = settings.C * b.grad
            return settings.C * loss.item() + 0.5 * float(np.square(w.data).sum()), gradient.ravel()

        return objective

    def decision_function(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the logits: [N] of the second class where there are two, else [N, classes].

        Args:
            X: numbers [N, features].
        """
        self._require_fit()
        x = self._check_features(X)
        logits = x @ self.coef_.T.astype(x.dtype) + self.intercept_.astype(x.dtype)
        return logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`.

        Args:
            X: numbers [N, features].
        """
        logits = self.decision_function(X)
        if logits.ndim == 2:
            return ops.softmax(logits)
        second = ops.sigmoid(logits)
        return np.stack([1 - second, second], axis=1)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the most probable label of each row.

        Args:
            X: numbers [N, features].
        """
        logits = self.decision_function(X)
        return self.classes_[(logits > 0).astype(np.intp) if logits.ndim == 1 else logits.argmax(axis=1)]

    def _verify(self) -> None:
        rows = 1 if len(self.classes_) == 2 else len(self.classes_)
        if len(self.coef_) != rows:
            raise ValueError(f"coef_: expected a row for {len(self.classes_)} classes, got {len(self.coef_)}")
