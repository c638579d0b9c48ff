"""A run of `Trainer`: epochs over batches, steps of the optimiser, and what happens when numbers are not finite."""

from __future__ import annotations

import logging
import math
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import random
from .._run import Position, Run
from ..autograd import Tensor
from ..optim import clip_factor, clip_grad_value_, grad_norm
from ._diverged import explain
from ._metrics import divisor_of, examples_in
from ._modes import kept_in_eval, set_training

logger = logging.getLogger("seqnn.train")


@dataclass
class BatchPosition(Position):
    """A position in a run over batches, with the sums of the current epoch."""

    counted: float = 0.0
    """Targets (or examples) that `loss` is the sum over."""
    grad_norm: float = 0.0
    """Sum of the norms of the steps."""
    steps: int = 0
    last_step: int | None = None
    """The step of the trainer at which the run ends, if that is before its last epoch."""

    _sums: ClassVar[tuple[str, ...]] = (*Position._sums, "counted", "grad_norm", "steps")
    _data_type: ClassVar[type] = dict


class Outcome(NamedTuple):
    """The results of a forward pass."""

    output: Any
    loss: Tensor
    target: Any
    count: float | None
    """How many targets `loss` is the sum over; None where it is a mean."""


def forward(trainer: Any, batch: Any) -> Outcome:
    """Compute output and loss of a batch."""
    parts = tuple(batch) if isinstance(batch, tuple | list) else (batch,)
    target = None
    if trainer.loss is None:
        output = loss = trainer.model(*parts)
    else:
        if len(parts) < 2:
            raise ValueError(
                "data: expected batches (x, target), or a tuple of arrays (x, y); for batches without target the loss must "
                "be None"
            )
        target = parts[-1]
        output = trainer.model(*parts[:-1])
        loss = trainer.loss(output, target)
    count = None
    if isinstance(loss, tuple) and len(loss) == 2:
        loss, count = loss[0], float(np.asarray(loss[1]))
        output = loss if trainer.loss is None else output
    if not isinstance(loss, Tensor) or loss.size != 1:
        what = f"a Tensor of shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
        raise TypeError(f"loss: expected a scalar Tensor, got {what}; or (sum, count)")
    return Outcome(output, loss, target, count)


