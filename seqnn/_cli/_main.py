"""The command `seqnn`: its sub-commands, and what a user sees of errors and Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence

from .._config import __version__, show_config
from . import _fasttext_command, _glove_command, _metric_commands, _vector_commands, _word2vec_command

USER_ERRORS = (OSError, ValueError, KeyError, MemoryError, ArithmeticError, RuntimeError)
"""What bad input raises; these are told in one line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 success, 1 an error, 2 wrong usage, 130 Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="seqnn", description="Train and use word vectors.", epilog="seqnn COMMAND --help tells more."
    )
    parser.add_argument("--version", action="version", version=f"seqnn {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _word2vec_command.add_command(commands)
    _fasttext_command.add_command(commands)
    _glove_command.add_command(commands)
    _vector_commands.add_commands(commands)
    _metric_commands.add_commands(commands)
    config = commands.add_parser("config", help="print versions, instruction set, threads", allow_abbrev=False)
    config.set_defaults(run=lambda arguments: show_config())
    arguments = parser.parse_args(argv)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\nseqnn: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except USER_ERRORS as error:
        print(f"seqnn: error: {_one_line(error)}", file=sys.stderr)
        return 1
    return 0


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fspath(error.filename)}: {error.strerror}"
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0])
    return " ".join(str(error).split()) or type(error).__name__


def _show_warning(message: Warning | str, *where: object) -> None:
    print(f"seqnn: warning: {message}", file=sys.stderr)
