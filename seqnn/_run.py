"""One run of training, as all trainers have it: where it stands, its epochs, its callbacks, and how it ends or goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from ._arguments import integer, number
from ._interrupts import DeferredInterrupt
from ._progress import NoBar, end_bar, progress_bar


@dataclass
class Position:
    """Where a run stands: with the weights, all that the rest of the run depends on."""

    epochs: int
    """Epochs of this run."""
    data: Any = None
    """Tells the data of this run from others: a text, or what JSON can hold."""
    first_epoch: int = 0
    """Epochs of the trainer before this run; they key the random numbers."""
    epoch: int = 0
    """Finished epochs of this run."""
    unit: int = 0
    """Units (words, pairs, batches) of the current epoch that are done."""
    loss: float = 0.0
    """Sum of the loss over the examples of the current epoch so far."""
    examples: int = 0
    seconds: float = 0.0

    _sums: ClassVar[tuple[str, ...]] = ("unit", "loss", "examples", "seconds")
    """What begins anew with each epoch."""
    _data_type: ClassVar[type] = str

    @property
    def running(self) -> bool:
        """Whether an epoch is left."""
        return self.epoch < self.epochs

    @property
    def begun(self) -> bool:
        """Whether anything has been trained."""
        return self.epoch > 0 or self.unit > 0

    def next_epoch(self) -> None:
        """Count the current epoch as finished."""
        self.epoch += 1
        for name in self._sums:
            setattr(self, name, type(getattr(self, name))(0))

    def describe(self, units: int | None = None, name: str = "batches") -> str:
        """Say where the run stands, as a share of the `units` of an epoch where these are given."""
        place = f"after {self.unit} {name} of it" if units is None else f"at {100 * self.unit // max(units, 1)} %"
        return f"epoch {min(self.epoch + 1, self.epochs)} of {self.epochs}, {place}"

    @classmethod
    def restored(cls, record: Mapping[str, Any] | None) -> Self | None:
        """Return the position that a file describes, checked."""
        if record is None:
            return None
        position = cls(**record)
        if not isinstance(position.data, cls._data_type):
            raise TypeError(f"position.data: expected {cls._data_type.__name__}, got {type(position.data).__name__}")
        integer("position.epochs", position.epochs, 0)
        integer("position.epoch", position.epoch, 0, position.epochs)
        for field in fields(cls)[2:]:
            name, value = f"position.{field.name}", getattr(position, field.name)
            if isinstance(field.default, float):
                number(name, value, minimum=0)
            elif value is not None or field.default is not None:
                integer(name, value, 0, 2**63 - 1)
        return position


class Trainable:
    """Base of the trainers: the history, and where an interrupted run stands.

    A subclass says what training changes (`_trained_arrays`) and what follows from it (`_weights_changed`).
    """

    history_: list[dict[str, Any]]
    epochs_trained: int
    stop_training: bool
    _position: Any
    _run_start: int
    """Entries of the history before the latest run."""

    _position_type: ClassVar[type[Position]] = Position

    def _forget_runs(self) -> None:
        """Begin a new history."""
        self.history_ = []
        self.epochs_trained = 0
        self.stop_training = False
        self._position = None
        self._run_start = 0

    def _begin_run(self, position: Position) -> None:
        """Drop an interrupted run and begin one at this position."""
        self._drop_run()
        position.first_epoch = self.epochs_trained
        self._position = position
        self._run_start = len(self.history_)

    def _drop_run(self) -> None:
        """Give an interrupted run up; its epoch counts as trained, so that no random number is used twice."""
        if self._position is not None:
            self.epochs_trained = self._position.first_epoch + self._position.epoch + (self._position.unit > 0)
            self._position = None

    def _run_history(self) -> list[dict[str, Any]]:
        """Return the history of the latest run."""
        return self.history_[self._run_start :]

    def _trained_arrays(self) -> list[np.ndarray]:
        """Return the arrays that training changes."""
        raise NotImplementedError

    def _weights_changed(self) -> None:
        """Bring what is derived from the weights up to date."""

    def _runs(self) -> dict[str, Any]:
        """Return what a file keeps of the runs."""
        return {
            "history_": self.history_,
            "epochs_trained": self.epochs_trained,
            "_run_start": self._run_start,
            "position": None if self._position is None else asdict(self._position),
        }

    def _checked_runs(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes that `_runs` described, checked: a damaged file must not reach the kernels."""
        history = record["history_"]
        if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
            raise TypeError("history_: expected a list of dicts")
        return {
            "history_": history,
            "epochs_trained": integer("epochs_trained", record["epochs_trained"], 0, 2**63 - 1),
            "_run_start": integer("_run_start", record["_run_start"], 0, len(history)),
            "_position": self._position_type.restored(record["position"]),
        }


