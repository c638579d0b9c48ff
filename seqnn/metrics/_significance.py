"""Whether one system is better than another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._bootstrap import SEED, Interval, example_values, resampled
from ._score import Score


@dataclass(frozen=True)
class PairedResult:
    """A judgement by `paired_bootstrap`; `print` it.

    Args:
        baseline: the baseline's score.
        score: the system's score.
        p_value: the probability of a difference at least as large if both were equally good.
        baseline_interval: mean and 95 % interval of the baseline's resampled scores.
        interval: mean and 95 % interval of the system's.

    >>> from seqnn.metrics import paired_bootstrap
    >>> print(paired_bootstrap([0.2, 0.4, 0.3] * 9, [0.7, 0.8, 0.9] * 9))
    baseline 0.30 (μ = 0.30 ± 0.03), system 0.80 (μ = 0.80 ± 0.03), p = 0.0010: differs at p < 0.05
    """

    baseline: float
    score: float
    p_value: float
    baseline_interval: Interval
    interval: Interval

    def __str__(self) -> str:
        sign = "differs" if self.p_value < 0.05 else "does not differ"
        return (
            f"baseline {self.baseline:.2f} (μ = {self.baseline_interval.mean:.2f} ± {self.baseline_interval.half_width:.2f}), "
            f"system {self.score:.2f} (μ = {self.interval.mean:.2f} ± {self.interval.half_width:.2f}), "
            f"p = {self.p_value:.4f}: {sign} at p < 0.05"
        )


def paired_bootstrap(
    baseline: Score | Any, system: Score | Any, *, n_bootstrap: int = 1000, seed: int = SEED
) -> PairedResult:
    """Test whether a system's score differs from a baseline's on the same examples, by paired bootstrap resampling.

    Both are scored on the same resamples. The p-value is the share of resamples, with one more, in which the difference
    departs from its mean by more than it is: sacrebleu's `--paired-bs`, with its draws; 1 where there is no difference.

    Args:
        baseline: a score of `bleu`, `chrf` or `ter`, or the values of its examples, float [N], whose mean counts.
        system: the same metric of the system to test, for the same examples in the same order.
        n_bootstrap: the number of resamples (default 1000).
        seed: the seed of the draws (default 12345).

    Returns:
        Both scores with their intervals, and the p-value.

    Raises:
        TypeError: one is a score and the other is not.
        ValueError: different numbers of examples, scores of different metrics or settings.

    P. Koehn, "Statistical significance tests for machine translation evaluation", EMNLP 2004.

    >>> from seqnn.metrics import bleu, paired_bootstrap
    >>> references = ["a cat sat on the mat", "it was raining all day", "the dog slept"] * 9
    >>> worse = bleu(["a cat sat on a mat", "it rained all day", "the dog slept"] * 9, references)
    >>> result = paired_bootstrap(worse, bleu(references, references))
    >>> result.p_value < 0.05, round(result.interval.mean, 1)
    (True, 100.0)
    """
    scores = [hasattr(side, "compute") for side in (baseline, system)]
    if scores[0] != scores[1]:
        raise TypeError("baseline and system: expected two scores or two arrays of values, got one of each")
    if all(scores):
        if baseline.signature != system.signature or baseline.name != system.name:
            raise ValueError(
                f"system: expected a score as the baseline's, {baseline.name}|{baseline.signature}, "
                f"got {system.name}|{system.signature}"
            )
        compute, first, second = baseline.compute, baseline.statistics, system.statistics
    else:
        first, second = example_values("baseline", baseline)[:, None], example_values("system", system)[:, None]
        examples = len(first)

        def compute(sums: np.ndarray) -> np.ndarray:
            return sums[..., 0] / examples

    if len(first) != len(second):
        raise ValueError(f"system: expected {len(first)} examples as in the baseline, got {len(second)}")
    sums = resampled(np.stack([first, second], 1), n_bootstrap, seed)
    sampled = compute(sums[:, 0]), compute(sums[:, 1])
    actual = float(compute(first.sum(0))), float(compute(second.sum(0)))
    difference, differences = abs(actual[0] - actual[1]), np.abs(sampled[1] - sampled[0])
    larger = np.count_nonzero(differences - differences.mean() > difference) if difference else len(differences)
    p_value = (int(larger) + 1) / (len(differences) + 1)
    return PairedResult(*actual, p_value, Interval.of(sampled[0]), Interval.of(sampled[1]))
