"""A classifier and a regressor by a multilayer perceptron."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .. import ops, optim
from .._settings import Choice, Flag, Integer, Number, Sizes
from ..autograd import Tensor, no_grad
from ._base import (
    ClassifierMixin,
    ClassWeight,
    Examples,
    FeaturesMixin,
    Network,
    NetworkEstimator,
    Part,
    Plain,
    RegressorMixin,
    Scaler,
    as_targets,
    drop_weightless,
    evened,
    label_array,
    number_classes,
    of_rows,
    split_equal_rows,
)
from ._mlp import ACTIVATIONS, MLP
from ._weights import by_class

__all__ = ["MLPClassifier", "MLPRegressor"]

Losses = Callable[..., Tensor]


class MLPEstimator(FeaturesMixin, NetworkEstimator):
    """An estimator by a multilayer perceptron, trained by AdamW with early stopping; scikit-learn's names.

    Args:
        hidden_layer_sizes: widths of the hidden layers.
        activation: "relu", "gelu", "silu", "tanh" or "logistic".
        dropout: probability to drop a hidden unit, in training.
        alpha: weight decay.
        learning_rate_init: learning rate, constant.
        early_stopping: keep `validation_fraction` of the rows aside, stop when their loss has not fallen for more than
            `n_iter_no_change` epochs, and go back to the best weights. Equal rows are on one side.
        warm_start: whether `fit` goes on from the weights of the last fit, of the same features.
    """

    hidden_layer_sizes = Sizes((100,))
    activation = Choice("relu", ACTIVATIONS)
    dropout = Number(0.0, minimum=0, maximum=1)
    alpha = Number(1e-4, minimum=0)
    batch_size = Integer(64, minimum=1)
    learning_rate_init = Number(1e-3, minimum=0)
    max_iter = Integer(200, minimum=1)
    early_stopping = Flag(True)
    warm_start = Flag(False)

    _scaler = Part(Scaler, F="F")
    model_ = Network(MLP)

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (100,),
        activation: str = "relu",
        *,
        dropout: float = 0.0,
        alpha: float = 1e-4,
        batch_size: int = 64,
        learning_rate_init: float = 1e-3,
        max_iter: int = 200,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    @property
    def mean_(self) -> np.ndarray:
        return self._scaler.offset

    @property
    def scale_(self) -> np.ndarray:
        return self._scaler.scale

    _losses: Losses
    """The loss of an output and a target; with reduction="none" that of each example."""

    def _fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> Self:
        """Learn from rows and encoded targets."""
        settings, going_on = self._used, self._goes_on()
        if not settings.early_stopping:
            settings.validation_fraction = 0.0
        if not going_on:
            self._scaler = Scaler.standard(x, weights)
        parts = split_equal_rows(x, settings, weights)
        data = self._data(x, y, weights, parts)
        return self._train(*data, model=self.model_ if going_on else None)

    def _data(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None, parts: tuple[np.ndarray, np.ndarray]
    ) -> tuple[Losses, Any, Any]:
        """Return the loss, batches to learn from, and those held out; with weights a target is a row's number."""
        x, losses = self._scaler.scaled(x), type(self)._losses
        if weights is None:
            return losses, *Examples(x, y).split(self._used, parts)
        loss = of_rows(
            lambda out, target, weight: (losses(out, target, reduction="none") * weight).mean(),
            y,
            evened(weights, parts).astype(x.dtype),
        )
        return loss, *Examples(x, np.arange(len(x))).split(self._used, parts)

    def _partial_fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> Self:
        """Train one epoch with rows and encoded targets; the first call decides how features are scaled."""
        if not self.__sklearn_is_fitted__():
            self._scaler = Scaler.standard(x, weights)
        loss, data, _ = self._data(x, y, weights, (np.arange(len(x)), np.arange(0)))
        return self._train_further(loss, data)

    def _goes_on(self) -> bool:
        """Tell whether this fit goes on from the weights of the last one."""
        return self._used.warm_start and self.__sklearn_is_fitted__()

    def _outputs(self) -> int:
        """Return the width of the network's output."""
        raise NotImplementedError

    def _arguments(self) -> dict[str, Any]:
        sizes = [self.n_features_in_, *self._used.hidden_layer_sizes, self._outputs()]
        return {"sizes": sizes, "activation": self._used.activation, "dropout": self._used.dropout}

    def _make(self) -> MLP:
        return super()._make().to(self.mean_.dtype)

    def _optimizer(self, parameters: Any) -> optim.Optimizer:
        return optim.AdamW(parameters, lr=self._used.learning_rate_init, weight_decay=self._used.alpha)

    def _output(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        """Return what the network gives for rows, [N, outputs]."""
        self._require_fit()
        x = self._check_features(X).astype(self.mean_.dtype, copy=False)
        with no_grad():
            return self.model_(self._scaler.scaled(x)).numpy()


class MLPClassifier(ClassifierMixin, MLPEstimator):
    """Classify rows by a multilayer perceptron with a softmax, trained by AdamW with early stopping; scikit-learn's names.

    Args:
        class_weight: how much each class counts: None (all the same), "balanced" (N / (classes * count of the class)), or
            {label: weight}.

    Attributes:
        model_: the network, an `MLP`.
        classes_: the labels, sorted.
        mean_: of each feature, [features], by which X is standardised.
        scale_: standard deviation of each feature, [features].
        n_features_in_: how many features there are.
        feature_names_in_: the names of a data frame's columns, where all are strings.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    >>> import numpy as np
    >>> from seqnn.models import MLPClassifier
    >>> X = np.random.default_rng(0).standard_normal((200, 2))
    >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    >>> MLPClassifier((32,), learning_rate_init=0.01).fit(X, y).score(X, y) > 0.9
    True
    """

    class_weight = ClassWeight()

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (100,),
        activation: str = "relu",
        *,
        dropout: float = 0.0,
        alpha: float = 1e-4,
        batch_size: int = 64,
        learning_rate_init: float = 1e-3,
        max_iter: int = 200,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        class_weight: dict | str | None = None,
        warm_start: bool = False,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    _losses = staticmethod(ops.cross_entropy)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Learn from rows and their labels.

        Args:
            X: [N, features].
            y: labels [N] of any kind that sorts.
            sample_weight: how much each row counts, [N]; default: all the same. A row of weight 2 is as good as two rows.

        Returns:
            The estimator.
        """
        going_on = self._begin().warm_start and self.__sklearn_is_fitted__()
        x = self._check_features(X) if going_on else self._learn_features(X)
        x, labels, weights = drop_weightless(x, label_array(y, len(x)), sample_weight)
        classes, ids = number_classes(labels)
        if going_on and classes.tolist() != self.classes_.tolist():
            raise ValueError(f"y: warm_start expects the classes {self.classes_.tolist()}, got {classes.tolist()}")
        self.classes_ = classes
        return self._fit(x, ids, by_class(self._used.class_weight, self.classes_, ids, weights))

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train one epoch with rows and their labels; the first call decides how features are scaled.

        Args:
            X: [N, features].
            y: labels [N].
            classes: all labels that later calls may bring; the first call needs it.
            sample_weight: how much each row counts, [N]; default: all the same.

        Returns:
            The estimator.
        """
        first = not self.__sklearn_is_fitted__()
        self._begin()
        x = self._learn_features(X) if first else self._check_features(X)
        x, labels, weights = drop_weightless(x, label_array(y, len(x)), sample_weight)
        if first:
            if classes is None:
                raise ValueError("classes: the first call of partial_fit needs all labels, got None")
            self.classes_, _ = number_classes(np.asarray(classes))
        number = {label: i for i, label in enumerate(self.classes_.tolist())}
        if unknown := [label for label in labels.tolist() if label not in number]:
            raise ValueError(f"y: {unknown[0]!r} is not among the classes {self.classes_.tolist()}")
        ids = np.array([number[label] for label in labels.tolist()], np.int32)
        return self._partial_fit(x, ids, by_class(self._used.class_weight, self.classes_, ids, weights))

    def _outputs(self) -> int:
        return len(self.classes_)

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`.

        Args:
            X: numbers [N, features].
        """
        return ops.softmax(self._output(X))


class MLPRegressor(RegressorMixin, MLPEstimator):
    """Predict numbers by a multilayer perceptron with the squared error; scikit-learn's names.

    y is [N] or [N, outputs]; it is standardised for training, and predictions come back in its units.

    Attributes:
        model_: the network, an `MLP`.
        mean_: of each feature, [features], by which X is standardised.
        scale_: standard deviation of each feature, [features].
        n_features_in_: how many features there are.
        feature_names_in_: the names of a data frame's columns, where all are strings.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    >>> import numpy as np
    >>> from seqnn.models import MLPRegressor
    >>> X = np.linspace(-3, 3, 400)[:, None]
    >>> MLPRegressor((32,), learning_rate_init=0.01).fit(X, np.sin(X[:, 0])).score(X, np.sin(X[:, 0])) > 0.95
    True
    """

    _many_outputs = True

    _y_scaler = Part(Scaler, F="O")
    _flat = Plain(bool)

    @staticmethod
    def _losses(output: Any, target: Any, reduction: str = "mean") -> Any:
        losses = ops.mse_loss(output, target, reduction=reduction)
        return losses.mean(axis=1) if reduction == "none" else losses

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Learn from rows and numbers.

        Args:
            X: [N, features].
            y: numbers [N] or [N, outputs].
            sample_weight: how much each row counts, [N]; default: all the same. A row of weight 2 is as good as two rows.

        Returns:
            The estimator.
        """
        going_on = self._begin().warm_start and self.__sklearn_is_fitted__()
        x = self._check_features(X) if going_on else self._learn_features(X)
        x, y, weights = drop_weightless(x, as_targets(y, len(x), x.dtype), sample_weight)
        return self._fit(x, self._targets(y, going_on, weights), weights)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train one epoch with rows and numbers; the first call decides how features and numbers are scaled.

        Args:
            X: [N, features].
            y: numbers [N] or [N, outputs].
            sample_weight: how much each row counts, [N]; default: all the same.

        Returns:
            The estimator.
        """
        first = not self.__sklearn_is_fitted__()
        self._begin()
        x = self._learn_features(X) if first else self._check_features(X)
        x, y, weights = drop_weightless(x, as_targets(y, len(x), x.dtype), sample_weight)
        return self._partial_fit(x, self._targets(y, not first, weights), weights)

    def _targets(self, y: np.ndarray, going_on: bool, weights: np.ndarray | None) -> np.ndarray:
        """Return standardised numbers [N, outputs]."""
        rows = y.reshape(len(y), -1)
        if not going_on:
            self._flat, self._y_scaler = y.ndim == 1, Scaler.standard(rows, weights)
        elif rows.shape[1] != self._outputs():
            raise ValueError(f"y: expected {self._outputs()} outputs as before, got {rows.shape[1]}")
        return self._y_scaler.scaled(rows)

    def _outputs(self) -> int:
        return len(self._y_scaler.scale)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the predicted numbers, in the shape of the y of `fit`.

        Args:
            X: numbers [N, features].
        """
        y = self._y_scaler.unscaled(self._output(X))
        return y[:, 0] if self._flat else y
