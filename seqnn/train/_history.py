"""What a trainer remembers: where the run stands, and a line for each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Position:
    """Where a run stands: with weights, optimiser and random state, all that the rest of it depends on."""

    epochs: int
    """Epochs of this run."""
    first_epoch: int = 0
    """Epochs before this run; they key the order of the examples."""
    epoch: int = 0
    """Finished epochs of this run."""
    batch: int = 0
    """Batches of the current epoch that are done."""
    loss: float = 0.0
    grad_norm: float = 0.0
    """Sums over the current epoch: of the losses of the examples, of the norms of the steps."""
    examples: int = 0
    steps: int = 0
    seconds: float = 0.0

    @property
    def running(self) -> bool:
        return self.epoch < self.epochs

    def next_epoch(self) -> None:
        self.epoch += 1
        self.batch = self.examples = self.steps = 0
        self.loss = self.grad_norm = self.seconds = 0.0

    def describe(self) -> str:
        """Where the run stands, in words."""
        return f"epoch {min(self.epoch + 1, self.epochs)} of {self.epochs}, after {self.batch} batches of it"


def columns(history: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """A list for each figure; None where an epoch lacks it.

    >>> columns([{"loss": 2.0}, {"loss": 1.0, "val_loss": 3.0}])
    {'loss': [2.0, 1.0], 'val_loss': [None, 3.0]}
    """
    names = dict.fromkeys(name for entry in history for name in entry)
    return {name: [entry.get(name) for entry in history] for name in names}
