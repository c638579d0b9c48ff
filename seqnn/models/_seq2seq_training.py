"""What happens between the steps and epochs of models that translate: scheduled sampling, and BLEU of held-out pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .._callbacks import Callback
from ..metrics import bleu
from ._sequences import Sequences

__all__ = ["FORCING", "MeasureBLEU", "ScheduleForcing", "forcing", "held_out"]

FORCING = ("always", "linear", "exponential", "inverse_sigmoid")


def forcing(kind: str, progress: float, end: float) -> float:
    """Return how probable it is that a step sees the true id before it.

    Args:
        kind: "always": 1; with u for the progress and e for the end, "linear": 1 - (1 - e) u; "exponential": e^u;
            "inverse_sigmoid": k / (k + exp(c u)), which falls slowly, then fast, then slowly, from about 1 to e.
        progress: of the training, in [0, 1].
        end: the probability at the end of training, in (0, 1).

    Source: Bengio et al., "Scheduled sampling for sequence prediction with recurrent neural networks", NeurIPS 2015.

    >>> [round(forcing(kind, 0.5, 0.25), 3) for kind in FORCING]
    [1.0, 0.625, 0.5, 0.852]
    """
    if kind == "linear":
        return 1 - (1 - end) * progress
    if kind == "exponential":
        return end**progress
    if kind == "inverse_sigmoid":
        steep = 100.0  # k: the first probability is k / (k + 1)
        return steep / (steep + math.exp(progress * math.log(steep * (1 - end) / end)))
    return 1.0


class ScheduleForcing(Callback):
    """Set the network's `teacher_forcing` before every step.

    Args:
        kind, end: as for `forcing`.
        steps: of the whole training.
    """

    def __init__(self, kind: str, end: float, steps: int) -> None:
        self.kind, self.end, self.steps, self.done = kind, end, max(steps, 1), 0

    def on_train_begin(self, model: Any) -> None:
        """Begin with the first probability."""
        self._set(model)

    def on_step_end(self, model: Any) -> None:
        """Go on to the next probability."""
        self.done += 1
        self._set(model)

    def on_train_end(self, model: Any) -> None:
        """Leave a network that sees true ids, should it be trained again."""
        model.model.teacher_forcing = 1.0

    def _set(self, trainer: Any) -> None:
        trainer.model.teacher_forcing = forcing(self.kind, min(1.0, self.done / self.steps), self.end)


class MeasureBLEU(Callback):
    """Write the BLEU of what the network writes for held-out inputs into the history, as "val_bleu".

    Args:
        write: write(network) -> texts.
        references: a text for each.
    """

    def __init__(self, write: Callable[[Any], list[str]], references: list[str]) -> None:
        self.write, self.references = write, references

    def on_epoch_end(self, model: Any) -> None:
        """Add the figure to the epoch's entry."""
        model.history_[-1]["val_bleu"] = bleu(self.write(model.model), self.references, tokenize="none").score


def held_out(pair: Any, read: Callable[[Any, str], Sequences]) -> tuple[Sequences, Sequences]:
    """Return both sides of the validation pairs that `fit` got, checked.

    Args:
        pair: (X, y).
        read: read(sequences, their name) -> sequences of the model's kind.
    """
    if not isinstance(pair, tuple | list):
        raise TypeError(f"validation: expected a pair (X, y), got {type(pair).__name__}")
    if len(pair) != 2:
        raise TypeError(f"validation: expected a pair (X, y), got a {type(pair).__name__} of {len(pair)}")
    x, y = read(pair[0], "validation[0]"), read(pair[1], "validation[1]")
    if len(x.rows) != len(y.rows):
        raise ValueError(f"validation: expected a sequence for each of {len(x.rows)} inputs, got {len(y.rows)}")
    return x, y
