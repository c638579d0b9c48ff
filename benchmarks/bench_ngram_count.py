"""Counting n-grams, against dictionaries in Python: `Counter` over tuples, as toolkits in Python do."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from benchmarks import text
from benchmarks.case import Case, Options, timed
from benchmarks.kenlm import ORDERS, ours
from seqnn.lm._ngram_count import count
from seqnn.text import scan


def cases(options: Options) -> Iterator[Case]:
    """Yield counting by order."""
    data = text.thinned(options.folder, 400 if options.quick else 40)
    with open(data.path, encoding="utf-8", errors="replace") as file:
        sentences = [["<s>", *line.split(), "</s>"] for line in file]
    for threads in options.threads:
        for order in ORDERS:
            yield Case(
                f"all n-grams up to order {order}",
                ours(threads, lambda order=order: count_text(data.path, order)),
                {"collections.Counter": timed(lambda order=order: count_tuples(sentences, order))},
                check=same_numbers,
                work=data.words,
                work_unit="words",
                threads=threads,
                data=data.title,
            )


def count_text(path, order: int) -> list[int]:
    """Read a text and count; returns how many different n-grams of each length there are."""
    corpus = scan(path, keep_empty=True)
    words = len(corpus.words) + 3
    levels = count(corpus, np.arange(3, words, dtype=np.int32), words, order)
    return [len(levels[0].words) - 1, *(len(level.words) for level in levels[1:])]  # "<s>" is not counted


def count_tuples(sentences: list[list[str]], order: int) -> list[int]:
    """Count tuples of the words that are read before."""
    counters = [Counter() for _ in range(order)]
    for words in sentences:
        for n, counter in enumerate(counters, 1):
            counter.update(zip(*(words[i:] for i in range(n)), strict=False))
    return [len(counters[0]) - 1, *map(len, counters[1:])]


def same_numbers(ours: list[int], theirs: list[int]) -> float:
    """Check that both found as many n-grams of each length."""
    assert ours == theirs, (ours, theirs)
    return 0.0
