"""Alignment of spaces: Procrustes and CSLS, against the matrix products that they cannot do without, by NumPy."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Measured, Options, timed
from benchmarks.peers import installed
from benchmarks.torch_peer import ours
from seqnn.embed import align, csls_neighbors

GOAL = 0.5
"""Within twice the time of the products alone."""


def cases(options: Options) -> Iterator[Case]:
    """Yield Procrustes over two spaces of 300 columns, and CSLS from some words of one to all of the other."""
    rows, size = (2_000, 50) if options.quick else (200_000, 300)
    asked, searched = (200, 2_000) if options.quick else (5_000, 20_000)
    rng = np.random.default_rng(0)
    source, target = (rng.standard_normal((rows, size)).astype(np.float32) for _ in "ab")
    words = [str(i) for i in range(rows)]
    x, y = source[:asked], target[:searched]
    for threads in options.threads:
        yield Case(
            f"align two spaces of {rows} × {size} by all words",
            ours(lambda: align((source, words), (target, words), None, normalize=()).rotation, threads),
            {"its 2 products": limited(lambda: (source.T @ target, source @ source[:size])[0], threads)},
            goals={"its 2 products": GOAL}, threads=threads,
        )  # fmt: skip
        yield Case(
            f"CSLS of {asked} words, {searched} × {size} searched",
            ours(lambda: csls_neighbors(x, y), threads),
            {
                "its 3 products": limited(lambda: [x @ y.T for _ in range(3)], threads),
                "NumPy by hand": limited(lambda: by_hand(x, y), threads),
            },
            check=same_words,
            goals={"its 3 products": GOAL}, threads=threads,
        )  # fmt: skip


def limited(function, threads: int):
    """Return a side that NumPy's products run on, with this many threads."""
    if not installed("threadpoolctl"):
        return None
    from threadpoolctl import threadpool_limits

    measured = timed(function)

    def side() -> Measured:
        with threadpool_limits(threads):
            return measured()

    return side


def by_hand(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute CSLS with its whole matrix."""
    unit_x, unit_y = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (x, y))
    cosines = unit_x @ unit_y.T
    near_x = np.partition(cosines, -10, axis=1)[:, -10:].mean(1)
    near_y = np.partition(cosines, -10, axis=0)[-10:].mean(0)
    scores = 2 * cosines - near_x[:, None] - near_y
    ids = np.argpartition(-scores, 10, axis=1)[:, :10]
    found = np.take_along_axis(scores, ids, 1)
    order = np.argsort(-found, axis=1)
    return np.take_along_axis(ids, order, 1), np.take_along_axis(found, order, 1)


def same_words(mine: tuple[np.ndarray, np.ndarray], other: object) -> float:
    """Check the scores against those by hand; the products alone have none."""
    if isinstance(other, list):
        return 0.0
    worst = float(np.abs(mine[1] - other[1]).max())
    assert worst < 1e-5, f"scores differ by {worst}"
    return worst
