"""Phrases: counting a text, finding its phrases and joining them in it, against gensim."""

from collections.abc import Callable, Iterator

from benchmarks import peers, text
from benchmarks.case import Case, Measured, Options

CONNECTORS = ["a", "an", "the", "for", "of", "with", "without", "at", "from", "to", "in", "on", "by", "and", "or"]
TASKS = [
    ("count", "counting a file", False, [], 20),
    ("count", "counting a file, with connector words", False, CONNECTORS, 20),
    ("count", "counting lists", True, [], None),
    ("find", "counting a file and finding its phrases", False, [], 20),
    ("join", "joining the phrases of a file", False, [], None),
    ("join", "joining the phrases of lists", True, [], None),
]


def cases(options: Options) -> Iterator[Case]:
    """Yield counting, finding and joining."""
    data = text.thinned(options.folder, 40) if options.quick else text.whole(options.folder)
    for threads in options.threads:
        for task, name, lists, connectors, goal in TASKS:
            request = {"task": task, "path": str(data.path), "lists": lists, "connectors": connectors}
            yield Case(
                name,
                side("seqnn", request, threads),
                {"gensim": side("gensim", request, threads)},
                check=same,
                work=data.words,
                work_unit="words",
                threads=threads,
                goals={"gensim": goal} if goal else {},
            )


def side(library: str, request: dict, threads: int) -> Callable[[], Measured] | None:
    """Return a side that runs `side_phrases.py`, or None where gensim is not at hand."""
    if library == "gensim" and not peers.at_hand("SEQNN_PEERS_PYTHON"):
        return None

    def run() -> Measured:
        answer = peers.run_python(library, "side_phrases", request, {"SEQNN_NUM_THREADS": str(threads)})
        return Measured(answer.pop("seconds"), answer)

    return run


def same(ours: dict, theirs: dict) -> float:
    """Check that counts, phrases and texts agree; return the relative difference of the sum of scores."""
    difference = abs(ours.pop("sum", 0) / theirs.pop("sum", 1) - 1) if "sum" in ours else 0.0
    assert ours == theirs, (ours, theirs)
    assert difference < 1e-9, difference
    return difference
