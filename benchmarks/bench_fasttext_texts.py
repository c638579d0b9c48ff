"""From texts to the means of their vectors: words alone, n-grams of words, n-grams of letters; against NumPy."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.captions import sentences
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.torch_peer import ours
from seqnn.models import FastTextClassifier
from seqnn.models._fasttext_texts import given_texts


def cases(options: Options) -> Iterator[Case]:
    """Yield the vectors of many texts."""
    lines = sentences(1_000 if options.quick else 30_000)
    labels = [i % 2 for i in range(len(lines))]
    for name, settings in (
        ("words", {}),
        ("bigrams", {"word_ngrams": 2, "bucket": 200_000}),
        ("letters", {"min_n": 2, "max_n": 4, "bucket": 200_000}),
    ):
        model = FastTextClassifier(**settings, epochs=1).fit(lines, labels)
        for threads in options.threads:
            yield Case(
                f"vectors of {len(lines)} texts, {name}",
                ours(lambda model=model: model.transform(lines), threads),
                {"numpy": means(model, lines)},
                check=close, work=len(lines), work_unit="texts", threads=threads, data="captions",
            )  # fmt: skip


def means(model: FastTextClassifier, lines: list[str]) -> Callable[[], Measured]:
    """Return sums of rows by NumPy, of parts that are listed before."""
    ids, starts = model.model_.dictionary.parts(given_texts(lines))
    matrix = np.concatenate([model.model_.input, np.zeros((1, model.vector_size), np.float32)])
    return timed(lambda: np.add.reduceat(matrix[ids], starts[:-1]) / np.diff(starts)[:, None])


def close(mine: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference."""
    difference = float(np.abs(mine - theirs).max())
    assert difference < 1e-4, difference
    return difference
