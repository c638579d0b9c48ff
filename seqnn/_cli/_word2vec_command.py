"""The command `seqnn word2vec`: train vectors of a corpus, write the vectors, show some neighbours."""

from __future__ import annotations

import argparse

from ..embed import Word2Vec
from ._foreign import Foreign
from ._predicting import PredictingCommand


class Word2VecCommand(PredictingCommand):
    """Trains a `Word2Vec`."""

    name = "word2vec"
    summary = "train word vectors"
    examples = """\
  seqnn word2vec                                      on the documentation of Python and NumPy
  seqnn word2vec text.txt --lower --tokenize --sg -o vectors.txt
  zcat text.gz | seqnn word2vec - -o - --quiet | head
  seqnn word2vec text.txt --pretrained big.bin --vector-size 300 -o adapted.txt
  seqnn word2vec text.txt --model m.safetensors       Ctrl-C writes what is trained
  seqnn word2vec text.txt --resume m.safetensors --model m.safetensors"""
    model_type = Word2Vec
    foreign = Foreign(
        programs="word2vec.c",
        kinds={
            "train": str, "output": str, "size": int, "window": int, "sample": float, "hs": int, "negative": int,
            "threads": int, "iter": int, "min-count": int, "alpha": float, "debug": int, "binary": int,
            "save-vocab": str, "read-vocab": str, "cbow": int, "classes": int,
        },
        meaning={"size": "vector_size", "threads": "workers", "iter": "epochs"},
    )  # fmt: skip

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--binary", action="store_const", const=1, help="the same as --format binary")

    def translate(self, arguments: argparse.Namespace) -> None:
        """Give word2vec.c's options the names of ours, and its defaults where one of them was used."""
        given = self.foreign.given(arguments)
        if given.pop("classes", 0):
            raise ValueError(
                "-classes: clusters of words are not offered; cluster the vectors, for example by scikit-learn"
            )
        if given:
            if "train" in given:
                arguments.corpus.append(given.pop("train"))
            arguments.sg = int(not given.pop("cbow", 1))
            arguments.quiet = arguments.quiet or given.pop("debug", 2) == 0
            arguments.alpha = getattr(arguments, "alpha", 0.025 if arguments.sg else 0.05)
            self.foreign.translate(arguments, given)
        if hasattr(arguments, "binary"):
            arguments.format = "binary" if arguments.binary else "text"
