"""N-gram models as files: safetensors whose arrays are mapped into memory as they are, and ARPA files."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from .. import _safetensors
from .._files import Path, open_binary, unpacking
from ..text import Vocabulary
from ..text._strings import pack, unpack
from ._arpa import read_arpa
from ._ngram_fit import SPECIALS, Model
from ._ngram_score import CLOSED, DIRECT, Scorer
from ._ngram_trie import Trie

_KEY = "seqnn.NGramLM"


def save_model(path: Path, model: Model, settings: dict[str, Any]) -> None:
    """Write a model and the settings that it was made with."""
    trie = model.scorer.trie
    words, offsets = pack(model.vocabulary.words)
    tensors = {
        "nodes": trie.nodes,
        "leaves": trie.leaves,
        "words": words,
        "word_offsets": offsets,
        "counts": model.vocabulary.counts,
    }
    if model.discounts is not None:
        tensors["discounts"] = model.discounts
    record = {"settings": settings, "order": trie.order, "kind": model.scorer.kind, "absent": model.scorer.absent}
    _safetensors.save(path, tensors, {_KEY: json.dumps(record)})


def load_model(path: Path) -> tuple[Model, dict[str, Any]]:
    """Read a model and its settings from a file of `save_model` or an ARPA file.

    Raises:
        ValueError: neither of the two, or damaged.
    """
    if _is_text(path):
        words, trie, closed = read_arpa(path)
        vocabulary = Vocabulary(words, specials=SPECIALS)
        return Model(vocabulary, Scorer(trie, CLOSED if closed else 0)), {"order": trie.order}
    tensors, metadata = _safetensors.load(path)
    if _KEY not in metadata:
        raise ValueError(f"{os.fspath(path)}: no NGramLM model, but {sorted(metadata) or 'plain tensors'}")
    try:
        record = json.loads(metadata[_KEY])
        trie = Trie(tensors["nodes"], tensors["leaves"], record["order"])
        _check(trie, tensors["word_offsets"])
        vocabulary = Vocabulary(unpack(tensors["words"], tensors["word_offsets"]), tensors["counts"], specials=SPECIALS)
        if list(vocabulary.words[:3]) != list(SPECIALS.values()):
            raise ValueError(f"the first words are {vocabulary.words[:3]}")
        scorer = Scorer(trie, int(record["kind"]) & (CLOSED | DIRECT), float(record["absent"]))
        return Model(vocabulary, scorer, tensors.get("discounts")), record["settings"]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"{os.fspath(path)}: the file is damaged: {error}") from None


def _is_text(path: Path) -> bool:
    """Tell whether a file, packed or not, begins like text, and not like safetensors with the length of a header."""
    with unpacking(path), open_binary(path) as file:
        start = file.read(8)
    return len(start) < 8 or b"\0" not in start


def _check(trie: Trie, offsets: np.ndarray) -> None:
    """Raise a ValueError for arrays that are no trie over the words."""
    fits = trie.nodes.dtype == trie.leaves.dtype == np.uint32 and trie.nodes.ndim == trie.leaves.ndim == 2
    if not fits or trie.nodes.shape[1:] != (4,) or trie.leaves.shape[1:] != (2,) or len(trie.nodes) < 2:
        raise ValueError(f"nodes {trie.nodes.shape} and leaves {trie.leaves.shape} are no trie")
    if trie.words != len(offsets) - 1 or trie.starts[-1] != len(trie.nodes) - 1 + len(trie.leaves):
        raise ValueError(f"the trie and its {len(offsets) - 1} words do not agree")
