"""Choosing the settings of a classifier of texts by texts that are held out."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from .._arguments import integer, number
from .._progress import progress_bar
from .._spill import parse_size
from ..embed import KeyedVectors
from ._base import as_seed
from ._fasttext_labels import GivenLabels, checked_k
from ._fasttext_predictor import FastTextPredictor
from ._fasttext_quantization import LEAST_ROWS, fixed_bytes
from ._fasttext_search import TUNED, Budget, Deadline, Metric, Search, TimeIsUp
from ._fasttext_texts import Texts, is_path

__all__ = ["Autotuned"]

_SECONDS = 300.0
"""The time of a search that is not limited."""

_WORD = 11
"""Bytes of a word, or n-gram, besides its vector, by the original's estimate."""

_SHRINKS = 4
"""How often a file may be made anew that is too large, as its words are longer."""


class Autotuned(FastTextPredictor):
    """What `FastTextClassifier` chooses by itself.

    Attributes:
        trials_: of `autotune`, a dict for each trial: its settings, score and seconds; files do not keep it.
    """

    def autotune(
        self,
        X: Any,  # noqa: N803 - scikit-learn's name
        y: Any = None,
        *,
        validation: Any,
        duration: float | None = None,
        trials: int | None = None,
        metric: str = "f1",
        predictions: int = 1,
        model_size: int | str | None = None,
        fixed: Iterable[str] = (),
    ) -> Self:
        """Try settings, keep the classifier that is best on held out texts, and take over its settings.

        epochs, alpha, vector_size, word_ngrams, min_n with max_n, bucket and, with `model_size`, dsub are searched, as the
        original's `-autotune-validation` does. Settings that differ from their defaults stay as they are.

        Limited by `trials` alone, and with deterministic=True, a search gives the same classifier every time.

        Args:
            X: texts, or the path of a file with labels.
            y: a label or a list of labels for each text; None with a file.
            validation: a pair (texts, labels) or the path of a file.
            duration: the most seconds; 300 where `trials` is not given either. A trial that would end later is broken off
                after an epoch.
            trials: the most trials.
            metric: the figure to be large: "f1", "f1:LABEL", "precisionAtRecall:PERCENT" or "recallAtPrecision:PERCENT",
                the last two also with ":LABEL".
            predictions: labels that are predicted for a text when it is computed; -1: all.
            model_size: bytes (or "2MB") that the file of the classifier may take: it is quantised, unless it has fewer than
                256 words and n-grams.
            fixed: further settings that stay as they are.

        Returns:
            The estimator, fitted.

        Raises:
            RuntimeError: no trial came to an end, or none was small enough.

        >>> from seqnn.models import FastTextClassifier
        >>> texts, signs = ["a good film", "a bad film", "not so good"] * 20, ["+", "-", "-"] * 20
        >>> model = FastTextClassifier(vector_size=4, deterministic=True)
        >>> _ = model.autotune(texts, signs, validation=(texts, signs), trials=3)
        >>> len(model.trials_), model.trials_[0]["epochs"], model.score(texts, signs) > 0.6
        (3, 5, True)
        """
        settings = self._checked()
        trials = None if trials is None else integer("trials", trials, 1)
        if duration is not None:
            duration = number("duration", duration, above=0)
        elif trials is None:
            duration = _SECONDS
        given = {name: getattr(self, name) for name in self._settings} | {"verbose": 0}
        if is_path(self.pretrained):
            given["pretrained"] = KeyedVectors.load(self.pretrained)
        prefix = settings.label_prefix
        tuning = _Tuning(
            type(self), given, *self._read(X, y, prefix), *self._read_held(validation, prefix),
            Metric.parsed(metric), checked_k(predictions), parse_size(model_size, "model_size"), Budget(duration, trials),
        )  # fmt: skip
        kept = {name for name in TUNED if getattr(settings, name) != self._settings[name].default}
        kept |= {"vector_size"} if settings.pretrained is not None else set()
        kept |= {"dsub"} if model_size is None else set()
        if unknown := next((name for name in fixed if name not in {*TUNED, "dsub"}), None):
            raise ValueError(f"fixed: expected some of {', '.join([*TUNED, 'dsub'])}, got {unknown!r:.60}")
        search = Search(
            {name: getattr(settings, name) for name in TUNED} | {"dsub": 2},
            kept | {*fixed},
            as_seed(settings.random_state),
        )
        with progress_bar("autotune", " trials", show=bool(settings.verbose), total=trials) as bar:
            try:
                tuning.run(search, bar)
            finally:
                if tuning.best is not None:
                    self._adopt(tuning.best, {name: search.best[name] for name in TUNED}, tuning.trials)
        if tuning.best is None:
            raise RuntimeError(f"autotune: none of {len(tuning.trials)} trials gave a classifier: {tuning.reason()}")
        return self

    def _adopt(self, best: Self, settings: dict[str, Any], trials: list[dict[str, Any]]) -> None:
        """Become the best classifier, with its settings."""
        mine = {name: getattr(self, name) for name in self._settings} | settings
        vars(self).update(vars(best))
        self.set_params(**mine)
        self.trials_ = trials


