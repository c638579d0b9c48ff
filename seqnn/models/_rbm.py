"""Restricted Boltzmann machines: a layer of hidden units that learns what the visible ones have in common."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from .. import _core, ops
from .._arguments import integer
from .._settings import Flag, Integer, Number
from ._base import Array, Estimator, FeaturesMixin, RandomState, TransformerMixin, as_seed
from ._rbm_partition import Machine, annealed, enumerated

__all__ = ["BernoulliRBM", "GaussianRBM"]


class RBM(FeaturesMixin, TransformerMixin, Estimator):
    """A restricted Boltzmann machine, trained by contrastive divergence; scikit-learn's names.

    A step moves the weights W by learning_rate * (<h v> of the data - <h v> of the chains), and the biases alike. The chains
    are states of the machine that go on by Gibbs steps, one in C for each half: products, random numbers and states in one
    call. Results do not depend on the number of threads.

    Args:
        n_components: hidden units.
        learning_rate: of a step; a step takes means over a batch.
        batch_size: rows of a batch, and how many chains persist.
        n_iter: epochs; each goes through the rows in a new order.
        k: Gibbs steps of the chains from one step to the next.
        persistent: whether the chains go on from where they were (persistent contrastive divergence, as scikit-learn's), or
            begin at the rows of the batch (CD-k).
        momentum: how much of the last change is made again.
        weight_decay: how fast weights fall to 0 by themselves, times the learning rate.
        sparsity: how strongly biases of hidden units are drawn to a mean activation of `sparsity_target`.
        sparsity_target: see `sparsity`.
        verbose: 1 prints a line an epoch.
        random_state: seed of weights, order and chains; a generator of NumPy's, or None for a fresh seed in every fit.
    """

    n_components = Integer(256, minimum=1)
    learning_rate = Number(0.1, above=0)
    batch_size = Integer(10, minimum=1)
    n_iter = Integer(10)
    k = Integer(1, minimum=1, maximum=2**20)
    persistent = Flag(True)
    momentum = Number(0.0, minimum=0, below=1)
    weight_decay = Number(0.0, minimum=0)
    sparsity = Number(0.0, minimum=0)
    sparsity_target = Number(0.05, above=0, below=1)
    verbose = Integer(0)
    random_state = RandomState(0)

    components_ = Array("K F")
    intercept_hidden_ = Array("K")
    intercept_visible_ = Array("F")
    _chains = Array("B K")

    _needs_y = False
    _gaussian: ClassVar[bool]
    _seed: int
    _stream: int

    def __init__(
        self,
        n_components: int = 256,
        *,
        learning_rate: float = 0.1,
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

    @property
    def _n_features_out(self) -> int:
        self._require_fit()
        return len(self.components_)

    @property
    def h_samples_(self) -> np.ndarray:
        """The states of the hidden units in the persistent chains, [batch_size, n_components]."""
        return self._chains

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from rows.

        Args:
            X: [N, features].
            y: not used.

        Returns:
            The estimator.
        """
        settings = self._begin()
        x = self._in_range(self._learn_features(X))
        rng = self._start(x)
        for epoch in range(settings.n_iter):
            rows = x[rng.permutation(len(x))]
            for start in range(0, len(x), settings.batch_size):
                self._update(rows[start : start + settings.batch_size])
            self._check_weights(epoch)
            if settings.verbose:
                stream = self._stream
                mean = float(self.score_samples(X).mean())
                self._stream = stream  # what is printed draws numbers, too, and must not change what is learnt
                print(f"[{type(self).__name__}] Iteration {epoch + 1}, mean score = {mean:.2f}")
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Make one step by the rows of a batch; the first call makes the machine.

        Args:
            X: [N, features].
            y: not used.

        Returns:
            The estimator.
        """
        first = not self.__sklearn_is_fitted__()
        self._begin()
        x = self._in_range(self._learn_features(X) if first else self._check_features(X))
        if first:
            self._start(x)
        self._update(x.astype(self.components_.dtype, copy=False))
        self._check_weights(0)
        return self

    def _start(self, x: np.ndarray) -> np.random.Generator:
        """Make the parameters of a new machine; return the generator for the order of rows."""
        settings = self._used
        self._seed, self._stream = as_seed(settings.random_state), 0
        rng = np.random.default_rng(self._seed)
        shape = settings.n_components, x.shape[1]
        self.components_ = rng.normal(0, 0.01, shape).astype(x.dtype)  # `_update` turns them once
        self.intercept_hidden_, self.intercept_visible_ = (np.zeros(n, x.dtype) for n in shape)
        self._chains = np.zeros((settings.batch_size, shape[0]), x.dtype)
        self._velocity = None
        return rng

    def _update(self, rows: np.ndarray) -> None:
        """Make one step of contrastive divergence."""
        settings = self._used
        if not self.components_.T.flags.c_contiguous:
            self.components_ = np.ascontiguousarray(self.components_.T).T
        parameters = self._parameters()
        if settings.momentum and vars(self).get("_velocity") is None:
            self._velocity = [np.zeros_like(parameter) for parameter in parameters]
        velocity = self._velocity if settings.momentum else [None] * 3
        seed, stream = self._key()
        _core.rbm_update(
            rows, *parameters, self._chains if settings.persistent else None, *velocity, rate=settings.learning_rate,
            steps=settings.k, momentum=settings.momentum, decay=settings.weight_decay, sparsity=settings.sparsity,
            target=settings.sparsity_target, gaussian=self._gaussian, seed=seed, stream=stream,
        )  # fmt: skip

    def _parameters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what the kernels take: the weights [features, n_components], and the biases."""
        return self.components_.T, self.intercept_hidden_, self.intercept_visible_

    def _key(self) -> tuple[int, int]:
        """Return the seed and the next stream of the machine's random numbers."""
        if "_seed" not in vars(self):  # read from a file
            self._seed, self._stream = as_seed(self._used.random_state), 2**32
        self._stream += 1
        return self._seed, self._stream

    def _check_weights(self, epoch: int) -> None:
        if not np.isfinite(self.components_).all():
            raise ValueError(
                f"{type(self).__name__}: the weights grew beyond all bounds in epoch {epoch + 1}: lower learning_rate, got "
                f"{self._used.learning_rate}"
            )

    def _in_range(self, x: np.ndarray) -> np.ndarray:
        """Return rows whose values the visible units can have."""
        return x

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

    def score_samples(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return how well rows fit, [N]."""
        raise NotImplementedError


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
