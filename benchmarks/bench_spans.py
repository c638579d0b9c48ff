"""Spans of tags: precision, recall and F1, against seqeval."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from benchmarks.captions import close
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.peers import installed
from benchmarks.torch_peer import ours
from seqnn.metrics import span_f1, spans_to_tags


def cases(options: Options) -> Iterator[Case]:
    """Yield both modes."""
    count = 500 if options.quick else 10_000
    rng = np.random.default_rng(0)
    gold = [tags(rng) for _ in range(count)]
    predicted = [[tag if rng.random() < 0.95 else "O" for tag in sentence] for sentence in gold]
    for mode, scheme in (("conlleval", None), ("strict", "IOB2")):
        yield Case(
            f"scores of {count} tagged sentences, {mode}",
            ours(lambda mode=mode, scheme=scheme: our_scores(gold, predicted, mode, scheme), 1),
            {"seqeval": seqeval(gold, predicted, mode)},
            check=close,
            work=sum(map(len, gold)),
            work_unit="tags",
            data="made tags",
            goals={"seqeval": 20},
        )


def tags(rng: np.random.Generator) -> list[str]:
    """Return a sentence of 5 to 39 tags with a span at every fourth place or so."""
    size = int(rng.integers(5, 40))
    starts = np.flatnonzero(rng.random(size - 3) < 0.25)[::2].tolist()
    ends = [min(start + 1 + int(rng.integers(3)), later) for start, later in pairwise([*starts, size])]
    kinds = rng.choice(["PER", "LOC", "ORG", "MISC"], len(starts)).tolist()
    return spans_to_tags(zip(starts, ends, kinds, strict=True), size, "IOB2")


def our_scores(gold: list[list[str]], predicted: list[list[str]], mode: str, scheme: str | None) -> list[float]:
    """Return precision, recall and F1."""
    found = span_f1(gold, predicted, mode=mode, scheme=scheme)
    return [found.precision, found.recall, found.f1]


def seqeval(gold: list[list[str]], predicted: list[list[str]], mode: str) -> Callable[[], Measured] | None:
    """Return seqeval's."""
    if not installed("seqeval"):
        return None
    from seqeval.metrics import sequence_labeling, v1
    from seqeval.scheme import IOB2

    module, settings = (v1, {"scheme": IOB2}) if mode == "strict" else (sequence_labeling, {})
    score = module.precision_recall_fscore_support
    return timed(lambda: list(score(gold, predicted, average="micro", **settings)[:3]))
