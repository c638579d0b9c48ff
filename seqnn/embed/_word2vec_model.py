"""The state of a Word2Vec model, and one run of training over an encoded corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from .. import _core, random
from .._arguments import warn_caller
from .._callbacks import EarlyStopping, checked_callbacks
from .._threads import get_num_threads, threads
from ..text._corpus import Corpus
from ..text._vocabulary import Vocabulary
from ._keyed_vectors import KeyedVectors
from ._training import Position, Task, resumable, run
from ._word2vec_corpus import fingerprint
from ._word2vec_options import OPTIONS, SAVED, check_rates, checked
from ._word2vec_weights import Tables, Weights

BLOCK = 8192
"""Words that the kernel trains on at a time, as it is compiled. Contexts reach over a block's ends."""

ORDER_STREAM = 1 << 32
"""First of the random streams (one an epoch) that say in which order the blocks are visited."""


class Word2VecModel:
    """Settings, vocabulary, weights, position and history; `Word2Vec` adds what the user calls."""

    _kind = "Word2Vec"
    """What files of these models are called inside."""
    _saved = SAVED
    """Settings that a file keeps."""

    vector_size: int
    alpha: float
    min_alpha: float
    window: int
    min_count: int
    max_vocab_size: int | None
    max_final_vocab: int | None
    sample: float
    seed: int
    workers: int | None
    sg: int
    hs: int
    negative: int
    ns_exponent: float
    cbow_mean: int
    epochs: int
    sorted_vocab: int
    compute_loss: bool
    comment: Any
    shrink_windows: bool
    deterministic: bool
    verbose: int
    max_memory: int | str | None
    tokenizer: Any
    errors: str
    early_stopping: EarlyStopping | None

    def __init__(self, options: dict[str, Any]) -> None:
        self.__dict__.update(options)
        self.wv = self._vectors_of(Vocabulary([], np.zeros(0, np.int64)), None)
        self.corpus_count = 0
        self.corpus_total_words = 0
        self.effective_min_count = self.min_count
        self.raw_vocab: dict[str, int] = {}
        self.stop_training = False
        self._vocabulary = Vocabulary([], np.zeros(0, np.int64))
        self.ids_as_words = False
        """Whether encoded ids stand for the words "0", "1", ... (else they are rows of `wv`)."""
        self._forget_training()

    def _forget_training(self) -> None:
        self.history_: list[dict[str, Any]] = []
        self.train_count = 0
        self.epochs_trained = 0
        self._position: Position | None = None
        self._run_start = 0

    @property
    def total_train_time(self) -> float:
        """Seconds that the finished epochs took."""
        return sum(entry["seconds"] for entry in self.history_)

    def _drop_run(self) -> None:
        """Give an interrupted run up; its epoch counts as trained, so that no random number is used twice."""
        if self._position is not None:
            self.epochs_trained = self._position.first_epoch + self._position.epoch + (self._position.unit > 0)
            self._position = None

    def _install(self, vocabulary: Vocabulary, weights: Weights) -> None:
        """Take a vocabulary and its weights; `wv` becomes a view of them."""
        self._vocabulary = vocabulary
        self._weights = weights
        self._cached_tables: tuple[Any, Tables] | None = None
        self.wv = self._vectors_of(vocabulary, weights)

    def _vectors_of(self, vocabulary: Vocabulary, weights: Weights | None) -> KeyedVectors:
        """What `wv` is: a view of the weights; empty where there are none."""
        if weights is None:
            return KeyedVectors(self.vector_size)
        return KeyedVectors.from_arrays(vocabulary.words, weights.input[:, : weights.size], counts=vocabulary.counts)

    def _new_weights(self, vocabulary: Vocabulary) -> Weights:
        """Initial weights of a new vocabulary."""
        weights = Weights.create(len(vocabulary), self.vector_size, negative=self.negative > 0, hs=bool(self.hs))
        weights.draw(0, self.seed)
        return weights

    def _grown_weights(self, vocabulary: Vocabulary) -> Weights:
        """The weights with initial values for the words that `vocabulary` has more."""
        return self._weights.grown(len(vocabulary), self.seed)

    def _weights_in_file(self, wv: KeyedVectors, tensors: dict[str, np.ndarray]) -> Weights:
        """The weights that a file holds, where they lie."""
        return Weights(self.vector_size, wv.vectors, tensors.get("output"), tensors.get("nodes"))

    def _kernel(self) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        """The function that trains on a part of the corpus, given word2vec's arguments."""
        return _core.word2vec_train

    def _tables(self) -> Tables:
        """The tables for the present vocabulary and settings."""
        settings = {
            "sample": self.sample,
            "negative": self._weights.output is not None,
            "ns_exponent": self.ns_exponent,
            "hs": self._weights.nodes is not None,
        }
        if self._cached_tables is None or self._cached_tables[0] != settings:
            self._cached_tables = settings, Tables.create(self._vocabulary.counts, **settings)
        return self._cached_tables[1]

    def _require_vocabulary(self, purpose: str) -> None:
        if not self._vocabulary.words:
            raise RuntimeError(f"the model has no vocabulary: call build_vocab(corpus) before {purpose}")

    def _check_settings(self) -> None:
        """Settings that were changed as attributes get the checks of the constructor, and must fit the weights."""
        self.__dict__.update(checked({name: self.__dict__[name] for name in OPTIONS}))
        if not self._vocabulary.words:
            return
        weights = self._weights
        for name, now, built in (
            ("vector_size", self.vector_size, weights.size),
            ("hs", bool(self.hs), weights.nodes is not None),
            ("negative", self.negative > 0, weights.output is not None),
        ):
            if now != built:
                raise ValueError(
                    f"{name}: the weights were built with another setting than {getattr(self, name)}; "
                    "set it back, or make a new model"
                )

    def _trained_arrays(self) -> list[np.ndarray]:
        return self._weights.arrays()

    def _run_history(self) -> list[dict[str, Any]]:
        return self.history_[self._run_start :]

    def _weights_changed(self) -> None:
        self.wv._norms = None

    def _make_trainable(self) -> None:
        """Writable padded weights behind `wv`, also after loading and when the user has put other vectors there."""
        self._weights.check(self.wv.vectors)
        weights = self._weights.trainable(self.wv.vectors)
        if weights is not self._weights:
            self._weights = weights
            self.wv.vectors = weights.input[:, : weights.size]
            self._weights_changed()

    def _fit(
        self,
        corpus: Corpus,
        *,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        callbacks: Iterable[Any] = (),
        pristine: bool = False,
    ) -> int:
        """Train on an encoded corpus; returns how many words were gone over. See `Word2Vec.train`.

        `pristine`: nobody but us has touched the initial weights, so that they can be drawn anew instead of copied.
        """
        self._check_settings()
        if len(corpus.ids) == 0:
            raise ValueError("no word of this corpus is in the vocabulary: there is nothing to train on")
        listeners = checked_callbacks(callbacks)
        if self.early_stopping is not None:
            listeners.append(self.early_stopping)
        position = self._next_position(corpus, epochs, start_alpha, end_alpha)
        self._make_trainable()
        begun = position.epoch * len(corpus.ids) + position.unit
        try:
            with resumable(self, position, len(corpus.ids), "train(corpus)"), threads(self.workers):
                task = self._task(corpus, position, pristine=pristine and not listeners)
                run(self, task, position, listeners, verbose=self.verbose, threads=get_num_threads())
        finally:
            self.train_count += self._position is None
        if not any(entry["examples"] for entry in self._run_history()) and position.epoch:
            warn_caller(
                "there was no training example: no sentence has two or more known words left after sub-sampling "
                "(small corpora want sample=0)",
                RuntimeWarning,
            )
        return position.epoch * len(corpus.ids) + position.unit - begun

    def _next_position(
        self, corpus: Corpus, epochs: int | None, start_alpha: float | None, end_alpha: float | None
    ) -> Position:
        """Where the interrupted run stands, or the beginning of a new one."""
        mark = fingerprint(corpus.ids, corpus.offsets)
        if self._position is not None and epochs is None:
            if start_alpha is not None or end_alpha is not None:
                raise ValueError(
                    "an interrupted run goes on with its own learning rate: leave start_alpha and end_alpha out, "
                    "or give epochs= to begin a new run"
                )
            unit = self._position.unit
            if self._position.corpus != mark or not (unit == len(corpus.ids) or unit % BLOCK == 0):
                raise ValueError(
                    "the interrupted run was on another corpus: give that one to go on, "
                    "or give epochs= to begin a new run"
                )
            return self._position
        self._drop_run()
        start = self.alpha if start_alpha is None else start_alpha
        end = self.min_alpha if end_alpha is None else end_alpha
        check_rates(start, end)
        self._run_start = len(self.history_)
        self._position = Position(
            epochs=self.epochs if epochs is None else epochs,
            start_alpha=start,
            end_alpha=end,
            corpus=mark,
            first_epoch=self.epochs_trained,
        )
        return self._position

    def _task(self, corpus: Corpus, position: Position, *, pristine: bool) -> Task:
        weights, tables, kernel = self._weights, self._tables(), self._kernel()
        ids, offsets = corpus.ids, corpus.offsets
        blocks = -(-len(ids) // BLOCK)

        @lru_cache(maxsize=1)
        def order(epoch: int) -> np.ndarray:
            """A new random order of the blocks in each epoch: texts change their subject on the way."""
            draws = random.bits(-(-blocks // 4), seed=self.seed, stream=ORDER_STREAM + epoch)[:blocks]
            return np.argsort(draws, kind="stable").astype(np.int32)

        def step(*, first: int, last: int, epoch: int, alpha: float, slope: float) -> tuple[float, int]:
            loss, examples = kernel(
                ids,
                offsets,
                order=order(epoch)[first // BLOCK : -(-last // BLOCK)],
                input=weights.input,
                output=weights.output,
                nodes=weights.nodes,
                keep=tables.keep,
                alias_threshold=tables.alias_threshold,
                alias_other=tables.alias_other,
                path_offsets=tables.path_offsets,
                path_nodes=tables.path_nodes,
                path_codes=tables.path_codes,
                window=self.window,
                negative=self.negative,
                cbow=not self.sg,
                mean=bool(self.cbow_mean),
                shrink=self.shrink_windows,
                alpha=alpha + slope * first,
                slope=slope * BLOCK,
                seed=self.seed,
                epoch=epoch,
                deterministic=self.deterministic,
            )
            return float(loss[0]), int(examples[0])

        untrained = (lambda: weights.reset(self.seed)) if pristine else None
        advice = f"Lower alpha (it was {position.start_alpha:g}; 0.025 is usual)"
        if not self.sg and not self.cbow_mean:
            advice += ", or set cbow_mean=1"
        return Task(step=step, units=len(ids), block=BLOCK, unit="words", advice=advice, untrained=untrained)
