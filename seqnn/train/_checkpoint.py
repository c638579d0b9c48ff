"""The whole state of a training run in one file: arrays as tensors, the rest as a record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import _model_file, random
from .._arguments import integer
from .._files import Path

KIND = "train"


def save(trainer: Any, path: Path) -> None:
    """Write arrays "model.<key>", "optimizer.<parameter>.<name>", "ema.<parameter>", "callback.<label>.<key>", and a record."""
    arrays = {f"model.{key}": array for key, array in trainer.model.state_dict().items()}
    optimizer = trainer.optimizer.state_dict()
    steps = {}
    for index, state in optimizer["state"].items():
        steps[index] = state["step"]
        arrays |= {f"optimizer.{index}.{name}": array for name, array in state.items() if name != "step"}
    if trainer.ema:
        arrays |= {f"ema.{i}": array for i, array in enumerate(trainer.ema.averages)}
    for label, callback in _remembering(trainer):
        arrays |= {f"callback.{label}.{key}": array for key, array in callback.state_dict().items()}
    record = {
        **trainer._runs(),
        "steps": trainer.steps,
        "random": random.get_state(),
        "optimizer": {"kind": type(trainer.optimizer).__name__, "steps": steps, "groups": optimizer["param_groups"]},
        "scheduler": None if trainer.scheduler is None else trainer.scheduler.state_dict(),
        "ema_updates": None if trainer.ema is None else trainer.ema.updates,
    }
    _model_file.save(path, KIND, arrays, record)


def load(trainer: Any, path: Path) -> None:
    """Take a file's state over. Everything is checked before, or taken back after, a failure."""
    arrays, record, _ = _model_file.load(path, KIND, writer="train.Trainer.save")
    before = _parts(trainer)
    with _model_file.damage(path):
        runs = trainer._checked_runs(record)
        steps = integer("steps", record["steps"], 0, 2**63 - 1)
        try:
            _take_over(trainer, record, arrays)
        except BaseException:
            _put_back(trainer, before)
            raise
    for name, value in runs.items():
        setattr(trainer, name, value)
    trainer.steps = steps


def _take_over(trainer: Any, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    optimizer = record["optimizer"]
    if optimizer["kind"] != type(trainer.optimizer).__name__:
        raise ValueError(f"optimizer: expected {type(trainer.optimizer).__name__}, got {optimizer['kind']}")
    for part, mine in ("scheduler", trainer.scheduler), ("ema_updates", trainer.ema):
        if (record[part] is None) != (mine is None):
            raise ValueError(
                f"{part}: the checkpoint has {'none' if mine else 'one'}, this trainer has {'one' if mine else 'none'}"
            )
    states: dict[int, dict[str, Any]] = {
        int(index): {"step": integer("optimizer.steps", step, 0, 2**63 - 1)}
        for index, step in optimizer["steps"].items()
    }
    for key, array in arrays.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            states[int(index)][name] = array
    trainer.optimizer.load_state_dict({"state": states, "param_groups": optimizer["groups"]})
    if trainer.scheduler:
        trainer.scheduler.load_state_dict(record["scheduler"])
    if trainer.ema:
        averages = [arrays[f"ema.{i}"] for i in range(len(trainer.ema.averages))]
        updates = integer("ema_updates", record["ema_updates"], 0, 2**63 - 1)
        trainer.ema.load_state_dict({"updates": updates, "averages": averages})
    random.set_state(record["random"])
    for label, callback in _remembering(trainer):
        mine = f"callback.{label}."
        callback.load_state_dict({k.removeprefix(mine): array for k, array in arrays.items() if k.startswith(mine)})
    weights = {key.removeprefix("model."): array for key, array in arrays.items() if key.startswith("model.")}
    trainer.model.load_state_dict(weights)


def _remembering(trainer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the callbacks with a state, each with its type and its number among those of that type."""
    kinds: dict[str, int] = {}
    for callback in trainer.callbacks:
        kind = type(callback).__name__
        number = kinds[kind] = kinds.get(kind, -1) + 1
        if hasattr(callback, "state_dict") and hasattr(callback, "load_state_dict"):
            yield f"{kind}.{number}", callback


def _parts(trainer: Any) -> dict[str, Any]:
    """Copy what `_take_over` changes before the weights, which come last and all or none."""
    ema = trainer.ema
    return {
        "optimizer": trainer.optimizer.state_dict(),
        "scheduler": trainer.scheduler and trainer.scheduler.state_dict(),
        "ema": ema and {"updates": ema.updates, "averages": [a.copy() for a in ema.averages]},
        "random": random.get_state(),
        "callbacks": [(callback, callback.state_dict()) for _, callback in _remembering(trainer)],
    }


def _put_back(trainer: Any, parts: dict[str, Any]) -> None:
    trainer.optimizer.load_state_dict(parts["optimizer"])
    if trainer.scheduler:
        trainer.scheduler.load_state_dict(parts["scheduler"])
    if trainer.ema:
        trainer.ema.load_state_dict(parts["ema"])
    random.set_state(parts["random"])
    for callback, state in parts["callbacks"]:
        callback.load_state_dict(state)
