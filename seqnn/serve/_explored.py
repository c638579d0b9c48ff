"""What a page is about: vectors, a model, or a model and the vectors of its tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..embed import KeyedVectors
from ..pretrained import PretrainedModel, StaticEncoder
from ._models import Answer, Model, token_name
from ._words import Words

__all__ = ["Explored"]


class Explored:
    """The questions that a page can ask, and what it tells at the start.

    Args:
        what: `KeyedVectors`, an object that has them as `wv`, a `PretrainedModel`, or a language model.
        name: what the page calls it.

    Raises:
        TypeError: it is something else.
        ValueError: it has neither words nor answers.
    """

    def __init__(self, what: Any, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name: expected a text, got {name!r}")
        what = getattr(what, "wv", what)
        self.words: Words | None = None
        self.model: Model | None = None
        if isinstance(what, KeyedVectors):
            self.words = Words(what)
        elif isinstance(what, PretrainedModel) or hasattr(what, "start_decoding"):
            self.model = Model(what) if not isinstance(what, StaticEncoder) else None
            tokens = _token_vectors(what) if isinstance(what, PretrainedModel) else None
            self.words = None if tokens is None else Words(tokens)
        else:
            raise TypeError(f"what: expected KeyedVectors, a pretrained or a language model, got {type(what).__name__}")
        self.heavy: dict[str, Answer] = {} if self.model is None else self.model.actions
        self.light: dict[str, Answer] = {}
        if self.words is not None:
            words = self.words
            self.light = {name: getattr(words, name) for name in ("complete", "neighbours", "map", "bias")}
        if not self.heavy and not self.light:
            raise ValueError(
                f"{name}: expected vectors, or a model with a tokenizer.json (and the tokenizers library), or a language "
                "model that was fitted to texts"
            )
        self.about = {
            "name": name,
            "views": [*self.light, *self.heavy],
            "words": None if self.words is None else self.words.about,
            "model": None if self.model is None else self.model.about,
        }


def _token_vectors(model: PretrainedModel) -> KeyedVectors | None:
    """Return the vectors of a model's tokens, where there is a table of them and a tokenizer that names them."""
    if isinstance(model, StaticEncoder):
        table = model.vectors if model.mapping is None else model.vectors[model.mapping]
    else:
        network = model.model
        for name in ("encoder", "bert"):
            network = getattr(network, name, network) if not hasattr(network, "embedding") else network
        table = getattr(getattr(network, "embedding", None), "weight", None)
        table = None if table is None else getattr(table, "data", None)
    if model.tokenizer is None or not isinstance(table, np.ndarray):
        return None
    names: dict[str, int] = {}
    for token in range(len(table)):
        names.setdefault(token_name(model.tokenizer, token).strip() or str(token), token)
    return KeyedVectors.from_arrays(list(names), np.ascontiguousarray(table[list(names.values())], np.float32))
