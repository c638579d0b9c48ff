"""What the commands that train have in common: options, corpus, targets, a first look at the vectors, files."""

from __future__ import annotations

import argparse
import errno
import os
from collections.abc import Iterator
from typing import Any

from .._files import atomic_write
from ..data import python_docs
from ..embed._keyed_vectors import KeyedVectors
from ._foreign import Foreign
from ._vector_commands import describe

CORPUS = (
    "CORPUS: text files (one sentence a line, words separated by white space; plain, .gz, .bz2, .xz) or directories of "
    "them; without one, the documentation installed with Python and NumPy."
)

COMMON: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--vector-size", "--size"), {"type": int, "metavar": "N", "help": "length of the vectors (100)"}),
    (("--min-count",), {"type": int, "metavar": "N", "help": "leave rarer words out (5)"}),
    (("--max-final-vocab",), {"type": int, "metavar": "N", "help": "keep at most so many words"}),
    (("--seed",), {"type": int, "metavar": "N", "help": "of all random numbers (1)"}),
    (("--workers", "--threads"), {"type": int, "metavar": "N", "help": "threads (all allowed ones)"}),
    (("--max-memory",), {"metavar": "SIZE", "help": "such as 2GB; what is larger goes to temporary files"}),
    (("--errors",), {"choices": ("replace", "ignore", "strict"), "help": "what invalid UTF-8 gets (replace)"}),
    (("--save-vocab",), {"metavar": "FILE", "help": "write the words and their counts"}),
    (("--quiet",), {"action": "store_true", "default": False, "help": "print nothing but errors"}),
)
"""Options of all commands that train."""


def training_parser(commands: Any, name: str, summary: str, foreign: Foreign, programs: str) -> argparse.ArgumentParser:
    """A new sub-command with the corpus, the common options and those of other `programs`."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}. {CORPUS}",
        epilog=f"The options of {programs} are understood too, with the defaults there: {foreign.spellings()}",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("corpus", metavar="CORPUS", nargs="*", default=[])
    parser.add_argument(
        "-o", "--output", metavar="FILE", help=".txt, .glove, .bin or .safetensors; the texts also .gz, .bz2, .xz"
    )
    for flags, settings in COMMON:
        parser.add_argument(*flags, **settings)
    foreign.add_to(parser)
    return parser


def named_corpus(paths: list[str]) -> tuple[Any, str]:
    """The corpus and what to call it."""
    if not paths:
        return python_docs(), "the documentation of Python and NumPy"
    return (paths[0], paths[0]) if len(paths) == 1 else (paths, f"{len(paths)} files")


def check_targets(arguments: argparse.Namespace, *names: str) -> None:
    """An output that cannot be written should be known before the training."""
    for path in (getattr(arguments, name) for name in names if hasattr(arguments, name)):
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise FileNotFoundError(errno.ENOENT, "no such folder", folder)
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, "is a folder", path)
        if not os.access(path if os.path.exists(path) else folder, os.W_OK):
            raise PermissionError(errno.EACCES, "not writable", path)


def finish(wv: KeyedVectors, arguments: argparse.Namespace, files: Iterator[str]) -> None:
    """Show some neighbours, write the vocabulary where asked for and the other files, and say what stands in them."""
    if not arguments.quiet:
        print_neighbours(wv)
    for line in (*save_vocabulary(wv, arguments), *files):
        if not arguments.quiet:
            print(line)


def save_vocabulary(wv: KeyedVectors, arguments: argparse.Namespace) -> Iterator[str]:
    """Write the words and their counts where asked for."""
    if hasattr(arguments, "save_vocab"):
        with atomic_write(arguments.save_vocab, "w") as file:
            file.writelines(f"{word} {wv.get_vecattr(word, 'count')}\n" for word in wv.index_to_key)
        yield f"{arguments.save_vocab}: {len(wv):,} words"


def described(wv: KeyedVectors, path: str) -> str:
    """A line about a written file of vectors."""
    return f"{path}: {describe(wv, path)}"


def megabytes(path: str, what: str) -> str:
    """A line about another written file."""
    return f"{path}: {what}, {os.path.getsize(path) / 1e6:.1f} MB"


def print_neighbours(wv: KeyedVectors, words: int = 5, topn: int = 5) -> None:
    """Print the nearest words of some frequent words: long ones of letters, past the most frequent (function words)."""
    past = min(100, len(wv) // 10)
    content = [w for w in wv.index_to_key[past : past + 1000] if len(w) >= 5 and w.isalpha()] or wv.index_to_key
    chosen = content[:words]
    if len(wv) < 2:
        return
    width = max(map(len, chosen))
    print()
    for word in chosen:
        print(f"{word:>{width}}  " + ", ".join(f"{w} {s:.2f}" for w, s in wv.most_similar(word, topn=topn)))
