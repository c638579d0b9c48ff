"""Phrase models as safetensors files: the words, the counts or scores, and the settings."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _safetensors
from .._files import Path
from ._phrase_joiner import Joiner
from ._strings import pack, unpack

if TYPE_CHECKING:
    from ._phrases import FrozenPhrases, Phrases

FROZEN_SETTINGS = ("threshold", "min_count", "delimiter", "scoring", "connector_words")
_SETTINGS = (*FROZEN_SETTINGS, "max_vocab_size", "progress_per")
_KEYS = {"Phrases": "seqnn.Phrases", "FrozenPhrases": "seqnn.FrozenPhrases"}


def save_counts(model: Phrases, path: Path) -> None:
    """Write a `Phrases` model."""
    if callable(model.scoring):
        raise ValueError("scoring: a function cannot be saved; save phrases.freeze(), or set scoring='default' before")
    counts = model._counts
    words, offsets = pack(counts.words)
    pairs, gaps, values = counts.pairs.entries()
    tensors = {"words": words, "offsets": offsets, "counts": counts.counts, "pairs": pairs, "pair_counts": values}
    if gaps is not None:
        tensors |= {"gaps": gaps, "connector_sequences": counts.trie.keys}
    numbers = {"total_words": counts.total_words, "min_reduce": counts.min_reduce}
    _write(path, "Phrases", tensors, model, _SETTINGS, numbers)


def load_counts(cls: type[Phrases], path: Path) -> Phrases:
    """Read what `save_counts` wrote."""
    tensors, record = _read(path, "Phrases")
    model = cls(**record["settings"])
    counts = model._counts
    try:
        counts.words = unpack(tensors["words"], tensors["offsets"])
        counts.counts = tensors["counts"]
        gaps = tensors["gaps"] if model.connector_words else None
        counts.trie.keys = tensors["connector_sequences"] if model.connector_words else counts.trie.keys
        counts.pairs.add(tensors["pairs"], gaps, tensors["pair_counts"])
        counts.total_words, counts.min_reduce = record["total_words"], record["min_reduce"]
        ids = [tensors["pairs"] >> np.uint64(32), tensors["pairs"] & np.uint64(2**32 - 1)]
        if any(len(part) and int(part.max()) >= len(counts.words) for part in ids):
            raise ValueError("a pair has a word that is not there")
        if len(counts.counts) != len(counts.words):
            raise ValueError(f"{len(counts.words)} words and {len(counts.counts)} counts")
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{os.fspath(path)}: the file is damaged: {error}") from None
    return model


def save_frozen(model: FrozenPhrases, path: Path) -> None:
    """Write a `FrozenPhrases` model."""
    joiner = model._joiner
    words, offsets = pack(word for phrase in joiner.phrases for word in phrase)
    lengths = np.array([len(phrase) for phrase in joiner.phrases], np.int64)
    tensors = {"words": words, "offsets": offsets, "lengths": lengths, "scores": np.array(joiner.scores, np.float64)}
    _write(path, "FrozenPhrases", tensors, model, FROZEN_SETTINGS, {})


def load_frozen(cls: type[FrozenPhrases], path: Path) -> FrozenPhrases:
    """Read what `save_frozen` wrote."""
    tensors, record = _read(path, "FrozenPhrases")
    model = cls.__new__(cls)
    for name in FROZEN_SETTINGS:
        setattr(model, name, record["settings"][name])
    model.connector_words = frozenset(model.connector_words)
    try:
        words = unpack(tensors["words"], tensors["offsets"])
        ends = np.cumsum(tensors["lengths"]).tolist()
        if (
            (ends or [0])[-1] != len(words)
            or len(ends) != len(tensors["scores"])
            or min(tensors["lengths"], default=2) < 2
        ):
            raise ValueError(f"the phrases' lengths do not match {len(words)} words")
        phrases = [tuple(words[a:b]) for a, b in pairwise([0, *ends])]
        model._frozen = Joiner(phrases, tensors["scores"].tolist(), model.delimiter)
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{os.fspath(path)}: the file is damaged: {error}") from None
    return model


def _write(
    path: Path, kind: str, tensors: dict[str, np.ndarray], model: Any, names: tuple[str, ...], numbers: dict[str, int]
) -> None:
    settings = {name: getattr(model, name) for name in names}
    settings["connector_words"] = sorted(settings["connector_words"])
    if callable(settings["scoring"]):
        settings["scoring"] = getattr(model.scoring, "__name__", "function")
    _safetensors.save(path, tensors, {_KEYS[kind]: json.dumps({"settings": settings, **numbers})})


def _read(path: Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    tensors, metadata = _safetensors.load(path, mmap=False)
    if _KEYS[kind] not in metadata:
        raise ValueError(f"{os.fspath(path)}: no {kind} model, but {sorted(metadata) or 'plain tensors'}")
    return tensors, json.loads(metadata[_KEYS[kind]])
