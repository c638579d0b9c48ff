"""One choice of a trainer of word vectors changed at a time: what it moves in the scores (`--quality`), and what it costs.

The peer is seqnn itself with that choice made as another program makes it, over the same seeds and draws. So a difference
from that program has its cause here, or elsewhere.
"""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks import peers, quality, text
from benchmarks.case import Case, Measured, Options, timed
from seqnn import Cooccurrence, GloVe, Word2Vec
from seqnn.embed._trainers._glove_cells import Cells
from seqnn.embed._trainers._glove_weights import GloveWeights

SIZE, SEEDS, WORKERS = 100, (1, 2, 3), 2
ALPHA, MIN_ALPHA = 0.025, 0.0001
OBJECTIVE = {"x_max": 100.0, "alpha": 0.75, "learning_rate": 0.05}
MAX_COST_ABOVE = 0.03
"""The most that our cost of the first iteration may lie above that of pairs at random within cells, as a share."""


def cases(options: Options) -> Iterator[Case]:
    """Yield an iteration of GloVe, whose rows stay together within a cell, against pairs at random within cells."""
    data = text.thinned(options.folder, 40 if options.quick else 4)
    for threads in options.threads:
        counts = counted(data, threads).cooccurrence_
        words, together, at_random = counts.shape[0], Cells(counts, width()), scattered(counts)
        yield Case(
            "GloVe: the first iteration", first(together, words),
            {"pairs at random within cells": first(at_random, words)},
            check=same_cost, work=counts.nnz, work_unit="pairs", threads=threads, data=data.title,
        )  # fmt: skip


def first(cells: Cells, words: int) -> Callable[[], Measured]:
    """Return a side that trains once on cells; its result is the cost."""
    return timed(lambda: trained(cells, words, 1, 1)[1])


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the scores of vectors as they are trained, and with one choice changed."""
    folder = peers.at_hand("SEQNN_EVAL")
    if not folder:
        raise SystemExit("--quality needs SEQNN_EVAL, a folder with the evaluation sets")
    data = text.thinned(options.folder, 40 if options.quick else 4)
    for name, sg in (("skip-gram NS", 1), ("CBOW NS", 0)):
        scores = {
            change: [word2vec(data, sg, seed, options, change, folder) for seed in SEEDS]
            for change in ("", "initial vectors twice as wide (gensim)", "learning rate of two workers (gensim)")
        }
        ours = scores.pop("")
        for change, theirs in scores.items():
            yield from quality.compare(f"{name}, epochs={options.epochs}", change, ours, theirs)
    model = counted(data, options.threads[-1])
    orders = Cells(model.cooccurrence_, width()), scattered(model.cooccurrence_)
    ours, theirs = ([glove(cells, model, seed, options, folder) for seed in SEEDS] for cells in orders)
    yield from quality.compare(f"GloVe, {options.epochs} iterations", "pairs at random within cells", ours, theirs)


def word2vec(data: text.Text, sg: int, seed: int, options: Options, change: str, folder: str) -> list[float]:
    """Train in one thread and score the vectors; `change` names what is done as gensim does it."""
    epochs = options.epochs
    model = Word2Vec(vector_size=SIZE, sg=sg, seed=seed, min_count=text.MIN_COUNT, epochs=epochs, workers=1, verbose=0)
    model.build_vocab(corpus_file=data.path)
    if change.startswith("initial"):
        model.wv.vectors[:] *= 2
    if change.startswith("learning rate"):
        # Each worker of `corpus_file` goes over its part of the text and lowers the rate by as much as it has read.
        fall = (ALPHA - MIN_ALPHA) / epochs
        for epoch in range(epochs):
            start = ALPHA - fall * epoch
            model.train(corpus_file=data.path, epochs=1, start_alpha=start, end_alpha=start - fall / WORKERS)
    else:
        model.train(corpus_file=data.path, epochs=epochs)
    return quality.scores(model.wv.vectors, model.wv.index_to_key, folder)


def counted(data: text.Text, threads: int) -> GloVe:
    """Return a model that has counted a text and is not trained."""
    return GloVe(corpus_file=data.path, min_count=text.MIN_COUNT, epochs=0, workers=threads, verbose=0)


def width() -> int:
    """Return the columns of the matrices."""
    return GloveWeights.zeros(1, SIZE, "sum").word.shape[2]


def scattered(counts: Cooccurrence) -> Cells:
    """Return cells whose pairs lie at random, not row by row: the kernel takes them in an order without structure."""
    cells, rng = Cells(counts, width()), np.random.default_rng(0)
    for start, stop in zip(cells.starts[:-1], cells.starts[1:], strict=True):
        order = start + rng.permutation(stop - start)
        cells.entries[start:stop], cells.logs[start:stop] = cells.entries[order], cells.logs[order]
    return cells


def trained(cells: Cells, words: int, seed: int, epochs: int) -> tuple[np.ndarray, list[float]]:
    """Train on cells; return the vectors and the cost of each iteration."""
    weights = GloveWeights.zeros(words, SIZE, "sum")
    weights.reset(seed)
    costs = []
    for epoch in range(epochs):
        loss, pairs = cells.train(weights, 0, len(cells.entries), seed=seed, epoch=epoch, **OBJECTIVE)
        costs.append(loss / pairs)
    return weights.word[:, 0, :SIZE] + weights.context[:, 0, :SIZE], costs


def glove(cells: Cells, model: GloVe, seed: int, options: Options, folder: str) -> list[float]:
    """Train on cells and score the vectors."""
    vectors, _ = trained(cells, len(model.wv), seed, options.epochs)
    return quality.scores(vectors, model.wv.index_to_key, folder)


def same_cost(ours: list[float], theirs: list[float]) -> float:
    """Check that rows that stay together cost no more in the first iteration; return ours / theirs - 1."""
    difference = ours[0] / theirs[0] - 1
    assert difference < MAX_COST_ABOVE, (ours, theirs)
    return difference
