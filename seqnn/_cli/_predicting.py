"""What `seqnn word2vec` and `seqnn fasttext` have in common: their models learn to predict words."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TypeVar

from .._callbacks import Callback
from ..embed._vector_files import read_counts
from ..embed._word2vec import Word2Vec
from ._training import named_corpus

PASSED_ON = (
    "vector_size", "window", "min_count", "max_final_vocab", "sample", "alpha", "min_alpha", "epochs", "sg", "hs",
    "negative", "ns_exponent", "cbow_mean", "seed", "workers", "deterministic", "shrink_windows", "max_memory", "errors",
)  # fmt: skip
"""Arguments of `Word2Vec` that the commands set where they are given."""

M = TypeVar("M", bound=Word2Vec)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of both models to a parser."""
    parser.add_argument("--window", type=int, metavar="N", help="most words between centre and context (5)")
    parser.add_argument("--sample", type=float, metavar="X", help="threshold of sub-sampling (1e-3), 0 for none")
    parser.add_argument("--alpha", type=float, metavar="X", help="learning rate at the start (0.025)")
    parser.add_argument("--min-alpha", type=float, metavar="X", help="learning rate at the end (0.0001)")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the corpus (5)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--sg", action="store_const", const=1, help="skip-gram")
    mode.add_argument("--cbow", action="store_const", const=0, dest="sg", help="continuous bag of words (default)")
    parser.add_argument("--hs", action="store_const", const=1, help="hierarchical softmax")
    parser.add_argument("--negative", type=int, metavar="N", help="negative samples a word (5), 0 for none")
    parser.add_argument("--ns-exponent", type=float, metavar="X", help="draw negatives by count ** X (0.75)")
    parser.add_argument("--cbow-mean", type=int, choices=(0, 1), help="1 mean, 0 sum of the contexts (1)")
    parser.add_argument("--fixed-windows", action="store_const", const=False, dest="shrink_windows",
                        help="always the full window, instead of a random part of it")  # fmt: skip
    parser.add_argument(
        "--deterministic", action="store_const", const=True, help="the same bits for any number of threads"
    )
    parser.add_argument("--read-vocab", metavar="FILE", help="take the words and their counts from a file")


def train(model_type: type[M], arguments: argparse.Namespace, passed_on: tuple[str, ...]) -> M:
    """A model of the corpus, with the settings that are among the arguments."""
    settings = {name: getattr(arguments, name) for name in passed_on if hasattr(arguments, name)}
    settings["verbose"] = int(not arguments.quiet)
    if not arguments.quiet and not (hasattr(arguments, "output") or hasattr(arguments, "model")):
        print("the vectors will only be shown: -o FILE writes them", file=sys.stderr)
    corpus, name = named_corpus(arguments.corpus)
    callbacks = [] if arguments.quiet else [Report(name)]
    if not hasattr(arguments, "read_vocab"):
        return model_type(corpus, **settings, callbacks=callbacks)
    model = model_type(**settings)
    model.build_vocab_from_freq(read_counts(arguments.read_vocab))
    model.train(corpus, callbacks=callbacks)
    return model


class Report(Callback):
    """Prints what was read before the training, and its speed after it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.began = time.perf_counter()

    def on_train_begin(self, model: Word2Vec) -> None:
        """What was read."""
        if model.corpus_count:
            seconds = time.perf_counter() - self.began
            print(
                f"read {self.name}: {model.corpus_total_words:,} words in {model.corpus_count:,} sentences "
                f"({seconds:.1f} s)"
            )
        print(f"vocabulary: {len(model.wv):,} words that occur {model.effective_min_count} times or more", flush=True)

    def on_train_end(self, model: Word2Vec) -> None:
        """How fast."""
        words = sum(entry["words"] for entry in model.history_)
        seconds = max(model.total_train_time, 1e-9)
        loss = f", loss {model.history_[-1]['loss']:.4f}" if model.history_ else ""
        print(f"trained {words:,} words in {seconds:.1f} s: {words / seconds:,.0f} words/s{loss}", flush=True)
