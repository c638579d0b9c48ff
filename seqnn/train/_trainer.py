"""`Trainer`: epochs over batches, with everything that a long run needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from .._arguments import integer, optional_integer
from .._callbacks import checked_callbacks
from .._files import Path
from .._run import Trainable, columns
from ..autograd import no_grad
from ..nn import Module
from ..optim import EMA, Optimizer, Scheduler
from . import _checkpoint
from ._batches import as_source
from ._loop import BatchPosition, BatchRun, forward
from ._metrics import as_sum, counted_in, divisor_of
from ._modes import evaluating

Loss = Callable[[Any, Any], Any]
Metric = Callable[[np.ndarray, np.ndarray], Any]

_MOST_EPOCHS = 2**31 - 1


class Trainer(Trainable):
    """The training of a model: epochs over batches, with everything that a long run needs.

    A batch is (x, target), or (x1, x2, ..., target) for a model with several inputs. Means are over the targets that count,
    whatever batch they are in: integer targets of -100 do not; losses of `seqnn.nn` count by their weights of classes and
    their `ignore_index`. Every epoch leaves an entry in `history_` and a line in the
    log "seqnn.train". Modules that are wholly frozen, or that were in evaluation mode when training began, stay in it.

    A loss or a gradient that is not finite ends the run with a FloatingPointError that names the first layer that broke;
    the weights are those before that step. Ctrl-C acts between two steps: the trainer is consistent, and `fit` goes on from
    there.

    Args:
        model: an `nn.Module`.
        loss: loss(output, target) -> the mean over the targets as a scalar Tensor, such as `ops.cross_entropy`, or (their
            sum, how many count); None where the model itself returns the loss of a batch.
        optimizer: one of `seqnn.optim`, of the model's parameters.
        schedule: factor of the learning rate by the optimiser's step, such as optim.Linear(100).then(optim.Cosine(900)).
        clip_norm, clip_value: limits of the gradients' norm and elements; None for none.
        accumulate: batches whose mean gradient, over all their targets, makes one step.
        ema: decay of a moving average of the weights; None for none. Validation uses the averages.
        metrics: name -> function(output, target) of arrays that returns the mean over the targets, such as
            `train.accuracy`, or (their sum, how many count).
        callbacks: `seqnn.Callback`s and `seqnn.EarlyStopping`s; they get the trainer.
        checkpoint: file for the whole state of the run, written (atomically) after every epoch and on Ctrl-C; see `resume`.
        checkpoint_every: write it also whenever the optimiser has made this many steps.
        verbose: 0 shows no bar.

    Attributes:
        history_: a dict for each epoch: epoch (from 1), loss, grad_norm, lr, examples, seconds, val_loss, val_<metric>.
        history: the same as a list for each figure.
        steps: steps of the optimiser so far.
        epochs_trained: epochs so far.

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

    _position_type = BatchPosition
    _run_type = BatchRun

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
        metrics: Mapping[str, Metric] | None = None,
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
        self.checkpoint_every = optional_integer("checkpoint_every", checkpoint_every, 1)
        self.verbose = verbose
        self.steps = 0
        self._kept: list[Module] = []
        """Modules that stay in evaluation mode."""
        self._forget_runs()

    @property
    def history(self) -> dict[str, list[Any]]:
        """A list for each figure of `history_`, one value an epoch."""
        return columns(self.history_)

    def __repr__(self) -> str:
        names = type(self.model).__name__, type(self.optimizer).__name__
        return f"<Trainer of {names[0]} by {names[1]}, {self.epochs_trained} epochs, {self.steps} steps>"

    def fit(
        self,
        data: Any,
        epochs: int | None = None,
        *,
        steps: int | None = None,
        validation: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int = 0,
        resume: bool = True,
    ) -> dict[str, list[Any]]:
        """Train for some epochs; after an interruption, or after `Trainer.resume`, to the end of that run.

        The model is in evaluation mode afterwards. An iterable is gone through once an epoch; to be resumed exactly it must
        give the same batches again.

        Args:
            data: `train.Batches`, a tuple of arrays (x, y), or any iterable of batches.
            epochs: of the run (default 1, or as many as `steps` takes).
            steps: end the run after this many steps of the optimiser, also within an epoch.
            validation: what is evaluated after each epoch, in the same forms as `data`.
            batch_size, shuffle, seed: for tuples of arrays (validation is not shuffled).
            resume: False drops an interrupted run and begins a new one, perhaps on other data; weights, optimiser and
                history stay.

        Returns:
            `history`.

        Raises:
            FloatingPointError: the loss or the gradients are not finite.
            ValueError: an interrupted run was on other batches.
        """
        source = self._source(data, "data", batch_size, seed, shuffle)
        check = None if validation is None else self._source(validation, "validation", batch_size, seed, False)
        batches = source.batches()
        steps = optional_integer("steps", steps, 1)
        if epochs is None:
            per_epoch = None if not batches else -(-batches // self.accumulate)
            epochs = 1 if steps is None else _MOST_EPOCHS if per_epoch is None else -(-steps // per_epoch)
        self._begin(integer("epochs", epochs, 0), steps, source, resume)
        try:
            self._run_type(self, source, check).go(units=batches, verbose=self.verbose)
        finally:
            self._discard_gradients()
            self.model.eval()
        return self.history

    def evaluate(self, data: Any, *, batch_size: int = 32) -> dict[str, float]:
        """Compute the mean loss and metrics, in evaluation mode, by the averaged weights if there are.

        Args:
            data: `train.Batches`, a tuple of arrays (x, y), or any iterable of batches.
            batch_size: for tuples of arrays.

        Returns:
            "loss" and the metrics by name, each the mean over all targets that count.

        >>> import numpy as np
        >>> from seqnn import nn, ops, optim, train
        >>> model = nn.Linear(2, 2)
        >>> metrics = {"accuracy": train.accuracy}
        >>> trainer = train.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters()), metrics=metrics)
        >>> sorted(trainer.evaluate((np.eye(2, dtype=np.float32), np.array([0, 1]))))
        ['accuracy', 'loss']
        """
        source = self._source(data, "data", batch_size, 0, False)
        sums: dict[str, float] = {}
        counts: dict[str, float] = {}
        batches = 0
        with evaluating(self.model), no_grad(), self.ema.swapped() if self.ema else nullcontext():
            for batch in source.epoch(0):
                batches += 1
                if not (divisor := divisor_of(self.loss, batch)):
                    continue
                output, loss, target, count = forward(self, batch)
                found = {"loss": as_sum(loss.item() if count is None else (loss.item(), count), divisor)}
                for name, metric in self.metrics.items():
                    found[name] = as_sum(metric(np.asarray(output), np.asarray(target)), counted_in(batch))
                for name, (total, number) in found.items():
                    sums[name] = sums.get(name, 0.0) + total
                    counts[name] = counts.get(name, 0.0) + number
        sums, counts, batches = self._together(sums, counts, batches)
        if not batches:
            raise ValueError("data: expected at least one batch, got none")
        if not counts.get("loss"):
            raise ValueError("data: expected targets that count, all are -100")
        return {name: total / counts[name] if counts[name] else float("nan") for name, total in sums.items()}

    def save(self, path: Path) -> None:
        """Write everything that the rest of the run depends on, atomically.

        Args:
            path: the file (safetensors with JSON).
        """
        _checkpoint.save(self, path)

    def resume(self, path: Path) -> None:
        """Take over what `save` wrote: then `fit` with the same data goes on, bit-identical to an uninterrupted run.

        The trainer must be made as the first time.

        Args:
            path: the file.

        Raises:
            ValueError: a file that is damaged or does not fit; nothing is changed then.
        """
        _checkpoint.load(self, path)

    # The run.

    def _source(self, data: Any, name: str, batch_size: int, seed: int, shuffle: bool) -> Any:
        """Return what a run goes through."""
        return as_source(data, name, batch_size, seed, shuffle)

    def _together(self, *figures: Any) -> tuple[Any, ...]:
        """Return sums and counts by name, and how many batches they are of, of all who evaluate."""
        return figures

    def _begin(self, epochs: int, steps: int | None, source: Any, resume: bool) -> None:
        """Go on with the interrupted run, or begin a new one."""
        described = source.describe()
        last_step = None if steps is None else self.steps + steps
        self._parameters = list(self.model.parameters())
        self._trained = [tensor for group in self.optimizer.param_groups for tensor in group["params"]]
        self._check_parameters()
        position = self._position
        if position is not None and resume and position.begun:
            if epochs < position.epoch + (position.unit > 0):
                raise ValueError(f"epochs: the run stands in {position.describe()}; got {epochs}")
            if described != position.data:
                names = described.keys() | position.data.keys()
                differing = sorted(k for k in names if described.get(k) != position.data.get(k))
                raise ValueError(
                    f"data: the run began with other batches; {', '.join(differing)} changed from "
                    f"{[position.data.get(k) for k in differing]} to {[described.get(k) for k in differing]}; "
                    "fit(..., resume=False) begins a new run"
                )
            position.epochs = epochs
        else:
            self._begin_run(BatchPosition(epochs, described, last_step=last_step))
        self._discard_gradients()

    def _check_parameters(self) -> None:
        """Raise a ValueError where there is nothing to learn, or the optimiser is that of another model."""
        for group in self.optimizer.param_groups:  # NumPy's scalars: a checkpoint gives Python's back
            group.update({name: value.item() for name, value in group.items() if isinstance(value, np.generic)})
        if self._parameters and not any(parameter.requires_grad for parameter in self._parameters):
            raise ValueError(
                "model: all of its parameters are frozen: there is nothing to train; model.unfreeze() helps"
            )
        mine = set(map(id, self._parameters))
        if self._parameters and not any(id(tensor) in mine for tensor in self._trained):
            raise ValueError(
                "optimizer: none of its parameters is one of the model's; make it anew, of model.parameters()"
            )

    def _discard_gradients(self) -> None:
        for parameter in self._parameters:
            parameter.zero_grad()

    def _trained_arrays(self) -> list[np.ndarray]:
        averages = [] if self.ema is None else self.ema.averages
        return [*(p.data for p in self.model.parameters() if p.data.flags.writeable), *self.model.buffers(), *averages]


def fit(
    model: Module,
    loss: Loss | None,
    data: Any,
    epochs: int | None,
    optimizer: Optimizer,
    *,
    steps: int | None = None,
    schedule: Callable[[int], float] | None = None,
    clip_norm: float | None = None,
    validation: Any = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Iterable[Any] = (),
    batch_size: int = 32,
    seed: int = 0,
    verbose: int = 1,
) -> dict[str, list[Any]]:
    """Train a model: `Trainer(...).fit(...)` in one call.

    After Ctrl-C, `sys.last_value.trainer` is the Trainer, with the history so far; its `fit` goes on.

    Args:
        model: an `nn.Module`; it is in evaluation mode afterwards.
        loss: loss(output, target) -> the mean over the targets as a scalar Tensor, such as `ops.cross_entropy`, or (their
            sum, how many count); None where the model itself returns the loss of a batch.
        data: `train.Batches`, a tuple of arrays (x, y), or any iterable of batches.
        epochs: passes over the data; None: as many as `steps` takes.
        optimizer: one of `seqnn.optim`, of the model's parameters.
        steps: end after this many steps of the optimiser, also within an epoch.
        schedule: factor of the learning rate by the optimiser's step.
        clip_norm: limit of the gradients' norm; None for none.
        validation: what is evaluated after each epoch, in the same forms as `data`.
        metrics: name -> function(output, target) of arrays, such as `train.accuracy`.
        callbacks: `seqnn.Callback`s and `seqnn.EarlyStopping`s; they get the Trainer.
        batch_size: examples a batch, for tuples of arrays.
        seed: of the order of the examples, for tuples of arrays.
        verbose: 0 shows no bar.

    Returns:
        The history: a list for each figure, one value an epoch. See `Trainer`.

    >>> import numpy as np
    >>> from seqnn import nn, ops, optim, train
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((200, 4)).astype(np.float32)
    >>> y = (x[:, 0] > 0).astype(int)
    >>> model = nn.Linear(4, 2)
    >>> history = train.fit(model, ops.cross_entropy, (x, y), 5, optim.Adam(model.parameters(), lr=0.1), verbose=0)
    >>> history["loss"][-1] < history["loss"][0]
    True
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
    return trainer.fit(data, epochs, steps=steps, validation=validation, batch_size=batch_size, seed=seed)
