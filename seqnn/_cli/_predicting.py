"""What `seqnn word2vec` and `seqnn fasttext` have in common: their models learn to predict words."""

from __future__ import annotations

import argparse
from typing import Any

from ..embed import read_counts
from ._options import add_settings
from ._shell import Shell
from ._training import Report, TrainingCommand, named_corpus


class PredictingCommand(TrainingCommand):
    """A command that trains a `Word2Vec` or a `FastText`."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        add_settings(parser, self.model_type, spelled=["sg"])
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--sg", action="store_const", const=1, help="skip-gram")
        mode.add_argument("--cbow", action="store_const", const=0, dest="sg", help="continuous bag of words (default)")
        parser.add_argument("--read-vocab", metavar="FILE", help="take the words and their counts from a file")

    def train(self, arguments: argparse.Namespace, settings: dict[str, Any], shell: Shell) -> Any:
        corpus, name = named_corpus(arguments.corpus)
        callbacks = [Report(name, arguments, shell)]
        if not hasattr(arguments, "read_vocab"):
            return self.model_type(corpus, **settings, callbacks=callbacks)
        model = self.model_type(**settings)
        model.build_vocab_from_freq(read_counts(arguments.read_vocab))
        model.train(corpus, callbacks=callbacks)
        return model

    def train_further(self, model: Any, arguments: argparse.Namespace, shell: Shell) -> Any:
        corpus, name = named_corpus(arguments.corpus)
        model.train(corpus, epochs=getattr(arguments, "epochs", None), callbacks=[Report(name, arguments, shell)])
        return model
