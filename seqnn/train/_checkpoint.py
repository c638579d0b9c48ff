"""The whole state of a training run in one file: safetensors for arrays, JSON in its metadata for the rest."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _safetensors, random
from .._arguments import integer
from .._config import __version__, get_isa
from .._files import Path
from ._history import Position

if TYPE_CHECKING:
    from ._trainer import Trainer

VERSION = 1
KEY = "seqnn.train"
COUNTS = ("epochs", "first_epoch", "epoch", "batch", "examples", "steps")
"""What a position counts."""


def save(trainer: Trainer, path: Path) -> None:
    """Arrays are "model.<key>", "optimizer.<parameter>.<name>", "ema.<parameter>" and "callback.<label>.<key>"."""
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
        "version": VERSION,
        "position": None if trainer._position is None else asdict(trainer._position),
        "run_start": trainer._run_start,
        "steps": trainer.steps,
        "epochs_trained": trainer.epochs_trained,
        "history": trainer.history_,
        "data": trainer._data,
        "random": random.get_state(),
        "optimizer": {"kind": type(trainer.optimizer).__name__, "steps": steps, "groups": optimizer["param_groups"]},
        "scheduler": None if trainer.scheduler is None else trainer.scheduler.state_dict(),
        "ema_updates": None if trainer.ema is None else trainer.ema.updates,
        "written_by": {
            "seqnn": __version__,
            "instruction set": get_isa(),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    _safetensors.save(path, arrays, {KEY: json.dumps(record)})


def load(trainer: Trainer, path: Path) -> None:
    """Everything is checked before, or taken back after, a failure."""
    name = os.fspath(path)
    arrays, metadata = _safetensors.load(path)
    if KEY not in metadata:
        raise ValueError(f"{name}: not a checkpoint of train.Trainer")
    before = _parts(trainer)
    try:
        record = json.loads(metadata[KEY])
        if record["version"] > VERSION:
            raise ValueError(f"written by a newer seqnn (format {record['version']}, known: {VERSION})")
        position = None if record["position"] is None else Position(**record["position"])
        for field in COUNTS if position else ():
            integer(f"position.{field}", getattr(position, field), 0, 2**63 - 1)
        _take_over(trainer, record, arrays)
    except BaseException as error:
        _put_back(trainer, before)
        if isinstance(error, KeyError | TypeError | AttributeError):
            raise ValueError(f"{name}: damaged, {type(error).__name__}: {error}") from None
        if isinstance(error, ValueError):
            raise ValueError(f"{name}: {error}") from None
        raise
    trainer._position = position
    trainer._run_start, trainer._data = record["run_start"], record["data"]
    trainer.steps, trainer.epochs_trained = record["steps"], record["epochs_trained"]
    trainer.history_ = record["history"]


def _take_over(trainer: Trainer, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    optimizer = record["optimizer"]
    if optimizer["kind"] != type(trainer.optimizer).__name__:
        raise ValueError(f"optimizer: expected {type(trainer.optimizer).__name__}, got {optimizer['kind']}")
    for part, mine in ("scheduler", trainer.scheduler), ("ema_updates", trainer.ema):
        if (record[part] is None) != (mine is None):
            raise ValueError(
                f"{part}: the checkpoint has {'none' if mine else 'one'}, this trainer has {'one' if mine else 'none'}"
            )
    states: dict[int, dict[str, Any]] = {int(index): {"step": step} for index, step in optimizer["steps"].items()}
    for key, array in arrays.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            states[int(index)][name] = array
    trainer.optimizer.load_state_dict({"state": states, "param_groups": optimizer["groups"]})
    if trainer.scheduler:
        trainer.scheduler.load_state_dict(record["scheduler"])
    if trainer.ema:
        averages = [arrays[f"ema.{i}"] for i in range(len(trainer.ema.averages))]
        trainer.ema.load_state_dict({"updates": record["ema_updates"], "averages": averages})
    random.set_state(record["random"])
    weights = {key.removeprefix("model."): array for key, array in arrays.items() if key.startswith("model.")}
    trainer.model.load_state_dict(weights)
    for label, callback in _remembering(trainer):
        mine = f"callback.{label}."
        callback.load_state_dict({k.removeprefix(mine): array for k, array in arrays.items() if k.startswith(mine)})


def _remembering(trainer: Trainer) -> Iterator[tuple[str, Any]]:
    """The callbacks with a state, each with its type and its number among those of that type."""
    kinds: dict[str, int] = {}
    for callback in trainer.callbacks:
        kind = type(callback).__name__
        number = kinds[kind] = kinds.get(kind, -1) + 1
        if hasattr(callback, "state_dict") and hasattr(callback, "load_state_dict"):
            yield f"{kind}.{number}", callback


def _parts(trainer: Trainer) -> dict[str, Any]:
    """What `_take_over` changes before the weights, which come last and all or none; the averages by copies."""
    ema = trainer.ema
    return {
        "optimizer": trainer.optimizer.state_dict(),
        "scheduler": trainer.scheduler and trainer.scheduler.state_dict(),
        "ema": ema and {"updates": ema.updates, "averages": [a.copy() for a in ema.averages]},
        "random": random.get_state(),
    }


def _put_back(trainer: Trainer, parts: dict[str, Any]) -> None:
    trainer.optimizer.load_state_dict(parts["optimizer"])
    if trainer.scheduler:
        trainer.scheduler.load_state_dict(parts["scheduler"])
    if trainer.ema:
        trainer.ema.load_state_dict(parts["ema"])
    random.set_state(parts["random"])
