"""Contrastive divergence: how restricted Boltzmann machines learn."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from .. import _core
from .._settings import Flag, Integer, Number
from ._base import Array, Estimator, FeaturesMixin, RandomState, TransformerMixin, as_seed

__all__ = ["ContrastiveDivergence"]


class ContrastiveDivergence(FeaturesMixin, TransformerMixin, Estimator):
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

    def score_samples(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return how well rows fit, [N]."""
        raise NotImplementedError
