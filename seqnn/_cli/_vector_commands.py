"""The commands about trained vectors: `seqnn neighbours`, `vectors`, `convert`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from typing import Any

from ..embed import KeyedVectors, QuantizedKeyedVectors, format_of_name, near_spellings
from ._options import Help
from ._shell import STDOUT, Shell, source, target, typed
from ._training import check_targets, described, write_vectors, written_formats

VECTORS = (
    "VECTORS: word2vec text or binary, GloVe text, safetensors of seqnn (vectors or models), fastText's .bin; plain or "
    "packed (.gz, .bz2, .xz, .zip); - is the standard input."
)


def add_commands(commands: Any) -> None:
    """Add the sub-commands to those of a parser."""
    neighbours = vector_parser(
        commands, "neighbours", "show the nearest words of each word",
        f"Print the nearest words of each WORD, or with --negative those of all WORDs together. Without a WORD they are "
        f"read from the standard input. {VECTORS}",
        "  seqnn neighbours vectors.txt king queen\n"
        "  seqnn neighbours vectors.txt king woman --negative man -n 1\n"
        "  seqnn neighbours model.bin kingly --json            fastText: any word",
        run_neighbours, aliases=["neighbors"],
    )  # fmt: skip
    neighbours.add_argument("words", metavar="WORD", nargs="*")
    neighbours.add_argument(
        "--negative", metavar="WORD", nargs="+", default=[], help="words to move away from: king woman --negative man"
    )
    neighbours.add_argument("-n", "--topn", type=int, default=10, help="how many (default 10)")
    _add_forms(neighbours)

    vectors = vector_parser(
        commands, "vectors", "print the vectors of words",
        f"Print the vector of each WORD on a line, by default of all words on the standard input. {VECTORS}",
        "  seqnn vectors model.bin < words.txt\n  seqnn vectors vectors.txt king queen",
        run_vectors,
    )  # fmt: skip
    vectors.add_argument("words", metavar="WORD", nargs="*")
    vectors.add_argument("--json", action="store_true", help='print a line {"word": [...]} each')

    convert = vector_parser(
        commands, "convert", "rewrite vectors in another format",
        "Read VECTORS and write the format that the name TO ends in: .safetensors; .bin (word2vec binary); .glove (text "
        f"without a header); others word2vec text; .gz, .bz2 and .xz pack the last three. {VECTORS}",
        "  seqnn convert vectors.bin vectors.txt.gz\n"
        "  seqnn convert cc.en.300.bin.gz vectors.safetensors    fastText's n-grams are kept\n"
        "  zcat vectors.gz | seqnn convert - - --format binary > vectors.bin",
        run_convert,
    )  # fmt: skip
    convert.add_argument("target", metavar="TO", help="- is the standard output")
    convert.add_argument("--format", choices=written_formats(), help="the format of TO, whatever its name")
    convert.add_argument(
        "--quantize", choices=("float16", "int8", "pq"), help="write small vectors (.safetensors): half, a quarter, or an "
        "eighth and less of the size",
    )  # fmt: skip


def vector_parser(
    commands: Any, name: str, summary: str, description: str, examples: str, run: Any, **more: Any
) -> argparse.ArgumentParser:
    """Add a command about a file of vectors."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"Examples:\n{examples}",
        formatter_class=Help,
        allow_abbrev=False,
        **more,
    )
    parser.add_argument("vectors", metavar="VECTORS", help="a file of vectors, of any format")
    parser.add_argument("--limit", type=int, metavar="N", help="read the N first vectors only")
    parser.add_argument("--encoding", default="utf-8", help="of the words (default utf-8)")
    parser.add_argument(
        "--errors", choices=("strict", "replace", "ignore"), default="strict", help="what invalid words get (strict)"
    )
    parser.add_argument("--allow-nonfinite", action="store_true", help="let NaN and infinity pass")
    parser.set_defaults(run=run)
    return parser


