"""The command `seqnn fasttext`: train vectors with character n-grams, show some neighbours, write vectors and models."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ..embed._fasttext import FastText
from ..embed._fasttext_facebook import save_facebook_model
from ._foreign import Foreign
from ._predicting import PASSED_ON, add_options, train
from ._training import check_targets, described, finish, megabytes, training_parser
from ._vector_commands import write_vectors

FACEBOOK = Foreign(
    kinds={
        "input": str, "output": str, "minCount": int, "wordNgrams": int, "bucket": int, "minn": int, "maxn": int,
        "t": float, "lr": float, "dim": int, "ws": int, "epoch": int, "neg": int, "loss": str, "thread": int,
        "seed": int, "verbose": int, "minCountLabel": int, "label": str, "lrUpdateRate": int, "saveOutput": str,
    },
    meaning={
        "minCount": "min_count", "wordNgrams": "word_ngrams", "minn": "min_n", "maxn": "max_n", "t": "sample",
        "lr": "alpha", "dim": "vector_size", "ws": "window", "epoch": "epochs", "neg": "negative", "thread": "workers",
    },
    defaults={"alpha": 0.05, "min_alpha": 0.0, "sample": 1e-4, "ns_exponent": 0.5},
    unneeded=("minCountLabel", "label", "lrUpdateRate", "saveOutput"),
)  # fmt: skip
"""The options of the original fastText; some matter only to its classifiers."""

MODES = {"skipgram": 1, "cbow": 0}

NOT_OFFERED = ("supervised", "quantize", "test", "test-label", "predict", "predict-prob", "print-word-vectors",
               "print-sentence-vectors", "print-ngrams", "nn", "analogies", "dump")  # fmt: skip
"""The original's other commands."""


def add_command(commands: Any) -> None:
    """Add the sub-command to those of an argparse parser."""
    parser = training_parser(
        commands, "fasttext", "train word vectors with character n-grams", FACEBOOK, "the original fastText"
    )
    parser.epilog += (
        ", after the word skipgram or cbow: seqnn fasttext skipgram -input text -output model "
        "writes model.bin and model.vec."
    )
    add_options(parser)
    parser.add_argument("--min-n", type=int, metavar="N", help="characters of the shortest n-grams (3)")
    parser.add_argument("--max-n", type=int, metavar="N", help="characters of the longest n-grams (6), 0 for none")
    parser.add_argument("--bucket", type=int, metavar="N", help="numbers that the n-grams share (2000000)")
    parser.add_argument(
        "--model", metavar="FILE", help="write the whole model: .bin in the original's format, else safetensors"
    )
    parser.set_defaults(run=run)


def translate(arguments: argparse.Namespace) -> None:
    """Give the original's options the names of ours, and its defaults where one of them, or its modes, was used."""
    given = FACEBOOK.given(arguments)
    mode = arguments.corpus[0] if arguments.corpus else ""
    if mode in NOT_OFFERED:
        raise ValueError(f"{mode}: not offered, only the original's skipgram and cbow (write ./{mode} for a file)")
    if mode in MODES:
        arguments.sg = MODES[arguments.corpus.pop(0)]
    elif not given:
        return
    if (loss := given.pop("loss", "ns")) not in ("ns", "hs"):
        raise ValueError(f"-loss: expected ns or hs, got {loss}")
    if loss == "hs":
        arguments.hs, given["neg"] = 1, 0
    if "input" in given:
        arguments.corpus.append(given.pop("input"))
    if "output" in given:
        base = given.pop("output")
        arguments.model, arguments.output = f"{base}.bin", f"{base}.vec"
    arguments.quiet = arguments.quiet or given.pop("verbose", 2) == 0
    FACEBOOK.translate(arguments, given)


def run(arguments: argparse.Namespace) -> None:
    """Train, report, write."""
    translate(arguments)
    check_targets(arguments, "output", "model", "save_vocab")
    model = train(FastText, arguments, (*PASSED_ON, "min_n", "max_n", "bucket", "word_ngrams"))
    finish(model.wv, arguments, _write(model, arguments))


def _write(model: FastText, arguments: argparse.Namespace) -> Iterator[str]:
    """Write the files that were asked for; what stands in each."""
    if hasattr(arguments, "model"):
        if arguments.model.lower().endswith(".bin"):
            save_facebook_model(model, arguments.model)
        else:
            model.save(arguments.model)
        yield megabytes(arguments.model, "the model")
    if hasattr(arguments, "output"):
        write_vectors(model.wv, arguments.output)
        yield described(model.wv, arguments.output)
