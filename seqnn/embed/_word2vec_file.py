"""A Word2Vec or FastText model as one safetensors file: settings, vocabulary, weights, history, where training stands."""

from __future__ import annotations

import json
import os

import numpy as np

from .. import _safetensors
from .._files import Path
from ..text._strings import pack
from ..text._vocabulary import Vocabulary
from ._model_file import COUNTS, record, restored
from ._vector_files import _FORMAT
from ._word2vec_model import Word2VecModel

STATE = (
    "corpus_count", "corpus_total_words", "effective_min_count", "history_", "train_count", "epochs_trained",
    "_run_start", "ids_as_words",
)  # fmt: skip


def save(model: Word2VecModel, path: Path) -> None:
    """Write the model; on any error the old file stays. The file is one of `KeyedVectors.save`'s, with more in it."""
    model._check_settings()
    words, offsets = pack(model._vocabulary.words)
    tensors = {"words": words, "offsets": offsets, COUNTS: model._vocabulary.counts}
    metadata = dict(_FORMAT)
    if model._vocabulary.words:
        model._weights.check(model.wv.vectors)
        parts, about = model.wv._parts_of_file()
        tensors |= {"vectors": model.wv.vectors} | model._weights.tensors() | parts
        metadata |= about
    try:
        text = json.dumps(record(model, model._saved, STATE))
    except TypeError as error:
        raise TypeError(f"comment: expected text or what JSON can hold, got {model.comment!r} ({error})") from None
    _safetensors.save(path, tensors, metadata | {f"seqnn.{model._kind}": text})


def load(model_type: type[Word2VecModel], path: Path, *, mmap: bool) -> Word2VecModel:
    """The model in a file; with `mmap` its matrices stay in the file until it is trained further."""
    name = os.fspath(path)
    tensors, metadata = _safetensors.load(path, mmap=True)
    model = restored(model_type, model_type._kind, name, metadata, STATE)
    if "vectors" in tensors:
        wv = type(model.wv).load(path)
        _check_shapes(name, tensors, model, len(wv))
        weights = model._weights_in_file(wv, tensors)
        if not mmap:
            weights = weights.trainable(weights.input)
        model._install(Vocabulary(wv.index_to_key, wv.expandos["count"]), weights)
    return model


def _check_shapes(name: str, tensors: dict[str, np.ndarray], model: Word2VecModel, count: int) -> None:
    """`ValueError` when a matrix is not there or not of the right shape."""
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