@dataclass
class _Tuning:
    """A search under way: its texts, what is wanted, and the best classifier so far."""

    kind: Any
    settings: dict[str, Any]
    texts: Texts
    given: GivenLabels | None
    held: Texts
    held_given: GivenLabels | None
    metric: Metric
    k: int
    most: int | None
    budget: Budget
    best: Any = None
    trials: list[dict[str, Any]] = field(default_factory=list)

    def run(self, search: Search, bar: Any) -> None:
        """Try settings until the budget is used up."""
        highest = float("nan")
        while (progress := self.budget.progress(len(self.trials))) < 1:
            asked, began = search.ask(progress), time.perf_counter()
            model, score = None, float("nan")
            try:
                model = self._trained(asked)
                if model is not None:
                    score = self._score(model)
            except TimeIsUp:
                return
            except (FloatingPointError, MemoryError):
                pass  # a rate that is too high, or too many numbers: on to the next trial
            self.trials.append({**asked, "score": score, "seconds": time.perf_counter() - began})
            if not math.isnan(score) and not score <= highest:
                highest, search.best, self.best = score, asked, model
            bar.set_postfix(best=f"{highest:.4f}")
            bar.update(1)

    def _trained(self, asked: dict[str, Any]) -> Any:
        """Return a classifier with some settings; None where its file would be too large."""
        model = self.kind(**self.settings | {name: asked[name] for name in TUNED})
        model._begin()
        model._learn(self.texts, self.given, callbacks=[Deadline(self.budget)])
        if self.most is None:
            return model
        many = len(model.model_.output) >= LEAST_ROWS
        if len(model.model_.input) < LEAST_ROWS:  # too few to be quantised
            return model if _file_size(model, "bin") <= self.most else None
        room = self.most - fixed_bytes(model.model_)
        cutoff = room // (-(-asked["vector_size"] // asked["dsub"]) + _WORD)
        for _ in range(_SHRINKS):
            if cutoff <= LEAST_ROWS:
                break
            small = model._quantized(self.texts, self.given, cutoff, asked["dsub"], norms=True, output=many)
            if (size := _file_size(small, "ftz")) <= self.most:
                return small
            cutoff = min(cutoff, len(small.model_.input)) * room // (size - self.most + room) - 1
        return None

    def _score(self, model: Any) -> float:
        true = model._true(self.held, self.held_given)
        return self.metric.of(
            lambda: model._scores(self.held, true, self.k, 0.0),
            lambda: model._meter(self.held, true, self.k),
            model.label_prefix,
        )

    def reason(self) -> str:
        """Say why no trial was good."""
        if not self.trials:
            return "the time was too short: give a longer duration"
        return "a lower alpha may help" if self.most is None else "model_size may be too small: give a larger one"


def _file_size(model: Any, ending: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"model.{ending}")
        model.save(path)
        return os.path.getsize(path)
