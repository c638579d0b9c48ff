"""How much of a distribution the samples of a generator reach."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._arguments import integer, number
from ._samples import centred, samples, squared_distances


def coverage(real: Any, made: Any, *, neighbors: int = 5) -> float:
    """Return the share of real samples beside which there is a made one: at most as far as their k-th nearest real one.

    Of two samples of one distribution with as many members it is about 1 - 2^-k. It is low where a generator misses modes,
    and where what it makes lies beside the data.

    Args:
        real: samples of the data, numbers [N, ...], more than `neighbors`.
        made: samples of a generator, [M, ...], each of the shape of those of `real`.
        neighbors: k, which of the nearest real samples is taken.

    Returns:
        The share, from 0 to 1.

    Raises:
        TypeError: what is no number.
        ValueError: too few samples, samples of other shapes, values that are not finite.

    Source: Naeem, Oh, Uh, Choi, Yoo, "Reliable fidelity and diversity metrics for generative models", ICML 2020.

    >>> import numpy as np
    >>> from seqnn.metrics import coverage
    >>> real, made = np.random.default_rng(0).standard_normal((2, 300, 2))
    >>> round(coverage(real, made), 2), round(coverage(real, np.abs(made)), 2)
    (0.98, 0.31)
    """
    k = integer("neighbors", neighbors, 1)
    real, made = samples("real", real, k + 1), samples("made", made, 1)
    _require_alike("made", made, real, "real")
    real, made, _ = centred(real, made)
    own = squared_distances(real, real)
    np.fill_diagonal(own, np.inf)
    reach = np.partition(own, k - 1, axis=1)[:, k - 1]
    return float((squared_distances(real, made).min(axis=1) <= reach).mean())


class ModeCoverage(NamedTuple):
    """A count of the modes that samples reach, as `mode_coverage` finds it.

    Attributes:
        modes: how many modes have a sample near them.
        share: of the samples that are near a mode.

    >>> from seqnn.metrics import ModeCoverage
    >>> ModeCoverage(8, 0.95).modes
    8
    """

    modes: int
    share: float


def mode_coverage(made: Any, modes: Any, *, radius: float, least: int = 1) -> ModeCoverage:
    """Count the modes that samples reach, and the samples that are near a mode.

    Args:
        made: samples of a generator, numbers [N, ...].
        modes: the centres of the modes, [K, ...].
        radius: how far from its nearest mode a sample may be, such as three standard deviations of the mode.
        least: how many samples a mode needs.

    Returns:
        The number of modes, and the share of the samples.

    Raises:
        TypeError: what is no number.
        ValueError: no sample, samples of other shapes, values that are not finite, a radius that is not above 0.

    Source: Srivastava, Valkov, Russell, Gutmann, Sutton, "VEEGAN", NeurIPS 2017.

    >>> from seqnn.metrics import mode_coverage
    >>> mode_coverage([[0.0, 0.1], [0.1, 0.0], [2.0, 2.0]], [[0.0, 0.0], [3.0, 0.0]], radius=0.5)
    ModeCoverage(modes=1, share=0.6666666666666666)
    """
    radius, least = number("radius", radius, above=0), integer("least", least, 1)
    made, modes = samples("made", made, 1), samples("modes", modes, 1)
    _require_alike("modes", modes, made, "made")
    made, modes, scale = centred(made, modes)
    distances = squared_distances(made, modes)
    near = distances.min(axis=1) <= (radius / scale) ** 2
    counts = np.bincount(distances.argmin(axis=1)[near], minlength=len(modes))
    return ModeCoverage(int((counts >= least).sum()), float(near.mean()))


def _require_alike(name: str, side: np.ndarray, other: np.ndarray, whose: str) -> None:
    if side.shape[1:] != other.shape[1:]:
        raise ValueError(
            f"{name}: expected samples of shape {other.shape[1:]} as those of {whose}, got {side.shape[1:]}"
        )
