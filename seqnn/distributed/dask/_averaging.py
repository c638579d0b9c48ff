"""Word vectors by averaging parameters: in each round every shard trains from the same weights, whose mean is the next round's.

All that a task does depends on its arguments alone, and means are taken in the order of the shards: results depend on the
shards, the settings and the seed, and neither on the workers nor on what they do when.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import random
from ..._arguments import integer
from ..._progress import progress_bar
from ...embed import Cooccurrence, CooccurrenceSums, GloVe, Word2Vec
from ...text import Corpus, Vocabulary, scan
from ._counting import sums_of, words_of
from ._shards import checked, joined, on_each, result, sent

logger = logging.getLogger("seqnn.distributed")

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


def fit_word2vec(client: Any, shards: Sequence[Any], model: Word2Vec, *, rounds_per_epoch: int = 1) -> Word2Vec:
    """Train word vectors on a sharded corpus by averaging parameters.

    The vocabulary is that of the whole corpus. In each round every shard trains once over its part from the same weights; the
    next weights are the mean over the shards, weighted by their words. The learning rate falls linearly over the rounds.
    A mean of n shards moves 1/n as far as one machine that trains them one after another: make as many shards as there are
    workers, average often, and raise `alpha` up to n times.

    Args:
        client, shards: as for `count_words`. Sentences are never cut, and every shard is read twice.
        model: a `Word2Vec` without a vocabulary, with its settings; `workers` are the threads of a task.
        rounds_per_epoch: how often an epoch the weights are averaged.

    Returns:
        The model, trained: `wv`, and in `history_` an entry for each epoch.

    Raises:
        TypeError: another kind of model; what are no shards.
        ValueError: a model that has a vocabulary, or pretrained vectors; a corpus without enough words.
        FloatingPointError: the mean is not finite.

    Source: McDonald, Hall, Mann 2010, "Distributed training strategies for the structured perceptron".

    >>> from distributed import Client
    >>> from seqnn import Word2Vec
    >>> from seqnn.distributed.dask import fit_word2vec
    >>> shards = [[["to", "be", "or", "not", "to", "be"]] * 50, [["to", "be"]] * 50]
    >>> with Client(processes=False, n_workers=1, dashboard_address=":0") as client:
    ...     model = fit_word2vec(client, shards, Word2Vec(vector_size=8, sample=0, verbose=0))
    >>> model.wv.index_to_key, len(model.history_)
    (['be', 'to', 'not', 'or'], 5)
    """
    shards = checked(client, shards)
    _check_model(model, Word2Vec)
    texts = {"tokenizer": model.tokenizer, "errors": model.errors}
    counted = words_of(client, shards, **texts)
    model.build_vocab_from_freq(dict(zip(counted.words, counted.counts.tolist(), strict=True)))
    model.corpus_count = counted.sentences
    start = _start(client, model)
    encoded = on_each(client, _encoded, shards, start, max_memory=model.max_memory, **texts)
    _run(client, model, start, encoded, _train_words, integer("rounds_per_epoch", rounds_per_epoch, 1))
    return model


def fit_glove(client: Any, shards: Sequence[Any], model: GloVe, *, rounds_per_epoch: int = 1) -> GloVe:
    """Train GloVe on a sharded corpus: counts are exact, their training is averaged.

    The counts of the whole corpus, as `count_cooccurrence` gives them, are dealt out evenly to as many tasks as there are
    shards. Otherwise it is as `fit_word2vec`; the sums of squared gradients of AdaGrad are averaged, too.

    Args:
        client, shards, rounds_per_epoch: as for `fit_word2vec`.
        model: a `GloVe` that was not fitted, with its settings.

    Returns:
        The model, trained: `wv`, and in `history_` an entry for each epoch.

    Raises:
        TypeError, ValueError, FloatingPointError: as for `fit_word2vec`.

    >>> from distributed import Client
    >>> from seqnn import GloVe
    >>> from seqnn.distributed.dask import fit_glove
    >>> shards = [[["to", "be", "or", "not", "to", "be"]] * 50, [["to", "be"]] * 50]
    >>> with Client(processes=False, n_workers=1, dashboard_address=":0") as client:
    ...     model = fit_glove(client, shards, GloVe(vector_size=8, epochs=5, verbose=0))
    >>> model.wv.index_to_key, len(model.history_)
    (['be', 'to', 'not', 'or'], 5)
    """
    shards = checked(client, shards)
    _check_model(model, GloVe)
    texts = {"tokenizer": model.tokenizer, "errors": model.errors}
    counted = words_of(client, shards, **texts)
    limits = {"min_count": model.min_count, "max_final_vocab": model.max_final_vocab, "trim_rule": model.trim_rule}
    vocabulary = counted.vocabulary(**limits)
    model.corpus_count, model.corpus_total_words = counted.sentences, counted.total_words
    sums = sums_of(
        client,
        shards,
        vocabulary,
        window=model.window,
        symmetric=model.symmetric,
        distance_weighting=model.distance_weighting,
        max_memory=model.max_memory,
        **texts,
    )
    model._install(vocabulary, model._weights_type.new(vocabulary, model))
    start = _start(client, model)
    dealt = [client.submit(_dealt, sums, number, len(shards), pure=False) for number in range(len(shards))]
    _run(client, model, start, dealt, _train_counts, integer("rounds_per_epoch", rounds_per_epoch, 1))
    return model


def _start(client: Any, model: Any) -> Any:
    """Return the future of the untrained model, whose weights are drawn by the workers."""
    settings = model.get_params() | {"verbose": 0, "deterministic": True}
    return client.submit(_untrained, type(model), settings, sent(client, model._vocabulary), pure=False)


def _check_model(model: Any, kind: type) -> None:
    if type(model) is not kind:
        raise TypeError(f"model: expected a {kind.__name__}, got {type(model).__name__}")
    if len(model.wv):
        raise ValueError(f"model: expected a {kind.__name__} without words, got one of {len(model.wv)} words")
    for name in ("pretrained", "early_stopping", "max_vocab_size"):
        if getattr(model, name) is not None:
            raise ValueError(
                f"{name}: expected None, training over shards does not have it, got {getattr(model, name)!r:.60}"
            )


def _run(client: Any, model: Any, start: Any, parts: list[Any], train: Any, slices: int) -> None:
    """Train all rounds; leave weights and history in the model."""
    weights: Any = None  # the future of the mean of the round before; None: the initial weights
    rounds = model.epochs * slices
    with progress_bar("training", " rounds", show=bool(model.verbose), total=rounds) as bar:
        for epoch in range(model.epochs):
            began, loss, examples = time.perf_counter(), 0.0, 0
            for part in range(slices):
                where = Round(epoch * slices + part, rounds, part, slices)
                shares = [
                    client.submit(train, start, weights, data, number, where, pure=False)
                    for number, data in enumerate(parts)
                ]
                weights = client.submit(_mean, joined(client, _summed, shares), pure=False)
                done = result(client.submit(_figures, weights, pure=False))
                loss, examples = loss + done.loss, examples + done.examples
                if not math.isfinite(done.loss):
                    raise FloatingPointError(
                        f"training diverged in epoch {epoch + 1} of {model.epochs}: the loss is {done.loss}. A lower "
                        "learning rate may help."
                    )
                bar.update(1)
            entry = {
                "epoch": epoch + 1,
                "loss": loss / examples if examples else math.nan,
                "examples": examples,
                "seconds": time.perf_counter() - began,
            }
            logger.info("epoch %d of %d: loss %.4g", epoch + 1, model.epochs, entry["loss"])
            model.history_.append(entry)
            model.epochs_trained = epoch + 1
    if weights is not None:
        for own, mean in zip(model._weights.arrays(), result(weights).arrays, strict=True):
            own[...] = mean
    model._weights_changed()


# Tasks.


def _untrained(kind: type, settings: dict[str, Any], vocabulary: Vocabulary) -> Any:
    """Make the model that tasks begin with: they never change it, but copies of it."""
    model = kind(**settings)
    model._install(vocabulary, model._weights_type.new(vocabulary, model))
    return model


def _encoded(shard: Any, start: Any, **options: Any) -> Encoded:
    """Return a shard as the model's ids and offsets."""
    with scan(shard, keep_empty=True, **options) as scanned:
        corpus = scanned.encode(start._vocabulary.positions(scanned.words))
        return corpus.ids, corpus.offsets


