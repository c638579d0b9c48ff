"""What the text metrics return: a score that knows its statistics, its signature and its confidence interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from .._config import __version__
from ._bootstrap import SEED, Interval, resampled

SACREBLEU = "2.6.0"
"""The version of sacrebleu whose numbers these are."""


class Metric(Protocol):
    """A metric with its settings."""

    @property
    def name(self) -> str:
        """The name that is printed."""

    def facts(self) -> Mapping[str, object]:
        """Return what the signature tells of the settings."""

    def compute(self, statistics: np.ndarray) -> np.ndarray:
        """Return the scores of statistics [..., what a segment has]."""


class Score:
    """A score of a corpus, computed from the sum of the statistics of its segments.

    Args:
        statistics: float64 [segments, ...], what the score is computed from after a sum over segments.
        metric: the metric with its settings.
        references: how many references each segment has, None where the numbers differ.
        n_bootstrap: resamples for the confidence interval (default 0: none).
        seed: the seed of the resamples (default 12345).

    Attributes:
        name: the metric's name.
        score: the score of the corpus, from 0 to 100 (TER may be larger).
        signature: what made the score, as sacrebleu writes it, and the version of seqnn.
        interval: None, or after a bootstrap the mean of the resamples' scores with the bounds of its 95 % interval.

    >>> from seqnn.metrics import chrf
    >>> score = chrf(["a cat sat"], ["the cat sat"])
    >>> score, score.name, score.signature.split("|")[:3]
    (chrF2 = 53.61, 'chrF2', ['nrefs:1', 'case:mixed', 'eff:yes'])
    """

    def __init__(
        self, statistics: np.ndarray, metric: Metric, references: int | None, n_bootstrap: int = 0, seed: int = SEED
    ) -> None:
        self.name = metric.name
        self.statistics = statistics
        self.compute = metric.compute
        self.score = float(self.compute(statistics.sum(0)))
        self.interval: Interval | None = None
        told: dict[str, object] = {"nrefs": "var" if references is None else references}
        if n_bootstrap:
            self.interval = Interval.of(self.compute(resampled(statistics, n_bootstrap, seed)))
            told |= {"bs": n_bootstrap, "seed": seed}
        told |= {**metric.facts(), "version": SACREBLEU, "seqnn": __version__}
        self.signature = "|".join(f"{key}:{value}" for key, value in told.items())

    def segment_scores(self) -> np.ndarray:
        """Return the score of each segment on its own: float64 [segments]."""
        return self.compute(self.statistics)

    def details(self) -> str:
        """Return what is printed after the score."""
        return ""

    def format(self, width: int = 2, *, signature: bool = False) -> str:
        """Return the score as sacrebleu prints it.

        Args:
            width: decimal places of the score.
            signature: whether to name the signature as well.
        """
        name = f"{self.name}|{self.signature}" if signature else self.name
        shown = f"{name} = {self.score:.{width}f}"
        if self.interval is not None:
            shown += f" (μ = {self.interval.mean:.{width}f} ± {self.interval.half_width:.{width}f})"
        return f"{shown} {self.details()}".rstrip()

    def to_dict(self, width: int = 2) -> dict[str, object]:
        """Return what sacrebleu writes as JSON: name, score, signature and its parts, interval, what is printed after.

        Args:
            width: decimal places of the numbers.
        """
        told: dict[str, object] = {
            "name": self.name, "score": round(self.score, width), "signature": self.signature,
        }  # fmt: skip
        if self.interval is not None:
            mean, half = round(self.interval.mean, width), round(self.interval.half_width, width)
            told |= {"confidence_mean": mean, "confidence_var": half, "confidence": f"μ = {mean} ± {half}"}
        if self.details():
            told["verbose_score"] = self.details()
        return told | dict(part.split(":", 1) for part in self.signature.split("|"))

    def __str__(self) -> str:
        return self.format()

    __repr__ = __str__
