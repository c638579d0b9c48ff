"""Commands that have commands of their own, such as `seqnn lm train`, and the lines that these read."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

from .._files import open_binary, unpacking
from ._options import Help
from ._shell import source


def add_group(commands: Any, name: str, *, help: str, description: str, examples: str) -> Any:
    """Add a command with commands of its own; return what these are added to."""
    parser = commands.add_parser(
        name,
        help=help,
        description=description,
        epilog=f"Examples:\n{examples}\n  seqnn {name} COMMAND --help tells more.",
        formatter_class=Help,
        allow_abbrev=False,
    )
    return parser.add_subparsers(dest="action", required=True, metavar="COMMAND")


def add_action(
    actions: Any, name: str, description: str, examples: str, run: Callable[[argparse.Namespace], None], **more: Any
) -> argparse.ArgumentParser:
    """Add one of these, and return its parser; the first sentence of the description is its help."""
    parser = actions.add_parser(
        name,
        help=description.partition(".")[0].lower(),
        description=description,
        epilog=f"Examples:\n{examples}",
        formatter_class=Help,
        allow_abbrev=False,
        **more,
    )
    parser.set_defaults(run=run)
    return parser


def lines_of(files: list[str], errors: str = "replace") -> Iterator[str]:
    """Yield the lines of files, without their ends; invalid UTF-8 becomes U+FFFD, or what `errors` says."""
    for path in files:
        with unpacking(source(path)), open_binary(source(path)) as file:
            for line in file:
                yield line.decode("utf-8", errors).rstrip("\r\n")
