"""Generative adversarial networks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import numpy as np

from .. import nn, optim, random, train
from .._arguments import integer, warn_caller
from .._callbacks import checked_callbacks
from .._settings import Anything, Choice, Function, Integer, Number
from ..autograd import Tensor
from ._base import (
    ConvergenceWarning,
    Estimator,
    GivenNetwork,
    History,
    NetworkCopy,
    Plain,
    RandomState,
    as_seed,
    in_parts,
    theirs_too,
)
from ._gan_checks import as_conditions, as_rows, check_networks, tried
from ._gan_losses import GAMES
from ._gan_report import GANReport, spread, troubles
from ._gan_training import GANTrainer, Player, as_probabilities, drawn, dtype_of, generated, scored

__all__ = ["GAN"]

Optimizing = Callable[[Iterable[Any]], optim.Optimizer]

REPORT_ROWS, WATCHED_ROWS, PART = 500, 256, 512


def _noise(name: str, value: Any) -> int | tuple[int, ...] | None:
    """Return the size of the noise of a row, or its shape; None for none."""
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Iterable):
        return integer(name, value, 1)
    return tuple(integer(f"{name}[{i}]", size, 1) for i, size in enumerate(value))


class GAN(Estimator):
    """A pair of networks: a generator learns to make what a discriminator, which learns as well, cannot tell from data.

    The generator gets noise z [B, *noise] and returns rows of the shape of those of X; the discriminator gets rows and returns
    one score each, [B] or [B, 1], without an activation. With conditions y, such as labels or images to be changed, both get
    them as their second argument; with noise=None the generator gets them alone. The networks are copied: training begins
    from their weights each time. A step takes `discriminator_steps` batches for the discriminator and one for the
    generator.

    Args:
        generator: an nn.Module that makes rows.
        discriminator: an nn.Module that scores rows.
        noise: the size of the noise of a row, or its shape, such as (steps, size) for sequences; None for none.
        loss: with the logit s of the probability D that a row is of the data, the discriminator always minimises
            -log D(x) - log(1 - D(G(z))), the generator -log D(G(z)) ("non-saturating") or log(1 - D(G(z))) ("minimax").
            "least-squares" brings s(x) to 1 and s(G(z)) to 0, and for the generator s(G(z)) to 1. "wasserstein" raises
            s(x) - s(G(z)), and for the generator s(G(z)): it needs `weight_clip`, or `nn.spectral_norm` of the layers of the
            discriminator.
        label_smoothing: the target of data is 1 minus this.
        discriminator_steps: k, steps of the discriminator for each of the generator.
        reconstruction: weight of the mean |G(z, y) - x|, which the generator minimises as well; for paired data.
        weight_clip: the weights of the discriminator are kept within plus and minus this; None for no limit.
        learning_rate: of Adam with betas (0.5, 0.999), for both networks; (0, 0.9) with "wasserstein", which momentum harms.
        generator_optimizer: a function of parameters that returns an optimiser; default: Adam as above.
        discriminator_optimizer: the same for the discriminator.
        batch_size: rows of a batch; what does not fill one is left out of an epoch.
        max_iter: epochs.
        callbacks: `seqnn.Callback`s; they get the trainer with `generator`, `discriminator` and `history_`.
        random_state: seed of the order of rows, noise and dropout; a generator of NumPy's, or None for a fresh seed in
            every fit. The weights of the networks are drawn where they are made: see `seqnn.random.seed`.
        verbose: 1 shows a bar.

    Attributes:
        generator_: the trained generator.
        discriminator_: the trained discriminator.
        history_: a list for each figure of training, one number an epoch: discriminator_loss, generator_loss, data_score
            (the mean of D(x), or of s(x) where there is no probability), sample_score (that of samples), reconstruction where
            it counts, seconds.
        n_iter_: epochs that were run.

    Sources: Goodfellow et al., "Generative adversarial nets", NIPS 2014; Mao et al., "Least squares generative adversarial
    networks", ICCV 2017; Arjovsky, Chintala, Bottou, "Wasserstein GAN", ICML 2017; Isola, Zhu, Zhou, Efros, "Image-to-image
    translation with conditional adversarial networks", CVPR 2017 (reconstruction).

    >>> import numpy as np
    >>> from seqnn import random
    >>> from seqnn.models import GAN, MLP
    >>> X = np.random.default_rng(0).normal(3.0, 0.5, (512, 1)).astype(np.float32)
    >>> random.seed(0)
    >>> gan = GAN(MLP([4, 16, 1]), MLP([1, 16, 1]), noise=4, learning_rate=0.005, max_iter=40).fit(X)
    >>> bool(abs(gan.sample(1000, seed=1).mean() - 3) < 0.3)
    True
    """

    generator = GivenNetwork()
    discriminator = GivenNetwork()
    noise = Anything(64, _noise, saved=True)
    loss = Choice("non-saturating", GAMES)
    label_smoothing = Number(0.0, minimum=0, below=1)
    discriminator_steps = Integer(1, minimum=1)
    reconstruction = Number(0.0, minimum=0)
    weight_clip = Number(None, above=0)
    learning_rate = Number(2e-4, minimum=0)
    generator_optimizer = Function("of parameters that returns an optimiser")
    discriminator_optimizer = Function("of parameters that returns an optimiser")
    batch_size = Integer(64, minimum=1)
    max_iter = Integer(100, minimum=1)
    callbacks = Anything((), lambda name, value: checked_callbacks(value, name))
    random_state = RandomState(0)
    verbose = Integer(0)

    generator_ = NetworkCopy("generator")
    discriminator_ = NetworkCopy("discriminator")
    history_ = History()
    n_iter_ = Plain(int)
    _conditional = Plain(bool)

    _needs_y = False
    _renamed: ClassVar = {
        **Estimator._renamed,
        "k": "discriminator_steps", "n_critic": "discriminator_steps", "latent_dim": "noise", "latent_size": "noise",
        "critic": "discriminator", "clip": "weight_clip", "clip_value": "weight_clip", "criterion": "loss",
    }  # fmt: skip

    def __init__(
        self,
        generator: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        *,
        noise: int | tuple[int, ...] | None = 64,
        loss: str = "non-saturating",
        label_smoothing: float = 0.0,
        discriminator_steps: int = 1,
        reconstruction: float = 0.0,
        weight_clip: float | None = None,
        learning_rate: float = 2e-4,
        generator_optimizer: Optimizing | None = None,
        discriminator_optimizer: Optimizing | None = None,
        batch_size: int = 64,
        max_iter: int = 100,
        callbacks: Iterable[Any] = (),
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def _begin(self) -> SimpleNamespace:
        settings = super()._begin()
        settings.seed = as_seed(settings.random_state)
        return settings

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from rows; after Ctrl-C the estimator keeps what it has learnt.

        Args:
            X: numbers [N, ...] of any shape, such as images [N, channels, height, width].
            y: a condition for each row, numbers [N, ...]; both networks get it. Default: there are none.

        Returns:
            The estimator.

        Raises:
            ValueError: X or y hold NaN or do not fit each other or the networks, or settings do not fit.
            FloatingPointError: a loss or a gradient is not finite; the estimator is as it was before.

        Warns:
            ConvergenceWarning: the generator has collapsed, or the discriminator tells all samples from data.
        """
        settings = self._begin()
        generator, discriminator = copy.deepcopy(settings.generator), copy.deepcopy(settings.discriminator)
        x, y, dtype = self._data(X, y, generator)
        check_networks(generator, discriminator, x, y, settings)
        with random.seeded(settings.seed):
            players = [
                Player(name, network, make(network.parameters()) if make else self._adam(network))
                for name, network, make in (
                    ("generator", generator, settings.generator_optimizer),
                    ("discriminator", discriminator, settings.discriminator_optimizer),
                )
            ]
            trainer = GANTrainer(players[0], players[1], GAMES[settings.loss], settings, dtype)
            full = len(x) >= settings.batch_size
            source = train.Batches(x, y, batch_size=settings.batch_size, seed=settings.seed, drop_last=full)
            try:
                trainer.fit(source, settings.max_iter)
            except KeyboardInterrupt as error:
                error.__notes__ = [
                    f"Training stopped after {len(trainer.history_)} of {settings.max_iter} epochs. The estimator keeps what "
                    "it has learnt and can be used; another fit begins anew."
                ]
                raise
            finally:
                self.generator_, self.discriminator_ = generator, discriminator
                self.history_, self.n_iter_ = trainer.history, len(trainer.history_)
                self._conditional = y is not None
        self._warn(x, y)
        return self

    def _adam(self, network: nn.Module) -> optim.Optimizer:
        used = self._used
        return optim.Adam(network.parameters(), lr=used.learning_rate, betas=GAMES[used.loss].betas)

    def _data(self, X: Any, y: Any, generator: nn.Module) -> tuple[np.ndarray, np.ndarray | None, np.dtype]:  # noqa: N803
        """Return rows and conditions in the dtype of the generator."""
        dtype = dtype_of(generator)
        x = as_rows("X", X, dtype)
        return x, as_conditions(y, len(x), dtype), dtype

    def _require_conditions(self, y: Any) -> None:
        """Refuse conditions where `fit` got none, and the reverse."""
        if self._conditional and y is None:
            why = "the generator gets no noise" if self._used.noise is None else "fit got some"
            raise ValueError(f"y: expected conditions, as {why}, got None")
        if not self._conditional and y is not None:
            raise ValueError("y: expected None, as fit got no conditions")

    def _warn(self, x: np.ndarray, y: np.ndarray | None) -> None:
        """Say in words where the training has gone wrong."""
        some = slice(WATCHED_ROWS)
        width = spread(self.sample(len(x[some]), None if y is None else y[some]), x[some])
        scores = (self.history_[name][-1] for name in ("data_score", "sample_score"))
        reconstructs = self._used.reconstruction > 0  # then the discriminator is not all that teaches
        found = troubles(width, *scores, logits=GAMES[self._used.loss].logits and not reconstructs)
        if found and len(x) > 1:
            advice = "Other learning rates, a smaller discriminator, label_smoothing, another loss or nn.spectral_norm may help."
            warn_caller(" ".join([*found, advice]), theirs_too(ConvergenceWarning))

    def sample(self, n_samples: int | None = None, y: Any = None, *, seed: int = 0) -> np.ndarray:
        """Make samples.

        Args:
            n_samples: how many; default: one, or one for each of the conditions.
            y: a condition for each sample, as in `fit`.
            seed: of the noise; equal seeds give equal samples.

        Returns:
            [n_samples, ...], of the shape of the rows of X.

        Raises:
            ValueError: there are not as many conditions as samples, or they are missing.
        """
        settings = self._require_fit()
        self._require_conditions(y)
        given = len(y) if hasattr(y, "__len__") else 1
        count = integer("n_samples", given if n_samples is None else n_samples, 0)
        dtype = dtype_of(self.generator_)
        y = as_conditions(y, count, dtype)
        draw = np.random.default_rng(integer("seed", seed, 0))
        noise = drawn(draw, settings.noise, count, dtype)
        return in_parts(lambda *rows: generated(self.generator_, *rows), count, PART, noise, y)

    def discriminate(self, X: Any, y: Any = None) -> np.ndarray:  # noqa: N803
        """Return D(x) of rows, [N]: the probability that they are data, or a plain score where the loss has none.

        Args:
            X: rows, [N, ...].
            y: their conditions, as in `fit`.
        """
        settings = self._require_fit()
        self._require_conditions(y)
        x, y, _ = self._data(X, y, self.generator_)

        def score(*rows: np.ndarray | None) -> Tensor:
            return tried("discriminator", self.discriminator_, lambda: scored(self.discriminator_, *rows))

        scores = in_parts(score, len(x), PART, x, y)
        return as_probabilities(GAMES[settings.loss], scores)

    def report(self, X: Any, y: Any = None, *, n_samples: int = REPORT_ROWS, seed: int = 0) -> GANReport:  # noqa: N803
        """Compare samples with data: scores, discrepancy, coverage, and what they mean in words.

        Args:
            X: data, [N, ...], two rows or more.
            y: their conditions, as in `fit`.
            n_samples: how many rows are compared at most, and as many samples.
            seed: of the choice of rows, and of the noise.

        Returns:
            The report, which prints itself.
        """
        settings = self._require_fit()
        x, y, _ = self._data(X, y, self.generator_)
        if len(x) < 2:
            raise ValueError("X: expected two rows or more to compare samples with, got one")
        chosen = np.random.default_rng(integer("seed", seed, 0)).permutation(len(x))[
            : integer("n_samples", n_samples, 2)
        ]
        x, y = x[chosen], None if y is None else y[chosen]
        made = self.sample(len(x), y, seed=seed)
        scores = self.discriminate(x, y), self.discriminate(made, y)
        return GANReport.of(x, made, scores, logits=GAMES[settings.loss].logits)