class Run:
    """Train from a position, which moves along, to the end of its run. Ctrl-C acts between two steps, never inside one.

    A subclass trains an epoch (`train_epoch`, which calls `interrupt.check()` between two steps) and says what the
    history keeps of it (`figures`).

    Args:
        model: the trainer; callbacks get it, and exceptions carry it.
        position: where to begin.
        callbacks: objects with the methods of `Callback`.
    """

    unit = "batches"
    go_on = "fit"
    """The call that goes on with an interrupted run."""
    carried_as = "model"
    """The attribute of exceptions that is the trainer."""

    def __init__(self, model: Any, position: Any, callbacks: Sequence[Any]) -> None:
        self.model, self.position, self.callbacks = model, position, callbacks
        self.bar: Any = NoBar()
        self._shown: dict[str, str] = {}

    # What a kind of training does.

    def open(self, stack: ExitStack) -> None:
        """Open what the run needs up to its end."""

    def begin_epoch(self) -> None:
        """Prepare an epoch, before the callbacks hear of it."""

    def train_epoch(self) -> None:
        """Train the rest of the current epoch."""
        raise NotImplementedError

    def figures(self) -> dict[str, Any]:
        """Return the entry of the finished epoch in the history, but for its number."""
        raise NotImplementedError

    def end_epoch(self) -> None:
        """Finish an epoch, after the callbacks have heard of it."""

    def interrupted(self, error: KeyboardInterrupt) -> str:
        """Save what an interrupted run needs, and return a sentence about it."""
        return ""

    def where(self) -> str:
        """Say where the run stands."""
        return self.position.describe()

    # The run.

    def go(self, *, units: int | None, verbose: int) -> None:
        """Train to the end of the run; `units` is how many an epoch has, where that is known.

        However the run ends, the model is consistent afterwards. An interrupted run keeps its position; one that was
        stopped, that diverged, or that failed before its first step is over.
        """
        model, position = self.model, self.position
        model.stop_training = False
        try:
            with ExitStack() as stack:
                self.interrupt = stack.enter_context(DeferredInterrupt())
                self.open(stack)
                self.tell("on_train_begin")
                self._show_bar(stack, units, verbose)
                while position.running and not model.stop_training:
                    self.begin_epoch()
                    self.tell("on_epoch_begin")
                    self.train_epoch()
                    entry = {"epoch": position.first_epoch + position.epoch + 1, **self.figures()}
                    model.history_.append(entry)
                    self.show(**{name: figure for name, figure in entry.items() if name.startswith("val_")})
                    position.next_epoch()
                    self.tell("on_epoch_end")
                    self.end_epoch()
                end_bar(self.bar)
                self.tell("on_train_end")
        except BaseException as error:
            self._broken_off(error)
            raise
        finally:
            if model.stop_training or not position.running:
                model._drop_run()

    def tell(self, event: str) -> None:
        """Call a method of the callbacks, where they have it; Ctrl-C acts at once meanwhile."""
        with self.interrupt.allowed():
            for callback in self.callbacks:
                if hasattr(callback, event):
                    getattr(callback, event)(self.model)

    def show(self, **figures: float) -> None:
        """Show the epoch and some figures beside the bar, where they stay until newer ones come."""
        self._shown |= {name: f"{figure:.4f}" for name, figure in figures.items()}
        epoch = f"{min(self.position.epoch + 1, self.position.epochs)}/{self.position.epochs}"
        self.bar.set_postfix(epoch=epoch, **self._shown, refresh=False)

    def _show_bar(self, stack: ExitStack, units: int | None, verbose: int) -> None:
        total = None if units is None else units * self.position.epochs
        done = (units or 0) * self.position.epoch + self.position.unit
        bar = progress_bar("training", f" {self.unit}", show=bool(verbose), total=total, initial=done)
        self.bar = stack.enter_context(bar)

    def _broken_off(self, error: BaseException) -> None:
        """Make the trainer usable, let the exception carry it, and say how to go on."""
        self.model._weights_changed()
        with suppress(AttributeError):
            setattr(error, self.carried_as, self.model)
        if isinstance(error, KeyboardInterrupt):
            error.add_note(
                f"Training stopped in {self.where()}. The model is usable and can be saved; {self.go_on} goes on from here"
                f"{self.interrupted(error)}. (In a constructor or a function: it is `sys.last_value.{self.carried_as}`.)"
            )
        elif isinstance(error, FloatingPointError) or not self.position.begun:
            self.model._drop_run()


def columns(history: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return a list for each figure; None stands where an epoch lacks it.

    >>> columns([{"loss": 2.0}, {"loss": 1.0, "val_loss": 3.0}])
    {'loss': [2.0, 1.0], 'val_loss': [None, 3.0]}
    """
    names = dict.fromkeys(name for entry in history for name in entry)
    return {name: [entry.get(name) for entry in history] for name in names}
