"""Bootstrap resampling: confidence intervals, and whether one system is better than another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import _core
from .._arguments import integer, number

if TYPE_CHECKING:
    from ._score import Score

SEED = 12345
"""sacrebleu's seed."""

_STEP = 1 << 25
"""Draws of one call: a tenth of a second, so that Ctrl-C is heard."""


class Interval(NamedTuple):
    """A mean with the bounds of its confidence interval."""

    low: float
    mean: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the distance of the bounds: what stands after ±."""
        return 0.5 * (self.high - self.low)

    @classmethod
    def of(cls, scores: np.ndarray) -> Interval:
        """Return the mean of resampled scores, and the 95 % of them in the middle, as sacrebleu counts them."""
        ordered = np.sort(scores)
        cut = len(ordered) // 40
        return cls(float(ordered[cut]), float(ordered.mean()), float(ordered[len(ordered) - cut - 1]))


def resampled(statistics: np.ndarray, count: int, seed: int = SEED) -> np.ndarray:
    """Return sums of statistics [segments, ...] over `count` resamples of the segments: [count, ...].

    The segments are those that sacrebleu draws with this seed, by NumPy's default generator.
    """
    count = integer("n_bootstrap", count, 1, 1_000_000)
    state = np.random.PCG64(integer("seed", seed, 0, 2**63 - 1)).state["state"]
    halves = [half for word in (state["state"], state["inc"]) for half in (word >> 64, word & (1 << 64) - 1)]
    flat = statistics.reshape(len(statistics), -1).astype(np.float64, copy=False)
    step, parts, start = max(1, _STEP // len(flat)), [], 0
    for done in range(0, count, step):
        sums, end = _core.bootstrap_sums(flat, np.array(halves, np.uint64), start, min(step, count - done))
        parts.append(sums)
        start = int(end[0])
    return np.concatenate(parts).reshape(count, *statistics.shape[1:])


def bootstrap_interval(values: Any, *, confidence: float = 0.95, n_bootstrap: int = 1000, seed: int = SEED) -> Interval:
    """Return the mean of values of examples and its confidence interval, by bootstrap resampling of the examples.

    Args:
        values: float [N], one value of each example: the F1 of a pair of summaries, right or wrong.
        confidence: the share of the resamples' means that lies between the bounds, from 0 to 1 (default 0.95).
        n_bootstrap: the number of resamples (default 1000).
        seed: the seed of the draws (default 12345).

    Returns:
        The interval: `low` and `high` are percentiles of the resamples' means as rouge-score's BootstrapAggregator takes
        them, `mean` is their median, its "mid".

    Raises:
        ValueError: no value, values that are not finite, a confidence outside [0, 1], n_bootstrap below 1.

    >>> from seqnn.metrics import bootstrap_interval
    >>> interval = bootstrap_interval([1, 0, 1, 1, 1, 0, 1, 1])
    >>> round(interval.low, 3), round(interval.mean, 3), round(interval.high, 3)
    (0.375, 0.75, 1.0)
    """
    examples = _values("values", values)
    confidence = number("confidence", confidence, minimum=0)
    if confidence > 1:
        raise ValueError(f"confidence: expected a number from 0 to 1, got {confidence!r}")
    means = resampled(examples[:, None], n_bootstrap, seed)[:, 0] / len(examples)
    tail = 50 * (1 - confidence)
    return Interval(*map(float, np.percentile(means, [tail, 50, 100 - tail])))


@dataclass(frozen=True)
class PairedResult:
    """Whether a system differs from a baseline.

    Attributes:
        baseline: the baseline's score.
        score: the system's score.
        p_value: the probability of a difference at least as large if both were equally good.
        baseline_interval: mean and 95 % interval of the baseline's resampled scores.
        interval: mean and 95 % interval of the system's.
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
        first, second = _values("baseline", baseline)[:, None], _values("system", system)[:, None]
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


def _values(name: str, values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "fiub" or not len(array):
        raise ValueError(f"{name}: expected a list of at least one number, got {array.dtype} of shape {array.shape}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name}: expected finite numbers, got {array[~np.isfinite(array)][0]} at {int(np.argmin(np.isfinite(array)))}"
        )
    return array
