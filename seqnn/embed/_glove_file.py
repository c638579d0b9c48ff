"""A GloVe model as one safetensors file: settings, vocabulary, weights, history, and where its training stands."""

from __future__ import annotations

import json
import os

import numpy as np

from .. import _safetensors
from .._files import Path
from ..text._strings import pack
from ..text._vocabulary import Vocabulary
from ._glove_model import GloVeModel
from ._glove_weights import Weights
from ._keyed_vectors import KeyedVectors
from ._model_file import COUNTS, record, restored
from ._vector_files import _FORMAT

KIND = "GloVe"

SAVED = (
    "vector_size", "window", "x_max", "alpha", "learning_rate", "symmetric", "distance_weighting", "min_count",
    "epochs", "workers", "seed", "deterministic", "vectors", "max_vocab_size", "max_final_vocab", "verbose",
    "max_memory", "errors",
)  # fmt: skip
"""Arguments of the constructor that a file keeps."""

STATE = ("corpus_count", "corpus_total_words", "history_", "epochs_trained", "_run_start", "ids_as_words")


def save(model: GloVeModel, path: Path) -> None:
    """Write the model; on any error the old file stays. The file is one of `KeyedVectors.save`'s, with more in it."""
    words, offsets = pack(model._vocabulary.words)
    tensors = {"words": words, "offsets": offsets, COUNTS: model._vocabulary.counts}
    if model._vocabulary.words:
        tensors |= {"vectors": model.wv.vectors, "word": model._weights.word, "context": model._weights.context}
    _safetensors.save(path, tensors, _FORMAT | {f"seqnn.{KIND}": json.dumps(record(model, SAVED, STATE))})


def load(model_type: type[GloVeModel], path: Path, *, mmap: bool) -> GloVeModel:
    """The model in a file; with `mmap` its weights stay in the file until it is trained further."""
    name = os.fspath(path)
    tensors, metadata = _safetensors.load(path, mmap=True)
    model = restored(model_type, KIND, name, metadata, STATE)
    if "vectors" in tensors:
        wv = KeyedVectors.load(path)
        shape = Weights.create(0, model.vector_size).word.shape[1:]
        for key in ("word", "context"):
            if key not in tensors or tensors[key].shape != (len(wv), *shape) or tensors[key].dtype != np.float32:
                raise ValueError(f"{name}: damaged, tensor {key!r} must be float32 of shape {(len(wv), *shape)}")
        weights = Weights(model.vector_size, tensors["word"], tensors["context"])
        model._install(Vocabulary(wv.index_to_key, wv.expandos["count"]), weights if mmap else weights.trainable())
    return model
