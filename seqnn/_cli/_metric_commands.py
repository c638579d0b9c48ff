"""The commands that score texts: `seqnn bleu`, `chrf`, `ter`, `rouge`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from ..metrics import Score, bleu, bootstrap_interval, chrf, paired_bootstrap, rouge, ter
from ._lines import read_lines
from ._options import Help
from ._shell import Shell, typed

_FILES = "Files hold a text a line, plain or packed (.gz, .bz2, .xz); - is the standard input."


def add_commands(commands: Any) -> None:
    """Add the sub-commands to those of a parser."""
    parser = _add(commands, "bleu", "the BLEU score of translations, as sacrebleu computes it", _run_bleu)
    parser.add_argument("--tokenize", default="13a", help="13a (default), intl, char, zh or none")
    parser.add_argument("--smooth-method", default="exp", help="exp (default), floor, add-k or none")
    parser.add_argument("--smooth-value", type=float, help="of floor (default 0.1) and add-k (default 1)")
    parser.add_argument("--lowercase", action="store_true", help="ignore case")
    parser.add_argument("--effective-order", action="store_true", help="leave out orders without any n-gram")
    parser.add_argument("--max-ngram-order", type=int, default=4, metavar="N", help="the largest n (default 4)")

    parser = _add(commands, "chrf", "the chrF or chrF++ score of translations, as sacrebleu computes it", _run_chrf)
    parser.add_argument("--char-order", type=int, default=6, metavar="N", help="the largest character n (default 6)")
    parser.add_argument(
        "--word-order", type=int, default=0, metavar="N", help="the largest word n (default 0; 2: chrF++)"
    )
    parser.add_argument("--beta", type=float, default=2, help="how much more recall counts (default 2)")
    parser.add_argument("--lowercase", action="store_true", help="ignore case")
    parser.add_argument("--whitespace", action="store_true", help="count spaces as well")
    parser.add_argument("--eps-smoothing", action="store_true", help="count each order, as chrF++.py does")

    parser = _add(commands, "ter", "the translation edit rate, as sacrebleu computes it", _run_ter)
    parser.add_argument("--normalized", action="store_true", help="split off punctuation first")
    parser.add_argument("--no-punct", action="store_true", help="leave out punctuation")
    parser.add_argument("--asian-support", action="store_true", help="split Chinese and Japanese characters as well")
    parser.add_argument("--case-sensitive", action="store_true", help="do not ignore case")

    parser = _add(commands, "rouge", "ROUGE scores of summaries, as rouge-score computes them", _run_rouge)
    parser.add_argument(
        "--types", nargs="+", default=["rouge1", "rouge2", "rougeL"], metavar="TYPE", help="rouge1 to rouge9, rougeL, "
        "rougeLsum, rougeW (default rouge1 rouge2 rougeL)",
    )  # fmt: skip
    parser.add_argument("--stemmer", action="store_true", help="compare stems of English words")
    parser.add_argument("--tokenizer", default="rouge", help="rouge (default; English) or unicode")
    parser.add_argument("--weight", type=float, default=1.2, help="the exponent of rougeW (default 1.2)")
    parser.add_argument(
        "--newline", metavar="TEXT", help="what separates sentences in a line, such as <n>, for rougeLsum"
    )


def _add(commands: Any, name: str, summary: str, run: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=f"print {summary}",
        description=f"Print {summary}. {_FILES}",
        epilog=(
            f"Examples:\n  seqnn {name} references.txt -i system.txt\n"
            f"  seqnn {name} references.txt more_references.txt < system.txt    two references for each text\n"
            f"  seqnn {name} references.txt -i baseline.txt system.txt          is the system better?"
        ),
        formatter_class=Help,
        allow_abbrev=False,
    )
    parser.add_argument("references", metavar="REFERENCES", nargs="+", help="a file of references; or several")
    parser.add_argument(
        "-i", "--input", metavar="FILE", nargs="+", default=["-"], help="the texts to score (default: the standard input); "
        "of several files each is compared with the first one by paired bootstrap",
    )  # fmt: skip
    parser.add_argument("--confidence", type=int, metavar="N", help="a 95 %% interval from N resamples, such as 1000")
    parser.add_argument("--seed", type=int, default=12345, help="of the resamples (default 12345)")
    parser.add_argument("--sentence-level", action="store_true", help="print the score of each text as well")
    parser.add_argument("--width", type=int, default=2, metavar="N", help="decimal places (default 2)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)
    return parser


def _texts(arguments: argparse.Namespace) -> tuple[list[list[str]], list[list[str]]]:
    """Return the systems' texts and the streams of references."""
    paths = [*arguments.input, *arguments.references]
    if paths.count("-") > 1:
        raise ValueError("- : the standard input can be read only once")
    read = [read_lines(path) for path in paths]
    for path, lines in zip(paths, read, strict=True):
        if not lines:
            raise ValueError(f"{path}: it has no lines")
        if len(lines) != len(read[0]):
            raise ValueError(
                f"{path}: it has {len(lines)} lines, {paths[0]} has {len(read[0])}: they belong together line by line"
            )
    systems = len(arguments.input)
    return read[:systems], read[systems:]


