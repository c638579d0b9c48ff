"""The part of a model's file that all trainers have: settings, state, where the training stands, who wrote it."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from .._arguments import integer, number
from .._config import __version__, get_isa
from .._threads import get_num_threads
from ._training import Position
from ._vector_files import _ATTRIBUTE

VERSION = 1

COUNTS = _ATTRIBUTE + "count"

COUNTED = frozenset({"corpus_count", "corpus_total_words", "effective_min_count", "train_count", "epochs_trained"})
"""What a state counts."""


def record(model: Any, saved: Sequence[str], state: Sequence[str]) -> dict[str, Any]:
    """What the metadata of a model's file say, ready for JSON."""
    return {
        "version": VERSION,
        "options": {name: getattr(model, name) for name in saved},
        "state": {name: getattr(model, name) for name in state},
        "position": None if model._position is None else asdict(model._position),
        "written_by": {
            "seqnn": __version__,
            "instruction_set": get_isa(),
            "numpy": np.__version__,
            "python": platform.python_version(),
            "threads": model.workers or get_num_threads(),
        },
    }


def restored(model_type: type, kind: str, name: str, metadata: dict[str, str], state: Sequence[str]) -> Any:
    """The model that a `record` describes, without vocabulary and weights."""
    if f"seqnn.{kind}" not in metadata:
        raise ValueError(f"{name}: not a file of {kind}.save (for vectors alone: KeyedVectors.load)")
    try:
        found = json.loads(metadata[f"seqnn.{kind}"])
        if found["version"] > VERSION:
            raise ValueError(f"written by a newer seqnn (format {found['version']}, known: {VERSION})")
        model = model_type(**found["options"])
        model.__dict__.update({key: found["state"][key] for key in state})
        model._position = None if found["position"] is None else Position(**found["position"])
        _check_state(model, state)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{name}: damaged, {type(error).__name__}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return model


def _check_state(model: Any, state: Sequence[str]) -> None:
    """What a damaged file could make of the state must not reach the kernels."""
    for name in COUNTED.intersection(state):
        integer(name, getattr(model, name), 0, 2**63 - 1)
    if not isinstance(model.history_, list) or not all(isinstance(entry, dict) for entry in model.history_):
        raise TypeError("history_: expected a list of dicts")
    integer("_run_start", model._run_start, 0, len(model.history_))
    if (position := model._position) is not None:
        integer("position.epochs", position.epochs, 0)
        integer("position.epoch", position.epoch, 0, position.epochs)
        integer("position.first_epoch", position.first_epoch, 0)
        integer("position.unit", position.unit, 0, 2**63 - 1)
        for key in ("start_alpha", "end_alpha", "loss", "examples", "seconds"):
            number(f"position.{key}", getattr(position, key), minimum=0)
