"""Bootstrap resampling of examples, and the confidence intervals that it gives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._arguments import integer, number

SEED = 12345
"""sacrebleu's seed."""

_STEP = 1 << 25
"""Draws of one call: a tenth of a second, so that Ctrl-C is heard."""


class Interval(NamedTuple):
    """A mean with the bounds of its confidence interval.

    Attributes:
        low: the lower bound.
        mean: the mean, or the median, of the resamples.
        high: the upper bound.

    >>> from seqnn.metrics import Interval
    >>> Interval(low=20.5, mean=22.0, high=23.5).half_width
    1.5
    """

    low: float
    mean: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the distance of the bounds: what stands after ±."""
        return 0.5 * (self.high - self.low)

    @classmethod
    def of(cls, scores: np.ndarray) -> Interval:
        """Return the mean of resampled scores, and the 95 % of them in the middle, as sacrebleu counts them.

        Args:
            scores: float64 [resamples].
        """
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
    examples = example_values("values", values)
    confidence = number("confidence", confidence, minimum=0)
    if confidence > 1:
        raise ValueError(f"confidence: expected a number from 0 to 1, got {confidence!r}")
    means = resampled(examples[:, None], n_bootstrap, seed)[:, 0] / len(examples)
    tail = 50 * (1 - confidence)
    return Interval(*map(float, np.percentile(means, [tail, 50, 100 - tail])))


def example_values(name: str, values: Any) -> np.ndarray:
    """Return values of examples as float64 [N]. Raises `ValueError` for other shapes and what is not finite."""
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "fiub" or not len(array):
        raise ValueError(f"{name}: expected a list of at least one number, got {array.dtype} of shape {array.shape}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name}: expected finite numbers, got {array[~np.isfinite(array)][0]} at {int(np.argmin(np.isfinite(array)))}"
        )
    return array
