"""The command `seqnn serve`: a page in the browser about vectors or a model."""

from __future__ import annotations

import argparse
import os
from typing import Any

from .. import _safetensors
from ._generate_command import load_file
from ._shell import Shell, source
from ._vector_commands import VECTORS, load, vector_parser


def add_command(commands: Any) -> None:
    """Add the sub-command to those of a parser."""
    parser = vector_parser(
        commands, "serve", "explore vectors or a model on a page in the browser",
        "Show a page about VECTORS until Ctrl-C: search, neighbours, analogies, a map, words on the axis of a bias. VECTORS may "
        "be a FOLDER of Hugging Face's or of save_huggingface: then also the attention of a text, the beams of a generation and "
        "what fills a hidden place; or a language model of seqnn lm train, lm-neural train or LanguageModel.save. The page is "
        f"for this machine alone, and needs no network. {VECTORS}",
        "  seqnn serve vectors.txt --open\n  seqnn serve bert/ --port 0",
        run_serve,
    )  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8765, metavar="N", help="the port; 0: a free one (default 8765)")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="another name by which browsers may ask for the page; again for another",
    )  # fmt: skip
    parser.add_argument("--open", action="store_true", help="open a browser")


def run_serve(arguments: argparse.Namespace) -> None:
    """Read what the page is about, and show it."""
    from ..serve import serve

    path = source(arguments.vectors)
    what: Any
    if os.path.isdir(path):
        from ..pretrained import load_pretrained

        what = load_pretrained(path)
    else:
        what = load_file(path) if _holds_language_model(path) else load(arguments)
    name = os.path.basename(os.path.abspath(path)) if arguments.vectors != "-" else "standard input"
    shell = Shell()
    try:
        serve(
            what, name=name, host=arguments.host, port=arguments.port, allow_hosts=arguments.allow_host, open=arguments.open,
            tell=shell.say,
        )  # fmt: skip
    except ImportError as error:
        raise RuntimeError(str(error)) from error
    shell.close()


def _holds_language_model(path: str) -> bool:
    """Tell whether a file was written by `LanguageModel.save` or `NGramLM.save`, or is an ARPA file."""
    if path.endswith((".arpa", ".arpa.gz", ".arpa.bz2", ".arpa.xz")):
        return True
    if not os.path.isfile(path):  # a pipe is read once, by what reads vectors
        return False
    try:
        return not {"seqnn.estimator", "seqnn.NGramLM"}.isdisjoint(_safetensors.load(path)[1])
    except ValueError:
        return False
