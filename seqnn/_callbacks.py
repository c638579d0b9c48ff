"""Callbacks of the trainers: the base class and early stopping."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from ._arguments import warn_caller
from ._settings import Anything, Choice, Flag, Number, Settings
from ._snapshot import Snapshot

EVENTS = ("on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end")


class Trained(Protocol):
    """A trainer, as far as callbacks need it."""

    history_: list[dict[str, Any]]
    stop_training: bool

    def _trained_arrays(self) -> list[np.ndarray]: ...

    def _run_history(self) -> list[dict[str, Any]]: ...

    def _weights_changed(self) -> None: ...


class Callback:
    """Base class for code that runs between epochs, while no worker runs.

    Override any of the four methods; each gets the model. gensim's `CallbackAny2Vec` subclasses work as well: only the
    method names count. At every call the model is consistent: it can be queried, saved, evaluated. Setting
    `model.stop_training = True` ends the run after the current epoch. An exception leaves `train`, and the model stays
    usable. `train.Trainer` also calls `on_step_end(model)` after each step of its optimiser where a callback has it.

    A run that goes on after an interruption calls `on_train_begin` and the `on_epoch_begin` of its epoch again. A callback
    that must remember more has `state_dict`, a method that returns arrays by names, and `load_state_dict`, which gets them
    when the run is resumed: checkpoints of `train.Trainer` keep these.

    >>> from seqnn import Callback, Word2Vec
    >>> class Report(Callback):
    ...     def on_epoch_end(self, model):
    ...         print("epoch", model.history_[-1]["epoch"])
    >>> model = Word2Vec([["to", "be"]] * 9, vector_size=4, sample=0, epochs=2, callbacks=[Report()], verbose=0)
    epoch 1
    epoch 2
    """

    def on_train_begin(self, model: Any) -> None:
        """Act before the first epoch.

        Args:
            model: the trainer.
        """

    def on_epoch_begin(self, model: Any) -> None:
        """Act before each epoch.

        Args:
            model: the trainer.
        """

    def on_epoch_end(self, model: Any) -> None:
        """Act after each epoch, when its entry already stands in `model.history_`.

        Args:
            model: the trainer.
        """

    def on_train_end(self, model: Any) -> None:
        """Act after the last epoch.

        Args:
            model: the trainer.
        """


def _monitor(name: str, value: Any) -> Any:
    if not isinstance(value, str) and not callable(value):
        raise ValueError(f"{name}: expected the name of a figure or a function of the model, got {value!r}")
    return value


def _patience(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"{name}: expected an integer >= 0, got {value!r}")
    return int(value)


class EarlyStopping(Settings, Callback):
    """Stop training when a figure has not improved for `patience` epochs.

    The figure is stored as `score` in the model's `history_`. Note that with a decaying learning rate the loss falls
    until the last epoch: an evaluation of the vectors is the better monitor.

    Args:
        monitor: the name of a figure in the model's `history_`: "loss" (the mean loss of the epoch), with `train.Trainer`
            also "val_loss" or "val_<metric>"; or a function of the model that returns a number.
        patience: how many epochs without improvement are tolerated; the run ends at the next one.
        min_delta: a change counts as an improvement when it is larger than this.
        mode: "min" or "max": which way is better; by default "min" for a loss, "max" for all else.
        restore_best: return to the weights of the best epoch after the run; it keeps a copy of the weights, of large ones
            in a temporary file.

    Attributes:
        best_: the best score so far, NaN before there is one.
        best_epoch_: the epoch (from 1) that had it, None before there is one.
        waited_: epochs since then.

    >>> from seqnn import EarlyStopping
    >>> EarlyStopping(lambda model: model.wv.similarity("king", "queen"), patience=3).mode
    'max'
    """

    monitor = Anything("loss", _monitor)
    patience = Anything(2, _patience)
    min_delta = Number(0.0, minimum=0)
    mode = Choice(None, ("min", "max"))
    restore_best = Flag(False)

    _checks_at_once = True

    def __init__(
        self,
        monitor: str | Callable[[Any], float] = "loss",
        *,
        patience: int = 2,
        min_delta: float = 0.0,
        mode: str | None = None,
        restore_best: bool = False,
    ) -> None:
        self._store(locals())
        self.mode = mode or ("min" if isinstance(monitor, str) and monitor.endswith("loss") else "max")
        self._snapshot: Snapshot | None = None
        self._resumed: dict[str, np.ndarray] = {}
        self._reset()

    def _reset(self) -> None:
        self.best_ = math.nan
        self.best_epoch_: int | None = None
        self.waited_ = 0

    def _note(self, score: float, epoch: int) -> bool:
        """Count one epoch, and tell whether it is the best so far."""
        gain = self.best_ - score if self.mode == "min" else score - self.best_
        better = not math.isnan(score) and (math.isnan(self.best_) or gain > self.min_delta)
        if better:
            self.best_, self.best_epoch_, self.waited_ = score, epoch, 0
        else:
            self.waited_ += 1
        return better

    def on_train_begin(self, model: Trained) -> None:
        """Start anew; in a run that goes on, count its epochs so far, and keep the weights of the best one.

        Args:
            model: the trainer.
        """
        self._reset()
        history = model._run_history()
        if not history or (self._snapshot is not None and not self._snapshot.holds(model._trained_arrays())):
            self._close()
        for entry in history:
            if "score" in entry:
                self._note(entry["score"], entry["epoch"])
        if self._resumed and history:
            self._snapshot = Snapshot(model._trained_arrays())
            self._snapshot.put([self._resumed[f"best.{i}"] for i in range(len(self._resumed))])
        self._resumed = {}
        if self.waited_ > self.patience:
            model.stop_training = True

    def on_epoch_end(self, model: Trained) -> None:
        """Judge the epoch, and set `model.stop_training` when the patience has ended.

        Args:
            model: the trainer.
        """
        entry = model.history_[-1]
        if isinstance(self.monitor, str) and self.monitor not in entry:
            raise ValueError(f"monitor: the history has no {self.monitor!r}, only {', '.join(entry)}")
        score = float(entry[self.monitor] if isinstance(self.monitor, str) else self.monitor(model))
        entry["score"] = score
        if self._note(score, entry["epoch"]) and self.restore_best:
            if self._snapshot is None:
                self._snapshot = Snapshot(model._trained_arrays())
            self._snapshot.take()
        if self.waited_ > self.patience:
            model.stop_training = True

    def on_train_end(self, model: Trained) -> None:
        """Restore the weights of the best epoch where this was asked for.

        Args:
            model: the trainer.
        """
        if self.waited_ and self.best_epoch_ is None:
            warn_caller(
                f"early stopping: {self.monitor!r} was NaN in every epoch, so none was the best", RuntimeWarning
            )
        if self._snapshot is not None and self.waited_ > 0:
            self._snapshot.restore()
            model._weights_changed()
        self._close()

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return the weights of the best epoch, where they are kept."""
        best = self._snapshot.arrays() if self._snapshot is not None and self._snapshot.taken else []
        return {f"best.{i}": array for i, array in enumerate(best)}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what `state_dict` returned, for the run that is resumed.

        Args:
            state: arrays by name.
        """
        self._close()
        self._resumed = dict(state)

    def _close(self) -> None:
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None


def checked_callbacks(callbacks: Iterable[Any], name: str = "callbacks") -> list[Any]:
    """Return the callbacks as a list; a TypeError names `name`, the argument, where one lacks a method."""
    if any(hasattr(callbacks, event) for event in EVENTS):
        raise TypeError(f"callbacks: expected a sequence, got one {type(callbacks).__name__}: write callbacks=[...]")
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks: expected a sequence, got {type(callbacks).__name__}")
    checked = list(callbacks)
    for callback in checked:
        missing = [event for event in EVENTS if not callable(getattr(callback, event, None))]
        if missing:
            raise TypeError(
                f"{name}: {type(callback).__name__} has no method {missing[0]}: derive it from seqnn.Callback"
            )
    return checked
