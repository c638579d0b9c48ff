"""GloVe: seconds an iteration, the whole way from text to vectors, cost and quality, against Stanford's programs."""

import json
from collections.abc import Iterator

import seqnn
from benchmarks import peers, quality, text
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.stanford import WINDOW, Stanford

ITERATIONS = 3
MAX_COST_ABOVE = 0.02


def cases(options: Options) -> Iterator[Case]:
    """Yield training alone, one thread against several, and the whole pipeline."""
    data = text.thinned(options.folder, 40) if options.quick else text.whole(options.folder)
    model = glove(data, options.threads[0], epochs=0)
    for threads in options.threads:
        stanford = Stanford(data, "stanford") if peers.at_hand("SEQNN_GLOVE") else None
        if stanford:
            stanford.vocabulary()
            stanford.count()
            stanford.shuffle()
        for size in (100, 300):
            yield training_case(data, model.cooccurrence_, stanford, threads, size)
        if threads > 1:
            yield scaling_case(data, model.cooccurrence_, threads)
        yield pipeline_case(data, stanford, threads)


def glove(data: text.Text, threads: int, **arguments) -> seqnn.GloVe:
    """Return a model of a text."""
    return seqnn.GloVe(
        corpus_file=data.path, window=WINDOW, min_count=text.MIN_COUNT, workers=threads, verbose=0, **arguments
    )


def ours(counts: seqnn.Cooccurrence, threads: int, size: int):
    """Return a side that measures the seconds of an epoch."""

    def run() -> Measured:
        model = seqnn.GloVe(vector_size=size, epochs=ITERATIONS, workers=threads, verbose=0)
        history = model.fit(cooccurrence=counts).history_
        return Measured(sum(entry["seconds"] for entry in history) / len(history), [e["loss"] for e in history])

    return run


def training_case(data: text.Text, counts, stanford: Stanford | None, threads: int, size: int) -> Case:
    """Return the case of one iteration."""

    def theirs() -> Measured:
        return Measured(*stanford.train(threads, ITERATIONS, size))

    return Case(
        f"dim {size}: an iteration",
        ours(counts, threads, size),
        {"Stanford glove": theirs if stanford else None},
        check=same_cost,
        work=counts.nnz,
        work_unit="pairs",
        threads=threads,
        data=data.title,
        goals={"Stanford glove": 40} if size == 100 else {},
    )


def scaling_case(data: text.Text, counts, threads: int) -> Case:
    """Return our gain from one thread to several."""
    return Case(
        "dim 100: an iteration, scaling",
        ours(counts, threads, 100),
        {"seqnn, 1 thread": ours(counts, 1, 100)},
        check=equal_cost,
        work=counts.nnz,
        work_unit="pairs",
        threads=threads,
        data=data.title,
    )


def pipeline_case(data: text.Text, stanford: Stanford | None, threads: int) -> Case:
    """Return the case from the text to a file of vectors, 10 iterations."""

    def from_text() -> None:
        model = glove(data, threads, epochs=10)
        model.wv.save_word2vec_format(data.path.with_suffix(".ours"), write_header=False)

    def theirs() -> None:
        stanford.vocabulary()
        stanford.count()
        stanford.shuffle()
        stanford.train(threads, 10, 100)

    return Case(
        "dim 100: from text to vectors, 10 iterations",
        timed(from_text),
        {"Stanford": timed(theirs) if stanford else None},
        work=data.words,
        work_unit="words",
        threads=threads,
        data=data.title,
        goals={"Stanford": 30},
        repeat=1,
    )


def same_cost(ours: list[float], theirs: list[float]) -> float:
    """Check that our cost is not above theirs in the last iteration; return ours / theirs - 1."""
    difference = ours[-1] / theirs[-1] - 1
    assert difference < MAX_COST_ABOVE, (ours, theirs)
    return difference


def equal_cost(ours: list[float], theirs: list[float]) -> float:
    """Check that the costs are the same bits: any number of threads gives the same result."""
    assert ours == theirs, (ours, theirs)
    return 0.0


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the scores of ours and Stanford's vectors over three seeds (`run.py --quality`)."""
    folder = peers.at_hand("SEQNN_EVAL")
    if not folder:
        raise SystemExit("--quality needs SEQNN_EVAL, a folder with the evaluation sets")
    data = text.thinned(options.folder, 4) if options.quick else text.whole(options.folder)
    threads = options.threads[-1]
    stanford = Stanford(data, "stanford") if peers.at_hand("SEQNN_GLOVE") else None
    counts = glove(data, threads, epochs=0).cooccurrence_
    scores: dict[str, list[list[float]]] = {"ours": [], "theirs": []}
    for seed in (1, 2, 3):
        model = seqnn.GloVe(epochs=options.epochs, seed=seed, workers=threads, verbose=0).fit(cooccurrence=counts)
        scores["ours"].append(quality.scores(model.wv.vectors, model.wv.index_to_key, folder))
        key = f"{data.name}, {json.dumps({'iterations': options.epochs, 'seed': seed})}"
        if stanford and key not in known:
            if not stanford.file("shuffled").exists():
                stanford.vocabulary()
                stanford.count()
                stanford.shuffle()
            stanford.train(threads, options.epochs, 100, seed)
            known[key] = quality.scores(*stanford.vectors(), folder)
        if key in known:
            scores["theirs"].append(known[key])
    yield from quality.compare(f"GloVe, {options.epochs} iterations", "Stanford", scores["ours"], scores["theirs"])
