"""The command `seqnn glove`: count co-occurrences of a corpus, train vectors on them, write files, show neighbours."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ..embed import GloVe
from ._foreign import Foreign
from ._shell import Shell
from ._training import Report, TrainingCommand, megabytes, named_corpus

STANFORD_MODELS = {1: "word", 2: "sum", 3: "both"}


class GloVeCommand(TrainingCommand):
    """Trains a `GloVe`."""

    name = "glove"
    summary = "train word vectors by GloVe"
    examples = """\
  seqnn glove text.txt --lower --tokenize -o vectors.glove
  seqnn glove text.txt --save-counts counts.npz --model m.safetensors
  seqnn glove --counts counts.npz --vector-size 300 -o vectors.txt"""
    model_type = GloVe
    foreign = Foreign(
        programs="Stanford's programs",
        kinds={
            "min-count": int, "max-vocab": int, "symmetric": int, "window-size": int, "distance-weighting": int,
            "memory": float, "vector-size": int, "threads": int, "iter": int, "eta": float, "alpha": float,
            "x-max": float, "model": int, "write-header": int, "vocab-file": str, "save-file": str, "seed": int,
            "verbose": int, "binary": int, "overflow-file": str, "overflow-length": int, "max-product": int,
            "temp-file": str, "array-size": int,
        },
        meaning={
            "max-vocab": "max_final_vocab", "window-size": "window", "threads": "workers", "iter": "epochs",
            "eta": "learning_rate", "vocab-file": "save_vocab",
        },
        defaults={"min_count": 1, "window": 15, "vector_size": 50, "workers": 8},
        unneeded=("overflow-file", "overflow-length", "max-product", "temp-file", "array-size"),
    )  # fmt: skip
    outputs = ("output", "model", "save_counts", "save_vocab")
    inputs = ("counts", "pretrained")

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--counts", metavar="FILE", help="train on the counts in this .npz file instead of a corpus"
        )
        parser.add_argument("--save-counts", metavar="FILE", help="write the counts (.npz, also for scipy.sparse)")

    def translate(self, arguments: argparse.Namespace) -> None:
        """Give the options of Stanford's programs the names of ours, and their defaults where one of them was used."""
        given = self.foreign.given(arguments)
        if not given:
            return
        if given.pop("binary", 0):
            raise ValueError("-binary: raw memory is not written; -o vectors.bin is word2vec's binary format")
        if (model := given.pop("model", 2)) not in STANFORD_MODELS:
            raise ValueError(
                f"-model: expected 1 (word vectors), 2 (their sum with the contexts') or 3 (both), got {model}"
            )
        arguments.vectors = STANFORD_MODELS[model]
        arguments.quiet = arguments.quiet or given.pop("verbose", 2) == 0
        header = bool(given.pop("write-header", 0))
        if "save-file" in given:
            arguments.output, arguments.format = given.pop("save-file") + ".txt", "text" if header else "glove"
        if "memory" in given:
            arguments.max_memory = int(given.pop("memory") * 2**30)
        for name in ("symmetric", "distance-weighting"):
            if name in given:
                given[name] = bool(given[name])
        self.foreign.translate(arguments, given)

    def train(self, arguments: argparse.Namespace, settings: dict[str, Any], shell: Shell) -> GloVe:
        return self._fit(GloVe(**settings), arguments, shell)

    def train_further(self, model: GloVe, arguments: argparse.Namespace, shell: Shell) -> GloVe:
        return self._fit(model, arguments, shell, epochs=getattr(arguments, "epochs", None), warm_start=True)

    def _fit(self, model: GloVe, arguments: argparse.Namespace, shell: Shell, **how: Any) -> GloVe:
        if hasattr(arguments, "counts"):
            if arguments.corpus:
                raise ValueError("two sources: give either a CORPUS or --counts")
            return model.fit(
                cooccurrence=arguments.counts, callbacks=[PairReport(arguments.counts, arguments, shell)], **how
            )
        corpus, name = named_corpus(arguments.corpus)
        return model.fit(corpus, callbacks=[PairReport(name, arguments, shell)], **how)

    def write(self, model: GloVe, arguments: argparse.Namespace) -> Iterator[str]:
        if hasattr(arguments, "save_counts"):
            model.cooccurrence_.save(arguments.save_counts)
            yield megabytes(arguments.save_counts, "the counts")
        yield from super().write(model, arguments)


class PairReport(Report):
    """Tells what was read and counted before the training, and its speed after it."""

    unit = "pairs"
    loss = ", cost {:.5f}"

    def about(self, model: GloVe) -> str:
        return f"; co-occurrences: {model.cooccurrence_.nnz:,} pairs"
