"""Word vectors by averaging parameters: in each round every shard trains from the same weights, whose mean is the next round's.

All that a task does depends on its arguments alone, and means are taken in the order of the shards: results depend on the
shards, the settings and the seed, and neither on the workers nor on what they do when.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..._arguments import integer
from ..._progress import progress_bar
from ...embed import CooccurrenceSums, GloVe, Word2Vec
from . import _rounds
from ._counting import sums_of, words_of
from ._shards import checked, joined, on_each, result, sent

logger = logging.getLogger("seqnn.distributed")


def fit_word2vec(client: Any, shards: Sequence[Any], model: Word2Vec, *, rounds_per_epoch: int = 1) -> Word2Vec:
    """Train word vectors on a sharded corpus by averaging parameters.

    The vocabulary is that of the whole corpus. In each round every shard trains once over its part from the same weights; the
    next weights are the mean over the shards, weighted by their words. The learning rate falls linearly over the rounds.
    A mean of n shards moves 1/n as far as one machine that trains them one after another: make as many shards as there are
    workers, average often, and raise `alpha` up to n times. After an error or Ctrl-C the model has no words, as before.

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
    shards, slices, texts = _checked(client, shards, model, Word2Vec, rounds_per_epoch)
    with _as_before_on_error(model):
        counted = words_of(client, shards, **texts)
        model.build_vocab_from_freq(dict(zip(counted.words, counted.counts.tolist(), strict=True)))
        model.corpus_count = counted.sentences
        start = _start(client, model)
        encoded = on_each(client, _rounds.encoded, shards, start, max_memory=model.max_memory, **texts)
        _run(client, model, start, encoded, _rounds.train_words, slices)
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
    shards, slices, texts = _checked(client, shards, model, GloVe, rounds_per_epoch)
    contexts = {name: getattr(model, name) for name in ("window", "symmetric", "distance_weighting", "max_memory")}
    limits = {name: getattr(model, name) for name in ("min_count", "max_final_vocab", "trim_rule")}
    with _as_before_on_error(model):
        counted = words_of(client, shards, **texts)
        vocabulary = counted.vocabulary(**limits)
        model.corpus_count, model.corpus_total_words = counted.sentences, counted.total_words
        sums = sums_of(client, shards, vocabulary, **contexts, **texts)
        counts = client.submit(CooccurrenceSums.counts, sums, pure=False)
        model._install(vocabulary, model._weights_type.new(vocabulary, model))
        start = _start(client, model)
        dealt = [client.submit(_rounds.dealt, counts, number, len(shards), pure=False) for number in range(len(shards))]
        _run(client, model, start, dealt, _rounds.train_counts, slices)
    return model


def _start(client: Any, model: Any) -> Any:
    """Return the future of the untrained model, whose weights are drawn by the workers."""
    settings = model.get_params() | {"verbose": 0, "deterministic": True}
    return client.submit(_rounds.untrained, type(model), settings, sent(client, model._vocabulary), pure=False)


def _checked(
    client: Any, shards: Any, model: Any, kind: type, rounds_per_epoch: Any
) -> tuple[list[Any], int, dict[str, Any]]:
    """Return the shards, the rounds of an epoch, and how texts are read; an error says which of them cannot be."""
    shards = checked(client, shards)
    if type(model) is not kind:
        raise TypeError(f"model: expected a {kind.__name__}, got {type(model).__name__}")
    if len(model.wv):
        raise ValueError(f"model: expected a {kind.__name__} without words, got one of {len(model.wv)} words")
    for name in ("pretrained", "early_stopping", "max_vocab_size", "mittens"):
        if value := getattr(model, name, None):
            without = 0 if name == "mittens" else None
            raise ValueError(f"{name}: expected {without}, training over shards does not have it, got {value!r:.60}")
    slices = integer("rounds_per_epoch", rounds_per_epoch, 1)
    return shards, slices, {"tokenizer": model.tokenizer, "errors": model.errors}


@contextmanager
def _as_before_on_error(model: Any) -> Iterator[None]:
    """Run a block; after an error in it, or Ctrl-C, the model has no words, so that the same call may be tried again."""
    before = vars(model) | {"history_": list(model.history_)}
    try:
        yield
    except BaseException:
        vars(model).clear()
        vars(model).update(before)
        raise


def _run(client: Any, model: Any, start: Any, parts: list[Any], train: Any, slices: int) -> None:
    """Train all rounds; leave weights and history in the model."""
    weights: Any = None  # the future of the mean of the round before; None: the initial weights
    rounds = model.epochs * slices
    with progress_bar("training", " rounds", show=bool(model.verbose), total=rounds) as bar:
        for epoch in range(model.epochs):
            began, loss, examples, trained = time.perf_counter(), 0.0, 0, 0
            for part in range(slices):
                where = _rounds.Round(epoch * slices + part, rounds, part, slices)
                shares = [
                    client.submit(train, start, weights, data, number, where, pure=False)
                    for number, data in enumerate(parts)
                ]
                total = joined(client, _rounds.summed, shares)
                weights = client.submit(_rounds.mean_of, total, start, weights, pure=False)
                done = result(client.submit(_rounds.figures_of, weights, pure=False))
                loss, examples, trained = loss + done.loss, examples + done.examples, trained + done.weight
                if not math.isfinite(done.loss):
                    raise FloatingPointError(
                        f"training diverged in epoch {epoch + 1} of {model.epochs}: the loss is {done.loss}. A lower "
                        "learning rate may help."
                    )
                bar.update(1)
            if not trained:
                raise ValueError(
                    "shards: there is nothing to train on, no word has a context (is each sentence one word?)"
                )
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
