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
    Examples,
    Network,
    NetworkEstimator,
    Part,
    Plain,
    RegressorMixin,
    Scaler,
    as_features,
    as_labels,
    as_targets,
)
from ._mlp import ACTIVATIONS, MLP

__all__ = ["MLPClassifier", "MLPRegressor"]


class MLPEstimator(NetworkEstimator):
    """An estimator by a multilayer perceptron, trained by AdamW with early stopping; scikit-learn's names.

    Args:
        hidden_layer_sizes: widths of the hidden layers.
        activation: see `MLP`.
        dropout: probability to drop a hidden unit.
        alpha: weight decay.
        learning_rate_init: learning rate, constant.
        early_stopping: keep `validation_fraction` of the rows aside, stop when their loss has not fallen for more than
            `n_iter_no_change` epochs, and go back to the best weights.

    Attributes:
        model_: the network, an `MLP`.
        mean_: of each feature, [features], by which X is standardised.
        scale_: standard deviation of each feature, [features].
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.
    """

    _dense = True

    hidden_layer_sizes = Sizes((100,))
    activation = Choice("relu", ACTIVATIONS)
    dropout = Number(0.0, minimum=0, maximum=1)
    alpha = Number(1e-4, minimum=0)
    batch_size = Integer(64, minimum=1)
    learning_rate_init = Number(1e-3, minimum=0)
    max_iter = Integer(200, minimum=1)
    early_stopping = Flag(True)

    _scaler = Part(Scaler)
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

    def _fit(self, x: np.ndarray, y: np.ndarray, loss: Callable[[Any, Any], Tensor]) -> Self:
        settings = self._used
        self._scaler = Scaler.standard(x)
        if not settings.early_stopping:
            settings.validation_fraction = 0.0
        return self._train(loss, *Examples(self._scaler.scaled(x), y).split(settings))

    def _outputs(self) -> int:
        """Return the width of the network's output."""
        raise NotImplementedError

    def _arguments(self) -> dict[str, Any]:
        sizes = [len(self.mean_), *self._used.hidden_layer_sizes, self._outputs()]
        return {"sizes": sizes, "activation": self._used.activation, "dropout": self._used.dropout}

    def _make(self) -> MLP:
        return super()._make().to(self.mean_.dtype)

    def _optimizer(self, parameters: Any) -> optim.Optimizer:
        return optim.AdamW(parameters, lr=self._used.learning_rate_init, weight_decay=self._used.alpha)

    def _output(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        """Return what the network gives for rows, [N, outputs]."""
        self._require_fit()
        x = as_features(X, len(self.mean_)).astype(self.mean_.dtype, copy=False)
        with no_grad():
            return self.model_(self._scaler.scaled(x)).numpy()


class MLPClassifier(ClassifierMixin, MLPEstimator):
    """Classify rows by a multilayer perceptron with a softmax, trained by AdamW with early stopping; scikit-learn's names.

    Attributes:
        model_: the network, an `MLP`.
        classes_: the labels, sorted.
        mean_: of each feature, [features], by which X is standardised.
        scale_: standard deviation of each feature, [features].
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    >>> import numpy as np
    >>> from seqnn.models import MLPClassifier
    >>> X = np.random.default_rng(0).standard_normal((200, 2))
    >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    >>> MLPClassifier((32,), learning_rate_init=0.01).fit(X, y).score(X, y) > 0.9
    True
    """

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from X [N, features] and labels y [N] of any kind that sorts; return the estimator."""
        self._begin()
        x = as_features(X)
        self.classes_, ids = as_labels(y, len(x))
        return self._fit(x, ids, ops.cross_entropy)

    def _outputs(self) -> int:
        return len(self.classes_)

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`."""
        return ops.softmax(self._output(X))


class MLPRegressor(RegressorMixin, MLPEstimator):
    """Predict numbers by a multilayer perceptron with the squared error; scikit-learn's names.

    y is [N] or [N, outputs]; it is standardised for training, and predictions come back in its units.

    Attributes:
        model_: the network, an `MLP`.
        mean_: of each feature, [features], by which X is standardised.
        scale_: standard deviation of each feature, [features].
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

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from X [N, features] and numbers y [N] or [N, outputs]; return the estimator."""
        self._begin()
        x = as_features(X)
        y = as_targets(y, len(x), x.dtype)
        self._flat = y.ndim == 1
        y = y.reshape(len(y), -1)
        self._y_scaler = Scaler.standard(y)
        return self._fit(x, self._y_scaler.scaled(y), ops.mse_loss)

    def _outputs(self) -> int:
        return len(self._y_scaler.scale)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the predicted numbers, in the shape of the y of `fit`."""
        y = self._y_scaler.unscaled(self._output(X))
        return y[:, 0] if self._flat else y
