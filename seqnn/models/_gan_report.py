"""What a generator has learnt, in figures and in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics import coverage, maximum_mean_discrepancy

__all__ = ["GANReport", "spread", "troubles"]

NEIGHBORS = 5


@dataclass(frozen=True)
class GANReport:
    """A report of what a generator has learnt, as `GAN.report` makes it; it prints its figures and a verdict.

    Args:
        data_score: the mean of D(x) over data: a probability, or a plain score with "least-squares" and "wasserstein".
        sample_score: the mean of D(G(z)) over samples.
        discrepancy: the squared maximum mean discrepancy of samples and data, about 0 where they agree.
        coverage: the share of data with a sample among their five nearest neighbours, about 0.97 where they agree.
        spread: the mean distance of samples as a share of that of data.
        logits: whether the scores are probabilities.

    >>> from seqnn.models import GANReport
    >>> report = GANReport(0.99, 0.004, 0.9, 0.1, 0.02, logits=True)
    >>> print(report)  # doctest: +NORMALIZE_WHITESPACE
    D(x) 0.990, D(G(z)) 0.004, squared discrepancy 0.9000, coverage 10 %, spread 2 %
    The samples are nearly alike, 2 % as far apart as data: the generator has collapsed, or has hardly begun to learn. The
    discriminator tells nearly all samples from data, so that the generator learns little.
    """

    data_score: float
    sample_score: float
    discrepancy: float
    coverage: float
    spread: float
    logits: bool

    @classmethod
    def of(
        cls, data: np.ndarray, samples: np.ndarray, scores: tuple[np.ndarray, np.ndarray], *, logits: bool
    ) -> GANReport:
        """Compare as many samples as data.

        Args:
            data: rows of the data.
            samples: what the generator made.
            scores: what the discriminator gives for both.
            logits: whether the scores are probabilities.

        Returns:
            The report.
        """
        return cls(
            float(scores[0].mean()),
            float(scores[1].mean()),
            maximum_mean_discrepancy(data, samples),
            coverage(data, samples, neighbors=min(NEIGHBORS, len(data) - 1)),
            spread(samples, data),
            logits,
        )

    @property
    def verdict(self) -> str:
        """What the figures mean, in words."""
        found = troubles(self.spread, self.data_score, self.sample_score, logits=self.logits)
        if not found and self.coverage < 0.5:
            found = [
                f"The samples reach {_percent(self.coverage)} of the data only: modes are missing, or they lie beside the data."
            ]
        return " ".join(found) or "No sign of collapse: the samples reach most of the data."

    def __str__(self) -> str:
        scores = f"D(x) {self.data_score:.3f}, D(G(z)) {self.sample_score:.3f}"
        shares = f"coverage {_percent(self.coverage)}, spread {_percent(self.spread)}"
        return f"{scores}, squared discrepancy {self.discrepancy:.4f}, {shares}\n{self.verdict}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def troubles(spread: float, data_score: float, sample_score: float, *, logits: bool) -> list[str]:
    """Say in words where samples are nearly alike, and where the discriminator tells nearly all of them from data."""
    found = []
    if spread < 0.1:
        found.append(
            f"The samples are nearly alike, {_percent(spread)} as far apart as data: the generator has collapsed, or has "
            "hardly begun to learn."
        )
    if logits and data_score > 0.95 and sample_score < 0.05:
        found.append("The discriminator tells nearly all samples from data, so that the generator learns little.")
    return found


def spread(samples: np.ndarray, data: np.ndarray) -> float:
    """Return the root mean squared distance of samples as a share of that of data."""
    widths = [np.sqrt(rows.reshape(len(rows), -1).var(axis=0, dtype=np.float64).sum()) for rows in (samples, data)]
    return float(widths[0] / widths[1]) if widths[1] > 0 else float(widths[0] > 0)
