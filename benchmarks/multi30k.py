"""Pairs of sentences to translate, in batches of similar length."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import seqnn
from benchmarks.case import Case, Measured
from benchmarks.torch_peer import torch
from seqnn import text

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "multi30k"
BATCH = 64


class Data:
    """Pairs of sentences as ids: German to English, or, where that is not at hand, made words."""

    def __init__(self) -> None:
        sides = {}
        if FOLDER.exists():
            self.name = "Multi30k, German to English"
            for part, language in itertools.product(("train", "val", "test"), ("de", "en")):
                lines = (FOLDER / f"{part}.{language}").read_text(encoding="utf-8").splitlines()
                sides[part, language] = [line.split() for line in lines]
        else:
            self.name = "made sentences"
            draw = np.random.default_rng(0)
            for part, count in (("train", 2000), ("val", 200), ("test", 200)):
                words = draw.integers(0, 300, (count, 12))
                sides[part, "de"] = [[f"w{i}" for i in row] for row in words]
                sides[part, "en"] = [[f"v{i}" for i in row[::-1]] for row in words]
        self.words = [text.Vocabulary.from_tokens(sides["train", lang], min_frequency=2) for lang in ("de", "en")]
        self.parts = {
            part: (
                [self.words[0].encode(s, eos=True) for s in sides[part, "de"]],
                [self.words[1].encode(s, bos=True, eos=True) for s in sides[part, "en"]],
            )
            for part in ("train", "val", "test")
        }
        self.references = {part: [" ".join(s) for s in sides[part, "en"]] for part in ("val", "test")}

    def batches(self, part: str, seed: int | None) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield the batches of an epoch: source, lengths, target, what follows."""
        sources, targets = self.parts[part]
        for ids in text.length_buckets([len(s) for s in sources], BATCH, seed=seed):
            source, lengths = text.pad([sources[i] for i in ids], value=0)
            target, _ = text.pad([targets[i][:-1] for i in ids], value=0)
            yield source, lengths, target, text.pad([targets[i][1:] for i in ids], value=-100)[0]

    def updates(self, count: int, seed: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield `count` batches, of several epochs where one has fewer."""
        epochs = (self.batches("train", seed + epoch) for epoch in itertools.count())
        return itertools.islice(itertools.chain.from_iterable(epochs), count)


def training_case(
    name: str, ours: Callable[..., tuple], theirs: Callable[..., tuple], data: Data, updates: int, threads: int,
    goal: float | None = None,
) -> Case:  # fmt: skip
    """Return some updates of a model, where a side is side(data, updates, seed) -> (seconds, losses, ...)."""

    def side(training: Callable[..., Any]) -> Callable[[], Measured]:
        def run() -> Measured:
            with seqnn.threads(threads):
                if torch:
                    torch.set_num_threads(threads)
                return Measured(*training(data, updates, 1)[:2])

        return run

    return Case(
        f"{name}, {updates} updates of {BATCH} pairs",
        side(ours),
        {"torch": side(theirs) if torch else None},
        check=same_losses,
        threads=threads,
        data=data.name,
        work=sum(int((batch[3] >= 0).sum()) for batch in data.updates(updates, 1)),
        work_unit="target words",
        goals={} if goal is None else {"torch": goal},
    )


def same_losses(mine: list[float], other: list[float]) -> float:
    """Check that the losses agree; return the largest relative difference."""
    worst = max(abs(a / b - 1) for a, b in zip(mine, other, strict=True))
    assert worst < 0.01, (mine, other)
    return worst
