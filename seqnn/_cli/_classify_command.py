"""The command `seqnn classify`: train a classifier of texts, predict labels, score them, make a model small."""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

from ..models import TUNED, FastTextClassifier
from ._actions import add_action, add_group
from ._classifying import describe_search, load, print_predictions, print_scores, size_of
from ._options import add_settings, offered
from ._shell import STDOUT, Shell, source, target
from ._training import check_targets

_FILES = "A line of FILE has labels, words that begin with __label__, and a text."
_MODEL = "MODEL: a file of seqnn classify train, or a .bin or .ftz of the original fastText."


def add_command(commands: Any) -> None:
    """Add the sub-command, with its own sub-commands, to those of a parser."""
    actions = add_group(
        commands, "classify",
        help="classify texts as fastText does: train, predict, score, quantise",
        description="Train a classifier of texts as fastText's, predict labels, score them, make a model small.",
        examples="  seqnn classify train train.txt --word-ngrams 2 -o model.bin\n"
        "  seqnn classify train train.txt --validation dev.txt --autotune 300 -o model.bin\n"
        "  seqnn classify predict model.bin text.txt\n  seqnn classify test model.bin test.txt",
    )  # fmt: skip
    train = add_action(
        actions, "train", f"Train a classifier. {_FILES}",
        "  seqnn classify train train.txt --validation dev.txt --word-ngrams 2 -o model.bin",
        run_train, argument_default=argparse.SUPPRESS,
    )  # fmt: skip
    train.add_argument("file", metavar="FILE")
    train.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="the model; .bin: a file of the original fastText"
    )
    train.add_argument("--validation", metavar="FILE", help="texts whose precision is told after each epoch")
    train.add_argument("--pretrained", metavar="FILE", help="first vectors, in any format that seqnn reads")
    train.add_argument(
        "--autotune", type=float, metavar="SECONDS", help="search settings for this long by the texts of --validation"
    )
    train.add_argument("--trials", type=int, metavar="N", help="search settings by this many trials instead")
    train.add_argument(
        "--metric",
        metavar="NAME",
        help="what the search makes large: f1 (default), f1:LABEL, "
        "precisionAtRecall:PERCENT, recallAtPrecision:PERCENT",
    )
    train.add_argument(
        "--model-size",
        metavar="SIZE",
        help="bytes (or 2MB) that the model may take: the search quantises, and the name ends in .ftz; a model with fewer "
        "than 256 words and n-grams is not quantised, and .bin takes the place of .ftz",
    )
    train.add_argument("--quiet", action="store_true", default=False, help="print nothing but errors")
    add_settings(train, FastTextClassifier, spelled=("label_prefix", "random_state"))
    train.add_argument("--label-prefix", metavar="TEXT", help="how labels begin (default __label__)")
    train.add_argument(
        "--seed", type=int, dest="random_state", metavar="N", help="equal seeds, equal models (default 0)"
    )
    predict = add_action(
        actions, "predict", f"Predict the labels of texts. Each line of a FILE is a text. {_MODEL}",
        "  seqnn classify predict model.bin text.txt\n  seqnn classify predict lid.176.ftz -k 3 --probabilities < text.txt",
        run_predict,
    )  # fmt: skip
    predict.add_argument("model", metavar="MODEL")
    predict.add_argument("files", metavar="FILE", nargs="*", default=["-"])
    predict.add_argument("--probabilities", action="store_true", help="print the probability after each label")
    test = add_action(
        actions, "test", f"Compare predicted labels with true ones. {_FILES} {_MODEL}",
        "  seqnn classify test model.bin test.txt --labels", run_test,
    )  # fmt: skip
    test.add_argument("model", metavar="MODEL")
    test.add_argument("file", metavar="FILE")
    test.add_argument("--labels", action="store_true", help="print the scores of each label, too")
    for parser in (predict, test):
        parser.add_argument("-k", type=int, default=1, metavar="N", help="labels of a text; -1: all (default 1)")
        parser.add_argument("--threshold", type=float, default=0.0, metavar="X", help="leave less probable labels out")
    small = add_action(
        actions, "quantize", f"Make a model small. {_MODEL}",
        "  seqnn classify quantize model.bin -o model.ftz --cutoff 100000 --qnorm", run_quantize,
    )  # fmt: skip
    small.add_argument("model", metavar="MODEL")
    small.add_argument("-o", "--output", metavar="FILE", required=True, help="the small model; its name ends in .ftz")
    small.add_argument("--cutoff", type=int, default=0, metavar="N", help="words and n-grams that are kept; 0: all")
    small.add_argument("--dsub", type=int, default=2, metavar="N", help="numbers that a byte stands for (default 2)")
    small.add_argument("--qnorm", action="store_true", help="keep the lengths of vectors apart")
    small.add_argument("--qout", action="store_true", help="quantise the vectors of the labels, too")
    small.add_argument("--retrain", metavar="FILE", help="train what is left on these texts again")


