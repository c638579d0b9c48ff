"""Points of normal distributions whose centres lie on a circle."""

from __future__ import annotations

import numpy as np

from .._arguments import integer, number


def gaussian_ring(
    n: int = 1000, *, modes: int = 8, radius: float = 2.0, deviation: float = 0.05, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Make points of the plane in equal clusters on a circle, on which generators are tried: do they reach every cluster?

    Args:
        n: how many points.
        modes: how many clusters.
        radius: of the circle.
        deviation: standard deviation of a cluster, in each direction.
        seed: equal seeds give equal points.

    Returns:
        The points, float32 [n, 2], and the centres of the clusters, float32 [modes, 2].

    Source: Metz, Poole, Pfau, Sohl-Dickstein, "Unrolled generative adversarial networks", ICLR 2017.

    >>> from seqnn.data import gaussian_ring
    >>> points, centers = gaussian_ring(500)
    >>> points.shape, centers[0].tolist()
    ((500, 2), [2.0, 0.0])
    """
    n, modes, seed = integer("n", n, 0), integer("modes", modes, 1), integer("seed", seed, 0)
    radius, deviation = number("radius", radius, above=0), number("deviation", deviation, minimum=0)
    angles = 2 * np.pi * np.arange(modes) / modes
    centers = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    draw = np.random.default_rng(seed)
    points = centers[draw.integers(modes, size=n)] + deviation * draw.standard_normal((n, 2))
    return points.astype(np.float32), centers.astype(np.float32)
