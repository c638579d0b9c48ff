"""Training of a classifier as the original fastText's: examples, first weights, and a run in steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import compress
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import _core, random
from .._callbacks import Callback
from .._memory import big_zeros, padded
from .._run import Trainable
from .._threads import get_num_threads, threads
from ..embed import RatedPosition, StepRun, Task, fingerprint
from ..text import alias_table
from ._base import Learnt
from ._fasttext_model import SIGMOID, Model, Tree
from ._fasttext_texts import END, Dictionary, Texts, sorted_by_count

__all__ = ["Measure", "Runs", "Trainer", "first_model", "learn_dictionary"]

_TEXTS = 256
"""Texts that a step is made of, at least."""

_ORDER_STREAM = 1 << 32
"""First of the random streams (one an epoch) that say in which order the texts are visited."""

_INPUT_STREAM = 1 << 33


def learn_dictionary(
    texts: Texts, labels: tuple[list[str], np.ndarray] | None, settings: SimpleNamespace
) -> Dictionary:
    """Return the dictionary of texts to learn from: as yet every n-gram has a row.

    Args:
        texts: the texts.
        labels: the labels and their counts; None: those that the texts hold.
        settings: of the classifier.
    """
    words, counts = texts.count_words()
    prefix = settings.label_prefix
    is_label = np.array([word.startswith(prefix) for word in words], bool)
    if labels is None:
        labels = [*compress(words, is_label.tolist())], counts[is_label]
    words = [*compress(words, (~is_label).tolist()), END]
    counts = np.append(counts[~is_label], len(texts))
    if END in words[:-1]:
        counts[words.index(END)] += counts[-1]
        words, counts = words[:-1], counts[:-1]
    if settings.pretrained is not None:
        place = {word: i for i, word in enumerate(words)}
        given = [word for word in dict.fromkeys(settings.pretrained.words) if not word.startswith(prefix)]
        added = [word for word in given if word not in place]
        counts[[place[word] for word in given if word in place]] += settings.min_count
        words, counts = [*words, *added], np.append(counts, np.full(len(added), max(settings.min_count, 1)))
    kept = sorted_by_count(words, counts.astype(np.int64), settings.min_count)
    names = sorted_by_count(labels[0], labels[1].astype(np.int64), settings.min_count_label)
    if not {*kept[0]} - {END}:
        raise ValueError(f"X: expected words besides labels, got none that occurs min_count={settings.min_count} times")
    ngrams = settings.word_ngrams > 1 or settings.max_n >= max(settings.min_n, 1)
    return Dictionary(
        *kept, *names, prefix, settings.word_ngrams, settings.min_n, settings.max_n,
        settings.bucket if ngrams else 0,
    )  # fmt: skip


def first_model(dictionary: Dictionary, settings: SimpleNamespace, seed: int) -> Model:
    """Return a model with initial weights: uniform in [-1/D, 1/D), or those of the pretrained vectors; labels at 0."""
    size = settings.vector_size
    weights = big_zeros((dictionary.rows, padded(size)))
    values = weights[:, :size]
    for start in range(0, len(values), 1 << 16):
        part = values[start : start + (1 << 16)]
        random.fill_uniform(part, -1 / size, 1 / size, seed=seed, stream=_INPUT_STREAM + start)
    if settings.pretrained is not None:
        vector = settings.pretrained.vector
        for row, word in enumerate(dictionary.words):
            if (given := vector(word)) is not None:
                values[row] = given
    output = big_zeros((len(dictionary.labels), padded(size)))
    return Model(dictionary, values, output[:, :size], settings.loss)


def _whole(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix with padded rows, of which the given one is a part; a copy where it is none."""
    if matrix.base is not None and matrix.strides[0] == 4 * padded(matrix.shape[1]) and matrix.flags.writeable:
        return np.lib.stride_tricks.as_strided(matrix, (len(matrix), padded(matrix.shape[1])))
    whole = big_zeros((len(matrix), padded(matrix.shape[1])))
    whole[:, : matrix.shape[1]] = matrix
    return whole


