"""A Word2Vec model as one safetensors file: settings, vocabulary, weights, history, and where its training stands."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict

import numpy as np

from .. import _safetensors
from .._config import __version__, get_isa
from .._files import Path
from .._threads import get_num_threads
from ..text._strings import pack
from ..text._vocabulary import Vocabulary
from ._arguments import integer, number
from ._keyed_vectors import KeyedVectors
from ._training import Position
from ._vector_files import _ATTRIBUTE, _FORMAT
from ._word2vec_model import Word2VecModel
from ._word2vec_options import SAVED
from ._word2vec_weights import Weights

KEY = "seqnn.Word2Vec"
"""The metadata entry that makes a safetensors file one of ours."""

VERSION = 1

COUNTS = _ATTRIBUTE + "count"

STATE = (
    "corpus_count", "corpus_total_words", "effective_min_count", "history_", "train_count", "epochs_trained",
    "_run_start", "ids_as_words",
)  # fmt: skip


def save(model: Word2VecModel, path: Path) -> None:
    """Write the model; on any error the old file stays. The file is one of `KeyedVectors.save`'s, with more in it."""
    model._check_settings()
    words, offsets = pack(model._vocabulary.words)
    tensors = {"words": words, "offsets": offsets, COUNTS: model._vocabulary.counts}
    if model._vocabulary.words:
        weights, size = model._weights, model.vector_size
        weights.check(model.wv.vectors)
        tensors["vectors"] = model.wv.vectors
        if weights.output is not None:
            tensors["output"] = weights.output[:, :size]
        if weights.nodes is not None:
            tensors["nodes"] = weights.nodes[:, :size]
    record = {
        "version": VERSION,
        "options": {name: getattr(model, name) for name in SAVED},
        "state": {name: getattr(model, name) for name in STATE},
        "position": None if model._position is None else asdict(model._position),
        "written_by": written_by(model.workers),
    }
    try:
        text = json.dumps(record)
    except TypeError as error:
        raise TypeError(f"comment: expected text or what JSON can hold, got {model.comment!r} ({error})") from None
    _safetensors.save(path, tensors, _FORMAT | {KEY: text})


def written_by(workers: int | None) -> dict[str, str | int]:
    """What a model's file says about the program that wrote it."""
    return {
        "seqnn": __version__,
        "instruction_set": get_isa(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "threads": workers or get_num_threads(),
    }


def load(model_type: type[Word2VecModel], path: Path, *, mmap: bool) -> Word2VecModel:
    """The model in a file; with `mmap` its matrices stay in the file until it is trained further."""
    name = os.fspath(path)
    tensors, metadata = _safetensors.load(path, mmap=True)
    if KEY not in metadata:
        raise ValueError(f"{name}: not a file of Word2Vec.save (for vectors alone: KeyedVectors.load)")
    try:
        record = json.loads(metadata[KEY])
        if record["version"] > VERSION:
            raise ValueError(f"written by a newer seqnn (format {record['version']}, known: {VERSION})")
        model = model_type(**record["options"])
        model.__dict__.update({key: record["state"][key] for key in STATE})
        model._position = None if record["position"] is None else Position(**record["position"])
        _check_state(model)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{name}: damaged, {type(error).__name__}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if "vectors" in tensors:
        wv = KeyedVectors.load(path)
        weights = _weights(name, tensors, model, len(wv))
        if not mmap:
            weights = weights.trainable(weights.input)
        model._install(Vocabulary(wv.index_to_key, wv.expandos["count"]), weights)
    return model


def _check_state(model: Word2VecModel) -> None:
    """What a damaged file could make of the state must not reach the kernels."""
    for name in ("corpus_count", "corpus_total_words", "effective_min_count", "train_count", "epochs_trained"):
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


def _weights(name: str, tensors: dict[str, np.ndarray], model: Word2VecModel, count: int) -> Weights:
    """The matrices of the file, after a look at their shapes."""
    size = model.vector_size
    shapes = {"vectors": (count, size), COUNTS: (count,)}
    if model.negative:
        shapes["output"] = (count, size)
    if model.hs:
        shapes["nodes"] = (count - 1, size)
    for key, shape in shapes.items():
        kind = np.int64 if key == COUNTS else np.float32
        if key not in tensors or tensors[key].shape != shape or tensors[key].dtype != kind:
            raise ValueError(f"{name}: damaged, tensor {key!r} must be {kind.__name__} of shape {shape}")
    return Weights(size, tensors["vectors"], tensors.get("output"), tensors.get("nodes"))
