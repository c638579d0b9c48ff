"""The commands about trained vectors: `seqnn neighbours`, `evaluate`, `convert`."""

from __future__ import annotations

import argparse
import os
from typing import Any

from .._files import open_text
from ..embed._keyed_vectors import KeyedVectors


def add_commands(commands: Any) -> None:
    """Add the sub-commands to those of an argparse parser."""
    neighbours = commands.add_parser(
        "neighbours",
        aliases=["neighbors"],
        help="the nearest words of each word",
        description="Prints the nearest words of each WORD, or with --negative those of all WORDs together.",
        allow_abbrev=False,
    )
    neighbours.add_argument("vectors", metavar="VECTORS", help="a file of vectors, of any format")
    neighbours.add_argument("words", metavar="WORD", nargs="+")
    neighbours.add_argument(
        "--negative", metavar="WORD", nargs="+", default=[], help="words to move away from: king woman --negative man"
    )
    neighbours.add_argument("-n", "--topn", type=int, default=10, help="how many (default 10)")
    neighbours.set_defaults(run=run_neighbours)

    evaluate = commands.add_parser(
        "evaluate",
        help="compare with human ratings, or answer analogy questions",
        description="Files of tab-separated 'word word rating' lines give rank correlations; files in the form of "
        "questions-words.txt ('a b c d' lines under ': section' lines) give accuracies.",
        allow_abbrev=False,
    )
    evaluate.add_argument("vectors", metavar="VECTORS", help="a file of vectors, of any format")
    evaluate.add_argument("files", metavar="FILE", nargs="+", help="pairs.tsv or questions.txt")
    evaluate.add_argument(
        "--restrict-vocab", type=int, default=300000, metavar="N", help="use the N first words only (default 300000)"
    )
    evaluate.set_defaults(run=run_evaluate)

    convert = commands.add_parser(
        "convert",
        help="rewrite vectors in another format",
        description="Reads vectors of any format and writes the format that the name ends in: .safetensors; .bin "
        "(word2vec binary); .glove (text without a header); others word2vec text; .gz, .bz2 and .xz pack the last three.",
        allow_abbrev=False,
    )
    convert.add_argument("source", metavar="FROM")
    convert.add_argument("target", metavar="TO")
    convert.set_defaults(run=run_convert)


def run_neighbours(arguments: argparse.Namespace) -> None:
    """Print neighbours."""
    wv = KeyedVectors.load(arguments.vectors)
    if arguments.topn < 1:
        raise ValueError(f"--topn: expected an integer >= 1, got {arguments.topn}")
    unknown = [word for word in [*arguments.words, *arguments.negative] if word not in wv.key_to_index]
    if unknown:
        raise KeyError(f"{', '.join(unknown)}: not among the {len(wv)} words of {arguments.vectors}")
    if arguments.negative:
        title = f"{' + '.join(arguments.words)} - {' - '.join(arguments.negative)}"
        found = {title: wv.most_similar(positive=arguments.words, negative=arguments.negative, topn=arguments.topn)}
    else:
        found = {word: wv.most_similar(word, topn=arguments.topn) for word in arguments.words}
    for title, pairs in found.items():
        print(title)
        for word, similarity in pairs:
            print(f"  {similarity:6.3f}  {word}")


def run_evaluate(arguments: argparse.Namespace) -> None:
    """Print correlations or accuracies, one line a file or section."""
    wv = KeyedVectors.load(arguments.vectors)
    for path in arguments.files:
        name = os.path.basename(path)
        if _has_sections(path):
            _, sections = wv.evaluate_word_analogies(path, restrict_vocab=arguments.restrict_vocab)
            for section in sections:
                right, wrong = len(section["correct"]), len(section["incorrect"])
                share = f"{right / (right + wrong):.4f}" if right + wrong else "none in the vocabulary"
                print(f"{name}: {section['section']}: {share} ({right} of {right + wrong})")
        else:
            pearson, spearman, unknown = wv.evaluate_word_pairs(path, restrict_vocab=arguments.restrict_vocab)
            print(f"{name}: Spearman {spearman[0]:.4f}, Pearson {pearson[0]:.4f}, unknown pairs {unknown:.1f} %")


def _has_sections(path: str) -> bool:
    """Whether the first line with text is a ': section' line."""
    with open_text(path, errors="replace") as file:
        return next((line for line in file if line.strip()), "").lstrip().startswith(":")


def run_convert(arguments: argparse.Namespace) -> None:
    """Read one file, write the other."""
    wv = KeyedVectors.load(arguments.source)
    write_vectors(wv, arguments.target)
    print(f"{arguments.target}: {describe(wv, arguments.target)}")


def write_vectors(wv: KeyedVectors, path: str, *, binary: bool | None = None) -> None:
    """Write vectors in the format that the name ends in; True or False for `binary` overrides .bin or its absence."""
    base, suffix = os.path.splitext(path)
    if suffix.lower() in (".gz", ".bz2", ".xz"):
        suffix = os.path.splitext(base)[1]
    if path.lower().endswith(".safetensors"):
        wv.save(path)
    else:
        wv.save_word2vec_format(
            path,
            binary=suffix.lower() == ".bin" if binary is None else binary,
            write_header=suffix.lower() != ".glove",
        )


def describe(wv: KeyedVectors, path: str) -> str:
    """What stands in a written file."""
    return f"{len(wv):,} vectors of {wv.vector_size} numbers, {os.path.getsize(path) / 1e6:.1f} MB"