class Trainer(Trainable):
    """Train a model on texts.

    Args:
        model: what is trained.
    """

    _position_type = RatedPosition

    def __init__(self, model: Model) -> None:
        self.model = model
        self._input, self._output = _whole(model.input), _whole(model.output)
        size = model.input.shape[1]
        model.input, model.output = self._input[:, :size], self._output[:, :size]
        self._forget_runs()

    def _trained_arrays(self) -> list[np.ndarray]:
        return [self._input, self._output]

    def fit(
        self,
        features: tuple[np.ndarray, np.ndarray],
        labels: tuple[np.ndarray, np.ndarray],
        settings: SimpleNamespace,
        seed: int,
        callbacks: Sequence[Any],
        *,
        go_on: bool = False,
    ) -> None:
        """Train to the end of a run: a new one, or the one that was interrupted.

        Raises:
            ValueError: the texts are not those of the interrupted run.
        """
        data = fingerprint(*features, *labels)
        if go_on:
            if self._position is None:
                raise ValueError("resume: no fit was interrupted: fit(X, y) begins one")
            if self._position.data != data:
                raise ValueError("X: expected the texts and labels of the fit that was interrupted, got others")
        else:
            self._begin_run(RatedPosition(settings.epochs, data, start_alpha=settings.alpha, end_alpha=0.0))
        if not settings.epochs:
            self._drop_run()
            return
        units = len(features[1]) - 1
        task = Task(
            self._step(features, labels, settings, seed),
            units,
            _TEXTS,
            "texts",
            "A lower alpha helps.",
            "resume(X, y)",
            restores=go_on,  # a fit that fails leaves the estimator as it was
        )
        with threads(settings.workers):
            run = StepRun(self, task, self._position, callbacks, threads=get_num_threads())
            run.carried_as = "trainer"
            run.go(units=units, verbose=settings.verbose)

    def _step(
        self, features: Any, labels: Any, settings: SimpleNamespace, seed: int
    ) -> Callable[..., tuple[float, int]]:
        """Return the function that trains on some texts of an epoch."""
        count, dictionary = len(features[1]) - 1, self.model.dictionary
        tables: dict[str, Any] = {}
        if settings.loss == "ns":
            tables["alias_threshold"], tables["alias_other"] = alias_table(dictionary.label_counts, 0.5)
        if settings.loss == "hs":
            tree = Tree(dictionary.label_counts)
            tables = {"path_offsets": tree.offsets, "path_nodes": tree.nodes, "path_codes": tree.codes}

        @lru_cache(maxsize=1)
        def order(epoch: int) -> np.ndarray:
            """Draw a new order of the texts in each epoch: files are often sorted by label."""
            draws = random.bits(-(-count // 4), seed=seed, stream=_ORDER_STREAM + epoch)[:count]
            return np.argsort(draws, kind="stable").astype(np.int32)

        def step(*, first: int, last: int, epoch: int, alpha: float, slope: float) -> tuple[float, int]:
            loss, examples = _core.fasttext_classifier_train(
                *features, *labels, order(epoch)[first:last], self._input, self._output,
                form=settings.loss, sigmoid=SIGMOID, **tables,
                negative=settings.negative, alpha=alpha, slope=slope, first=first, seed=seed, epoch=epoch,
                deterministic=settings.deterministic,
            )  # fmt: skip
            return float(loss[0]), int(examples[0])

        return step


class Measure(Callback):
    """Note a figure of the validation in the history after each epoch.

    Args:
        figure: from nothing to the figure.
    """

    def __init__(self, figure: Callable[[], float]) -> None:
        self._figure = figure

    def on_epoch_end(self, model: Any) -> None:
        """Note it."""
        model.history_[-1]["val_precision"] = self._figure()


class Runs(Learnt[Trainer]):
    """The trainer of a classifier: a file keeps where an interrupted run stands."""

    last = True

    def __init__(self) -> None:
        super().__init__(optional=True)

    def pack(self, value: Trainer, key: str, arrays: dict[str, np.ndarray]) -> Any:
        return value._runs()

    def unpack(
        self, record: Any, key: str, arrays: dict[str, np.ndarray], sizes: dict[str, int], owner: Any
    ) -> Trainer:
        trainer = Trainer(owner.model_)
        for name, value in trainer._checked_runs(record).items():
            setattr(trainer, name, value)
        return trainer
