"""The training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, nullcontext
from typing import Any

import numpy as np

from .._arguments import integer
from .._callbacks import checked_callbacks
from .._files import Path
from .._interrupts import DeferredInterrupt
from .._progress import progress_bar
from ..autograd import Tensor, no_grad
from ..nn import Module
from ..optim import EMA, Optimizer, Scheduler
from . import _checkpoint
from ._batches import as_source, iterate, length
from ._history import Position, columns
from ._loop import examples_in, forward, run

Loss = Callable[[Any, Any], Tensor]


class Trainer:
    """Trains a model: epochs over batches, with everything that a long run needs.

    model      an `nn.Module`
    loss       loss(output, target) -> scalar Tensor, such as `ops.cross_entropy`; None where the model itself returns the
               loss of a batch
    optimizer  of `seqnn.optim`
    schedule   factor of the learning rate by the optimiser's step, such as optim.Linear(100).then(optim.Cosine(900))
    clip_norm, clip_value   limits of the gradients' norm and elements (default: none)
    accumulate   batches whose mean gradient makes one step (default 1)
    ema        decay of a moving average of the weights (default: none); validation uses the averages then
    metrics    name -> function(output, target) of arrays that gives the mean over the examples, such as `train.accuracy`
    callbacks  `seqnn.Callback`s and `seqnn.EarlyStopping`s; they get the trainer
    checkpoint, checkpoint_every   file for the whole state of the run, written (atomically) after so many steps, and after
               every epoch, and on Ctrl-C; see `resume`
    verbose    0 shows no bar (default 1)

    A batch is (x, target), or (x1, x2, ..., target) for a model with several inputs. Every epoch leaves an entry in
    `history_` and a line in the log "seqnn.train". A loss or a gradient that is not finite ends the run with a
    FloatingPointError that names the first layer that broke; the weights are those before that step. Ctrl-C acts between
    two steps: the trainer is consistent, and `fit` goes on from there.

    >>> import numpy as np
    >>> from seqnn import nn, optim, train
    >>> class Line(nn.Module):
    ...     def __init__(self):
    ...         self.slope = nn.Parameter(np.zeros(1, np.float32))
    ...
    ...     def forward(self, x):
    ...         return x * self.slope
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> model = Line()
    >>> trainer = train.Trainer(
    ...     model, lambda y, t: ((y - t) ** 2).mean(), optim.SGD(model.parameters(), lr=0.5), verbose=0
    ... )
    >>> history = trainer.fit((x, 3 * x), epochs=20)
    >>> model.slope.data.round(2)
    array([3.], dtype=float32)
    """

    def __init__(
        self,
        model: Module,
        loss: Loss | None,
        optimizer: Optimizer,
        *,
        schedule: Callable[[int], float] | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        accumulate: int = 1,
        ema: float | None = None,
        metrics: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] | None = None,
        callbacks: Iterable[Any] = (),
        checkpoint: Path | None = None,
        checkpoint_every: int | None = None,
        verbose: int = 1,
    ) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"model: expected an nn.Module, got {type(model).__name__}")
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer: expected one of seqnn.optim, got {type(optimizer).__name__}")
        if loss is not None and not callable(loss):
            raise TypeError(f"loss: expected a function of (output, target) or None, got {type(loss).__name__}")
        if checkpoint_every is not None and checkpoint is None:
            raise ValueError("checkpoint_every: expected checkpoint= as well, the file to write")
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.scheduler = None if schedule is None else Scheduler(optimizer, schedule)
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self.accumulate = integer("accumulate", accumulate, 1)
        self.ema = None if ema is None else EMA(model.parameters(), ema)
        self.metrics = dict(metrics or {})
        self.callbacks = checked_callbacks(callbacks)
        self.checkpoint = checkpoint
        self.checkpoint_every = None if checkpoint_every is None else integer("checkpoint_every", checkpoint_every, 1)
        self.verbose = verbose
        self.history_: list[dict[str, Any]] = []
        self.stop_training = False
        self.steps = 0
        """Steps of the optimiser so far."""
        self.epochs_trained = 0
        self._position: Position | None = None
        self._run_start = 0
        self._data: dict[str, Any] = {}

    @property
    def history(self) -> dict[str, list[Any]]:
        """A list for each figure of `history_`, one value an epoch."""
        return columns(self.history_)

    def fit(
        self,
        data: Any,
        epochs: int = 1,
        *,
        validation: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int = 0,
    ) -> dict[str, list[Any]]:
        """Train for `epochs` epochs, or, after an interruption or `resume`, to the end of the run of `epochs` epochs.

        data, validation   `train.Batches`, a tuple of arrays (x, y), or any iterable of batches
        batch_size, shuffle, seed   for tuples of arrays (validation is not shuffled)

        Returns `history`; the model is in evaluation mode afterwards. An iterable is gone through once an epoch; to be resumed
        exactly it must give the same batches again.
        """
        source = as_source(data, "data", batch_size, seed, shuffle)
        check = None if validation is None else as_source(validation, "validation", batch_size, seed, False)
        position = self._begin(integer("epochs", epochs, 0), source)
        self.stop_training = False
        with ExitStack() as stack:
            interrupt = stack.enter_context(DeferredInterrupt())
            batches = length(source)
            bar = stack.enter_context(
                progress_bar(
                    "training",
                    " batches",
                    show=bool(self.verbose),
                    total=None if batches is None else batches * position.epochs,
                    initial=(batches or 0) * position.epoch + position.batch,
                )
            )
            if self.verbose:
                from tqdm.contrib.logging import logging_redirect_tqdm

                stack.enter_context(logging_redirect_tqdm())
            try:
                run(self, source, check, position, interrupt, bar)
            except KeyboardInterrupt as error:
                self._discard_gradients()
                if self.checkpoint is not None:
                    self.save(self.checkpoint)
                error.add_note(
                    f"Training stopped in {position.describe()}. The model is usable; fit(data, epochs={position.epochs}) "
                    f"goes on from here{f', also after resume({self.checkpoint!r})' if self.checkpoint else ''}."
                )
                raise
            finally:
                self.model.eval()
        return self.history

    def evaluate(self, data: Any, *, batch_size: int = 32) -> dict[str, float]:
        """Mean loss and metrics over the examples of `data`, in evaluation mode, by the averaged weights if there are."""
        source = as_source(data, "data", batch_size, 0, False)
        totals: dict[str, float] = {}
        examples = 0
        training = self.model.training
        self.model.eval()
        try:
            with no_grad(), self.ema.swapped() if self.ema else nullcontext():
                for batch in iterate(source, 0, 0):
                    output, loss, target = forward(self, batch)
                    count = examples_in(batch)
                    figures = {"loss": loss.item()}
                    for name, metric in self.metrics.items():
                        figures[name] = float(metric(np.asarray(output), np.asarray(target)))
                    for name, figure in figures.items():
                        totals[name] = totals.get(name, 0.0) + count * figure
                    examples += count
        finally:
            self.model.train(training)
        if examples == 0:
            raise ValueError("data: expected at least one batch, got none")
        return {name: total / examples for name, total in totals.items()}

    def save(self, path: Path) -> None:
        """Write everything that the rest of the run depends on (safetensors with JSON), atomically."""
        _checkpoint.save(self, path)

    def resume(self, path: Path) -> None:
        """Take over what `save` wrote: then `fit` with the same data goes on, bit-identical to an uninterrupted run.

        The trainer must be made as the first time. A file that is damaged or does not fit is a ValueError and changes
        nothing.
        """
        _checkpoint.load(self, path)

    # The loop.

    def _begin(self, epochs: int, source: Any) -> Position:
        described = source.describe() if hasattr(source, "describe") else {}
        position = self._position
        if position is None:
            position = self._position = Position(epochs, self.epochs_trained)
            self._run_start = len(self.history_)
        else:
            if epochs < position.epoch + (position.batch > 0):
                raise ValueError(f"epochs: the run stands in {position.describe()}; got {epochs}")
            if described != self._data:
                differing = sorted(
                    k for k in described.keys() | self._data.keys() if described.get(k) != self._data.get(k)
                )
                raise ValueError(
                    f"data: the run began with other batches; {', '.join(differing)} changed from "
                    f"{[self._data.get(k) for k in differing]} to {[described.get(k) for k in differing]}"
                )
            position.epochs = epochs
        self._data = described
        self._parameters = list(self.model.parameters())
        self._trained = [tensor for group in self.optimizer.param_groups for tensor in group["params"]]
        self._discard_gradients()
        return position

    def _discard_gradients(self) -> None:
        for parameter in self._parameters:
            parameter.zero_grad()

    # What EarlyStopping asks for.

    def _trained_arrays(self) -> list[np.ndarray]:
        averages = [] if self.ema is None else self.ema.averages
        return [*(p.data for p in self.model.parameters() if p.data.flags.writeable), *self.model.buffers(), *averages]

    def _run_history(self) -> list[dict[str, Any]]:
        return self.history_[self._run_start :]

    def _weights_changed(self) -> None:
        """Nothing is derived from the weights."""


def fit(
    model: Module,
    loss: Loss | None,
    data: Any,
    epochs: int,
    optimizer: Optimizer,
    *,
    schedule: Callable[[int], float] | None = None,
    clip_norm: float | None = None,
    validation: Any = None,
    metrics: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] | None = None,
    callbacks: Iterable[Any] = (),
    batch_size: int = 32,
    seed: int = 0,
    verbose: int = 1,
) -> dict[str, list[Any]]:
    """`Trainer(...).fit(...)` in one call: trains `model` and returns the history, a list for each figure.

    The arguments are those of `Trainer` and `Trainer.fit`.
    """
    trainer = Trainer(
        model,
        loss,
        optimizer,
        schedule=schedule,
        clip_norm=clip_norm,
        metrics=metrics,
        callbacks=callbacks,
        verbose=verbose,
    )
    return trainer.fit(data, epochs, validation=validation, batch_size=batch_size, seed=seed)
