"""Nearest words, one query at a time: by a shadow of bytes, against gensim."""

from collections.abc import Iterator

from benchmarks.bench_neighbors import neighbors_case
from benchmarks.case import Case, Options


def cases(options: Options) -> Iterator[Case]:
    """Yield single queries over matrices of 100 columns: of a small vocabulary, and of a large one."""
    for threads in options.threads:
        yield neighbors_case(options, threads, 2000, batch=False, rows=2_200)
        yield neighbors_case(options, threads, 200, batch=False)
