"""Minimum Bayes risk over 256 candidates, all pairs: against counters of n-grams in Python, and a bound of 0.2 s."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.case import Case, Options, constant, timed
from benchmarks.torch_peer import ours
from seqnn import decode


def cases(options: Options) -> Iterator[Case]:
    """Yield F of tokens and of n-grams."""
    count = 32 if options.quick else 256
    draw = np.random.default_rng(1)
    rows = [draw.zipf(1.3, draw.integers(40, 80)) % 8000 for _ in range(count)]
    for threads in options.threads:
        for utility, orders in (("f1", 1), ("ngram_f", 4)):
            yield Case(
                f"{utility}, {count} candidates",
                ours(lambda utility=utility: decode.mbr(rows, utility=utility).scores, threads),
                {"Python": timed(by_counters(rows, orders)), "bound of 0.2 s": constant(0.2)},
                check=lambda mine, other: 0.0 if other is None else same_scores(mine, other),
                threads=threads,
                goals={"bound of 0.2 s": 1},
            )


def by_counters(rows: list[np.ndarray], orders: int) -> Callable[[], np.ndarray]:
    """Return the expected utilities by counters."""

    def run() -> np.ndarray:
        found = np.zeros((len(rows), len(rows)))
        for n in range(1, orders + 1):
            counts = [Counter(zip(*(row[i:].tolist() for i in range(n)), strict=False)) for row in rows]
            sizes = [c.total() for c in counts]
            for h, a in enumerate(counts):
                for r in range(h, len(counts)):
                    b = counts[r]
                    few, many = (a, b) if len(a) < len(b) else (b, a)
                    common = sum(min(times, many[gram]) for gram, times in few.items() if gram in many)
                    found[h, r] += 2 * common / (sizes[h] + sizes[r]) / orders
        return (found + np.triu(found, 1).T).mean(axis=1)

    return run


def same_scores(mine: np.ndarray, other: np.ndarray) -> float:
    """Check that the expected utilities agree; return the largest difference."""
    worst = float(np.abs(mine - other).max())
    assert worst < 1e-9, f"expected utilities differ by {worst}"
    return worst
