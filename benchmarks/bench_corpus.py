"""Reading a text: counting and encoding it, against gensim's `build_vocab` and a loop in Python."""

import collections
from collections.abc import Iterator

from benchmarks import bench_word2vec, text
from benchmarks.case import Case, Options, timed


def cases(options: Options) -> Iterator[Case]:
    """Yield the vocabulary case of the word2vec benchmark, and the same against Python's Counter."""
    data = text.thinned(options.folder, 40) if options.quick else text.whole(options.folder)
    for threads in options.threads:
        case = bench_word2vec.vocabulary_case(data, threads)
        yield case
        yield Case(
            "vocabulary and encoding; Python counts only",
            case.ours,
            {"collections.Counter": timed(lambda: count(data))},
            check=same_size,
            work=case.work,
            work_unit=case.work_unit,
            threads=threads,
            data=case.data,
        )


def count(data: text.Text) -> int:
    """Return how many words Python's own tools find often enough."""
    counter: collections.Counter[str] = collections.Counter()
    with open(data.path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            counter.update(line.split())
    return sum(number >= text.MIN_COUNT for number in counter.values())


def same_size(ours: dict, theirs: int) -> float:
    """Check that both found a vocabulary of one size."""
    assert ours["vocabulary"] == theirs, (ours["vocabulary"], theirs)
    return 0.0