class BatchRun(Run):
    """A run over batches of a `Trainer`."""

    carried_as = "trainer"
    _means_add_up = True
    """Whether the means of batches of as many targets may be averaged as they are."""

    def __init__(self, trainer: Any, source: Any, validation: Any) -> None:
        super().__init__(trainer, trainer._position, trainer.callbacks)
        self.source, self.validation = source, validation
        self.go_on = f"fit(data, epochs={self.position.epochs})"
        if trainer.model.training:
            trainer._kept = kept_in_eval(trainer.model)

    def open(self, stack: ExitStack) -> None:
        if self.model.verbose:
            from tqdm.contrib.logging import logging_redirect_tqdm

            stack.enter_context(logging_redirect_tqdm())

    def interrupted(self, error: KeyboardInterrupt) -> str:
        if self.model.checkpoint is None:
            return ""
        self.model.save(self.model.checkpoint)
        return f", also after resume({self.model.checkpoint!r})"

    def train_epoch(self) -> None:
        trainer, position = self.model, self.position
        set_training(trainer.model, trainer._kept)
        group: list[Any] = []
        for batch in self._batches():
            self.interrupt.check()
            group.append(batch)
            if len(group) == trainer.accumulate:
                self._step(group)
                group = []
                if trainer.checkpoint_every and trainer.steps % trainer.checkpoint_every == 0:
                    trainer.save(trainer.checkpoint)
                if self._at_last_step():
                    break
        if group:
            self._step(group)
        if position.examples == 0:
            raise ValueError(
                f"data: gave no batches in epoch {position.epoch + 1}. A generator can be gone through only once: give a "
                "list, or train.Batches"
            )
        if position.counted == 0:
            raise ValueError(f"data: no target of epoch {position.epoch + 1} counts (all are -100)")

    def _batches(self) -> Any:
        """Yield the rest of the epoch's batches; Ctrl-C acts at once while the user's code makes one."""
        batches = self.source.epoch(self.position.first_epoch + self.position.epoch, self.position.unit)
        if not self.source.foreign:
            yield from batches
            return
        while True:
            with self.interrupt.allowed():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _at_last_step(self) -> bool:
        return self.position.last_step is not None and self.model.steps >= self.position.last_step

    def _step(self, group: list[Any]) -> None:
        """Make one step of the optimiser: forward and backward of each batch, then the update.

        The gradient is that of the mean over all targets of the group that count; a batch in which none counts is passed
        over.
        """
        trainer, position = self.model, self.position
        began = time.perf_counter()
        state = random.get_state()
        weights = [divisor_of(trainer.loss, batch) for batch in group]
        used = [(batch, weight) for batch, weight in zip(group, weights, strict=True) if weight]
        alike = self._means_add_up and len({weight for _, weight in used}) < 2
        loss_sum = total = share = 0.0
        for number, (batch, weight) in enumerate(used, 1):
            _, loss, _, count = forward(trainer, batch)
            value = loss.item()
            if not math.isfinite(value):
                self._diverged(f"the loss is {value}", [batch for batch, _ in used[:number]], state)
            if count == 0:
                continue
            factor = 1.0 if count is not None or alike else weight
            self._backward(loss, np.full(loss.shape, factor, loss.dtype), last=number == len(used))
            loss_sum += value * weight if count is None else value
            total += weight if count is None else count
            share += 1 if count is None and alike else weight if count is None else count
        position.unit += len(group)
        examples = sum(map(examples_in, group))
        loss_sum, total, share, examples = self._together(loss_sum, total, share, examples)
        position.examples += examples
        if share:
            self._update(1.0 / share, [batch for batch, _ in used], state)
            position.loss += loss_sum
            position.counted += total
            self.show(loss=position.loss / position.counted)
        position.seconds += time.perf_counter() - began
        self.bar.update(len(group))
        if share and any(hasattr(callback, "on_step_end") for callback in self.callbacks):
            self.tell("on_step_end")

    def _backward(self, loss: Tensor, gradient: np.ndarray, last: bool) -> None:
        """Add the gradients of a batch, which is perhaps the last of its step."""
        loss.backward(gradient)

    def _together(self, *sums: float) -> tuple[Any, ...]:
        """Return the sums of a step, with those of all who take part in it."""
        return sums

    def _update(self, scale: float, group: list[Any], state: dict[str, int]) -> None:
        """Change the weights by the gradients, times `scale`."""
        trainer, position = self.model, self.position
        if trainer.clip_value is not None:
            clip_grad_value_(trainer._trained, trainer.clip_value / scale)
        norm = scale * grad_norm(trainer._trained)
        if not math.isfinite(norm):
            self._diverged(f"the norm of the gradients is {norm}", group, state)
        factor = 1.0 if trainer.clip_norm is None else clip_factor(norm, trainer.clip_norm)
        trainer.optimizer.step(scale=scale * factor)
        trainer._discard_gradients()
        if trainer.ema:
            trainer.ema.update()
        if trainer.scheduler:
            trainer.scheduler.step()
        trainer.steps += 1
        position.steps += 1
        position.grad_norm += norm

    def _diverged(self, what: str, group: list[Any], state: dict[str, int]) -> None:
        """Find out where it came from, by the same step once more with every result checked; then stop."""
        trainer, position = self.model, self.position
        trainer._discard_gradients()
        after = random.get_state()
        random.set_state(state)
        try:
            where = explain(forward(trainer, batch).loss for batch in group)
        finally:
            random.set_state(after)
            trainer._discard_gradients()
        raise FloatingPointError(
            f"training diverged in {position.describe()}: {what}. {where} The weights are those before this step. A lower "
            f"learning rate (now {trainer.optimizer.param_groups[0]['lr']:g}), a warm-up (schedule=), clip_norm=1.0, or a "
            "look at the data (train.Batches(check_finite=True)) may help."
        )

    def figures(self) -> dict[str, Any]:
        trainer, position = self.model, self.position
        with self.interrupt.allowed():
            found = {} if self.validation is None else trainer.evaluate(self.validation)
        trainer.epochs_trained = position.first_epoch + position.epoch + 1
        entry = {
            "loss": position.loss / position.counted,
            "grad_norm": position.grad_norm / position.steps,
            "lr": trainer.optimizer.param_groups[0]["lr"],
            "examples": position.examples,
            "seconds": position.seconds,
            **{f"val_{name}": figure for name, figure in found.items()},
        }
        shown = ", ".join(f"{k} {v:.4g}" for k, v in entry.items() if k != "examples")
        logger.info("epoch %d of %d: %s", position.epoch + 1, position.epochs, shown)
        if self._at_last_step():
            trainer.stop_training = True
        return entry

    def end_epoch(self) -> None:
        if self.model.checkpoint is not None:
            self.model.save(self.model.checkpoint)
