"""Uniform random numbers, against NumPy's fastest generator and its Philox."""

from collections.abc import Iterator

import numpy as np

import seqnn
from benchmarks.case import Case, Options, timed


def cases(options: Options) -> Iterator[Case]:
    """Yield float32 and float64 fills."""
    size = 1_000_000 if options.quick else 20_000_000
    for threads in options.threads:
        for dtype in np.float32, np.float64:

            def ours(dtype=dtype, threads=threads):
                with seqnn.threads(threads):
                    return seqnn.random.uniform(size, seed=1, dtype=dtype)

            def fill(generator, dtype=dtype):
                return timed(lambda: np.random.Generator(generator).random(size, dtype=dtype))

            yield Case(
                f"uniform, {size} {dtype.__name__}",
                timed(ours),
                {"numpy SFC64": fill(np.random.SFC64(1)), "numpy Philox": fill(np.random.Philox(1))},
                check=same_moments,
                work=size,
                work_unit="numbers",
                threads=threads,
            )


def same_moments(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Check mean and variance of both; return the larger difference."""
    error = max(
        abs(ours.mean(dtype=float) - theirs.mean(dtype=float)), abs(ours.var(dtype=float) - theirs.var(dtype=float))
    )
    assert error < 2e-3, error
    return float(error)
