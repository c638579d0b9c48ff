"""N-gram models as files: safetensors whose arrays are mapped into memory as they are, and ARPA files."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _model_file
from .._files import Path, Source
from .._strings import pack, packed_fits, unpack
from ..text import Vocabulary
from ._arpa_reader import ArpaReader
from ._ngram_fit import SPECIALS, Model
from ._ngram_score import CLOSED, DIRECT, Scorer
from ._ngram_trie import Trie

_KIND = "NGramLM"


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
    _model_file.save(path, _KIND, tensors, record)


def load_model(path: Path) -> tuple[Model, dict[str, Any]]:
    """Read a model and its settings from a file of `save_model` or an ARPA file.

    Raises:
        ValueError: neither of the two, or damaged.
    """
    with Source(path) as source:
        start = source.start(8)
        if len(start) < 8 or b"\0" not in start:  # safetensors begin with the length of a header
            words, trie, closed = ArpaReader(source).read()
            vocabulary = Vocabulary(words, specials=SPECIALS)
            return Model(vocabulary, Scorer(trie, CLOSED if closed else 0)), {"order": trie.order}
        tensors, record, _ = _model_file.load(source, _KIND)
    with _model_file.damage(path):
        offsets, counts = tensors["word_offsets"], tensors["counts"]
        trie = Trie(tensors["nodes"], tensors["leaves"], record["order"])
        _check(trie, len(offsets) - 1)
        if not packed_fits(tensors["words"], offsets, trie.words) or counts.shape != offsets[1:].shape:
            raise ValueError(f"damaged, 'words', 'word_offsets' and 'counts' are not those of {trie.words} words")
        words = unpack(tensors["words"], offsets)
        if words[: len(SPECIALS)] != list(SPECIALS.values()):
            raise ValueError(f"damaged, the first words are {words[: len(SPECIALS)]}")
        vocabulary = Vocabulary(words, counts, specials=SPECIALS)
        scorer = Scorer(trie, int(record["kind"]) & (CLOSED | DIRECT), float(record["absent"]))
        return Model(vocabulary, scorer, tensors.get("discounts")), record["settings"]


def _check(trie: Trie, words: int) -> None:
    """Raise a ValueError for arrays that are no trie over that many words."""
    fits = trie.nodes.dtype == trie.leaves.dtype == np.uint32 and trie.nodes.ndim == trie.leaves.ndim == 2
    if not fits or trie.nodes.shape[1:] != (4,) or trie.leaves.shape[1:] != (2,) or len(trie.nodes) < 2:
        raise ValueError(f"damaged, nodes {trie.nodes.shape} and leaves {trie.leaves.shape} are no trie")
    if trie.words != words or trie.starts[-1] != len(trie.nodes) - 1 + len(trie.leaves):
        raise ValueError(f"damaged, the trie and its {words} words do not agree")