def _dealt(sums: CooccurrenceSums, number: int, hands: int) -> Cooccurrence:
    """Return every `hands`-th count, from the one with this number on."""
    return _every(sums.counts(), number, hands)


def _every(counts: Cooccurrence, number: int, step: int) -> Cooccurrence:
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


def _train_words(start: Word2Vec, mean: Share | None, encoded: Encoded, number: int, where: Round) -> Share:
    """Train word vectors on the slice of a shard."""
    model = _copy(start, mean, number, where)
    corpus = _sliced(encoded, where)
    if len(corpus.ids):
        fall = (start.alpha - start.min_alpha) / where.rounds
        begin = start.alpha - fall * where.number
        model._fit(corpus, epochs=1, start_alpha=begin, end_alpha=max(begin - fall, 0.0))
    return _share(model, len(corpus.ids))


def _train_counts(start: GloVe, mean: Share | None, counts: Cooccurrence, number: int, where: Round) -> Share:
    """Train GloVe on a slice of the counts that were dealt out."""
    model = _copy(start, mean, number, where)
    part = _every(counts, where.slice, where.slices)
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


def _summed(shares: list[Share]) -> Share:
    """Add shares up, in order."""
    arrays = [array.copy() for array in shares[0].arrays]
    for share in shares[1:]:
        for total, array in zip(arrays, share.arrays, strict=True):
            total += array
    weight, loss, examples = (sum(getattr(share, name) for share in shares) for name in ("weight", "loss", "examples"))
    return Share(weight, arrays, loss, examples)


def _mean(total: Share) -> Share:
    """Divide by the weight."""
    if not total.weight:
        raise ValueError("the shards have nothing to train on: no word of them is in the vocabulary")
    return total._replace(arrays=[(array / total.weight).astype(np.float32) for array in total.arrays])


def _figures(mean: Share) -> Share:
    """Return what is not large."""
    return mean._replace(arrays=[])