def _run_scores(arguments: argparse.Namespace, score: Callable[..., Score]) -> None:
    systems, references = _texts(arguments)
    shell = Shell()
    draws = {"n_bootstrap": arguments.confidence or 0, "seed": arguments.seed}
    scores = [score(hypotheses, references, **draws) for hypotheses in systems]
    compared = {"n_bootstrap": arguments.confidence or 1000, "seed": arguments.seed}
    p_values = [None, *(paired_bootstrap(scores[0], other, **compared).p_value for other in scores[1:])]
    told = []
    for path, found, p_value in zip(arguments.input, scores, p_values, strict=True):
        if arguments.json:
            entry = found.to_dict(arguments.width)
            entry |= {"system": path} if len(systems) > 1 else {}
            entry |= {"p_value": p_value} if p_value is not None else {}
            entry |= {"sentences": found.segment_scores().tolist()} if arguments.sentence_level else {}
            told.append(entry)
            continue
        if arguments.sentence_level:
            for value in found.segment_scores().tolist():
                shell.result(f"{value:.{arguments.width}f}")
        start = f"{path}: " if len(systems) > 1 else ""
        end = "" if p_value is None else f" (p = {p_value:.4f})"
        shell.result(f"{start}{found.format(arguments.width, signature=True)}{end}")
    if arguments.json:
        shell.result(json.dumps(told if len(told) > 1 else told[0], indent=1, ensure_ascii=False))
    shell.close()


def _run_bleu(arguments: argparse.Namespace) -> None:
    names = ("tokenize", "smooth_method", "smooth_value", "lowercase", "effective_order", "max_ngram_order")
    _run_scores(arguments, lambda *texts, **draws: bleu(*texts, **_chosen(arguments, names), **draws))


def _run_chrf(arguments: argparse.Namespace) -> None:
    names = ("char_order", "word_order", "beta", "lowercase", "whitespace", "eps_smoothing")
    _run_scores(arguments, lambda *texts, **draws: chrf(*texts, **_chosen(arguments, names), **draws))


def _run_ter(arguments: argparse.Namespace) -> None:
    names = ("normalized", "no_punct", "asian_support", "case_sensitive")
    _run_scores(arguments, lambda *texts, **draws: ter(*texts, **_chosen(arguments, names), **draws))


def _chosen(arguments: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in names}


def _run_rouge(arguments: argparse.Namespace) -> None:
    systems, references = _texts(arguments)
    if arguments.newline:
        mark = typed(arguments.newline)
        systems, references = (
            [[text.replace(mark, "\n") for text in side] for side in sides] for sides in (systems, references)
        )
    settings = _chosen(arguments, ("types", "stemmer", "tokenizer", "weight"))
    draws = {"n_bootstrap": arguments.confidence or 1000, "seed": arguments.seed}
    found = [rouge(hypotheses, references, per_pair=True, **settings) for hypotheses in systems]
    told: dict[str, Any] = {}
    for path, pairs in zip(arguments.input, found, strict=True):
        told[path] = {}
        for kind, scores in pairs.items():
            entry: dict[str, Any] = {name: float(values.mean()) for name, values in scores._asdict().items()}
            if arguments.confidence:
                interval = bootstrap_interval(scores.fmeasure, **draws)
                entry |= {"low": interval.low, "high": interval.high}
            if pairs is not found[0]:
                entry["p_value"] = paired_bootstrap(found[0][kind].fmeasure, scores.fmeasure, **draws).p_value
            if arguments.sentence_level:
                entry["sentences"] = scores.fmeasure.tolist()
            told[path][kind] = entry
    shell = Shell()
    if arguments.json:
        shell.result(json.dumps(told if len(told) > 1 else told[arguments.input[0]], indent=1))
    for path, entries in told.items() if not arguments.json else ():
        for kind, entry in entries.items():
            for value in entry.pop("sentences", []):
                shell.result(f"{kind} {value:.{arguments.width}f}")
            start = f"{path}: " if len(told) > 1 else ""
            numbers = ", ".join(f"{name} {value:.{arguments.width + 2}f}" for name, value in entry.items())
            shell.result(f"{start}{kind}: {numbers}")
    shell.close()
