"""The loop of the trainers: epochs in steps of about 0.15 s, learning rate, history, bar, Ctrl-C, divergence."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .._interrupts import DeferredInterrupt
from .._progress import progress_bar
from .._snapshot import Snapshot

STEP_SECONDS = 0.15
"""A step is as many units as take about this long: Ctrl-C and the bar react at once, and threads wait little."""


class Step(Protocol):
    """Trains the units [first, last) of an epoch; the learning rate at unit t is alpha + slope * t.

    Returns the sum of the loss over the examples, and their number.
    """

    def __call__(self, *, first: int, last: int, epoch: int, alpha: float, slope: float) -> tuple[float, int]: ...


class Model(Protocol):
    """What the loop asks of a model."""

    history_: list[dict[str, Any]]
    stop_training: bool
    epochs_trained: int
    _position: Position | None

    def _trained_arrays(self) -> list[np.ndarray]: ...

    def _weights_changed(self) -> None: ...


@dataclass
class Position:
    """Where a run stands: with the weights, all that the rest of the run depends on."""

    epochs: int
    start_alpha: float
    end_alpha: float
    corpus: str
    """Fingerprint of the data that the run goes over."""
    first_epoch: int = 0
    """Epochs that the model had behind it when the run began (they key the random numbers)."""
    epoch: int = 0
    """Finished epochs of this run."""
    unit: int = 0
    """Units (tokens) of the current epoch that are done."""
    loss: float = 0.0
    examples: int = 0
    seconds: float = 0.0

    def rate(self, units: int) -> tuple[float, float]:
        """Learning rate of the current epoch as (alpha, slope): linear over all units of all epochs of the run."""
        fall = (self.start_alpha - self.end_alpha) / self.epochs
        return self.start_alpha - fall * self.epoch, -fall / units

    def describe(self, units: int) -> str:
        """Where the run stands, in words."""
        share = math.floor(100 * self.unit / units) if units else 0
        return f"epoch {min(self.epoch + 1, self.epochs)} of {self.epochs}, at {share} %"


@dataclass(frozen=True)
class Task:
    """What a run trains on."""

    step: Step
    units: int
    """Units of one epoch."""
    block: int
    """Steps begin at multiples of this, so that the result does not depend on how a run is cut into steps."""
    unit: str
    """What a unit is called, in the plural; the history has this entry and `..._per_second`."""
    advice: str
    """What helps when a run diverges."""
    rate: str = "alpha"
    """What the learning rate is called in the history."""
    untrained: Callable[[], None] | None = None
    """Sets the weights back to their initial values; None when they are not at those values at the start."""


class Pace:
    """How many units the next step takes: a block a thread at first, then what takes `STEP_SECONDS`.

    Always whole blocks and as many for each thread, so that none waits for long at the end of a step.
    """

    def __init__(self, block: int, threads: int) -> None:
        self._block = block
        self._threads = threads
        self._blocks = threads

    def next(self, unit: int, units: int) -> int:
        """The end of the step that begins at `unit`."""
        return min(units, (unit // self._block + self._blocks) * self._block)

    def note(self, units: int, seconds: float) -> None:
        """Take the speed of a step into account; a step grows at most fourfold at a time."""
        fitting = int(STEP_SECONDS * units / max(seconds, 1e-6) / self._block / self._threads) * self._threads
        self._blocks = max(self._threads, min(fitting, 4 * self._blocks))


@contextmanager
def resumable(model: Model, position: Position, units: int, go_on: str) -> Iterator[None]:
    """However the run inside ends, the model is consistent afterwards; an interrupted one keeps its position.

    The exception carries the model, for a constructor returns none; `go_on` says how to go on.
    """
    try:
        yield
    except (KeyboardInterrupt, FloatingPointError) as error:
        error.model = model  # type: ignore[union-attr]
        if isinstance(error, FloatingPointError):
            position.epochs = position.epoch
        else:
            error.add_note(
                f"Training stopped in {position.describe(units)}. The model is usable and can be saved; {go_on} goes on "
                "from here. (Was it in the constructor? Then it is `sys.last_value.model`.)"
            )
        raise
    finally:
        model._weights_changed()
        if model.stop_training or position.epoch >= position.epochs:
            model.epochs_trained = position.first_epoch + position.epoch
            model._position = None


def run(model: Model, task: Task, position: Position, callbacks: Sequence[Any], *, verbose: int, threads: int) -> None:
    """Train from `position` (which moves along) to the end of its run.

    Ctrl-C acts between two steps, when weights and position agree. After each epoch the loss and the weights are
    checked: when they are not finite, the model goes back to where the last good epoch ended (or the run began) and a
    `FloatingPointError` gives advice.
    """
    model.stop_training = False
    pace = Pace(task.block, threads)
    with ExitStack() as stack:
        interrupt = stack.enter_context(DeferredInterrupt())
        good = stack.enter_context(Snapshot(model._trained_arrays()))

        def tell(event: str) -> None:
            with interrupt.allowed():
                for callback in callbacks:
                    getattr(callback, event)(model)

        tell("on_train_begin")
        bar = stack.enter_context(
            progress_bar(
                "training",
                f" {task.unit}",
                show=bool(verbose),
                total=task.units * position.epochs,
                initial=task.units * position.epoch + position.unit,
            )
        )
        untrained = task.untrained
        while position.epoch < position.epochs and not model.stop_training:
            if untrained is None:
                with interrupt.allowed():
                    good.take()
            tell("on_epoch_begin")
            try:
                _epoch(model, task, position, pace, interrupt, bar)
            except FloatingPointError as error:
                _return_to_good(model, good, untrained)
                raise FloatingPointError(_advice(error, position, task)) from None
            untrained = None
            tell("on_epoch_end")
        bar.close()
        tell("on_train_end")


def _epoch(model: Model, task: Task, position: Position, pace: Pace, interrupt: DeferredInterrupt, bar: Any) -> None:
    """The rest of the current epoch, step by step, and its line in the history."""
    alpha, slope = position.rate(task.units)
    while position.unit < task.units:
        interrupt.check()
        began = time.perf_counter()
        last = pace.next(position.unit, task.units)
        loss, examples = task.step(
            first=position.unit, last=last, epoch=position.first_epoch + position.epoch, alpha=alpha, slope=slope
        )
        done = last - position.unit
        position.unit = last
        position.loss += loss
        position.examples += examples
        seconds = time.perf_counter() - began
        position.seconds += seconds
        pace.note(done, seconds)
        if not math.isfinite(position.loss):
            raise FloatingPointError("the loss is not finite")
        bar.set_postfix(loss=f"{position.loss / max(position.examples, 1):.4f}", refresh=False)
        bar.update(done)
    if not all(map(all_finite, model._trained_arrays())):
        raise FloatingPointError("the weights are not finite")
    model._weights_changed()
    model.history_.append(
        {
            "epoch": position.first_epoch + position.epoch + 1,
            "loss": position.loss / position.examples if position.examples else math.nan,
            "examples": position.examples,
            task.unit: task.units,
            "seconds": position.seconds,
            f"{task.unit}_per_second": task.units / max(position.seconds, 1e-9),
            task.rate: alpha + slope * task.units,
        }
    )
    position.epoch += 1
    position.unit, position.loss, position.examples, position.seconds = 0, 0.0, 0, 0.0


def all_finite(array: np.ndarray) -> bool:
    """Whether every element is finite, without an array of flags.

    A sum of squares that overflows (elements beyond 1e17 or so) counts as not finite.
    """
    flat = array.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return all(np.isfinite(np.dot(part, part)) for part in np.array_split(flat, 1 + len(flat) // 2**22))


def _return_to_good(model: Model, good: Snapshot, untrained: Callable[[], None] | None) -> None:
    if untrained is not None:
        untrained()
    elif good.taken:
        good.restore()
    model._weights_changed()


def _advice(error: FloatingPointError, position: Position, task: Task) -> str:
    kept = f"as they were after epoch {position.epoch}" if position.epoch else "as they were before the run"
    return (
        f"training diverged in epoch {position.epoch + 1} of {position.epochs}: {error}. "
        f"The weights are {kept}. {task.advice}"
    )
