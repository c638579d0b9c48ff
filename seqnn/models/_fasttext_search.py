"""The search for good settings of a classifier of texts, as the original fastText's autotune goes about it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._callbacks import Callback
from ._fasttext_labels import Scores
from ._fasttext_meter import Meter

__all__ = ["TUNED", "Budget", "Deadline", "Metric", "Search", "TimeIsUp"]


@dataclass(frozen=True)
class Range:
    """How one setting is varied: the best value so far is changed by a normal draw, within bounds.

    Attributes:
        low, high: the bounds.
        first, last: the draw's standard deviation in the first quarter of the search and from three quarters on.
        linear: whether the draw is added; else 2 to its power is multiplied.
    """

    low: float
    high: float
    first: float
    last: float
    linear: bool = False

    def draw(self, best: float, progress: float, rng: np.random.Generator) -> float:
        """Return a new value."""
        deviation = self.first - 2 * (self.first - self.last) * min(0.5, max(progress - 0.25, 0.0))
        change = float(rng.normal(0.0, deviation))
        return min(max(best + change if self.linear else best * 2.0**change, self.low), self.high)


_SHORTEST = (0, 2, 3)
"""The values of min_n; max_n is 3 more, or 0."""

_RANGES = {
    "epochs": Range(1, 100, 2.8, 2.5), "alpha": Range(0.01, 5, 1.9, 1.0), "vector_size": Range(1, 1000, 1.4, 0.3),
    "word_ngrams": Range(1, 5, 4.3, 2.4, True), "dsub": Range(1, 4, 2.0, 1.0, True),
    "min_n": Range(0, len(_SHORTEST) - 1, 4.0, 1.4, True), "bucket": Range(10_000, 10_000_000, 2.0, 1.5),
}  # fmt: skip
"""What is searched, with the original's numbers; of dsub the exponent of 2, of min_n the place in `_SHORTEST`."""


TUNED = (*(name for name in _RANGES if name != "dsub"), "max_n")
"""Settings of the classifier that are searched."""


class Search:
    """Draws settings: first the given ones, then changes of the best.

    Args:
        settings: where the search begins.
        fixed: settings that stay.
        seed: of the draws.
    """

    def __init__(self, settings: dict[str, Any], fixed: set[str], seed: int) -> None:
        self.best, self._fixed = settings, fixed
        self._rng = np.random.default_rng(seed)
        self._first = True

    def ask(self, progress: float) -> dict[str, Any]:
        """Return the settings of the next trial; `progress` is the part of the search that is over."""
        found = dict(self.best)
        if self._first:
            self._first = False
            return found
        for name, span in _RANGES.items():
            if name not in self._fixed:
                found[name] = self._drawn(name, span, progress)
        if "max_n" not in self._fixed:
            found["max_n"] = found["min_n"] + 3 if found["min_n"] else 0
        return found

    def _drawn(self, name: str, span: Range, progress: float) -> Any:
        best = self.best[name]
        if name == "dsub":
            return 2 ** int(span.draw(np.log2(best), progress, self._rng))
        if name == "min_n":
            place = _SHORTEST.index(best) if best in _SHORTEST else 0
            return _SHORTEST[int(span.draw(place, progress, self._rng))]
        drawn = span.draw(best, progress, self._rng)
        return drawn if name == "alpha" else int(drawn)


@dataclass(frozen=True)
class Metric:
    """The figure that is made as large as possible.

    Attributes:
        kind: "f1", "precisionAtRecall" or "recallAtPrecision".
        least: the recall or precision that is asked for, in [0, 1].
        label: a class, as text, or None.
    """

    kind: str
    least: float = 0.0
    label: str | None = None

    @classmethod
    def parsed(cls, text: Any) -> Metric:
        """Read what the original calls a metric."""
        found = isinstance(text, str) and re.fullmatch(
            r"f1(?::(.+))?|(precisionAtRecall|recallAtPrecision):(\d+(?:\.\d*)?)(?::(.+))?", text
        )
        if not found or (found[3] and not float(found[3]) <= 100):
            raise ValueError(
                "metric: expected 'f1', 'f1:LABEL', 'precisionAtRecall:PERCENT', 'precisionAtRecall:PERCENT:LABEL', "
                f"'recallAtPrecision:PERCENT' or 'recallAtPrecision:PERCENT:LABEL', got {text!r:.60}"
            )
        return cls(found[2] or "f1", float(found[3] or 0) / 100, found[1] or found[4])

    def of(self, scores: Callable[[], Scores], meter: Callable[[], Meter], prefix: str) -> float:
        """Compute the figure of a classifier."""
        if self.kind == "f1" and self.label is None:
            return scores().f1
        measured = meter()
        named = {str(label).removeprefix(prefix): label for label in measured.classes}
        label = None if self.label is None else named.get(self.label.removeprefix(prefix))
        if self.label is not None and label is None:
            raise ValueError(f"metric: expected a label of {[*named]!r:.80}, got {self.label!r:.60}")
        if self.kind == "f1":
            return scores().labels.get(label, {}).get("f1", float("nan"))
        if self.kind == "precisionAtRecall":
            return measured.precision_at_recall(self.least, label)
        return measured.recall_at_precision(self.least, label)


class TimeIsUp(Exception):  # noqa: N818 - no error
    """The time of a search ended in the midst of a trial."""


class Budget:
    """What a search may take.

    Args:
        seconds: the most time.
        trials: the most trials; with it time does not count unless it is given as well.
    """

    def __init__(self, seconds: float | None, trials: int | None) -> None:
        self._begun, self._seconds, self._trials = time.perf_counter(), seconds, trials

    def progress(self, trials: int) -> float:
        """Return the part that is over after some trials, at most 1."""
        parts = [trials / self._trials if self._trials else 0.0]
        if self._seconds is not None:
            parts.append((time.perf_counter() - self._begun) / self._seconds)
        return min(max(parts), 1.0)

    @property
    def left(self) -> float:
        """Return the seconds that are left."""
        return np.inf if self._seconds is None else self._seconds - (time.perf_counter() - self._begun)


class Deadline(Callback):
    """Break a training off whose rest would take longer than the budget has left.

    Args:
        budget: of the search.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def on_epoch_end(self, model: Any) -> None:
        """Compare what the next epoch will take with what is left."""
        epoch = model.history_[-1]
        more = model._position is not None and model._position.running
        if self._budget.left < (epoch["seconds"] if more else 0):
            raise TimeIsUp
