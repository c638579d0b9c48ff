"""The state of a GloVe model, and one run of training over its counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._arguments import flag, integer, number, optional_integer
from .._callbacks import EarlyStopping, checked_callbacks
from .._threads import get_num_threads, threads
from ..text._vocabulary import Vocabulary
from ._cooccurrence import Cooccurrence
from ._cooccurrence_count import MAX_WINDOW
from ._glove_cells import Cells
from ._glove_weights import Weights
from ._keyed_vectors import KeyedVectors
from ._training import Position, Task, resumable, run
from ._word2vec_corpus import fingerprint

VECTORS = ("sum", "word", "both")

BLOCK = 1 << 16
"""Counts: the smallest step. A step trains whole cells, so results do not depend on how an epoch is cut."""


class GloVeModel:
    """Settings, vocabulary, weights, position and history; `GloVe` adds what the user calls."""

    vector_size: int
    window: int
    x_max: float
    alpha: float
    learning_rate: float
    symmetric: bool
    distance_weighting: bool
    min_count: int
    epochs: int
    workers: int | None
    seed: int
    deterministic: bool
    vectors: str
    max_vocab_size: int | None
    max_final_vocab: int | None
    verbose: int
    max_memory: int | str | None
    tokenizer: Any
    errors: Any
    early_stopping: EarlyStopping | None

    def __init__(self, options: dict[str, Any]) -> None:
        self.__dict__.update(options)
        self.wv = KeyedVectors(self.vector_size * (2 if self.vectors == "both" else 1))
        self.cooccurrence_: Cooccurrence | None = None
        self.corpus_count = 0
        self.corpus_total_words = 0
        self.ids_as_words = False
        self.stop_training = False
        self._vocabulary = Vocabulary([], np.zeros(0, np.int64))
        self._weights = Weights.create(0, self.vector_size)
        self._forget_training()

    def _forget_training(self) -> None:
        self.history_: list[dict[str, Any]] = []
        self.epochs_trained = 0
        self._position: Position | None = None
        self._run_start = 0

    def _install(self, vocabulary: Vocabulary, weights: Weights) -> None:
        """Take a vocabulary and its weights; `wv` gets the vectors that follow from them."""
        self._vocabulary = vocabulary
        self._weights = weights
        vectors = np.empty((len(vocabulary), weights.columns(self.vectors)), np.float32)
        self.wv = KeyedVectors.from_arrays(vocabulary.words, vectors, counts=vocabulary.counts)
        self._weights_changed()

    def _trained_arrays(self) -> list[np.ndarray]:
        return self._weights.arrays()

    def _run_history(self) -> list[dict[str, Any]]:
        return self.history_[self._run_start :]

    def _weights_changed(self) -> None:
        self._weights.write_vectors(self.wv.vectors, self.vectors)
        self.wv._norms = None

    def _train(self, counts: Cooccurrence, position: Position, callbacks: Iterable[Any], *, pristine: bool) -> None:
        """Run from `position` over the counts."""
        listeners = checked_callbacks(callbacks)
        if self.early_stopping is not None:
            listeners.append(self.early_stopping)
        self._weights = self._weights.trainable()
        go_on = "fit on the same corpus or counts"
        with resumable(self, position, counts.nnz, go_on), threads(self.workers):
            cells = Cells(counts, self._weights.word.shape[2])
            task = self._task(cells, counts.nnz, pristine=pristine and not listeners)
            run(self, task, position, listeners, verbose=self.verbose, threads=get_num_threads())

    def _task(self, cells: Cells, units: int, *, pristine: bool) -> Task:
        weights = self._weights

        def step(*, first: int, last: int, epoch: int, alpha: float, slope: float) -> tuple[float, int]:
            return cells.train(
                weights, first, last, x_max=self.x_max, alpha=self.alpha, learning_rate=alpha, seed=self.seed,
                epoch=epoch,
            )  # fmt: skip

        return Task(
            step=step,
            units=units,
            block=BLOCK,
            unit="pairs",
            advice=f"Lower learning_rate (it was {self.learning_rate:g}; 0.05 is usual)",
            rate="learning_rate",
            untrained=(lambda: weights.reset(self.seed)) if pristine else None,
        )

    def _next_position(self, counts: Cooccurrence, epochs: int | None, *, resume: bool) -> Position:
        """Where the interrupted run stands, or the beginning of a new one."""
        mark = fingerprint(counts.indptr, counts.indices, counts.data)
        if resume and self._position is not None:
            if self._position.corpus != mark:
                raise ValueError(
                    "the interrupted run was on another corpus or other counts: give those to go on, "
                    "or give epochs= to begin a new run"
                )
            return self._position
        self._run_start = len(self.history_)
        self._position = Position(
            epochs=self.epochs if epochs is None else epochs,
            start_alpha=self.learning_rate,
            end_alpha=self.learning_rate,
            corpus=mark,
            first_epoch=self.epochs_trained,
        )
        return self._position


def checked(options: dict[str, Any]) -> dict[str, Any]:
    """The options with plain Python types; a `TypeError` or `ValueError` names the argument that makes no sense."""
    o = dict(options)
    for name, minimum in (("vector_size", 1), ("min_count", 0), ("epochs", 0), ("verbose", 0)):
        o[name] = integer(name, o[name], minimum)
    o["window"] = integer("window", o["window"], 1, MAX_WINDOW)
    o["seed"] = integer("seed", o["seed"], 0, 2**63 - 1)
    for name in ("max_vocab_size", "max_final_vocab", "workers"):
        o[name] = optional_integer(name, o[name], 1)
    for name in ("x_max", "learning_rate"):
        o[name] = number(name, o[name], above=0)
    o["alpha"] = number("alpha", o["alpha"], minimum=0)
    for name in ("symmetric", "distance_weighting", "deterministic"):
        o[name] = flag(name, o[name])
    if o["vectors"] not in VECTORS:
        raise ValueError(f'vectors: expected "sum", "word" or "both", got {o["vectors"]!r}')
    return o
