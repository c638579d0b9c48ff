"""Restricted Boltzmann machines: a layer of hidden units that learns what the visible ones have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core, ops
from .._arguments import integer
from .._settings import Number
from ._rbm_partition import Machine, annealed, enumerated
from ._rbm_training import ContrastiveDivergence

__all__ = ["BernoulliRBM", "GaussianRBM"]


class RBM(ContrastiveDivergence):
    """What a machine that has learnt knows: its units, its states, and how probable they are."""

    def _rows(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return rows in the machine's dtype."""
        self._require_fit()
        return self._in_range(self._check_features(X)).astype(self.components_.dtype, copy=False)

    def _machine(self) -> Machine:
        self._require_fit()
        parameters = self.components_, self.intercept_hidden_, self.intercept_visible_
        return Machine(*(p.astype(np.float64) for p in parameters), gaussian=self._gaussian)

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities that the hidden units are on, [N, n_components].

        Args:
            X: [N, features].
        """
        weight = np.ascontiguousarray(self.components_)
        return ops.linear(self._rows(X), weight, self.intercept_hidden_, activation="sigmoid")

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:  # noqa: N803
        """Learn from rows, and return what `transform` gives for them.

        Args:
            X: [N, features].
            y: not used.

        Returns:
            [N, n_components].
        """
        return self.fit(X).transform(X)

    def gibbs(self, v: Any, steps: int = 1) -> np.ndarray:
        """Return states of the visible units that are drawn by Gibbs steps, [N, features]; each call draws anew.

        Args:
            v: states to begin with, [N, features].
            steps: how many, each to the hidden units and back.
        """
        rows = self._rows(v)
        seed, stream = self._key()
        steps = integer("steps", steps, 1, 2**20)
        return _core.rbm_gibbs(rows, *self._parameters(), steps, gaussian=self._gaussian, seed=seed, stream=stream)[0]

    def reconstruct(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return what the visible units would be, expected from the expected hidden units, [N, features].

        Args:
            X: [N, features].
        """
        weight = np.ascontiguousarray(self.components_.T)
        activation = None if self._gaussian else "sigmoid"
        return ops.linear(self.transform(X), weight, self.intercept_visible_, activation=activation)

    def energy(self, v: Any, h: Any) -> np.ndarray:
        """Return the energies of joint states, [N]; the probability of a state is exp(-energy) / Z.

        Args:
            v: states of the visible units, [N, features].
            h: states of the hidden units, [N, n_components].
        """
        machine, v, h = self._machine(), self._rows(v).astype(np.float64), np.asarray(h, np.float64)
        if h.shape != (len(v), len(machine.weight)):
            raise ValueError(f"h: expected shape {[len(v), len(machine.weight)]}, got {list(h.shape)}")
        joint = (h @ machine.weight * v).sum(axis=1) + h @ machine.hidden_bias
        if self._gaussian:
            return np.square(v - machine.visible_bias).sum(axis=1) / 2 - joint
        return -(v @ machine.visible_bias) - joint

    def free_energy(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return minus the logarithm of the sum of exp(-energy) over the hidden states, [N].

        The log-likelihood of a row is `-free_energy(row) - log_partition()`.

        Args:
            X: [N, features].
        """
        return self._machine().free_energy(self._rows(X).astype(np.float64))

    def log_partition(self, method: str = "auto", *, n_chains: int = 100, n_steps: int = 1000) -> float:
        """Return log Z, the logarithm of the sum of exp(-energy) over all states.

        Args:
            method: "exact" enumerates the states of the smaller side (of the hidden units, where the visible ones are
                Gaussian), at most 20 units; "ais" estimates by annealed importance sampling; "auto" is exact where possible.
            n_chains, n_steps: of the annealing; more give a better estimate.

        Raises:
            ValueError: there are too many units to be enumerated, or the method is not known.
        """
        if method not in ("auto", "exact", "ais"):
            raise ValueError(f"method: expected 'auto', 'exact' or 'ais', got {method!r}")
        machine = self._machine()
        small = machine.can_be_enumerated()
        if method == "exact" and not small:
            raise ValueError(
                f"method: 'exact' takes at most 20 units on one side, got {list(machine.weight.shape)}: write 'ais'"
            )
        if small and method != "ais":
            return enumerated(machine)
        chains, steps = integer("n_chains", n_chains, 1), integer("n_steps", n_steps, 1)
        return annealed(machine, chains, steps, self._key()[0])


class BernoulliRBM(RBM):
    """A restricted Boltzmann machine of units that are 0 or 1, trained by contrastive divergence; scikit-learn's names.

    E(v, h) = -b v - c h - h W v; p(h_j = 1 | v) = sigmoid(c + W v)_j, p(v_i = 1 | h) = sigmoid(b + h W)_i. Values of X
    between 0 and 1 are taken as probabilities.

    Attributes:
        components_: W, [n_components, features].
        intercept_hidden_: c, [n_components].
        intercept_visible_: b, [features].
        n_features_in_: how many features there are.
        feature_names_in_: the names of a data frame's columns, where all are strings.

    Source: Hinton, "Training products of experts by minimizing contrastive divergence", 2002; Tieleman, "Training restricted
    Boltzmann machines using approximations to the likelihood gradient", ICML 2008 (persistent chains); Lee, Ekanadham, Ng,
    "Sparse deep belief net model for visual area V2", NeurIPS 2007 (sparsity).

    >>> import numpy as np
    >>> from seqnn.models import BernoulliRBM
    >>> X = np.repeat([[1, 1, 0, 0], [0, 0, 1, 1]], 50, axis=0)
    >>> rbm = BernoulliRBM(2, n_iter=100).fit(X)
    >>> rbm.reconstruct(X[[0, -1]]).round().tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    """

    _gaussian = False

    def _in_range(self, x: np.ndarray) -> np.ndarray:
        return checked_shares(x, "GaussianRBM")

    def score_samples(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the pseudo-likelihood of rows, [N], estimated as scikit-learn's.

        It is the sum over features of log p(feature | the others), of which one, drawn for each row, stands for all; the
        mean over many rows is a good estimate.

        Args:
            X: [N, features].
        """
        v = self._rows(X)
        rows, features = np.arange(len(v)), v.shape[1]
        seed, stream = self._key()
        flipped, one = v.copy(), np.random.default_rng((seed, stream)).integers(features, size=len(v))
        flipped[rows, one] = 1 - flipped[rows, one]
        machine = self._machine()
        change = machine.free_energy(flipped.astype(np.float64)) - machine.free_energy(v.astype(np.float64))
        return -features * ops.softplus(-change)


class GaussianRBM(RBM):
    """A restricted Boltzmann machine for numbers: visible units with normal noise of variance 1, hidden ones 0 or 1.

    E(v, h) = |v - b|^2 / 2 - c h - h W v; p(h_j = 1 | v) = sigmoid(c + W v)_j, p(v | h) = N(b + h W, 1). Bring the columns
    of X to mean 0 and standard deviation 1 first; a learning rate of about 0.01 suits them.

    Attributes:
        components_: W, [n_components, features].
        intercept_hidden_: c, [n_components].
        intercept_visible_: b, [features].
        n_features_in_: how many features there are.
        feature_names_in_: the names of a data frame's columns, where all are strings.

    Source: Hinton, "A practical guide to training restricted Boltzmann machines", 2010, section 13.2.

    >>> import numpy as np
    >>> from seqnn.models import GaussianRBM
    >>> rng = np.random.default_rng(0)
    >>> X = np.where(rng.random((500, 1)) < 0.5, 2.0, -2.0) + 0.3 * rng.standard_normal((500, 3))
    >>> rbm = GaussianRBM(2, learning_rate=0.01, n_iter=30).fit(X)
    >>> bool(np.square(rbm.reconstruct(X) - X).mean() < 1)
    True
    """

    learning_rate = Number(0.01, above=0)
    _gaussian = True

    def __init__(
        self,
        n_components: int = 256,
        *,
        learning_rate: float = 0.01,
        batch_size: int = 10,
        n_iter: int = 10,
        k: int = 1,
        persistent: bool = True,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        sparsity: float = 0.0,
        sparsity_target: float = 0.05,
        verbose: int = 0,
        random_state: Any = 0,
    ) -> None:
        self._store(locals())

    def score_samples(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the log-densities of rows up to a constant, which is `log_partition()`: [N].

        Args:
            X: [N, features].
        """
        return -self.free_energy(X)


def checked_shares(x: np.ndarray, instead: str) -> np.ndarray:
    """Return rows of values in [0, 1]; a ValueError names the first row with others, and what to take instead."""
    outside = (x < 0) | (x > 1)
    if outside.any():
        row = int(np.argmax(outside.any(axis=1)))
        raise ValueError(
            f"X: expected values in [0, 1] for units that are 0 or 1, row {row} has {x[row][outside[row]][0]:g}: scale X, "
            f"or take {instead}"
        )
    return x
