"""The command `seqnn tag`: train a tagger of words, tag texts with it, score it."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ..embed import KeyedVectors
from ..metrics import span_f1, token_accuracy
from ..models import Tagger
from ..text import TaggedText, read_conll
from ._actions import add_action, add_group, lines_of
from ._options import add_settings, offered
from ._shell import STDOUT, Shell, source, target
from ._training import check_targets, megabytes

_LINES = 1 << 10
"""Lines that are tagged in one step."""

_FILES = "A line of a file has a token and its tags in columns, an empty line ends a sentence (CoNLL)."


def add_command(commands: Any) -> None:
    """Add the sub-command, with its own sub-commands, to those of a parser."""
    actions = add_group(
        commands, "tag",
        help="find named entities or parts of speech: train, tag, score",
        description="Train a tagger of named entities, chunks or parts of speech, tag texts with it, score it.",
        examples="  seqnn tag train train.conll --validation dev.conll -o model.tag\n"
        "  seqnn tag predict model.tag text.txt\n  seqnn tag evaluate model.tag test.conll",
    )  # fmt: skip
    _add_train(actions)
    _add_predict(actions)
    _add_evaluate(actions)


def _add_columns(parser: argparse.ArgumentParser) -> None:
    """Add the options of files in columns."""
    parser.add_argument("--token-column", type=int, default=0, metavar="N", help="of the tokens, from 0 (default 0)")
    parser.add_argument("--tag-column", type=int, default=-1, metavar="N", help="of the tags (default -1, the last)")
    parser.add_argument("--encoding", default="utf-8", metavar="NAME", help="of the files (default utf-8)")


def _read(path: str, arguments: argparse.Namespace) -> TaggedText:
    columns = {"token": arguments.token_column, "tag": arguments.tag_column}
    return read_conll(source(path), encoding=arguments.encoding, **columns)


# Training.


def _add_train(actions: Any) -> None:
    train = add_action(
        actions, "train",
        f"Train a tagger. {_FILES}",
        "  seqnn tag train train.conll --validation dev.conll -o model.tag\n"
        "  seqnn tag train train.conll --tag-column 1 --scheme none -o model.pos      parts of speech\n"
        "  seqnn tag train train.conll --vectors vectors.txt -o model.tag",
        run_train, argument_default=argparse.SUPPRESS,
    )  # fmt: skip
    train.add_argument("file", metavar="FILE")
    train.add_argument("-o", "--output", metavar="FILE", required=True, help="the model")
    train.add_argument("--validation", metavar="FILE", help="sentences to stop by; default: a share of those of FILE")
    train.add_argument("--vectors", metavar="FILE", help="first vectors of the words, in any format that seqnn reads")
    train.add_argument("--quiet", action="store_true", default=False, help="print nothing but errors")
    _add_columns(train)
    add_settings(train, Tagger, spelled=("tokenizer", "spelling", "scheme", "random_state", "class_weight", "cell"))
    train.add_argument("--cell", metavar="NAME", help="the recurrent layers: rnn, lstm, gru or stlm (default lstm)")
    train.add_argument("--spelling", choices=("cnn", "lstm", "none"), help="how letters are read (default cnn)")
    train.add_argument(
        "--scheme", choices=("IOBES", "IOB2", "BILOU", "none"),
        help="the scheme in which spans are learnt (default IOBES); none: all tags are single labels",
    )  # fmt: skip
    train.add_argument(
        "--seed", type=int, dest="random_state", metavar="N", help="equal seeds, equal models (default 0)"
    )


def run_train(arguments: argparse.Namespace) -> None:
    """Train, write, tell."""
    arguments.output = target(arguments.output)
    held = getattr(arguments, "validation", None)
    check_targets(arguments, [arguments.output], [source(path) for path in (arguments.file, held) if path])
    shell = Shell(quiet=arguments.quiet, to_stderr=arguments.output == STDOUT)
    settings = {name: getattr(arguments, name) for name in offered(Tagger) if hasattr(arguments, name)}
    settings |= {name: None for name in ("spelling", "scheme") if settings.get(name) == "none"}
    if hasattr(arguments, "vectors"):
        settings["embedding"] = KeyedVectors.load(source(arguments.vectors))
    text, validation = _read(arguments.file, arguments), None if held is None else _read(held, arguments)
    tokens = sum(map(len, text.tokens))
    shell.say(f"read {arguments.file}: {tokens:,} tokens in {len(text.tokens):,} sentences")
    began = time.perf_counter()
    model = Tagger(**settings, verbose=shell.bars).fit(*text, validation=validation)
    seconds = time.perf_counter() - began
    model.save(arguments.output)
    shell.say(f"{len(model.classes_)} tags; {model.n_iter_} epochs in {seconds:.1f} s{_best(model)}")
    shell.say(megabytes(arguments.output, "the model"))
    shell.close()


def _best(model: Tagger) -> str:
    """Return what the best epoch reached on the sentences that were held out."""
    for name, what in (("val_f1", "F1"), ("val_accuracy", "accuracy")):
        if name in model.history_:
            figures = model.history_[name]
            return f"; best {what} {100 * max(figures):.2f} % after epoch {figures.index(max(figures)) + 1}"
    return ""


# Tagging.


def _add_predict(actions: Any) -> None:
    predict = add_action(
        actions, "predict",
        "Tag texts. Each line of a FILE, or of the standard input, is a text. MODEL: a file of seqnn tag train.",
        "  seqnn tag predict model.tag text.txt\n"
        "  seqnn tag predict model.tag --json < text.txt       spans with their characters",
        run_predict,
    )  # fmt: skip
    predict.add_argument("model", metavar="MODEL")
    predict.add_argument("files", metavar="FILE", nargs="*", default=["-"])
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON object for each line: text and entities")
    form.add_argument(
        "--conll", action="store_true", help="print a token and its tag a line; the lines are tokenised already"
    )


def run_predict(arguments: argparse.Namespace) -> None:
    """Print the texts with their spans."""
    model, shell = Tagger.load(source(arguments.model)), Shell()
    lines = lines_of(arguments.files)
    while chunk := list(islice(lines, _LINES)):
        for text in _tagged(model, chunk, arguments):
            shell.result(text)
        if shell.error is not None:
            break
    shell.close()


def _tagged(model: Tagger, chunk: list[str], arguments: argparse.Namespace) -> Iterator[str]:
    """Yield what is printed about each line."""
    if arguments.conll:
        tokens = [line.split() for line in chunk]
        for row, tags in zip(tokens, model.predict(tokens), strict=True):
            yield "".join(f"{token} {tag}\n" for token, tag in zip(row, tags, strict=True))
        return
    for found in model.annotate(chunk):
        if arguments.json:
            entities = [entity._asdict() for entity in found.entities]
            yield json.dumps({"text": found.text, "entities": entities}, ensure_ascii=False)
        else:
            yield str(found)


# Scoring.


def _add_evaluate(actions: Any) -> None:
    evaluate = add_action(
        actions, "evaluate",
        f"Compare a model's tags with those of a file. {_FILES} MODEL: a file of seqnn tag train.",
        "  seqnn tag evaluate model.tag test.conll",
        run_evaluate,
    )  # fmt: skip
    evaluate.add_argument("model", metavar="MODEL")
    evaluate.add_argument("file", metavar="FILE")
    evaluate.add_argument("--json", action="store_true", help="print a JSON object")
    _add_columns(evaluate)


def run_evaluate(arguments: argparse.Namespace) -> None:
    """Print precision, recall and F1 of the spans, or the accuracy of single labels."""
    model, shell = Tagger.load(source(arguments.model)), Shell()
    tokens, tags = _read(arguments.file, arguments)
    predicted = model.predict(tokens)
    accuracy = token_accuracy(tags, predicted)
    if not model.finds_spans_:
        shell.result(json.dumps({"accuracy": accuracy}) if arguments.json else f"accuracy {100 * accuracy:.2f} %")
        shell.close()
        return
    scores = span_f1(tags, predicted, mode="conlleval")
    if arguments.json:
        figures = {"precision": scores.precision, "recall": scores.recall, "f1": scores.f1, "accuracy": accuracy}
        shell.result(json.dumps(figures))
    else:
        shell.result(scores)
    shell.close()
