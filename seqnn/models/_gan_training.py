"""Adversarial training: steps of the discriminator and of the generator in turn."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import ops, optim, train
from .._run import Position, Run, Trainable, columns
from ..autograd import Tensor, no_grad
from ..nn import Module
from ._gan_losses import Game

__all__ = ["GANTrainer", "Player", "as_probabilities", "drawn", "dtype_of", "generated", "scored"]


@dataclass
class GANPosition(Position):
    """A position in adversarial training, with the sums of the current epoch over its rows."""

    generator_loss: float = 0.0
    generator_rows: int = 0
    """Rows of the batches with a step of the generator."""
    reconstruction: float = 0.0
    data_score: float = 0.0
    sample_score: float = 0.0

    _sums: ClassVar[tuple[str, ...]] = (
        *Position._sums, "generator_loss", "generator_rows", "reconstruction", "data_score", "sample_score",
    )  # fmt: skip


class Player:
    """One of the two networks, and its optimiser."""

    def __init__(self, name: str, network: Module, optimizer: optim.Optimizer) -> None:
        if not isinstance(optimizer, optim.Optimizer):
            raise TypeError(
                f"{name}_optimizer: expected an optimiser of seqnn.optim from it, got {type(optimizer).__name__}"
            )
        self.name, self.network, self.optimizer = name, network, optimizer
        self.kept = train.kept_in_eval(network)
        self.learnt = [parameter for parameter in network.parameters() if parameter.requires_grad]

    def learns(self, wanted: bool) -> None:
        """Say whether the parameters that are learnt get gradients; the other player's step needs none of them."""
        for parameter in self.learnt:
            parameter.requires_grad = wanted

    def step(self, losses: Callable[[], tuple[Tensor, ...]], where: str) -> tuple[Tensor, ...]:
        """Make a step of the optimiser by the first of what `losses` gives; return it all.

        A loss or a gradient that is not finite is a FloatingPointError, and the weights stay as they were.
        """
        found = losses()
        value = found[0].item()
        what = f"the loss of the {self.name} is {value}"
        if math.isfinite(value):
            found[0].backward()
            norm = optim.grad_norm(self.learnt)
            what = "" if math.isfinite(norm) else f"the gradient of the {self.name} is {norm}"
        if what:
            self.optimizer.zero_grad()
            first = train.explain(losses()[0] for _ in range(1))
            self.optimizer.zero_grad()
            raise FloatingPointError(
                f"training diverged in {where}: {what}. {first} The weights are those before this step. A lower "
                f"learning_rate (now {self.optimizer.param_groups[0]['lr']:g}) or data of a smaller scale may help."
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        return found


class GANTrainer(Trainable):
    """The training of a generator against a discriminator; callbacks get it.

    Args:
        generator, discriminator: the players.
        game: what they minimise.
        settings: of the `GAN`.
        dtype: of the noise.
    """

    _position_type = GANPosition

    def __init__(self, generator: Player, discriminator: Player, game: Game, settings: Any, dtype: np.dtype) -> None:
        self.players = {"generator": generator, "discriminator": discriminator}
        self.game, self.settings, self.dtype = game, settings, dtype
        self.draw = np.random.default_rng(settings.seed)
        self._forget_runs()

    @property
    def generator(self) -> Module:
        return self.players["generator"].network

    @property
    def discriminator(self) -> Module:
        return self.players["discriminator"].network

    @property
    def history(self) -> dict[str, list[Any]]:
        return columns(self.history_)

    def fit(self, source: train.Batches, epochs: int) -> None:
        """Train to the end."""
        self._begin_run(GANPosition(epochs))
        try:
            GANRun(self, source).go(units=len(source), verbose=self.settings.verbose)
        finally:
            for player in self.players.values():
                player.learns(True)
                player.network.zero_grad()
                player.network.eval()

    def noise(self, rows: int) -> np.ndarray | None:
        """Draw noise for a batch."""
        return drawn(self.draw, self.settings.noise, rows, self.dtype)

    def _trained_arrays(self) -> list[np.ndarray]:
        networks = (self.generator, self.discriminator)
        return [
            array
            for n in networks
            for array in (*(p.data for p in n.parameters() if p.data.flags.writeable), *n.buffers())
        ]


class GANRun(Run):
    """A run over the epochs of a `GANTrainer`."""

    carried_as = "trainer"

    def __init__(self, trainer: GANTrainer, source: train.Batches) -> None:
        super().__init__(trainer, trainer._position, trainer.settings.callbacks)
        self.source = source

    def train_epoch(self) -> None:
        players, position = self.model.players, self.position
        for player in players.values():
            train.set_training(player.network, player.kept)
        for x, y in _pairs(self.source.epoch(position.first_epoch + position.epoch, position.unit)):
            self.interrupt.check()
            began = time.perf_counter()
            self._discriminate(x, y)
            position.unit += 1
            position.examples += len(x)
            if position.unit % self.model.settings.discriminator_steps == 0 or position.unit == len(self.source):
                self._generate(x, y)
            position.seconds += time.perf_counter() - began
            self.bar.update(1)
            self.show(discriminator=position.loss / position.examples)

    def _discriminate(self, x: np.ndarray, y: np.ndarray | None) -> None:
        """Make a step of the discriminator by a batch and as many samples."""
        trainer, position = self.model, self.position
        settings, player = trainer.settings, trainer.players["discriminator"]
        with no_grad():
            made = generated(trainer.generator, trainer.noise(len(x)), y).data

        def losses() -> tuple[Tensor, ...]:
            real, fake = scored(player.network, x, y), scored(player.network, made, y)
            return trainer.game.discriminator(real, 1.0 - settings.label_smoothing, fake), real, fake

        loss, real, fake = player.step(losses, position.describe())
        if settings.weight_clip is not None:
            for parameter in player.learnt:
                np.clip(parameter.data, -settings.weight_clip, settings.weight_clip, out=parameter.data)
        position.loss += loss.item() * len(x)
        position.data_score += float(self._scores(real).sum())
        position.sample_score += float(self._scores(fake).sum())

    def _generate(self, x: np.ndarray, y: np.ndarray | None) -> None:
        """Make a step of the generator."""
        trainer, position = self.model, self.position
        weight, judge = trainer.settings.reconstruction, trainer.players["discriminator"]
        noise = trainer.noise(len(x))

        def losses() -> tuple[Tensor, ...]:
            made = generated(trainer.generator, noise, y)
            loss = trainer.game.generator(scored(judge.network, made, y))
            if not weight:
                return (loss,)
            error = ops.l1_loss(made, x)
            return loss + weight * error, error

        judge.learns(False)
        try:
            found = trainer.players["generator"].step(losses, position.describe())
        finally:
            judge.learns(True)
        position.generator_loss += found[0].item() * len(x)
        position.generator_rows += len(x)
        position.reconstruction += found[1].item() * len(x) if weight else 0.0

    def _scores(self, scores: Tensor) -> np.ndarray:
        return as_probabilities(self.model.game, scores.data)

    def figures(self) -> dict[str, Any]:
        position = self.position
        self.model.epochs_trained = position.first_epoch + position.epoch + 1
        entry = {
            "discriminator_loss": position.loss / position.examples,
            "generator_loss": position.generator_loss / position.generator_rows,
            "data_score": position.data_score / position.examples,
            "sample_score": position.sample_score / position.examples,
        }
        if self.model.settings.reconstruction:
            entry["reconstruction"] = position.reconstruction / position.generator_rows
        return entry | {"seconds": position.seconds}


def drawn(
    draw: np.random.Generator, noise: int | tuple[int, ...] | None, rows: int, dtype: np.dtype
) -> np.ndarray | None:
    """Return noise of a size or shape for some rows; None where there is none."""
    if noise is None:
        return None
    return draw.standard_normal((rows, *(noise if isinstance(noise, tuple) else (noise,))), dtype=dtype)


def generated(generator: Module, noise: np.ndarray | None, y: np.ndarray | None) -> Tensor:
    """Return what a generator makes of noise, of conditions, or of both."""
    return generator(*(given for given in (noise, y) if given is not None))


def scored(discriminator: Module, x: Any, y: np.ndarray | None) -> Tensor:
    """Return the scores of rows, [B]."""
    scores = discriminator(x) if y is None else discriminator(x, y)
    return scores.reshape(-1)


def as_probabilities(game: Game, scores: np.ndarray) -> np.ndarray:
    """Return scores as probabilities that rows are of the data, where they are logits."""
    return ops.sigmoid(scores) if game.logits else scores


def _pairs(batches: Iterator[Any]) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield batches of rows with their conditions, None where there are none."""
    for batch in batches:
        yield batch if isinstance(batch, tuple) else (batch, None)


def dtype_of(network: Module) -> np.dtype:
    """Return the dtype of the parameters of a network."""
    return next((parameter.data.dtype for parameter in network.parameters()), np.dtype(np.float32))
