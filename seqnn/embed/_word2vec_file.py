"""A Word2Vec model as one safetensors file: settings, vocabulary, weights, history, and where its training stands."""

from __future__ import annotations

import json
import os

import numpy as np

from .. import _safetensors
from .._files import Path
from ..text._strings import pack
from ..text._vocabulary import Vocabulary
from ._keyed_vectors import KeyedVectors
from ._model_file import COUNTS, record, restored
from ._vector_files import _FORMAT
from ._word2vec_model import Word2VecModel
from ._word2vec_options import SAVED
from ._word2vec_weights import Weights

KIND = "Word2Vec"

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
    try:
        text = json.dumps(record(model, SAVED, STATE))
    except TypeError as error:
        raise TypeError(f"comment: expected text or what JSON can hold, got {model.comment!r} ({error})") from None
    _safetensors.save(path, tensors, _FORMAT | {f"seqnn.{KIND}": text})


def load(model_type: type[Word2VecModel], path: Path, *, mmap: bool) -> Word2VecModel:
    """The model in a file; with `mmap` its matrices stay in the file until it is trained further."""
    name = os.fspath(path)
    tensors, metadata = _safetensors.load(path, mmap=True)
    model = restored(model_type, KIND, name, metadata, STATE)
    if "vectors" in tensors:
        wv = KeyedVectors.load(path)
        weights = _weights(name, tensors, model, len(wv))
        if not mmap:
            weights = weights.trainable(weights.input)
        model._install(Vocabulary(wv.index_to_key, wv.expandos["count"]), weights)
    return model


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
