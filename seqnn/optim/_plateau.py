"""A learning rate that falls when a figure no longer improves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from .._arguments import integer, number
from .._callbacks import Callback
from ._optimizer import Optimizer


class ReduceLROnPlateau(Callback):
    """A rule that multiplies the learning rates by `factor` when a figure has not improved for `patience` epochs.

    It is a callback of `train.Trainer`, or works by hand: `step(value)` once in an epoch. Names, defaults and rule are
    PyTorch's.

    Args:
        optimizer: whose learning rates are set; None takes that of the trainer.
        mode: "min" or "max", which way is better.
        factor: of the learning rate, in (0, 1).
        patience: how many epochs without improvement are tolerated.
        threshold: what counts as an improvement: a change by more than this share of the best value, or by more than this.
        threshold_mode: "rel" (a share) or "abs".
        cooldown: how many epochs after a change are not judged.
        min_lr: the smallest learning rate.
        eps: changes that are smaller are left out.
        monitor: the figure in the trainer's `history_`.

    Raises:
        TypeError: for what is no optimiser or number.
        ValueError: for options out of range; in a trainer with a schedule, which sets the learning rates itself.

    >>> from seqnn import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> plateau = optim.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     plateau.step(loss)
    >>> optimizer.param_groups[0]["lr"]
    0.5
    """

    def __init__(
        self,
        optimizer: Optimizer | None = None,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
        *,
        monitor: str = "val_loss",
    ) -> None:
        if optimizer is not None and not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer: expected one of seqnn.optim, got {type(optimizer).__name__}")
        for name, value, choices in (
            ("mode", mode, ("min", "max")),
            ("threshold_mode", threshold_mode, ("rel", "abs")),
        ):
            if value not in choices:
                raise ValueError(f"{name}: expected {choices[0]!r} or {choices[1]!r}, got {value!r}")
        self.optimizer, self.mode, self.threshold_mode, self.monitor = optimizer, mode, threshold_mode, monitor
        self.factor = number("factor", factor, above=0, below=1)
        self.patience, self.cooldown = integer("patience", patience, 0), integer("cooldown", cooldown, 0)
        self.threshold = number("threshold", threshold, minimum=0)
        self.min_lr, self.eps = number("min_lr", min_lr, minimum=0), number("eps", eps, minimum=0)
        self.best = math.inf if mode == "min" else -math.inf
        self.waited = self.resting = 0

    def step(self, value: Any) -> None:
        """Judge an epoch by its figure, and lower the learning rates if it is time to.

        Args:
            value: the figure, a number.
        """
        value = float(value)
        if self._improves(value):
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        if self.resting:
            self.resting -= 1
            self.waited = 0
        if self.waited > self.patience:
            self._lower()
            self.resting, self.waited = self.cooldown, 0

    def _improves(self, value: float) -> bool:
        if self.threshold_mode == "rel" and math.isfinite(self.best):
            share = 1 - self.threshold if self.mode == "min" else 1 + self.threshold
            return value < self.best * share if self.mode == "min" else value > self.best * share
        gain = self.best - value if self.mode == "min" else value - self.best
        return gain > (self.threshold if math.isfinite(self.best) else 0)

    def _lower(self) -> None:
        if self.optimizer is None:
            raise RuntimeError("ReduceLROnPlateau: no optimizer was given, and no trainer has one")
        for group in self.optimizer.param_groups:
            lr = max(group["lr"] * self.factor, self.min_lr)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr

    def on_train_begin(self, model: Any) -> None:
        """Take the trainer's optimiser, unless one was given.

        Args:
            model: a `train.Trainer`.

        Raises:
            ValueError: where it has a schedule.
        """
        if getattr(model, "scheduler", None) is not None:
            raise ValueError(
                "ReduceLROnPlateau: the trainer has a schedule, which sets the learning rates at each step"
            )
        if self.optimizer is None:
            self.optimizer = model.optimizer

    def on_epoch_end(self, model: Any) -> None:
        """Judge the epoch by the monitored figure.

        Args:
            model: a `train.Trainer`.

        Raises:
            ValueError: where its history has no such figure.
        """
        entry = model.history_[-1]
        if self.monitor not in entry:
            raise ValueError(f"monitor: the history has no {self.monitor!r}, only {', '.join(entry)}")
        self.step(entry[self.monitor])

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what later epochs depend on; the learning rates are the optimiser's."""
        return {"best": np.float64(self.best), "waited": np.int64(self.waited), "resting": np.int64(self.resting)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave.

        Args:
            state: of a rule with the same options.
        """
        self.best = float(state["best"])
        self.waited, self.resting = int(state["waited"]), int(state["resting"])
