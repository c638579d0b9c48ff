"""The command `seqnn lm-neural`: train language models of words, subwords or characters, score texts with them."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from ..embed import KeyedVectors
from ..models import LanguageModel
from ..text import SubwordTokenizer, split_words
from ._actions import add_action, add_group, lines_of
from ._generate_command import add_arguments
from ._generate_command import run as run_generate
from ._lm_command import finite, print_summary
from ._options import add_settings, offered
from ._shell import STDOUT, Shell, source, target
from ._training import check_targets, megabytes

_CELLS = ("rnn", "lstm", "gru", "stlm", "gpt")
_UNITS = ("words", "characters", "subwords")
_SUBWORDS = 8000
_SPELLED = ("cell", "tokenizer", "freeze", "random_state")
_MODEL = "MODEL: a file of seqnn lm-neural train."


def add_command(commands: Any) -> None:
    """Add the sub-command, with its own sub-commands, to those of a parser."""
    actions = add_group(
        commands, "lm-neural",
        help="train neural language models, score texts, go on with texts",
        description="Train recurrent language models or GPTs of words, subwords or characters, score texts with them, and "
        "let them write.",
        examples="  seqnn lm-neural train text.txt -o model\n  seqnn lm-neural score model test.txt --summary\n"
        "  seqnn lm-neural generate model once upon a time --temperature 0.8",
    )  # fmt: skip
    _add_train(actions)
    _add_score(actions)
    generate = add_action(
        actions, "generate",
        f"Write what follows PROMPT, or each line of the standard input. {_MODEL} It is seqnn generate.",
        "  seqnn lm-neural generate model once upon a --temperature 0.7 --seed 1\n"
        "  seqnn lm-neural generate model once upon a --num-beams 8",
        run_generate, argument_default=argparse.SUPPRESS,
    )  # fmt: skip
    add_arguments(generate)


# Training.


def _add_train(actions: Any) -> None:
    train = add_action(
        actions, "train",
        "Learn to predict the next token. CORPUS: text files (plain, .gz, .bz2, .xz), each line a text of its own; - is the "
        "standard input.",
        "  seqnn lm-neural train text.txt --validation held.txt --min-frequency 2 -o model\n"
        "  seqnn lm-neural train plays.txt --units characters --whole --cell gpt --num-layers 4 -o model\n"
        "  seqnn lm-neural train text.txt --units subwords --vocab-size 4000 -o model",
        run_train, argument_default=argparse.SUPPRESS,
    )  # fmt: skip
    train.add_argument("corpus", metavar="CORPUS", nargs="+")
    train.add_argument("-o", "--output", metavar="FILE", required=True, help="the model")
    train.add_argument(
        "--validation", metavar="FILE", nargs="+", help="texts to stop by; default: a share of those of CORPUS"
    )
    train.add_argument("--units", choices=_UNITS, default="words", help="what a token is (default words)")
    train.add_argument(
        "--vocab-size", type=int, metavar="N", help=f"the most subwords that are learnt (default {_SUBWORDS})"
    )
    train.add_argument(
        "--whole", action="store_true", default=False, help="the files are one text, in which lines do not matter"
    )
    train.add_argument("--vectors", metavar="FILE", help="first vectors of the words, in any format that seqnn reads")
    train.add_argument("--quiet", action="store_true", default=False, help="print nothing but errors")
    train.add_argument("--cell", choices=_CELLS, help="the layers (default lstm)")
    train.add_argument(
        "--seed", type=int, dest="random_state", metavar="N", help="equal seeds, equal models (default 0)"
    )
    add_settings(train, LanguageModel, spelled=_SPELLED)


def run_train(arguments: argparse.Namespace) -> None:
    """Train, write, tell."""
    arguments.output = target(arguments.output)
    held = getattr(arguments, "validation", [])
    check_targets(arguments, [arguments.output], [source(path) for path in (*arguments.corpus, *held)])
    shell = Shell(quiet=arguments.quiet, to_stderr=arguments.output == STDOUT)
    settings = {name: getattr(arguments, name) for name in offered(LanguageModel) if hasattr(arguments, name)}
    if hasattr(arguments, "vectors"):
        settings["embedding"] = KeyedVectors.load(source(arguments.vectors))
    texts = _texts(arguments.corpus, whole=arguments.whole)
    settings["tokenizer"] = _tokenizer(arguments, [texts] if arguments.whole else texts)
    validation = _texts(held, whole=arguments.whole) if held else None
    began = time.perf_counter()
    model = LanguageModel(**settings, verbose=shell.bars).fit(texts, validation=validation)
    seconds = time.perf_counter() - began
    model.save(arguments.output)
    shell.say(f"read {', '.join(arguments.corpus)}: {1 if arguments.whole else len(texts):,} texts")
    shell.say(
        f"{len(model.model_.embedding.weight):,} {arguments.units}; {model.n_iter_} epochs in {seconds:.1f} s{_best(model)}"
    )
    shell.say(megabytes(arguments.output, "the model"))
    shell.close()


def _texts(files: list[str], *, whole: bool) -> Any:
    """Return the lines of files that are not blank, one or more, or the files as one text."""
    lines = [line.removeprefix("\ufeff") for line in lines_of(files)]  # the mark that some editors begin files with
    texts = [line for line in lines if line.strip()]
    if not texts:
        raise ValueError(f"{', '.join(files)}: expected at least one line that is not blank")
    return "\n".join(lines) + "\n" if whole else texts


def _tokenizer(arguments: argparse.Namespace, texts: list[str]) -> Any:
    if arguments.units == "subwords":
        return SubwordTokenizer.train(texts, vocab_size=getattr(arguments, "vocab_size", _SUBWORDS))
    if hasattr(arguments, "vocab_size"):
        raise ValueError(
            f"vocab-size: is a number of subwords, and needs --units subwords, got --units {arguments.units}"
        )
    return list if arguments.units == "characters" else split_words


def _best(model: LanguageModel) -> str:
    """Return what the best epoch reached on the texts that were held out."""
    figures = model.history_.get("val_perplexity", [])
    return f"; best perplexity {min(figures):.2f} after epoch {figures.index(min(figures)) + 1}" if figures else ""


# Scoring.


def _add_score(actions: Any) -> None:
    score = add_action(
        actions, "score",
        f"Print the log10 probability of each line. Without a FILE lines are read from the standard input. {_MODEL}",
        "  seqnn lm-neural score model test.txt --summary       perplexity\n"
        "  seqnn lm-neural score model --tokens < test.txt",
        run_score,
    )  # fmt: skip
    score.add_argument("model", metavar="MODEL")
    score.add_argument("files", metavar="FILE", nargs="*", default=["-"])
    form = score.add_mutually_exclusive_group()
    form.add_argument("--tokens", action="store_true", help="print each token with its log10 probability")
    form.add_argument("--summary", action="store_true", help="print the perplexity of the whole text instead")
    score.add_argument("--whole", action="store_true", help="the files are one text, in which lines do not matter")
    score.add_argument("--json", action="store_true", help="print a JSON object for each text, or for the summary")


def run_score(arguments: argparse.Namespace) -> None:
    """Print scores, or the summary."""
    model, shell = LanguageModel.load(source(arguments.model)), Shell()
    texts = _texts(arguments.files, whole=arguments.whole)
    if arguments.summary:
        print_summary(model.evaluate(texts), shell, as_json=arguments.json)
    else:
        for scores in model.token_scores(texts):
            shell.result(_scored(scores, arguments))
            if shell.error is not None:
                break
    shell.close()


def _scored(scores: list[tuple[str, float]], arguments: argparse.Namespace) -> str:
    """Make what is printed about a text."""
    total = sum(score for _, score in scores)
    if arguments.json:
        found: dict[str, Any] = {"score": finite(total)}
        if arguments.tokens:
            found["tokens"] = [{"token": token, "log_prob": finite(score)} for token, score in scores]
        return json.dumps(found, ensure_ascii=False)
    return "  ".join([f"{total:.6f}", *(f"{token}={score:.4f}" for token, score in scores if arguments.tokens)])
