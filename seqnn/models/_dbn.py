"""Deep belief nets: restricted Boltzmann machines learnt layer by layer, then one network trained by backpropagation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

from .. import ops, random
from .._settings import Choice, Integer, Number, Sizes
from ..autograd import no_grad
from ._base import (
    ClassifierMixin,
    Examples,
    FeaturesMixin,
    Network,
    NetworkEstimator,
    TransformerMixin,
    as_labels,
    split_equal_rows,
)
from ._mlp import MLP
from ._rbm import RBM, BernoulliRBM, GaussianRBM, checked_shares

__all__ = ["DBN", "DBNAutoencoder"]


class DeepBeliefNet(FeaturesMixin, TransformerMixin, NetworkEstimator):
    """A network of sigmoid layers whose weights begin as those of restricted Boltzmann machines.

    Each machine learns the hidden units of the one below, on the rows that are learnt from; then all layers are trained
    together by AdamW: by all rows for all epochs, or with early stopping where `validation_fraction` holds some out.

    Args:
        hidden_layer_sizes: widths of the hidden layers, one machine each.
        visible: "bernoulli" for values in [0, 1], "gaussian" for columns of mean 0 and standard deviation 1.
        pretrain_iter: epochs of each machine; 0 leaves the random weights of a new network.
        pretrain_learning_rate: of the machines; a hundredth of it for Gaussian units.
        pretrain_batch_size: rows of a batch for the machines.
        k: Gibbs steps of contrastive divergence, which begin at the rows (CD-k).
        learning_rate: of the network.
        weight_decay: of the network.
    """

    hidden_layer_sizes = Sizes((256, 256))
    visible = Choice("bernoulli", ("bernoulli", "gaussian"))
    pretrain_iter = Integer(50)
    pretrain_learning_rate = Number(0.1, above=0)
    pretrain_batch_size = Integer(10, minimum=1)
    k = Integer(1, minimum=1, maximum=2**20)
    learning_rate = Number(1e-3, above=0)
    weight_decay = Number(1e-4, minimum=0)
    max_iter = Integer(70, minimum=1)
    validation_fraction = Number(0.0, minimum=0, below=1)

    model_ = Network(MLP)

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (256, 256),
        *,
        visible: str = "bernoulli",
        pretrain_iter: int = 50,
        pretrain_learning_rate: float = 0.1,
        pretrain_batch_size: int = 10,
        k: int = 1,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        batch_size: int = 32,
        max_iter: int = 70,
        validation_fraction: float = 0.0,
        n_iter_no_change: int = 10,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def _outputs(self) -> list[int]:
        """Return the widths of the layers after the hidden ones of the machines."""
        raise NotImplementedError

    def _arguments(self) -> dict[str, Any]:
        sizes = [self.n_features_in_, *self._used.hidden_layer_sizes, *self._outputs()]
        return {"sizes": sizes, "activation": "logistic"}

    def _fit(self, loss: Any, x: np.ndarray, targets: np.ndarray, rbms: Sequence[RBM] | None) -> Self:
        """Learn the machines, unless they are given, and then the network."""
        settings = self._used
        parts = split_equal_rows(x, settings, None)
        machines = self._machines(x[parts[0]]) if rbms is None else self._chained(rbms)
        with random.seeded(settings.seed):
            model = self._make()
        model.to(x.dtype)
        for layer, machine in zip([*model][::2], machines, strict=False):
            layer.weight.data[...], layer.bias.data[...] = machine.components_, machine.intercept_hidden_
        self._unroll([*model][::2], machines)
        return self._train(loss, *Examples(x, targets).split(settings, parts), model=model)

    def _unroll(self, layers: list[Any], machines: Sequence[RBM]) -> None:
        """Set the layers after those of the machines, where these say how."""

    def _machines(self, x: np.ndarray) -> list[RBM]:
        """Learn the machines one by one, each from the expected hidden units of the one below."""
        settings = self._used
        machines: list[RBM] = []
        for i, size in enumerate(settings.hidden_layer_sizes if settings.pretrain_iter else ()):
            gaussian = settings.visible == "gaussian" and i == 0
            kind, scale = (GaussianRBM, 0.01) if gaussian else (BernoulliRBM, 1)
            machine = kind(
                size, learning_rate=scale * settings.pretrain_learning_rate, n_iter=settings.pretrain_iter, k=settings.k,
                batch_size=settings.pretrain_batch_size, persistent=False, random_state=settings.seed + i,
            )  # fmt: skip
            x = machine.fit_transform(x)
            machines.append(machine)
        return machines

    def _chained(self, rbms: Sequence[RBM]) -> list[RBM]:
        """Return given machines, whose kinds and sizes fit together and to the settings."""
        if not isinstance(rbms, Sequence) or not all(isinstance(machine, RBM) for machine in rbms):
            got = [type(m).__name__ for m in rbms] if isinstance(rbms, Sequence) else type(rbms).__name__
            raise TypeError(f"rbms: expected a list of machines, BernoulliRBM or GaussianRBM, got {got}")
        sizes = [self.n_features_in_, *self._used.hidden_layer_sizes]
        found = [(m.components_.shape[1], len(m.components_)) for m in rbms]
        if found != [*pairwise(sizes)]:
            raise ValueError(
                f"rbms: expected machines that chain {' -> '.join(map(str, sizes))} (features and hidden_layer_sizes), got "
                f"{', '.join(f'{a} -> {b}' for a, b in found) or 'none'}"
            )
        kind = GaussianRBM if self._used.visible == "gaussian" else BernoulliRBM
        if not isinstance(rbms[0], kind):
            raise ValueError(
                f"rbms[0]: expected a {kind.__name__} with visible={self._used.visible!r}, got a {type(rbms[0]).__name__}"
            )
        return [*rbms]

    def _begin(self) -> SimpleNamespace:
        settings = super()._begin()
        if not settings.hidden_layer_sizes:
            raise ValueError("hidden_layer_sizes: expected at least one width, got none")
        return settings

    def _checked_rows(self, x: np.ndarray) -> np.ndarray:
        """Return rows whose values the visible units can have."""
        return checked_shares(x, "visible='gaussian'") if self._used.visible == "bernoulli" else x

    def _rows(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        self._require_fit()
        dtype = self.model_[0].weight.dtype
        return self._checked_rows(self._check_features(X)).astype(dtype, copy=False)

    @property
    def _n_features_out(self) -> int:
        self._require_fit()
        return self._used.hidden_layer_sizes[-1]

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the last hidden layer's activations, [N, hidden_layer_sizes[-1]].

        Args:
            X: [N, features].
        """
        x = self._rows(X)
        with no_grad():
            for layer in [*self.model_][: 2 * len(self._used.hidden_layer_sizes)]:
                x = layer(x)
        return x.numpy()

    def _output(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return what the network gives for rows."""
        x = self._rows(X)
        with no_grad():
            return self.model_(x).numpy()


class DBN(ClassifierMixin, DeepBeliefNet):
    """Classify rows by a deep belief net: layers of machines, a softmax on top, then backpropagation through all.

    Attributes:
        model_: the network, an `MLP`.
        classes_: the labels, sorted.
        n_features_in_: how many features there are.
        feature_names_in_: the names of a data frame's columns, where all are strings.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    Source: Hinton, Osindero, Teh, "A fast learning algorithm for deep belief nets", 2006; Bengio, Lamblin, Popovici,
    Larochelle, "Greedy layer-wise training of deep networks", NeurIPS 2006.

    >>> import numpy as np
    >>> from seqnn.models import DBN
    >>> X = np.repeat([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]], 40, axis=0)
    >>> model = DBN((8, 4), max_iter=40, learning_rate=0.03, validation_fraction=0).fit(X, ["left"] * 40 + ["right"] * 40)
    >>> model.predict(X[[0, -1]]).tolist()
    ['left', 'right']
    """

    def fit(self, X: Any, y: Any, *, rbms: Sequence[RBM] | None = None) -> Self:  # noqa: N803
        """Learn from rows and their labels.

        Args:
            X: [N, features].
            y: labels [N] of any kind that sorts.
            rbms: fitted machines to begin with, one for each hidden layer; default: they are learnt from X.

        Returns:
            The estimator.

        Raises:
            ValueError: the sizes of `rbms` do not chain, the first one is of the other kind, or X has values that the visible
                units cannot have.
            TypeError: `rbms` is no list of machines.
        """
        self._begin()
        x = self._checked_rows(self._learn_features(X))
        self.classes_, ids = as_labels(y, len(x))
        return self._fit(ops.cross_entropy, x, ids, rbms)

    def _outputs(self) -> list[int]:
        return [len(self.classes_)]

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`.

        Args:
            X: [N, features].
        """
        return ops.softmax(self._output(X))


