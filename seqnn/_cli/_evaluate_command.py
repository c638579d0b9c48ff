"""The command `seqnn evaluate`: vectors beside ratings, analogies, categories and outliers."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from .._files import open_text, regular_file
from ..embed import (
    KeyedVectors,
    evaluate_analogies,
    evaluate_categorization,
    evaluate_outliers,
    evaluate_similarity,
)
from ._shell import Shell, source
from ._vector_commands import VECTORS, load, vector_parser

METHODS = {"3cosadd": "most_similar", "3cosmul": "most_similar_cosmul"}


def add_command(commands: Any) -> None:
    """Add the sub-command to those of a parser."""
    parser = vector_parser(
        commands, "evaluate", "compare with human ratings, or answer analogy questions",
        "Files of rated pairs (SimLex, WordSim, MEN, RW and the like: 'word word rating') give rank correlations; files in "
        "the form of questions-words.txt ('a b c d' lines under ': section' lines), and a folder of BATS, give accuracies. "
        f"{VECTORS}",
        "  seqnn evaluate vectors.txt wordsim353.tsv questions-words.txt --method 3cosmul\n"
        "  seqnn evaluate vectors.txt --categories BLESS.txt --outliers 8-8-8_Dataset",
        run_evaluate,
    )  # fmt: skip
    parser.add_argument("files", metavar="FILE", nargs="*", help="pairs.tsv, questions.txt or the folder of BATS")
    parser.add_argument(
        "--categories", metavar="FILE", nargs="+", default=[], help="'word category' lines (BLESS, AP, Battig), or a folder with "
        "a file for each category: gives the purity of clusters",
    )  # fmt: skip
    parser.add_argument(
        "--outliers", metavar="FILE", nargs="+", default=[], help="words that belong together, a blank line, and outliers; or a "
        "folder of such files (8-8-8): gives accuracy and outlier position percentage",
    )  # fmt: skip
    parser.add_argument("--method", choices=METHODS, default="3cosadd", help="of analogies (default 3cosadd)")
    parser.add_argument(
        "--restrict-vocab", type=int, default=300000, metavar="N", help="use the N first words only (default 300000)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_evaluate(arguments: argparse.Namespace) -> None:
    """Print correlations or accuracies, one line a file or section."""
    if not (arguments.files or arguments.categories or arguments.outliers):
        raise ValueError("FILE, --categories or --outliers: expected at least one")
    wv, shell = load(arguments), Shell()
    found: dict[str, Any] = {}
    for given in arguments.files:
        name = _name(given, found)
        found[name], lines = _scores(wv, given, arguments)
        for line in lines if not arguments.json else ():
            shell.result(f"{name}: {line}")
    for given in arguments.categories:
        result = evaluate_categorization(wv, source(given))
        name = _name(given, found)
        found[name] = {"purity": result.purity, "unknown": result.unknown}
        if not arguments.json:
            shell.result(f"{name}: purity {result.purity:.4f}, unknown words {result.unknown}")
    for given in arguments.outliers:
        score = evaluate_outliers(wv, source(given))
        name = _name(given, found)
        found[name] = {"accuracy": score.accuracy, "opp": score.opp, "unknown": score.unknown}
        if not arguments.json:
            shell.result(
                f"{name}: accuracy {score.accuracy:.4f}, OPP {100 * score.opp:.2f} %, unknown outliers {score.unknown}"
            )
    if arguments.json:
        shell.result(json.dumps(found, ensure_ascii=False))
    shell.close()


def _scores(wv: KeyedVectors, given: str, arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Return what a file gives, and the lines that tell it."""
    if os.path.isdir(given):
        score = evaluate_analogies(wv, given, method=arguments.method, restrict_vocab=arguments.restrict_vocab)
        return _told(score.sections | {"Total accuracy": _sum(score.sections)})
    with regular_file(source(given)) as path:
        if _has_sections(path):
            _, sections = wv.evaluate_word_analogies(
                path, restrict_vocab=arguments.restrict_vocab, similarity_function=METHODS[arguments.method]
            )
            return _told({s["section"]: (len(s["correct"]), len(s["correct"]) + len(s["incorrect"])) for s in sections})
        result = evaluate_similarity(wv, path, restrict_vocab=arguments.restrict_vocab)
    spearman, pearson = result.spearman.statistic, result.pearson.statistic
    unknown = 100 * result.unknown / (result.used + result.unknown)
    figures = {"spearman": spearman, "pearson": pearson, "unknown_percent": unknown}
    return figures, [f"Spearman {spearman:.4f}, Pearson {pearson:.4f}, unknown pairs {unknown:.1f} %"]


def _told(sections: dict[str, tuple[int, int]]) -> tuple[dict[str, Any], list[str]]:
    lines = [
        f"{name}: {f'{right / asked:.4f}' if asked else 'none in the vocabulary'} ({right} of {asked})"
        for name, (right, asked) in sections.items()
    ]
    return {name: {"right": right, "asked": asked} for name, (right, asked) in sections.items()}, lines


def _sum(sections: dict[str, tuple[int, int]]) -> tuple[int, int]:
    return sum(right for right, _ in sections.values()), sum(asked for _, asked in sections.values())


def _name(given: str, found: dict[str, Any]) -> str:
    """Return what the scores of a file are under: its name, or the path where another one has the name."""
    name = os.path.basename(os.path.normpath(given))
    return given if name in found else name


def _has_sections(path: str) -> bool:
    """Tell whether the first line with text is a ': section' line."""
    with open_text(path, errors="replace") as file:
        return next((line for line in file if line.strip()), "").lstrip().startswith(":")
