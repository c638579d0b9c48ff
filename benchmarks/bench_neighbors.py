"""Nearest words: one query at a time and a thousand at once, against gensim and against NumPy by hand."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.synthetic import side, write_vectors


def cases(options: Options) -> Iterator[Case]:
    """Yield single and batched queries over a matrix of 100 columns."""
    rows = 20_000 if options.quick else 200_000
    path = str(write_vectors(options.folder, rows, 100))
    for threads in options.threads:
        for name, batch, count in ("one at a time", False, 200), ("as one batch", True, 1000):
            queries = np.random.default_rng(2).integers(0, rows, count).tolist()
            request = {"task": "neighbors", "path": path, "queries": queries, "batch": batch}
            sides = {"gensim": side("gensim", request, threads)}
            if batch:
                sides["numpy"] = side("numpy", request, threads)
            yield Case(
                f"most_similar, {count} queries of {rows} words, {name}",
                side("seqnn", request, threads),
                sides,
                check=same_neighbors,
                work=count,
                work_unit="queries",
                threads=threads,
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
