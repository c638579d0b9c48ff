"""Callbacks of the trainers: the base class and early stopping."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from ._snapshot import Snapshot

EVENTS = ("on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end")


class Trained(Protocol):
    """What a callback finds at the model."""

    history_: list[dict[str, Any]]
    stop_training: bool

    def _trained_arrays(self) -> list[np.ndarray]: ...

    def _run_history(self) -> list[dict[str, Any]]: ...

    def _weights_changed(self) -> None: ...


class Callback:
    """Base class for code that runs between epochs, while no worker runs.

    Override any of the four methods; each gets the model. gensim's `CallbackAny2Vec` subclasses work as well: only the
    method names count. At every call the model is consistent: it can be queried, saved, evaluated. Setting
    `model.stop_training = True` ends the run after the current epoch. An exception leaves `train` and the model usable.

    A run that goes on after an interruption calls `on_train_begin` and the `on_epoch_begin` of its epoch again. What a
    callback must remember besides stands in a checkpoint of `train.Trainer` if it has `state_dict`, a method that returns
    arrays by names, and `load_state_dict`, which gets them when the run is resumed.

    >>> class Report(Callback):
    ...     def on_epoch_end(self, model):
    ...         print(model.history_[-1]["loss"])
    """

    def on_train_begin(self, model: Any) -> None:
        """Called once before the first epoch."""

    def on_epoch_begin(self, model: Any) -> None:
        """Called before each epoch."""

    def on_epoch_end(self, model: Any) -> None:
        """Called after each epoch, when its entry already stands in `model.history_`."""

    def on_train_end(self, model: Any) -> None:
        """Called once after the last epoch."""


class EarlyStopping(Callback):
    """Stops training when a figure has not improved for `patience` epochs.

    monitor       the name of a figure in the model's `history_`: "loss" (the mean loss of the epoch), with `train.Trainer`
                  also "val_loss" or "val_<metric>"; or a function of the model that returns a number
    patience      so many epochs without improvement are tolerated (default 2): the run ends at the next one
    min_delta     a change counts as an improvement when it is larger than this (default 0)
    mode          "min" or "max": which way is better; default "min" for a loss, "max" for all else
    restore_best  after the run, return to the weights of the best epoch (default False; keeps a copy of the weights,
                  of large ones in a temporary file)

    The figure is stored as `score` in the model's `history_`. Note that with a decaying learning rate the loss falls
    until the last epoch: an evaluation of the vectors is the better monitor.

    >>> EarlyStopping(lambda model: model.wv.similarity("king", "queen"), patience=3).mode
    'max'
    """

    def __init__(
        self,
        monitor: str | Callable[[Any], float] = "loss",
        *,
        patience: int = 2,
        min_delta: float = 0.0,
        mode: str | None = None,
        restore_best: bool = False,
    ) -> None:
        if not isinstance(monitor, str) and not callable(monitor):
            raise ValueError(f"monitor: expected the name of a figure or a function of the model, got {monitor!r}")
        if mode not in (None, "min", "max"):
            raise ValueError(f'mode: expected "min" or "max", got {mode!r}')
        if isinstance(patience, bool) or not isinstance(patience, (int, np.integer)) or patience < 0:
            raise ValueError(f"patience: expected an integer >= 0, got {patience!r}")
        if not min_delta >= 0:
            raise ValueError(f"min_delta: expected a number >= 0, got {min_delta!r}")
        self.monitor = monitor
        self.patience = int(patience)
        self.min_delta = float(min_delta)
        self.mode = mode or ("min" if isinstance(monitor, str) and monitor.endswith("loss") else "max")
        self.restore_best = restore_best
        self._snapshot: Snapshot | None = None
        self._resumed: dict[str, np.ndarray] = {}
        self._reset()

    def _reset(self) -> None:
        self.best_ = math.nan
        self.best_epoch_: int | None = None
        self.waited_ = 0

    def _note(self, score: float, epoch: int) -> bool:
        """Count one epoch; True when it is the best so far."""
        gain = self.best_ - score if self.mode == "min" else score - self.best_
        better = not math.isnan(score) and (math.isnan(self.best_) or gain > self.min_delta)
        if better:
            self.best_, self.best_epoch_, self.waited_ = score, epoch, 0
        else:
            self.waited_ += 1
        return better

    def on_train_begin(self, model: Trained) -> None:
        """Start anew; a run that goes on counts the epochs that it has behind it, and keeps the best one's weights."""
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
        """Judge the epoch; set `model.stop_training` when patience is at its end."""
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
        """Return to the best epoch's weights where this was asked for."""
        if self._snapshot is not None and self.waited_ > 0:
            self._snapshot.restore()
            model._weights_changed()
        self._close()

    def state_dict(self) -> dict[str, np.ndarray]:
        """The weights of the best epoch, where they are kept."""
        best = self._snapshot.arrays() if self._snapshot is not None and self._snapshot.taken else []
        return {f"best.{i}": array for i, array in enumerate(best)}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what `state_dict` gave, for the run that is resumed."""
        self._close()
        self._resumed = dict(state)

    def _close(self) -> None:
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None


def checked_callbacks(callbacks: Iterable[Any], name: str = "callbacks") -> list[Any]:
    """The callbacks as a list; `TypeError` where one lacks a method. `name` is the argument's."""
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
