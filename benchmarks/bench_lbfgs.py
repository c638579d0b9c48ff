"""The direction of a step of L-BFGS, against the two loops in NumPy."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options, timed
from benchmarks.torch_peer import ours
from seqnn import _core

MEMORY = 6


def cases(options: Options) -> Iterator[Case]:
    """Yield as many weights as a small and a large tagger has."""
    rng = np.random.default_rng(0)
    for threads in options.threads:
        for size in (20_000,) if options.quick else (50_000, 1_000_000):
            slope = rng.standard_normal(size)
            steps = rng.standard_normal((MEMORY, size))
            changes = steps + 0.1 * rng.standard_normal((MEMORY, size))
            products = np.array([s @ c for s, c in zip(steps, changes, strict=True)])
            given = slope, steps, changes, products, [*range(MEMORY)], 0.9
            yield Case(
                f"direction from {MEMORY} steps, {size:,} weights",
                ours(lambda given=given: _core.lbfgs_descent(*given), threads),
                {"NumPy": timed(lambda given=given: two_loops(*given))},
                check=same_direction,
                threads=threads,
                goals={"NumPy": 1.5},
            )


def two_loops(slope, steps, changes, products, order, factor) -> np.ndarray:
    """Return the same by NumPy."""
    d, alphas = -slope, {}
    for row in reversed(order):
        alphas[row] = steps[row] @ d / products[row]
        d -= alphas[row] * changes[row]
    d *= factor
    for row in order:
        d += (alphas[row] - changes[row] @ d / products[row]) * steps[row]
    return d


def same_direction(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Check that the directions agree."""
    error = float(np.abs(ours - theirs).max())
    assert error < 1e-9, f"directions differ by {error}"
    return error
