"""The command `seqnn`: its sub-commands, and what a user sees of errors and Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .._config import __version__, config
from . import (
    _bias_command,
    _classify_command,
    _completion,
    _evaluate_command,
    _generate_command,
    _glue_command,
    _lm_command,
    _lm_neural_command,
    _metric_commands,
    _pretrained_command,
    _serve_command,
    _tag_command,
    _translate_command,
    _vector_commands,
)
from ._fasttext_command import FastTextCommand
from ._glove_command import GloVeCommand
from ._options import Help, take_words, unknown_option
from ._shell import Shell, prepare_streams
from ._training import Interrupted
from ._word2vec_command import Word2VecCommand

USER_ERRORS = (OSError, ValueError, KeyError, MemoryError, ArithmeticError, RuntimeError)
"""Errors of bad input; these are told in one line."""

EXAMPLES = """\
Examples:
  seqnn word2vec text.txt --lower --tokenize --sg -o vectors.txt
  seqnn neighbours vectors.txt king
  seqnn bleu references.txt -i translations.txt
  seqnn COMMAND --help tells more."""

TRAINING = (Word2VecCommand(), FastTextCommand(), GloVeCommand())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 success, 1 an error, 2 wrong usage, 130 Ctrl-C or SIGTERM."""
    prepare_streams()
    parser, commands = _parsers()
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        parser.print_help(sys.stderr)
        return 2
    if words[0] == "help":
        commands.get(words[1] if len(words) > 1 else "", parser).print_help()
        return 0
    arguments, unknown = parser.parse_known_args(words)
    command = commands[arguments.command]
    if take_words(command, arguments, unknown):
        elsewhere = {old: new for training in TRAINING for old, new in training.foreign.meaning.items()}
        command.error(unknown_option(command, unknown, elsewhere))
    shell = Shell()
    try:
        with _terminable(), warnings.catch_warnings():
            warnings.showwarning = _show_warning
            arguments.run(arguments)
    except Interrupted:
        return 130
    except KeyboardInterrupt:
        shell.complain("interrupted; nothing is written")
        return 130
    except USER_ERRORS as error:
        shell.complain(f"error: {_one_line(error)}")
        return 1
    return 0


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Make the parser of the command line, and list those of its commands."""
    parser = argparse.ArgumentParser(
        prog="seqnn",
        description="Train and use word vectors and language models, use pretrained ones, tag and classify texts, and score "
        "them.",
        epilog=EXAMPLES,
        formatter_class=Help,
    )
    parser.add_argument("-V", "--version", action="version", version=f"seqnn {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for training in TRAINING:
        training.add_to(commands)
    _vector_commands.add_commands(commands)
    _evaluate_command.add_command(commands)
    _bias_command.add_command(commands)
    _serve_command.add_command(commands)
    _metric_commands.add_commands(commands)
    _lm_command.add_command(commands)
    _lm_neural_command.add_command(commands)
    _translate_command.add_command(commands)
    _generate_command.add_command(commands)
    _pretrained_command.add_commands(commands)
    _glue_command.add_command(commands)
    _tag_command.add_command(commands)
    _classify_command.add_command(commands)
    about = commands.add_parser("config", help="print versions, instruction set, threads", allow_abbrev=False)
    about.set_defaults(run=_show_config)
    _completion.add_command(commands, commands.choices)
    return parser, commands.choices


def _show_config(arguments: argparse.Namespace) -> None:
    shell = Shell()
    for name, value in config().items():
        shell.result(f"{name:16} {value}")
    shell.close()


@contextmanager
def _terminable() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{os.fspath(error.filename)}: {error.strerror}" if error.filename is not None else error.strerror
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0])
    return " ".join(str(error).split()) or type(error).__name__


def _show_warning(message: Warning | str, *where: object) -> None:
    Shell().complain(f"warning: {message}")
