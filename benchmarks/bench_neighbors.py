"""Nearest words: a thousand queries at once, against gensim and against NumPy by hand."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.synthetic import side, write_vectors


def cases(options: Options) -> Iterator[Case]:
    """Yield queries over a matrix of 100 columns."""
    for threads in options.threads:
        yield neighbors_case(options, threads, 1000, batch=True)


def neighbors_case(options: Options, threads: int, count: int, *, batch: bool, rows: int = 200_000) -> Case:
    """Return a case of queries as one batch, or one at a time."""
    rows = min(rows, 20_000) if options.quick else rows
    path = str(write_vectors(options.folder, rows, 100))
    queries = np.random.default_rng(2).integers(0, rows, count).tolist()
    request = {"task": "neighbors", "path": path, "queries": queries, "batch": batch}
    sides = {"gensim": side("gensim", request, threads)}
    if batch:
        sides["numpy"] = side("numpy", request, threads)
    return Case(
        f"most_similar, {count} queries of {rows} words, {'as one batch' if batch else 'one at a time'}",
        side("seqnn", request, threads),
        sides,
        check=same_neighbors,
        work=count,
        work_unit="queries",
        threads=threads,
        goals={} if batch else {"gensim": 4},
    )


def same_neighbors(ours: dict, theirs: dict) -> float:
    """Check that the same words were found; return the largest difference of a cosine."""
    worst = 0.0
    for mine, other in zip(ours["found"], theirs["found"], strict=True):
        difference = max(abs(a[1] - b[1]) for a, b in zip(mine, other, strict=True))
        worst = max(worst, difference)
        same = [a[0] for a in mine] == [b[0] for b in other]
        assert same or difference < 1e-6, f"{mine} is not {other}"
    assert worst < 1e-5, f"cosines differ by {worst}"
    return worst
