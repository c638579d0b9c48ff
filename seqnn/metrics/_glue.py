"""The scores of GLUE's and SuperGLUE's tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._classification import accuracy, f1_score, matthews, paired, pearson, spearman
from ._squad import best_answers

_FIGURES = {
    "accuracy": accuracy,
    "f1": f1_score,
    "macro_f1": lambda predictions, labels: f1_score(predictions, labels, average="macro"),
    "matthews": matthews,
    "pearson": pearson,
    "spearman": spearman,
}
GLUE = {
    "cola": ("matthews",),
    "sst2": ("accuracy",),
    "mrpc": ("accuracy", "f1"),
    "stsb": ("pearson", "spearman"),
    "qqp": ("accuracy", "f1"),
    "mnli": ("accuracy",),
    "mnlimm": ("accuracy",),
    "qnli": ("accuracy",),
    "rte": ("accuracy",),
    "wnli": ("accuracy",),
    "ax": ("matthews",),
}
SUPERGLUE = {
    "boolq": ("accuracy",),
    "cb": ("accuracy", "macro_f1"),
    "copa": ("accuracy",),
    "multirc": ("f1", "exact_match"),
    "record": ("f1", "exact_match"),
    "rte": ("accuracy",),
    "wic": ("accuracy",),
    "wsc": ("accuracy",),
    "axb": ("matthews",),
    "axg": ("accuracy",),
}
"""Tasks with their figures."""

_DIAGNOSTIC = ("ax", "axb", "axg")
_OTHER_NAMES = {"mnlim": "mnli", "mnlimatched": "mnli", "mnlimismatched": "mnlimm"}


def task_name(task: Any, known: Mapping[str, Any], benchmark: str) -> str:
    """Return the short name of a task such as "SST-2" or "sst2". Raises `ValueError` for an unknown one."""
    name = "".join(c for c in task.lower() if c.isalnum()) if isinstance(task, str) else ""
    name = _OTHER_NAMES.get(name, name)
    if name not in known:
        raise ValueError(f"task: expected one of {benchmark}'s tasks {', '.join(known)}, got {task!r}")
    return name


def glue_score(task: str, predictions: Any, labels: Any) -> dict[str, float]:
    """Return the figures that GLUE reports for a task.

    Args:
        task: "CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI" (or "MNLI-m"), "MNLI-mm", "QNLI", "RTE", "WNLI" or "AX", in
            any spelling ("sst2").
        predictions: a label for each example, [N]; for STS-B a number. Classes 0 and 1 of MRPC and QQP: F1 is that of 1.
        labels: the true ones, [N].

    Returns:
        The figures by name, each 0 to 1 (correlations -1 to 1): "matthews" of CoLA and AX, "pearson" and "spearman" of
        STS-B, "accuracy" and "f1" of MRPC and QQP, "accuracy" of the others.

    Raises:
        TypeError: numbers here and strings there.
        ValueError: an unknown task, different lengths, no example.

    A. Wang et al., "GLUE: a multi-task benchmark and analysis platform for natural language understanding", 2018.

    >>> from seqnn.metrics import glue_score
    >>> glue_score("MRPC", [1, 0, 1, 1], [1, 0, 0, 1])
    {'accuracy': 0.75, 'f1': 0.8}
    """
    figures = GLUE[task_name(task, GLUE, "GLUE")]
    return {figure: _FIGURES[figure](predictions, labels) for figure in figures}


def superglue_score(
    task: str, predictions: Any, labels: Any, *, groups: Sequence[Any] | None = None
) -> dict[str, float]:
    """Return the figures that SuperGLUE reports for a task.

    Args:
        task: "BoolQ", "CB", "COPA", "MultiRC", "ReCoRD", "RTE", "WiC", "WSC", "AX-b" or "AX-g", in any spelling.
        predictions: a label for each example, [N]; for MultiRC 0 or 1 for each answer; for ReCoRD a string for each query.
        labels: the true ones, [N]; for ReCoRD the right strings of each query.
        groups: MultiRC: the question of each answer, [N], any values.

    Returns:
        The figures by name, each 0 to 1: "accuracy"; CB's "accuracy" and "macro_f1"; MultiRC's "f1" over all answers and
        "exact_match", the share of questions with all answers right; ReCoRD's "f1" and "exact_match"; AX-b's "matthews".

    Raises:
        TypeError: numbers here and strings there.
        ValueError: an unknown task, different lengths, no example, MultiRC without groups.

    A. Wang et al., "SuperGLUE: a stickier benchmark for general-purpose language understanding systems", 2019.

    >>> from seqnn.metrics import superglue_score
    >>> superglue_score("MultiRC", [1, 0, 1, 1], [1, 0, 0, 1], groups=["q1", "q1", "q2", "q2"])
    {'f1': 0.8, 'exact_match': 0.5}
    """
    name = task_name(task, SUPERGLUE, "SuperGLUE")
    if (groups is not None) != (name == "multirc"):
        expected = "the question of each answer" if name == "multirc" else f"None for {task} (only MultiRC has groups)"
        raise ValueError(f"groups: expected {expected}, got {groups!r:.60}")
    if name == "record":
        answers = best_answers(predictions, labels, empty_matches=False)
        return {"f1": answers.f1 / 100, "exact_match": answers.exact_match / 100}
    if name == "multirc":
        return {"f1": f1_score(predictions, labels), "exact_match": _all_right(predictions, labels, groups)}
    return {figure: _FIGURES[figure](predictions, labels) for figure in SUPERGLUE[name]}


def _all_right(predictions: Any, labels: Any, groups: Any) -> float:
    """Return the share of groups in which all predictions are right."""
    predicted, true = paired(predictions, labels)
    numbers: dict[Any, int] = {}
    group = np.array([numbers.setdefault(g, len(numbers)) for g in groups])
    if len(group) != len(true):
        raise ValueError(f"groups: expected {len(true)} values, one for each answer, got {len(group)}")
    wrong = np.bincount(group, predicted != true)
    return float(np.mean(wrong == 0))


def glue_average(scores: Mapping[str, Mapping[str, float]]) -> float:
    """Return the average of a benchmark over its tasks, as its leaderboard takes it.

    A task's score is the mean of its figures, MNLI's the mean of both its test sets; diagnostic sets (AX) do not count.

    Args:
        scores: for each task what `glue_score` or `superglue_score` returned.

    Returns:
        The average, 0 to 100.

    Raises:
        ValueError: no task that counts.

    >>> from seqnn.metrics import glue_average
    >>> glue_average({"MRPC": {"accuracy": 0.8, "f1": 0.9}, "MNLI-m": {"accuracy": 0.7}, "MNLI-mm": {"accuracy": 0.8}})
    80.0
    """
    tasks: dict[str, list[float]] = {}
    for task, figures in scores.items():
        name = task_name(task, GLUE | SUPERGLUE, "GLUE's and SuperGLUE").removesuffix("mm")
        if name not in _DIAGNOSTIC:
            tasks.setdefault(name, []).append(float(np.mean(list(figures.values()))))
    if not tasks:
        raise ValueError("scores: expected at least one task that counts, got none")
    return 100 * float(np.mean([np.mean(parts) for parts in tasks.values()]))