def run_train(arguments: argparse.Namespace) -> None:
    """Train, write, tell."""
    arguments.output = target(arguments.output)
    small = hasattr(arguments, "model_size")
    base, ending = os.path.splitext(arguments.output)
    if ending.lower() == (".bin" if small else ".ftz"):
        raise ValueError(
            f"{arguments.output}: expected a name that ends in "
            + (".ftz with --model-size" if small else ".bin; seqnn classify quantize makes .ftz of it")
        )
    outputs = [arguments.output] + [f"{base}.bin"] * (ending.lower() == ".ftz")
    held = getattr(arguments, "validation", None)
    names = {"autotune": "duration", "trials": "trials", "metric": "metric", "model_size": "model_size"}
    tuning = {name: getattr(arguments, option) for option, name in names.items() if hasattr(arguments, option)}
    if tuning and held is None:
        raise ValueError("--validation: expected a file of texts that the search goes by")
    read = [source(path) for path in (arguments.file, held) if path]
    check_targets(argparse.Namespace() if small else arguments, outputs, read)
    shell = Shell(quiet=arguments.quiet, to_stderr=arguments.output == STDOUT)
    names = [*offered(FastTextClassifier), "pretrained"]
    settings = {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
    began = time.perf_counter()
    model = FastTextClassifier(**settings, verbose=shell.bars)
    if tuning:
        model.autotune(
            source(arguments.file), validation=source(held), **tuning, fixed=[n for n in settings if n in TUNED]
        )
        shell.say(describe_search(model))
    else:
        model.fit(source(arguments.file), validation=None if held is None else source(held))
    seconds = time.perf_counter() - began
    if model.model_.quantized is None:  # --model-size, but too few words for that
        outputs = outputs[-1:]
    model.save(outputs[0])
    d = model.model_.dictionary
    shell.say(f"{len(d.words):,} words, {len(d.labels):,} labels; {model.n_iter_} epochs in {seconds:.1f} s")
    for epoch, precision in enumerate(model.history_.get("val_precision", ()), 1):
        shell.say(f"epoch {epoch}: precision {100 * precision:.2f} %")
    shell.say(size_of(outputs[0]))
    shell.close()


def run_predict(arguments: argparse.Namespace) -> None:
    """Print the labels of each line."""
    print_predictions(
        load(arguments.model), arguments.files, arguments.k, arguments.threshold,
        probabilities=arguments.probabilities, prefix=False,
    )  # fmt: skip


def run_test(arguments: argparse.Namespace) -> None:
    """Print precision and recall."""
    print_scores(load(arguments.model), arguments.file, arguments.k, arguments.threshold, labels=arguments.labels)


def run_quantize(arguments: argparse.Namespace) -> None:
    """Quantise, write, tell."""
    arguments.output = target(arguments.output)
    texts = None if arguments.retrain is None else source(arguments.retrain)
    read = [source(path) for path in (arguments.model, arguments.retrain) if path is not None]
    check_targets(argparse.Namespace(), [arguments.output], read)
    shell = Shell(to_stderr=arguments.output == STDOUT)
    small = load(arguments.model).quantize(
        texts, cutoff=arguments.cutoff, dsub=arguments.dsub, qnorm=arguments.qnorm, qout=arguments.qout,
        retrain=texts is not None,
    )  # fmt: skip
    small.save(arguments.output)
    shell.say(size_of(arguments.output))
    shell.close()
