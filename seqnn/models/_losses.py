"""The losses of estimators: over all that counts, and of each element, which weights multiply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..text import pad
from ._base import Coder
from ._heads import IGNORED, token_cross_entropy

__all__ = ["CLASSES", "NUMBERS", "STEPS", "TAGS", "Loss", "Weighted"]


class Loss(NamedTuple):
    """A loss of an output and a target."""

    whole: Callable[[Any, Any], Any]
    """The mean over the elements that count, or their (sum, count): what `train.fit` takes."""

    each: Callable[[Any, np.ndarray], Any]
    """The loss of each element [B], [B, T], ...; 0 for those that do not count."""

    counts: Callable[[np.ndarray], np.ndarray]
    """Which elements count, booleans of the shape of `each`."""


def _token_losses(logits: Any, target: np.ndarray) -> Any:
    losses = ops.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1), reduction="none")
    return losses.reshape(*target.shape)


def _squared_error(output: Any, target: Any) -> tuple[Any, int]:
    """Return the sum of the squared errors of what is not NaN, the padding, and how many these are."""
    target = np.asarray(target)
    return _squared_errors(output, target).sum(), int(np.count_nonzero(~np.isnan(target)))


def _squared_errors(output: Any, target: np.ndarray) -> Any:
    there = ~np.isnan(target)
    return ops.mse_loss(output * there.astype(output.dtype), np.where(there, target, 0), reduction="none")


CLASSES = Loss(
    ops.cross_entropy,
    lambda logits, target: ops.cross_entropy(logits, target, reduction="none"),
    lambda target: np.ones(target.shape, bool),
)
NUMBERS = Loss(
    ops.mse_loss,
    lambda output, target: ops.mse_loss(output, target, reduction="none").mean(axis=-1),
    lambda target: np.ones(len(target), bool),
)
TAGS = Loss(token_cross_entropy, _token_losses, lambda target: target != IGNORED)
STEPS = Loss(_squared_error, _squared_errors, lambda target: ~np.isnan(target))


class Weighted:
    """Targets that count by weights: batches have the numbers of the examples, by which the loss finds both.

    Args:
        coder: of the targets.
        targets: one for each example.
        weights: a number for each example, or for each of its steps.
        loss: of the targets.
    """

    def __init__(self, coder: Coder, targets: Sequence[Any], weights: Sequence[Any], loss: Loss) -> None:
        self.coder, self.targets, self.weights, self._loss = coder, targets, weights, loss

    def collate(self, rows: list[int]) -> tuple:
        """Return what the coder gives before the targets, and the numbers of the examples [B]."""
        return *self.coder.collate([self.targets[i] for i in rows])[:-1], np.array(rows)

    def loss(self, output: Any, rows: np.ndarray) -> tuple[Any, int]:
        """Return the sum of weight * loss over the elements that count, and their number."""
        target = self._target(rows)
        losses = self._loss.each(output, target)
        weights = [self.weights[i] for i in rows]
        table = pad(weights)[0] if np.ndim(weights[0]) else np.array(weights)
        table = table.reshape(table.shape + (1,) * (losses.ndim - table.ndim)).astype(losses.dtype)
        return (losses * table).sum(), self._count(target)

    def metric(self, function: Callable[[Any, Any], float]) -> Callable[[Any, Any], tuple[float, int]]:
        """Return a metric of the output and the numbers of the examples: (sum, count) of the elements that count."""

        def measured(output: Any, rows: np.ndarray) -> tuple[float, int]:
            target = self._target(rows)
            count = self._count(target)
            return count * function(output, target), count

        return measured

    def _count(self, target: np.ndarray) -> int:
        return int(self._loss.counts(target).sum())

    def _target(self, rows: np.ndarray) -> np.ndarray:
        return self.coder.collate([self.targets[i] for i in np.asarray(rows).tolist()])[-1]
