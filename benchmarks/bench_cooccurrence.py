"""Counting co-occurrences, window 10: seqnn against Stanford's cooccur."""

from collections.abc import Iterator

import seqnn
from benchmarks import peers, text
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.stanford import WINDOW, Stanford
from seqnn.embed._trainers._cooccurrence_count import count
from seqnn.text import Vocabulary, scan


def cases(options: Options) -> Iterator[Case]:
    """Yield counting an encoded text, in memory and with a bound; and with reading the text, as Stanford's program does."""
    data = text.thinned(options.folder, 40) if options.quick else text.whole(options.folder)
    corpus, size = encode(data)
    for threads in options.threads:
        peer = None
        if peers.at_hand("SEQNN_GLOVE"):
            stanford = Stanford(data, "stanford")
            stanford.vocabulary()
            peer = timed(lambda stanford=stanford: figures(stanford.count()["value"]))
        rows = [
            ("counting co-occurrences", lambda: count(corpus, size, window=WINDOW), 10),
            ("counting co-occurrences, max_memory 100 MB", lambda: count(corpus, size, max_memory="100MB"), 0),
            ("reading, encoding, counting co-occurrences", lambda: count(*encode(data), window=WINDOW), 0),
        ]
        for name, work, goal in rows:
            yield Case(
                name,
                side(work, threads),
                {"Stanford cooccur": peer},
                check=same_counts,
                work=data.words,
                work_unit="words",
                threads=threads,
                data=data.title,
                goals={"Stanford cooccur": goal} if goal else {},
            )


def encode(data: text.Text):
    """Return the text as ids, and the size of its vocabulary."""
    scanned = scan(data.path)
    vocabulary, mapping = Vocabulary.build(scanned.words, scanned.counts, min_count=text.MIN_COUNT)
    return scanned.encode(mapping), len(vocabulary)


def side(work, threads: int):
    """Return a side that measures `work`, which returns counts."""

    def run() -> Measured:
        with seqnn.threads(threads):
            measured = timed(work)()
        return Measured(measured.value, figures(measured.result.data))

    return run


def figures(values) -> tuple[int, float, float]:
    """Return what must agree: the number of counts, their sum, the sum of their squares."""
    return len(values), float(values.sum()), float((values**2).sum())


def same_counts(ours: tuple, theirs: tuple) -> float:
    """Check that there are equally many counts with equal sums; return the largest relative difference."""
    assert ours[0] == theirs[0], (ours, theirs)
    error = max(abs(a / b - 1) for a, b in zip(ours, theirs, strict=True))
    assert error < 1e-9, (ours, theirs)
    return error
