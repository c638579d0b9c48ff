"""The command `seqnn bias`: how groups of words differ in what they are near to."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..embed import KeyedVectors, ect, mac, rnd, rnsb, weat
from ._shell import Shell, typed
from ._vector_commands import VECTORS, load, vector_parser

NEEDED = {"weat": (2, 2), "rnd": (2, 1), "ect": (2, 1), "rnsb": (1, 2), "mac": (1, 1)}
"""How many groups and sets of attributes a measure takes; `rnsb` and `mac` take more groups, `mac` more attributes."""

MORE = {"rnsb": (True, False), "mac": (True, True)}


def add_command(commands: Any) -> None:
    """Add the sub-command to those of a parser."""
    parser = vector_parser(
        commands, "bias", "measure bias between groups of words: WEAT, RND, RNSB, MAC, ECT",
        f"Print a measure of how groups of words (--target) differ in what they are near to (--attribute). {VECTORS}",
        "  seqnn bias vectors.txt weat --target rose tulip --target ant wasp --attribute love peace --attribute hate war\n"
        "  seqnn bias vectors.txt rnd --target she her woman --target he him man --attribute nurse engineer --drop 0.2",
        run_bias,
    )  # fmt: skip
    parser.add_argument("measure", choices=NEEDED, help="the measure")
    for name, text in ("target", "a group of words"), ("attribute", "a set of words that groups are compared by"):
        parser.add_argument(
            f"--{name}", metavar="WORD", nargs="+", action="append", default=[], help=f"{text}; again for another"
        )
    parser.add_argument(
        "--drop",
        type=float,
        metavar="SHARE",
        help="leave out words without a vector, up to this share of a set (default: none)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_bias(arguments: argparse.Namespace) -> None:
    """Print a measure."""
    targets, attributes = (
        [[typed(w) for w in words] for words in sets] for sets in (arguments.target, arguments.attribute)
    )
    for name, sets, needed, more in zip(
        ("--target", "--attribute"), (targets, attributes), NEEDED[arguments.measure],
        MORE.get(arguments.measure, (False, False)), strict=True,
    ):  # fmt: skip
        if len(sets) < needed or (len(sets) > needed and not more):
            raise ValueError(f"{name}: {arguments.measure} takes {needed}{' or more' if more else ''}, got {len(sets)}")
    figures = _measured(load(arguments), arguments, targets, attributes)
    shell = Shell()
    if arguments.json:
        shell.result(json.dumps(figures, ensure_ascii=False))
    else:
        by_word = figures.pop("by_word", {})
        shell.result(f"{arguments.measure}: {', '.join(f'{name} {value:.6g}' for name, value in figures.items())}")
        for word, value in by_word.items():
            shell.result(f"  {value:9.6f}  {word}")
    shell.close()


def _measured(
    wv: KeyedVectors, arguments: argparse.Namespace, targets: list[list[str]], attributes: list[list[str]]
) -> dict[str, Any]:
    """Return the figures of a measure by their names."""
    how: dict[str, Any] = {}
    if arguments.drop is not None:
        how = {"missing": "drop", "lost_vocabulary_threshold": arguments.drop}
    if arguments.measure == "weat":
        test = weat(wv, *targets, *attributes, **how)
        return {"effect_size": test.effect_size, "p_value": test.p_value}
    if arguments.measure == "ect":
        return {"score": ect(wv, *targets, *attributes, **how).statistic}
    if arguments.measure == "mac":
        return mac(wv, targets, attributes, **how)._asdict()
    if arguments.measure == "rnsb":
        return rnsb(wv, targets, *attributes, **how)._asdict()
    return rnd(wv, *targets, *attributes, **how)._asdict()
