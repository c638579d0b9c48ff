"""Word mover's distance: one text against many, and pair by pair, against gensim (with POT)."""

from collections.abc import Iterator

import numpy as np

from benchmarks import peers
from benchmarks.case import Case, Measured, Options


def cases(options: Options) -> Iterator[Case]:
    """Yield texts of several lengths, whose words have the frequencies of Zipf's law."""
    for threads in options.threads:
        for length, at_once, goal in (
            (10, True, 20),
            (30, True, 20),
            (100, True, 20),
            (300, True, 20),
            (30, False, None),
        ):
            count = 50 if options.quick else 200
            request = {"task": "movers", "length": length, "count": count, "at_once": at_once}
            yield Case(
                f"word mover's distance, texts of {length} words, {'one against many' if at_once else 'pair by pair'}",
                side("seqnn", request, threads),
                {"gensim": side("gensim", request, threads)},
                check=same_distances,
                work=count,
                work_unit="distances",
                threads=threads,
                goals={"gensim": goal} if goal else {},
            )


def side(library: str, request: dict, threads: int):
    """Return a side that runs `side_documents.py`, or None where gensim is not at hand."""
    if library == "gensim" and not peers.at_hand("SEQNN_PEERS_PYTHON"):
        return None
    environment = dict.fromkeys(("SEQNN_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))

    def run() -> Measured:
        answer = peers.run_python(library, "side_documents", request | {"threads": threads}, environment)
        return Measured(answer["seconds"], answer)

    return run


def same_distances(ours: dict, theirs: dict) -> float:
    """Return the largest difference of a distance."""
    worst = float(np.abs(np.array(ours["distances"]) - np.array(theirs["distances"])).max())
    assert worst < 1e-5, f"distances differ by {worst}"
    return worst
