"""The command `seqnn glove`: count co-occurrences of a corpus, train vectors on them, show neighbours, write files."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

from .._callbacks import Callback
from ..embed._glove import GloVe
from ._foreign import Foreign
from ._training import check_targets, described, finish, megabytes, named_corpus, training_parser
from ._vector_commands import write_vectors

PASSED_ON = (
    "vector_size", "window", "x_max", "alpha", "learning_rate", "symmetric", "distance_weighting", "min_count",
    "epochs", "workers", "seed", "vectors", "max_final_vocab", "max_memory", "errors",
)  # fmt: skip
"""Arguments of `GloVe` that the command sets where they are given."""

STANFORD = Foreign(
    kinds={
        "min-count": int, "max-vocab": int, "symmetric": int, "window-size": int, "distance-weighting": int,
        "memory": float, "vector-size": int, "threads": int, "iter": int, "eta": float, "alpha": float, "x-max": float,
        "model": int, "write-header": int, "vocab-file": str, "save-file": str, "seed": int, "verbose": int,
        "binary": int, "overflow-file": str, "overflow-length": int, "max-product": int, "temp-file": str,
        "array-size": int,
    },
    meaning={
        "max-vocab": "max_final_vocab", "window-size": "window", "threads": "workers", "iter": "epochs",
        "eta": "learning_rate", "vocab-file": "save_vocab",
    },
    defaults={"min_count": 1, "window": 15, "vector_size": 50, "workers": 8},
    unneeded=("overflow-file", "overflow-length", "max-product", "temp-file", "array-size"),
)  # fmt: skip
"""The options of Stanford's programs vocab_count, cooccur, shuffle and glove; some name files between their steps."""

STANFORD_MODELS = {1: "word", 2: "sum", 3: "both"}


def add_command(commands: Any) -> None:
    """Add the sub-command to those of an argparse parser."""
    parser = training_parser(commands, "glove", "train word vectors by GloVe", STANFORD, "Stanford's programs")
    parser.add_argument("--model", metavar="FILE", help="write the whole model (safetensors), to train it further")
    parser.add_argument("--counts", metavar="FILE", help="train on the counts in this .npz file instead of a corpus")
    parser.add_argument("--save-counts", metavar="FILE", help="write the counts (.npz, also for scipy.sparse)")
    parser.add_argument("--window", type=int, metavar="N", help="most words between a word and its context (10)")
    parser.add_argument("--x-max", type=float, metavar="X", help="count whose weight reaches 1 (100)")
    parser.add_argument("--alpha", type=float, metavar="X", help="exponent of the weights (0.75)")
    parser.add_argument("--learning-rate", type=float, metavar="X", help="of AdaGrad (0.05)")
    parser.add_argument("--right-only", action="store_const", const=False, dest="symmetric",
                        help="count contexts to the right only")  # fmt: skip
    parser.add_argument("--equal-weights", action="store_const", const=False, dest="distance_weighting",
                        help="count each context 1, not 1 / distance")  # fmt: skip
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the counts (25)")
    parser.add_argument("--vectors", choices=("sum", "word", "both"), help="of word and context vectors (sum)")
    parser.set_defaults(run=run)


def translate(arguments: argparse.Namespace) -> None:
    """Give the options of Stanford's programs the names of ours, and their defaults where one of them was used."""
    given = STANFORD.given(arguments)
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
        arguments.output, arguments.header = given.pop("save-file") + ".txt", header
    if "memory" in given:
        arguments.max_memory = int(given.pop("memory") * 2**30)
    for name in ("symmetric", "distance-weighting"):
        if name in given:
            given[name] = bool(given[name])
    STANFORD.translate(arguments, given)


def run(arguments: argparse.Namespace) -> None:
    """Count, train, report, write."""
    translate(arguments)
    check_targets(arguments, "output", "model", "save_counts", "save_vocab")
    settings = {name: getattr(arguments, name) for name in PASSED_ON if hasattr(arguments, name)}
    model = GloVe(**settings, verbose=int(not arguments.quiet))
    if hasattr(arguments, "counts"):
        if arguments.corpus:
            raise ValueError("two sources: give either a CORPUS or --counts")
        callbacks = [] if arguments.quiet else [Report(arguments.counts)]
        model.fit(cooccurrence=arguments.counts, callbacks=callbacks)
    else:
        corpus, name = named_corpus(arguments.corpus)
        model.fit(corpus, callbacks=[] if arguments.quiet else [Report(name)])
    finish(model.wv, arguments, _write(model, arguments))


class Report(Callback):
    """Prints what was read and counted before the training, and its speed after it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.began = time.perf_counter()

    def on_train_begin(self, model: GloVe) -> None:
        """What was read and counted."""
        words = ""
        if model.corpus_count:
            words = f": {model.corpus_total_words:,} words in {model.corpus_count:,} sentences"
        print(f"read {self.name}{words} ({time.perf_counter() - self.began:.1f} s)")
        print(f"vocabulary: {len(model.wv):,} words; co-occurrences: {model.cooccurrence_.nnz:,} pairs", flush=True)

    def on_train_end(self, model: GloVe) -> None:
        """How fast."""
        pairs = sum(entry["pairs"] for entry in model.history_)
        seconds = max(sum(entry["seconds"] for entry in model.history_), 1e-9)
        cost = f", cost {model.history_[-1]['loss']:.5f}" if model.history_ else ""
        print(f"trained {pairs:,} pairs in {seconds:.1f} s: {pairs / seconds:,.0f} pairs/s{cost}", flush=True)


def _write(model: GloVe, arguments: argparse.Namespace) -> Iterator[str]:
    """Write the files that were asked for; what stands in each."""
    wv = model.wv
    if hasattr(arguments, "save_counts"):
        model.cooccurrence_.save(arguments.save_counts)
        yield megabytes(arguments.save_counts, "the counts")
    if hasattr(arguments, "output"):
        if getattr(arguments, "header", True):
            write_vectors(wv, arguments.output)
        else:
            wv.save_word2vec_format(arguments.output, write_header=False)
        yield described(wv, arguments.output)
    if hasattr(arguments, "model"):
        model.save(arguments.model)
        yield megabytes(arguments.model, "the model")
