"""The losses of adversarial training: what the discriminator learns, and what the generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .. import ops
from ..autograd import Tensor

__all__ = ["GAMES", "Game"]


class Game(NamedTuple):
    """What both sides minimise.

    Attributes:
        discriminator: the loss of the scores of data, their target, and the scores of samples.
        generator: the loss of the scores of samples.
        logits: whether scores are logits of probabilities; else they are plain numbers.
        smooths: whether the target may be less than 1.
        betas: of Adam. The score of Wasserstein's discriminator moves from step to step, and a generator with momentum runs
            on to where it was.
    """

    discriminator: Callable[[Tensor, float, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    logits: bool = False
    smooths: bool = True
    betas: tuple[float, float] = (0.5, 0.999)


def _cross_entropy(scores: Tensor, target: float) -> Tensor:
    return ops.binary_cross_entropy_with_logits(scores, np.full(scores.shape, target, scores.dtype))


def _squares(scores: Tensor, target: float) -> Tensor:
    return 0.5 * ops.mse_loss(scores, np.full(scores.shape, target, scores.dtype))


def _by_cross_entropy(real: Tensor, target: float, made: Tensor) -> Tensor:
    return _cross_entropy(real, target) + _cross_entropy(made, 0.0)


GAMES = {
    "non-saturating": Game(_by_cross_entropy, lambda made: _cross_entropy(made, 1.0), logits=True),
    "minimax": Game(_by_cross_entropy, lambda made: -_cross_entropy(made, 0.0), logits=True),
    "least-squares": Game(
        lambda real, target, made: _squares(real, target) + _squares(made, 0.0), lambda made: _squares(made, 1.0)
    ),
    "wasserstein": Game(
        lambda real, _, made: made.mean() - real.mean(), lambda made: -made.mean(), smooths=False, betas=(0.0, 0.9)
    ),
}
