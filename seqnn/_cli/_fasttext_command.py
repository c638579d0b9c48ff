"""The command `seqnn fasttext`: train vectors with character n-grams, write vectors and models; the original's modes."""

from __future__ import annotations

import argparse
from typing import Any

from ..embed import FastText, load_facebook_model, save_facebook_model
from ._fasttext_modes import MODES as CLASSIFYING
from ._fasttext_modes import SWITCHES
from ._foreign import Foreign
from ._predicting import PredictingCommand
from ._shell import Shell

MODES = {"skipgram": 1, "cbow": 0}

NOT_OFFERED = ("dump",)
"""The original's other commands."""


class FastTextCommand(PredictingCommand):
    """Trains a `FastText`."""

    name = "fasttext"
    summary = "train word vectors with character n-grams"
    examples = """\
  seqnn fasttext text.txt --sg --model ft.safetensors
  seqnn fasttext text.txt --model ft.bin              the format of the original fastText
  seqnn fasttext skipgram -input text -output model   writes model.bin and model.vec
  seqnn fasttext supervised -input text -output model also a classifier, see seqnn classify
  echo unheard-of | seqnn fasttext nn model.bin       the original's other modes, too
  echo unheard-of | seqnn vectors ft.safetensors"""
    model_type = FastText
    foreign = Foreign(
        programs="the original fastText",
        kinds={
            "input": str, "output": str, "minCount": int, "wordNgrams": int, "bucket": int, "minn": int, "maxn": int,
            "t": float, "lr": float, "dim": int, "ws": int, "epoch": int, "neg": int, "loss": str, "thread": int,
            "seed": int, "verbose": int, "minCountLabel": int, "label": str, "lrUpdateRate": int, "saveOutput": str,
            "pretrainedVectors": str, "cutoff": int, "dsub": int, "autotune-validation": str, "autotune-metric": str,
            "autotune-predictions": int, "autotune-duration": float, "autotune-modelsize": str,
        },
        meaning={
            "minCount": "min_count", "wordNgrams": "word_ngrams", "minn": "min_n", "maxn": "max_n", "t": "sample",
            "lr": "alpha", "dim": "vector_size", "ws": "window", "epoch": "epochs", "neg": "negative",
            "thread": "workers", "pretrainedVectors": "pretrained",
        },
        defaults={"alpha": 0.05, "min_alpha": 0.0, "sample": 1e-4, "ns_exponent": 0.5},
        unneeded=("minCountLabel", "label", "lrUpdateRate", "saveOutput"),
    )  # fmt: skip

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        for name in SWITCHES:
            parser.add_argument(f"-{name}", action="store_true", help=argparse.SUPPRESS)

    def run(self, arguments: argparse.Namespace) -> None:
        mode = arguments.corpus[0] if arguments.corpus else ""
        if mode not in CLASSIFYING:
            super().run(arguments)
            return
        given = self.foreign.given(arguments, unneeded=True)
        given |= {name: True for name in SWITCHES if hasattr(arguments, name)}
        CLASSIFYING[mode](arguments, arguments.corpus[1:], given)

    def translate(self, arguments: argparse.Namespace) -> None:
        """Give the original's options the names of ours, and its defaults where one of them, or its modes, was used."""
        given = self.foreign.given(arguments)
        mode = arguments.corpus[0] if arguments.corpus else ""
        if mode in NOT_OFFERED:
            raise ValueError(f"{mode}: not offered, unlike the original's other modes (write ./{mode} for a file)")
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
        self.foreign.translate(arguments, given)

    def train(self, arguments: argparse.Namespace, settings: dict[str, Any], shell: Shell) -> FastText:
        if hasattr(arguments, "word_ngrams"):
            settings["word_ngrams"] = arguments.word_ngrams
        return super().train(arguments, settings, shell)

    def load(self, path: str) -> FastText:
        return load_facebook_model(path) if path.lower().endswith((".bin", ".bin.gz")) else FastText.load(path)

    def write_model(self, model: FastText, path: str) -> None:
        if path.lower().endswith(".bin"):
            save_facebook_model(model, path)
        else:
            model.save(path)