def _add_forms(parser: argparse.ArgumentParser) -> None:
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument(
        "--json", action="store_true", help='print one JSON object {"word": [["neighbour", cosine], ...]}'
    )
    forms.add_argument(
        "--tsv", action="store_true", help="print lines of word, neighbour and cosine, separated by tabs"
    )


def load(arguments: argparse.Namespace) -> KeyedVectors:
    """Read the vectors that a command is about."""
    return KeyedVectors.load(
        source(arguments.vectors),
        limit=arguments.limit,
        encoding=arguments.encoding,
        unicode_errors=arguments.errors,
        allow_nonfinite=arguments.allow_nonfinite,
    )


def words_of(arguments: argparse.Namespace) -> Iterable[str]:
    """Return the words of a command: its arguments, or those on the standard input."""
    if arguments.words:
        return [typed(word) for word in arguments.words]
    if source(arguments.vectors) != arguments.vectors:
        raise ValueError("WORD: expected at least one, the standard input holds the vectors")
    if sys.stdin is None:
        raise ValueError("WORD: expected at least one, the standard input is closed")
    return (word for line in sys.stdin for word in line.split())


def unknown_message(wv: KeyedVectors, words: list[str], path: str) -> str:
    """Say which words are not there, and which are spelled alike."""
    near = [f"{word}: {', '.join(found)}" for word in words if (found := near_spellings(wv, word))]
    hint = f" (near: {'; '.join(near)})" if near else ""
    return f"{', '.join(words)}: not among the {len(wv)} words of {path}{hint}"


def run_neighbours(arguments: argparse.Namespace) -> None:
    """Print neighbours."""
    if arguments.topn < 1:
        raise ValueError(f"--topn: expected an integer >= 1, got {arguments.topn}")
    wv, shell = load(arguments), Shell()
    words, negative = list(words_of(arguments)), [typed(word) for word in arguments.negative]
    unknown = [word for word in [*words, *negative] if word not in wv]
    found: dict[str, list] = {}
    if not negative:
        found = {word: wv.most_similar(word, topn=arguments.topn) for word in words if word in wv}
    elif not unknown:
        title = f"{' + '.join(words)} - {' - '.join(negative)}"
        found = {title: wv.most_similar(positive=words, negative=negative, topn=arguments.topn)}
    if arguments.json:
        shell.result(json.dumps(found, ensure_ascii=False))
    for title, pairs in found.items() if not arguments.json else ():
        if not arguments.tsv:
            shell.result(title)
        for word, similarity in pairs:
            shell.result(f"{title}\t{word}\t{similarity:.6f}" if arguments.tsv else f"  {similarity:6.3f}  {word}")
    shell.close()
    if unknown:
        raise KeyError(unknown_message(wv, unknown, arguments.vectors))


def run_vectors(arguments: argparse.Namespace) -> None:
    """Print vectors."""
    wv, shell, unknown = load(arguments), Shell(), []
    for word in words_of(arguments):
        if word not in wv:
            unknown.append(word)
        elif arguments.json:
            shell.result(json.dumps({word: [float(str(x)) for x in wv[word]]}, ensure_ascii=False))
        else:
            shell.result(" ".join([word, *map(str, wv[word])]))
        if shell.error is not None:
            break
    shell.close()
    if unknown:
        raise KeyError(unknown_message(wv, unknown, arguments.vectors))


def run_convert(arguments: argparse.Namespace) -> None:
    """Read one file, write the other."""
    arguments.output = target(arguments.target)
    if arguments.format is None:
        del arguments.format
    check_targets(arguments, [arguments.output], [arguments.vectors])
    wv = load(arguments)
    if arguments.quantize is not None:
        if (getattr(arguments, "format", None) or format_of_name(arguments.output)) != "safetensors":
            raise ValueError(f"--quantize: expected TO to be .safetensors, got {arguments.target}")
        wv = QuantizedKeyedVectors.quantize(wv, arguments.quantize)
    write_vectors(wv, arguments.output, getattr(arguments, "format", None))
    shell = Shell(to_stderr=arguments.output == STDOUT)
    shell.say(described(wv, arguments.output))
    shell.close()
