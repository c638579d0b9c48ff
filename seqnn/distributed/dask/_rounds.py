"""What workers do in a round of averaging: train a part of a shard from the mean of the round before, and add weights up."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ... import random
from ...embed import Cooccurrence, GloVe, Word2Vec
from ...text import Corpus, Vocabulary, scan

SHARD_STREAM = 1 << 42
"""Streams of random numbers of the shards' seeds."""

Encoded = tuple[np.ndarray, np.ndarray]


class Share(NamedTuple):
    """What a shard, or several, add to the mean of a round."""

    weight: int
    """Words or counts that were trained on."""
    arrays: list[np.ndarray]
    """The weights, times `weight`, in float64; of a mean they are divided and float32."""
    loss: float
    """Summed over the examples."""
    examples: int


class Round(NamedTuple):
    """The place of a round in the run."""

    number: int
    rounds: int
    slice: int
    """Which of the `slices` of each shard is trained."""
    slices: int


def untrained(kind: type, settings: dict[str, Any], vocabulary: Vocabulary) -> Any:
    """Make the model that tasks begin with: they never change it, but copies of it."""
    model = kind(**settings)
    model._install(vocabulary, model._weights_type.new(vocabulary, model))
    return model


def encoded(shard: Any, start: Any, **options: Any) -> Encoded:
    """Return a shard as the model's ids and offsets."""
    with scan(shard, keep_empty=True, **options) as scanned:
        corpus = scanned.encode(start._vocabulary.positions(scanned.words))
        return corpus.ids, corpus.offsets


def dealt(counts: Cooccurrence, number: int, step: int) -> Cooccurrence:
    """Return the counts number, number + step, number + 2 step, ..."""
    indptr = np.maximum((counts.indptr - number + step - 1) // step, 0)
    return Cooccurrence._of(indptr, counts.indices[number::step].copy(), counts.data[number::step].copy())


def _sliced(encoded: Encoded, where: Round) -> Corpus:
    """Return the sentences of a round."""
    ids, offsets = encoded
    cuts = np.searchsorted(offsets, np.linspace(0, len(ids), where.slices + 1))
    cuts[[0, -1]] = 0, len(offsets) - 1
    part = offsets[cuts[where.slice] : cuts[where.slice + 1] + 1]
    return Corpus(ids[part[0] : part[-1]], part - part[0])


def train_words(start: Word2Vec, mean: Share | None, encoded: Encoded, number: int, where: Round) -> Share:
    """Train word vectors on the slice of a shard."""
    model = _copy(start, mean, number, where)
    corpus = _sliced(encoded, where)
    if len(corpus.ids):
        fall = (start.alpha - start.min_alpha) / where.rounds
        begin = start.alpha - fall * where.number
        model._fit(corpus, epochs=1, start_alpha=begin, end_alpha=max(begin - fall, 0.0))
    return _share(model, len(corpus.ids))


def train_counts(start: GloVe, mean: Share | None, counts: Cooccurrence, number: int, where: Round) -> Share:
    """Train GloVe on a slice of the counts that were dealt out."""
    model = _copy(start, mean, number, where)
    part = dealt(counts, where.slice, where.slices)
    if part.nnz:
        model.fit(cooccurrence=part, epochs=1, warm_start=True)
    return _share(model, part.nnz)


def _copy(start: Any, mean: Share | None, number: int, where: Round) -> Any:
    """Return a model with the weights that a round begins with, and with random numbers of this shard and round."""
    model = start._beginning_with(start._weights.arrays() if mean is None else mean.arrays, where.number)
    low, high = random.bits(1, seed=start.seed, stream=SHARD_STREAM + number)[:2].tolist()
    model.set_params(seed=low | (high >> 1) << 32)
    return model


def _share(model: Any, weight: int) -> Share:
    entry = model.history_[-1] if model.history_ else {"loss": 0.0, "examples": 0}
    loss = entry["loss"] * entry["examples"] if entry["examples"] else 0.0
    return Share(weight, [array * np.float64(weight) for array in model._weights.arrays()], loss, entry["examples"])


def summed(shares: list[Share]) -> Share:
    """Add shares up, in order."""
    arrays = [array.copy() for array in shares[0].arrays]
    for share in shares[1:]:
        for total, array in zip(arrays, share.arrays, strict=True):
            total += array
    weight, loss, examples = (sum(getattr(share, name) for share in shares) for name in ("weight", "loss", "examples"))
    return Share(weight, arrays, loss, examples)


def mean_of(total: Share, start: Any, mean: Share | None) -> Share:
    """Divide by the weight; a round whose slices have nothing to train on leaves the weights that it began with."""
    if not total.weight:
        return total._replace(arrays=start._weights.arrays() if mean is None else mean.arrays)
    return total._replace(arrays=[(array / total.weight).astype(np.float32) for array in total.arrays])


def figures_of(mean: Share) -> Share:
    """Return what is not large."""
    return mean._replace(arrays=[])
