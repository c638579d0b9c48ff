"""The distance between the distributions of two samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arguments import flag, number
from ._samples import centred, samples, squared_distances

_ROWS = 1024  # samples whose kernel is computed together
_MEDIAN_SAMPLES = 1000  # samples of each side that the median is taken over


def maximum_mean_discrepancy(x: Any, y: Any, *, bandwidth: float | None = None, unbiased: bool = True) -> float:
    """Return the squared maximum mean discrepancy (MMD) of two samples, 0 where their distributions are the same.

    MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y) with the Gaussian kernel k(a, b) = exp(-|a - b|^2 / (2 bandwidth^2)).

    Args:
        x: samples of the one distribution, numbers [N, ...].
        y: samples of the other one, [M, ...], each of the shape of those of x.
        bandwidth: width of the kernel (default: the median of the distances of all pairs of samples of x and y together;
            over 1000 of each, evenly spaced, where there are more). Discrepancies can only be compared at one bandwidth.
        unbiased: whether a pair of a sample with itself is left out (default). Then the mean is right for few samples too,
            but the estimate may fall below 0. Otherwise the estimate is at least 0.

    Returns:
        The estimate of MMD^2, at most 2.

    Raises:
        TypeError: what is no number.
        ValueError: fewer than two samples, samples of other shapes, values that are not finite, a bandwidth that is not above
            0.

    A. Gretton and others, "A kernel two-sample test", 2012.

    >>> from seqnn.metrics import maximum_mean_discrepancy
    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).standard_normal((2, 200, 3))
    >>> round(maximum_mean_discrepancy(x, y), 2), round(maximum_mean_discrepancy(x, y + 1), 2)
    (0.0, 0.22)
    """
    unbiased = flag("unbiased", unbiased)
    if bandwidth is not None:
        bandwidth = number("bandwidth", bandwidth, above=0)
    sides = samples("x", x), samples("y", y)
    if sides[0].shape[1:] != sides[1].shape[1:]:
        raise ValueError(
            f"y: expected samples of shape {sides[0].shape[1:]} as those of x, got samples of shape {sides[1].shape[1:]}"
        )
    first, second, scale = centred(*sides)
    width = _median_distance(first, second) if bandwidth is None else bandwidth / scale
    within = sum(_kernel_mean(side, side, width, own=not unbiased) for side in (first, second))
    return within - 2 * _kernel_mean(first, second, width)


def _median_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Return the median distance of two samples, of those that differ where most are the same."""
    pooled = np.concatenate([side[_spaced(len(side))] for side in (x, y)])
    distances = np.sqrt(squared_distances(pooled, pooled)[np.triu_indices(len(pooled), 1)])
    if not distances.any():
        return 1.0
    return float(np.median(distances)) or float(np.median(distances[distances > 0]))


def _spaced(count: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, _MEDIAN_SAMPLES)).round().astype(np.int64)


def _kernel_mean(a: np.ndarray, b: np.ndarray, width: float, *, own: bool = True) -> float:
    """Return the mean of the kernel over all pairs; without those of a sample with itself unless they count (`own`)."""
    total = 0.0
    for start in range(0, len(a), _ROWS):
        kernel = np.exp(squared_distances(a[start : start + _ROWS], b) / (-2 * width**2))
        if not own:
            np.fill_diagonal(kernel[:, start:], 0)
        total += float(kernel.sum())
    return total / (len(a) * (len(b) if own else len(b) - 1))
