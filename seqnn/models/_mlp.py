"""Multilayer perceptrons: a network, a classifier and a regressor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np

from .. import nn, ops
from ..autograd import Tensor, no_grad
from ._data import as_features, as_labels, as_targets, check_fitted, r2_score
from ._estimator import Estimator

__all__ = ["MLP", "MLPClassifier", "MLPRegressor"]

_ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid}


class MLP(nn.Sequential):
    """Linear layers with an activation between them: sizes[0] inputs, hidden layers, sizes[-1] outputs.

    Args:
        sizes: widths, at least two.
        activation: "relu", "gelu", "silu", "tanh" or "logistic".
        dropout: probability to drop a hidden unit.

    >>> from seqnn.models import MLP
    >>> MLP([4, 8, 3])
    MLP(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=8, out_features=3, bias=True)
    )
    """

    def __init__(self, sizes: Sequence[int], *, activation: str = "relu", dropout: float = 0.0) -> None:
        if len(sizes) < 2:
            raise ValueError(f"sizes: expected at least inputs and outputs, got {list(sizes)}")
        if activation not in _ACTIVATIONS:
            raise ValueError(f"activation: expected one of {sorted(_ACTIVATIONS)}, got {activation!r}")
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes[:-1]):
            layers += [nn.Linear(inputs, outputs), _ACTIVATIONS[activation]()]
            if dropout:
                layers.append(nn.Dropout(dropout))
        super().__init__(*layers, nn.Linear(sizes[-2], sizes[-1]))


class _MLPEstimator(Estimator):
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
        random_state: int = 0,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            batch_size=batch_size, learning_rate=learning_rate_init, weight_decay=alpha, max_iter=max_iter,
            validation_fraction=validation_fraction if early_stopping else 0, n_iter_no_change=n_iter_no_change,
            random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.hidden_layer_sizes, self.activation, self.dropout = tuple(hidden_layer_sizes), activation, dropout

    def _fit(self, x: np.ndarray, y: np.ndarray, outputs: int, loss: Callable[[Any, Any], Tensor]) -> None:
        self.mean_ = x.mean(axis=0)
        deviation = x.std(axis=0)
        self.scale_ = np.where(deviation > 0, deviation, 1).astype(x.dtype)
        x = (x - self.mean_) / self.scale_
        rest, held = self._split(len(x))
        sizes = [x.shape[1], *self.hidden_layer_sizes, outputs]
        self._train(
            lambda: MLP(sizes, activation=self.activation, dropout=self.dropout).to(x.dtype),
            loss,
            (x[rest], y[rest]),
            (x[held], y[held]) if len(held) else None,
        )
        self.n_iter_ = len(self.history_["loss"])

    def _outputs(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        check_fitted(self, "model_")
        x = as_features(X, len(self.mean_)).astype(self.mean_.dtype, copy=False)
        with no_grad():
            return self.model_((x - self.mean_) / self.scale_).numpy()


class MLPClassifier(_MLPEstimator):
    """Classifier by a multilayer perceptron with a softmax, trained by AdamW with early stopping; scikit-learn's names.

    Args:
        hidden_layer_sizes: widths of the hidden layers.
        activation: see `MLP`.
        dropout: probability to drop a hidden unit.
        alpha: weight decay.
        batch_size: examples a step.
        learning_rate_init: learning rate, constant.
        max_iter: epochs at most.
        early_stopping: keep `validation_fraction` of the rows aside, stop when their loss has not fallen for
            `n_iter_no_change` epochs, and go back to the best weights.
        random_state: seed of the weights, the order of the rows and dropout.
        verbose: 1 shows a bar.

    After `fit`: `model_` (an `MLP`), `classes_`, `history_`, `n_iter_`, and `mean_` and `scale_` of the features, by which
    X is standardised.

    >>> import numpy as np
    >>> from seqnn.models import MLPClassifier
    >>> X = np.random.default_rng(0).standard_normal((200, 2))
    >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    >>> MLPClassifier((32,), learning_rate_init=0.01).fit(X, y).score(X, y) > 0.9
    True
    """

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from X [N, features] and labels y [N] of any kind that sorts."""
        x = as_features(X)
        self.classes_, ids = as_labels(y, len(x))
        self._fit(x, ids, len(self.classes_), ops.cross_entropy)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Probabilities [N, classes], in the order of `classes_`."""
        return ops.softmax(self._outputs(X))

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The most probable label of each row."""
        best = self._outputs(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Share of rows whose label is predicted."""
        return float((self.predict(X) == np.asarray(y)).mean())


class MLPRegressor(_MLPEstimator):
    """Regression by a multilayer perceptron with the squared error; arguments and attributes as `MLPClassifier`.

    y is [N] or [N, outputs]; it is standardised for training, and predictions come back in its units.

    >>> import numpy as np
    >>> from seqnn.models import MLPRegressor
    >>> X = np.linspace(-3, 3, 400)[:, None]
    >>> MLPRegressor((32,), learning_rate_init=0.01).fit(X, np.sin(X[:, 0])).score(X, np.sin(X[:, 0])) > 0.95
    True
    """

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from X [N, features] and numbers y."""
        x = as_features(X)
        y = as_targets(y, len(x), x.dtype)
        self._flat = y.ndim == 1
        y = y.reshape(len(y), -1)
        self.y_mean_ = y.mean(axis=0)
        deviation = y.std(axis=0)
        self.y_scale_ = np.where(deviation > 0, deviation, 1).astype(x.dtype)
        self._fit(x, (y - self.y_mean_) / self.y_scale_, y.shape[1], ops.mse_loss)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Predicted numbers, in the shape of the y of `fit`."""
        y = self._outputs(X) * self.y_scale_ + self.y_mean_
        return y[:, 0] if self._flat else y

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """R^2 = 1 - sum (y - prediction)^2 / sum (y - mean)^2, the mean over several outputs."""
        return r2_score(np.asarray(y), self.predict(X))
