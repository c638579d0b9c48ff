"""A trie of n-grams: made of sorted levels, and searched, against a dictionary of tuples."""

from collections.abc import Iterator

import numpy as np

from benchmarks import kenlm
from benchmarks.case import Case, Options, timed
from seqnn import _core
from seqnn.lm import NGramLM
from seqnn.lm._ngram_trie import Level, build


def cases(options: Options) -> Iterator[Case]:
    """Yield making and searching a trie of order 3."""
    model = NGramLM(3).fit(kenlm.text.thinned(options.folder, 400 if options.quick else 40).path)
    trie = model._model.scorer.trie
    levels = list(trie.levels())
    rows = rows_of(levels)
    tuples = [[*map(tuple, part.tolist())] for part in rows]
    values = [level.first.tolist() for level in levels]
    known = dict(zip(tuples[-1], values[-1], strict=True))
    asked = rows[-1][np.random.default_rng(0).permutation(len(rows[-1]))]
    asked_tuples = [*map(tuple, asked.tolist())]
    size = sum(len(part) for part in rows)
    for threads in options.threads:
        yield Case(
            "make a trie, order 3",
            kenlm.ours(threads, lambda: build(levels, trie.words).counts),
            {
                "dict of tuples": timed(
                    lambda: [len(dict(zip(*x, strict=True))) for x in zip(tuples, values, strict=True)]
                )
            },
            check=same_counts,
            work=size,
            work_unit="n-grams",
            threads=threads,
        )
        yield Case(
            "find 3-grams",
            kenlm.ours(threads, lambda: np.count_nonzero(_core.ngram_trie_find(trie.nodes, trie.leaves, 3, asked))),
            {"dict of tuples": timed(lambda: sum(gram in known for gram in asked_tuples))},
            check=same_counts,
            work=len(asked),
            work_unit="n-grams",
            threads=threads,
        )


def rows_of(levels: list[Level]) -> list[np.ndarray]:
    """Return the words of all n-grams of each length, int32 [n-grams, length]."""
    rows = [np.zeros((1, 0), np.int32)]
    for level in levels:
        rows.append(np.concatenate([rows[-1][level.parents], level.words.astype(np.int32)[:, None]], axis=1))
    return rows[1:]


def same_counts(ours: object, theirs: object) -> float:
    """Check that both have as many n-grams."""
    assert ours == theirs, (ours, theirs)
    return 0.0
