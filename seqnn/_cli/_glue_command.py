"""The command `seqnn glue`: a pretrained encoder is fine-tuned for a task of GLUE and scored."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from ._actions import add_action
from ._shell import Shell

_SETTINGS = {
    "epochs": (int, 3, "passes over the examples"),
    "batch_size": (int, 32, "examples of a step"),
    "learning_rate": (float, 3e-5, "the largest one"),
    "warmup": (float, 0.1, "share of the steps in which it rises"),
    "weight_decay": (float, 0.01, "of matrices"),
    "max_length": (int, 128, "most tokens of a text or pair"),
    "seed": (int, 0, "of the head, the order and dropout"),
}


def add_command(commands: Any) -> None:
    """Add the sub-command to those of a parser."""
    glue = add_action(
        commands, "glue",
        "Fine-tune a pretrained encoder for a task of GLUE, and score it. FOLDER: of transformers' save_pretrained, with "
        "config.json, model.safetensors and tokenizer.json. TASK: CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE or WNLI. "
        "DATA: with train.tsv, dev.tsv and test.tsv, or the folder above. The scores of the development set are printed.",
        "  seqnn glue bert/ RTE glue_data/\n"
        "  seqnn glue bert/ MNLI glue_data/ -o submission/ --malformed skip --json",
        run_glue_command,
    )  # fmt: skip
    for name in ("folder", "task", "data"):
        glue.add_argument(name, metavar=name.upper())
    glue.add_argument(
        "-o", "--output", metavar="DIR", help="write the answers to the test sets there, for the leaderboard"
    )
    for name, (kind, default, text) in _SETTINGS.items():
        flag = "--" + name.replace("_", "-")
        metavar = "N" if kind is int else "X"
        glue.add_argument(flag, type=kind, default=default, metavar=metavar, help=f"{text} (default {default:g})")
    glue.add_argument(
        "--malformed", choices=("raise", "skip"), default="raise", help="lines without their columns (default raise)"
    )
    glue.add_argument("--json", action="store_true", help="print a JSON object")


def run_glue_command(arguments: argparse.Namespace) -> None:
    """Print the scores, after the answers are written."""
    from ..evaluate import run_glue
    from ..pretrained import load_pretrained

    shell = Shell()
    settings = {name: getattr(arguments, name) for name in _SETTINGS}
    result = run_glue(
        load_pretrained(arguments.folder), arguments.task, arguments.data, malformed=arguments.malformed,
        verbose=shell.bars, **settings,
    )  # fmt: skip
    if arguments.output is not None:
        result.write(arguments.output)
    if arguments.json:
        scores = {
            name: {figure: value if np.isfinite(value) else None for figure, value in figures.items()}
            for name, figures in result.scores.items()
        }
        shell.result(json.dumps({"task": result.task, "scores": scores, "loss": result.history["loss"]}))
    for name, figures in result.scores.items() if not arguments.json else ():
        shell.result("\t".join([name, *(f"{figure} {value:.4f}" for figure, value in figures.items())]))
    shell.close()
