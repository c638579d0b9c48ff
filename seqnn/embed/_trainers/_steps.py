"""A run of training in steps of about 0.15 s: learning rate, history, divergence. Word vectors are trained this way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..._run import Position, Run
from ..._snapshot import Snapshot

STEP_SECONDS = 0.15
"""A step is as many units as take about this long: Ctrl-C and the bar react at once, and threads wait little."""


class Step(Protocol):
    """Train the units [first, last) of an epoch; the learning rate at unit t is alpha + slope * t.

    Returns the sum of the loss over the examples, and their number.
    """

    def __call__(self, *, first: int, last: int, epoch: int, alpha: float, slope: float) -> tuple[float, int]: ...


@dataclass
class RatedPosition(Position):
    """A position in a run whose learning rate falls from one value to another."""

    start_alpha: float = 0.0
    end_alpha: float = 0.0

    def rate(self, units: int) -> tuple[float, float]:
        """Return the learning rate of the current epoch as (alpha, slope): linear over all units of all epochs of the run."""
        fall = (self.start_alpha - self.end_alpha) / self.epochs
        return self.start_alpha - fall * self.epoch, -fall / units


@dataclass(frozen=True)
class Task:
    """The work of a run."""

    step: Step
    units: int
    """Units of one epoch."""
    block: int
    """Steps begin at multiples of this, so that the result does not depend on how a run is cut into steps."""
    unit: str
    """The name of the units, in the plural; the history has this entry and `..._per_second`."""
    advice: str
    """A sentence about what helps when a run diverges."""
    go_on: str = "train(corpus)"
    """The call that goes on with an interrupted run."""
    rate: str = "alpha"
    """The name of the learning rate in the history."""
    untrained: Callable[[], None] | None = None
    """Sets the weights back to their initial values; None when they are not at those values at the start."""
    restores: bool = True
    """Whether a run that diverges goes back to its last good epoch; where not, the caller drops what was trained."""


class Pace:
    """Choose the next step's size: one block per thread first, then about STEP_SECONDS of work.

    Steps are whole blocks, as many for each thread, so that none waits for long at the end of a step.
    """

    def __init__(self, block: int, threads: int) -> None:
        self._block = block
        self._threads = threads
        self._blocks = threads

    def next(self, unit: int, units: int) -> int:
        """Return the end of the step that begins at `unit`."""
        return min(units, (unit // self._block + self._blocks) * self._block)

    def note(self, units: int, seconds: float) -> None:
        """Take the speed of a step into account; a step grows at most fourfold at a time."""
        fitting = int(STEP_SECONDS * units / max(seconds, 1e-6) / self._block / self._threads) * self._threads
        self._blocks = max(self._threads, min(fitting, 4 * self._blocks))


class StepRun(Run):
    """A run in steps. The loss is checked after each step, and the weights after each epoch.

    When they are not finite, the model goes back to where the last good epoch ended (or the run began) and a
    FloatingPointError gives advice.
    """

    def __init__(
        self, model: Any, task: Task, position: RatedPosition, callbacks: Sequence[Any], *, threads: int
    ) -> None:
        super().__init__(model, position, callbacks)
        self.task, self.unit, self.go_on = task, task.unit, task.go_on
        self._pace = Pace(task.block, threads)
        self._untrained = task.untrained

    def open(self, stack: ExitStack) -> None:
        self._good = stack.enter_context(Snapshot(self.model._trained_arrays()))

    def where(self) -> str:
        return self.position.describe(self.task.units)

    def begin_epoch(self) -> None:
        if self._untrained is None and self.task.restores:
            with self.interrupt.allowed():
                self._good.take()

    def train_epoch(self) -> None:
        try:
            self._steps()
        except FloatingPointError as error:
            self._return_to_good()
            raise FloatingPointError(self._advice(error)) from None
        self._untrained = None
        self.model._weights_changed()

    def _steps(self) -> None:
        task, position = self.task, self.position
        self._alpha, self._slope = position.rate(task.units)
        while position.unit < task.units:
            self.interrupt.check()
            began = time.perf_counter()
            last = self._pace.next(position.unit, task.units)
            epoch = position.first_epoch + position.epoch
            loss, examples = task.step(
                first=position.unit, last=last, epoch=epoch, alpha=self._alpha, slope=self._slope
            )
            done = last - position.unit
            position.unit = last
            position.loss += loss
            position.examples += examples
            seconds = time.perf_counter() - began
            position.seconds += seconds
            self._pace.note(done, seconds)
            if not math.isfinite(position.loss):
                raise FloatingPointError("the loss is not finite")
            self.show(loss=position.loss / max(position.examples, 1))
            self.bar.update(done)
        if not all(map(all_finite, self.model._trained_arrays())):
            raise FloatingPointError("the weights are not finite")

    def figures(self) -> dict[str, Any]:
        task, position = self.task, self.position
        return {
            "loss": position.loss / position.examples if position.examples else math.nan,
            "examples": position.examples,
            task.unit: task.units,
            "seconds": position.seconds,
            f"{task.unit}_per_second": task.units / max(position.seconds, 1e-9),
            task.rate: self._alpha + self._slope * task.units,
        }

    def _return_to_good(self) -> None:
        self.position.unit = 0
        if self._untrained is not None:
            self._untrained()
        elif self._good.taken:
            self._good.restore()

    def _advice(self, error: FloatingPointError) -> str:
        position = self.position
        at_epoch = position.epoch and self.task.restores
        kept = f"as they were after epoch {position.epoch}" if at_epoch else "as they were before the run"
        return (
            f"training diverged in epoch {position.epoch + 1} of {position.epochs}: {error}. "
            f"The weights are {kept}. {self.task.advice}"
        )


def all_finite(array: np.ndarray) -> bool:
    """Tell whether every element is finite, without an array of flags.

    A sum of squares that overflows (elements beyond 1e17 or so) counts as not finite.
    """
    flat = array.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return all(np.isfinite(np.dot(part, part)) for part in np.array_split(flat, 1 + len(flat) // 2**22))
