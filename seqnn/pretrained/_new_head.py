"""Encoders of a folder with a new head for classes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from .._huggingface import CLASSES, Loaded, read_config, read_state, read_tokenizer
from ._architectures import ARCHITECTURES, read_as
from ._sentence import read_modules

__all__ = ["with_new_head"]

_ENDING = "ForSequenceClassification"
_DENSE, _OUTPUT = "head.dense", "head.output"


def with_new_head(folder: str | os.PathLike, classes: Sequence[Any]) -> tuple[Loaded, Any, Path]:
    """Return the encoder of a folder with a head that knows nothing yet, its tokenizer, and where it stands.

    A BERT's pooler, where there is one, becomes the head's first layer; all else of the head is drawn from N(0, 0.02). A
    head for other classes or another task is left out.

    Args:
        folder: of a BERT, RoBERTa, DistilBERT, GPT-2 or MiniLM, with any head or none, or one of sentence-transformers.
        classes: their names.

    Raises:
        ValueError: the folder holds another model, or the names are not two different ones or more.
    """
    names = [str(name) for name in classes] if not isinstance(classes, str | bytes) else []
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"classes: expected the names of two classes or more, each once, got {classes!r:.80}")
    path = Path(folder)
    listed = read_modules(path)
    network = path / listed[0][1] if listed else path
    config = read_config(network)
    kinds = {a.family.model_type: kind for kind, a in ARCHITECTURES.items() if kind.endswith(_ENDING)}
    if config.get("model_type") not in kinds:
        raise ValueError(
            f"{network}: model_type: expected one of {', '.join(kinds)}, to put a head for classes on, got "
            f"{config.get('model_type')!r}"
        )
    kind = kinds[config["model_type"]]
    told = {
        **config, "architectures": [kind], "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
    }  # fmt: skip
    told.pop("problem_type", None)
    state = _completed(
        network, read_state(network), CLASSES.get(kind.removesuffix(_ENDING), CLASSES["Roberta"]), len(names)
    )
    return replace(read_as(network, told, kind, state), prefixed=True), read_tokenizer(network), network


def _completed(
    folder: Path, state: dict[str, np.ndarray], head: Mapping[str, str], classes: int
) -> dict[str, np.ndarray]:
    """Return the arrays of a model with new ones for its head."""
    vectors = next((a for key, a in state.items() if key.endswith(("word_embeddings.weight", "wte.weight"))), None)
    if vectors is None or vectors.ndim != 2:
        raise ValueError(f"{folder}: expected a table of the tokens' embeddings among the weights")
    width = vectors.shape[1]
    found = {key: array for key, array in state.items() if not key.startswith(f"{head[_OUTPUT]}.")}
    found |= _layer(head[_OUTPUT], classes, width, bias=_DENSE in head)
    if _DENSE in head and not any(key.endswith(f"{head[_DENSE]}.weight") for key in state):
        found |= _layer(head[_DENSE], width, width, bias=True)
    return found


def _layer(name: str, rows: int, columns: int, *, bias: bool) -> dict[str, np.ndarray]:
    weight = nn.init.normal_(np.empty((rows, columns), np.float32), 0.0, 0.02)
    return {f"{name}.weight": weight, **({f"{name}.bias": np.zeros(rows, np.float32)} if bias else {})}
