"""What the text metrics return: a score that knows its statistics, its signature and its confidence interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .._config import __version__
from ._bootstrap import SEED, Interval, resampled

SACREBLEU = "2.6.0"
"""The version of sacrebleu whose numbers these are."""


class Score:
    """A score of a corpus, computed from the sum of statistics of its segments.

    Attributes:
        name: the metric's name.
        score: the score of the corpus, from 0 to 100 (TER may be larger).
        statistics: float64 [segments, ...], what the score is computed from after a sum over segments.
        signature: what made the score, as sacrebleu writes it, and the version of seqnn.
        interval: None, or after a bootstrap the mean of the resamples' scores with the bounds of its 95 % interval.
    """

    def __init__(
        self,
        name: str,
        statistics: np.ndarray,
        compute: Callable[[np.ndarray], np.ndarray],
        references: int | None,
        facts: Mapping[str, object],
        n_bootstrap: int = 0,
        seed: int = SEED,
    ) -> None:
        self.name = name
        self.statistics = statistics
        self.compute = compute
        self.score = float(compute(statistics.sum(0)))
        self.interval: Interval | None = None
        told: dict[str, object] = {"nrefs": "var" if references is None else references}
        if n_bootstrap:
            self.interval = Interval.of(compute(resampled(statistics, n_bootstrap, seed)))
            told |= {"bs": n_bootstrap, "seed": seed}
        told |= {**facts, "version": SACREBLEU, "seqnn": __version__}
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
        """Return what sacrebleu writes as JSON: name, score, signature and its parts, interval, what is printed after."""
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
