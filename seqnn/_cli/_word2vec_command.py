"""The command `seqnn word2vec`: train vectors of a corpus, show some neighbours, write the vectors."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ..embed._word2vec import Word2Vec
from ._foreign import Foreign
from ._predicting import PASSED_ON, add_options, train
from ._training import check_targets, described, finish, megabytes, training_parser
from ._vector_commands import write_vectors

WORD2VEC_C = Foreign(
    kinds={
        "train": str, "output": str, "size": int, "window": int, "sample": float, "hs": int, "negative": int,
        "threads": int, "iter": int, "min-count": int, "alpha": float, "debug": int, "binary": int, "save-vocab": str,
        "read-vocab": str, "cbow": int, "classes": int,
    },
    meaning={"size": "vector_size", "threads": "workers", "iter": "epochs"},
)  # fmt: skip
"""The options of Mikolov's word2vec.c."""


def add_command(commands: Any) -> None:
    """Add the sub-command to those of an argparse parser."""
    parser = training_parser(commands, "word2vec", "train word vectors", WORD2VEC_C, "word2vec.c")
    add_options(parser)
    parser.add_argument("--model", metavar="FILE", help="write the whole model (safetensors), to train it further")
    parser.add_argument("--binary", action="store_const", const=1, help="word2vec's binary format whatever the name")
    parser.set_defaults(run=run)


def translate(arguments: argparse.Namespace) -> None:
    """Give word2vec.c's options the names of ours, and its defaults where one of them was used."""
    given = WORD2VEC_C.given(arguments)
    if given.pop("classes", 0):
        raise ValueError(
            "-classes: clusters of words are not offered; cluster the vectors, for example by scikit-learn"
        )
    if not given:
        return
    if "train" in given:
        arguments.corpus.append(given.pop("train"))
    arguments.sg = int(not given.pop("cbow", 1))
    arguments.quiet = arguments.quiet or given.pop("debug", 2) == 0
    arguments.alpha = getattr(arguments, "alpha", 0.025 if arguments.sg else 0.05)
    WORD2VEC_C.translate(arguments, given)


def run(arguments: argparse.Namespace) -> None:
    """Train, report, write."""
    translate(arguments)
    check_targets(arguments, "output", "model", "save_vocab")
    model = train(Word2Vec, arguments, PASSED_ON)
    finish(model.wv, arguments, _write(model, arguments))


def _write(model: Word2Vec, arguments: argparse.Namespace) -> Iterator[str]:
    """Write the files that were asked for; what stands in each."""
    if hasattr(arguments, "output"):
        binary = getattr(arguments, "binary", None)
        write_vectors(model.wv, arguments.output, binary=None if binary is None else bool(binary))
        yield described(model.wv, arguments.output)
    if hasattr(arguments, "model"):
        model.save(arguments.model)
        yield megabytes(arguments.model, "the model")
