"""The training loop: epochs, steps, and what happens when numbers are not finite."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .. import random
from .._interrupts import DeferredInterrupt
from ..autograd import Tensor
from ..optim import clip_factor, clip_grad_value_, grad_norm
from ._batches import Batches, iterate
from ._diverged import explain
from ._history import Position

if TYPE_CHECKING:
    from ._trainer import Trainer

logger = logging.getLogger("seqnn.train")


def run(trainer: Trainer, source: Any, check: Any, position: Position, interrupt: DeferredInterrupt, bar: Any) -> None:
    """Train from `position`, which moves along, to the end of its run; Ctrl-C acts between two steps."""

    def tell(event: str) -> None:
        with interrupt.allowed():
            for callback in trainer.callbacks:
                if hasattr(callback, event):
                    getattr(callback, event)(trainer)

    tell("on_train_begin")
    while position.running and not trainer.stop_training:
        if position.batch == 0:
            tell("on_epoch_begin")
        _epoch(trainer, source, position, interrupt, bar, tell)
        with interrupt.allowed():
            figures = {} if check is None else trainer.evaluate(check)
        _finish_epoch(trainer, position, figures)
        tell("on_epoch_end")
        if trainer.checkpoint is not None:
            trainer.save(trainer.checkpoint)
    tell("on_train_end")
    trainer._position = None


def _epoch(
    trainer: Trainer,
    source: Any,
    position: Position,
    interrupt: DeferredInterrupt,
    bar: Any,
    tell: Callable[[str], None],
) -> None:
    """The rest of the current epoch."""
    trainer.model.train()
    heard = any(hasattr(callback, "on_step_end") for callback in trainer.callbacks)
    batches = iterate(source, position.first_epoch + position.epoch, position.batch)
    group: list[Any] = []
    for batch in batches if isinstance(source, Batches) else _pulled(batches, interrupt):
        interrupt.check()
        group.append(batch)
        if len(group) == trainer.accumulate:
            _step(trainer, group, position, bar)
            group = []
            if heard:
                tell("on_step_end")
            if trainer.checkpoint_every and trainer.steps % trainer.checkpoint_every == 0:
                trainer.save(trainer.checkpoint)
    if group:
        _step(trainer, group, position, bar)
        if heard:
            tell("on_step_end")
    if position.examples == 0:
        raise ValueError(
            f"data: gave no batches in epoch {position.epoch + 1}. A generator can be gone through only once: give a "
            "list, or train.Batches"
        )


def _step(trainer: Trainer, group: list[Any], position: Position, bar: Any) -> None:
    """One step of the optimiser: forward and backward of each batch, then the update."""
    began = time.perf_counter()
    state = random.get_state()
    loss_sum, examples = 0.0, 0
    for number, batch in enumerate(group, 1):
        _, loss, _ = forward(trainer, batch)
        value = loss.item()
        if not math.isfinite(value):
            _diverged(trainer, f"the loss is {value}", group[:number], state, position)
        loss.backward()
        count = examples_in(batch)
        loss_sum += value * count
        examples += count
    scale = 1.0 / len(group)
    if trainer.clip_value is not None:
        clip_grad_value_(trainer._trained, trainer.clip_value / scale)
    norm = scale * grad_norm(trainer._trained)
    if not math.isfinite(norm):
        _diverged(trainer, f"the norm of the gradients is {norm}", group, state, position)
    factor = 1.0 if trainer.clip_norm is None else clip_factor(norm, trainer.clip_norm)
    trainer.optimizer.step(scale=scale * factor)
    trainer._discard_gradients()
    if trainer.ema:
        trainer.ema.update()
    if trainer.scheduler:
        trainer.scheduler.step()
    trainer.steps += 1
    position.steps += 1
    position.batch += len(group)
    position.loss += loss_sum
    position.grad_norm += norm
    position.examples += examples
    position.seconds += time.perf_counter() - began
    bar.set_postfix(loss=f"{position.loss / position.examples:.4f}", refresh=False)
    bar.update(len(group))


def forward(trainer: Trainer, batch: Any) -> tuple[Any, Tensor, Any]:
    """(output, loss, target) of a batch."""
    parts = tuple(batch) if isinstance(batch, tuple | list) else (batch,)
    if trainer.loss is None:
        output = loss = trainer.model(*parts)
        target = None
    else:
        if len(parts) < 2:
            raise ValueError("data: expected batches (x, target); for batches without target the loss must be None")
        target = parts[-1]
        output = trainer.model(*parts[:-1])
        loss = trainer.loss(output, target)
    if not isinstance(loss, Tensor) or loss.size != 1:
        what = f"a Tensor of shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
        raise TypeError(f"loss: expected a scalar Tensor, got {what}")
    return output, loss, target


def _finish_epoch(trainer: Trainer, position: Position, figures: Mapping[str, float]) -> None:
    """The epoch's entry in the history, and its line in the log."""
    entry = {
        "epoch": position.first_epoch + position.epoch + 1,
        "loss": position.loss / position.examples,
        "grad_norm": position.grad_norm / position.steps,
        "lr": trainer.optimizer.param_groups[0]["lr"],
        "examples": position.examples,
        "seconds": position.seconds,
        **{f"val_{name}": figure for name, figure in figures.items()},
    }
    trainer.history_.append(entry)
    trainer.epochs_trained = entry["epoch"]
    position.next_epoch()
    shown = ", ".join(f"{k} {v:.4g}" for k, v in entry.items() if k not in ("epoch", "examples"))
    logger.info("epoch %d of %d: %s", position.epoch, position.epochs, shown)


def _diverged(trainer: Trainer, what: str, group: list[Any], state: dict[str, int], position: Position) -> None:
    """Find out where it came from, by the same step once more with every result checked; then stop."""
    trainer._discard_gradients()
    after = random.get_state()
    random.set_state(state)
    try:
        where = explain(forward(trainer, batch)[1] for batch in group)
    finally:
        random.set_state(after)
        trainer._discard_gradients()
    raise FloatingPointError(
        f"training diverged in {position.describe()}: {what}. {where} The weights are those before this step. A lower "
        f"learning rate (now {trainer.optimizer.param_groups[0]['lr']:g}), a warm-up (schedule=), clip_norm=1.0, or a look "
        "at the data (train.Batches(check_finite=True)) may help."
    )


def _pulled(batches: Iterator[Any], interrupt: DeferredInterrupt) -> Iterator[Any]:
    """The batches; Ctrl-C acts while the next one is made."""
    while True:
        with interrupt.allowed():
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def examples_in(batch: Any) -> int:
    """How many examples a batch has: the length of its first array."""
    first = batch[0] if isinstance(batch, tuple | list) else batch
    return len(first) if hasattr(first, "__len__") else 1