class DBNAutoencoder(DeepBeliefNet):
    """Encode rows by a deep belief net that is unrolled: the machines and, after them, their transposes.

    `transform` gives the codes, the last hidden layer; `reconstruct` goes there and back. The loss is the cross-entropy of
    values in [0, 1], or the squared error of Gaussian ones.

    Attributes:
        model_: the network, an `MLP`.
        n_features_in_: how many features there are.
        feature_names_in_: the names of a data frame's columns, where all are strings.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    Source: Hinton, Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 2006.

    >>> import numpy as np
    >>> from seqnn.models import DBNAutoencoder
    >>> X = np.repeat([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]], 40, axis=0)
    >>> model = DBNAutoencoder((8, 2), max_iter=60, learning_rate=0.03, validation_fraction=0).fit(X)
    >>> model.transform(X).shape, model.reconstruct(X[[0, -1]]).round().tolist()
    ((80, 2), [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    """

    _needs_y = False

    def fit(self, X: Any, y: Any = None, *, rbms: Sequence[RBM] | None = None) -> Self:  # noqa: N803
        """Learn from rows.

        Args:
            X: [N, features].
            y: not used.
            rbms: fitted machines to begin with, one for each hidden layer; default: they are learnt from X.

        Returns:
            The estimator.

        Raises:
            ValueError: the sizes of `rbms` do not chain, the first one is of the other kind, or X has values that the visible
                units cannot have.
            TypeError: `rbms` is no list of machines.
        """
        bernoulli = self._begin().visible == "bernoulli"
        x = self._checked_rows(self._learn_features(X))
        return self._fit(ops.binary_cross_entropy_with_logits if bernoulli else ops.mse_loss, x, x, rbms)

    def _outputs(self) -> list[int]:
        return [*self._used.hidden_layer_sizes[-2::-1], self.n_features_in_]

    def _unroll(self, layers: list[Any], machines: Sequence[RBM]) -> None:
        for layer, machine in zip(layers[::-1], machines, strict=False):
            layer.weight.data[...], layer.bias.data[...] = machine.components_.T, machine.intercept_visible_

    def reconstruct(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return rows as their codes give them back, [N, features].

        Args:
            X: [N, features].
        """
        output = self._output(X)
        return ops.sigmoid(output) if self._used.visible == "bernoulli" else output
