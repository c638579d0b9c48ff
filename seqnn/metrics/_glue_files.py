"""Files of GLUE's tasks: examples, and the answers that its leaderboard takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from .._atomic import atomic_write
from .._files import BOM, Path, open_binary, unpacking
from ._glue import GLUE, task_name

__all__ = ["ENTAILMENT", "Examples", "glue_classes", "lines_of", "read_glue", "write_glue"]


class Examples(NamedTuple):
    """Examples of a task.

    Attributes:
        texts: columns of strings by name, such as "sentence1" and "sentence2".
        labels: a label for each example; None where the file has none (test sets).
        groups: MultiRC and ReCoRD: the question of each example, for `superglue_score`; else None.

    >>> from seqnn.metrics import Examples
    >>> examples = Examples({"sentence": ["it rains", "it rained"]}, [0, 1])
    >>> len(examples), examples.labels
    (2, [0, 1])
    """

    texts: dict[str, list[str]]
    labels: list[Any] | None
    groups: list[Any] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.texts.values())))


ENTAILMENT = {"entailment": 0, "not_entailment": 1}
_THREE_WAYS = {"entailment": 0, "neutral": 1, "contradiction": 2}
_CLASSES = {"0": 0, "1": 1}


class _Columns(NamedTuple):
    """Names of a file's columns for each text and for the label, and what its labels mean."""

    texts: dict[str, str]
    label: str
    meaning: dict[str, int] | None  # None: numbers


_PAIR = {"sentence1": "sentence1", "sentence2": "sentence2"}
_MNLI = _Columns(_PAIR, "gold_label", _THREE_WAYS)
_TSV = {
    "cola": _Columns({"sentence": "sentence"}, "label", _CLASSES),
    "sst2": _Columns({"sentence": "sentence"}, "label", _CLASSES),
    "mrpc": _Columns({"sentence1": "#1 String", "sentence2": "#2 String"}, "Quality", _CLASSES),
    "stsb": _Columns(_PAIR, "score", None),
    "qqp": _Columns({"question1": "question1", "question2": "question2"}, "is_duplicate", _CLASSES),
    "mnli": _MNLI,
    "mnlimm": _MNLI,
    "qnli": _Columns({"question": "question", "sentence": "sentence"}, "label", ENTAILMENT),
    "rte": _Columns(_PAIR, "label", ENTAILMENT),
    "wnli": _Columns(_PAIR, "label", _CLASSES),
    "ax": _Columns(_PAIR, "gold_label", _THREE_WAYS),
}
_COLA_HEADER = ["source", "label", "original", "sentence"]
"""CoLA's files for training have no header."""


def read_glue(task: str, path: Path, *, malformed: Literal["raise", "skip"] = "raise") -> Examples:
    """Read a tab-separated file of a GLUE task (train.tsv, dev.tsv, test.tsv; plain or packed).

    Args:
        task: one of GLUE's tasks, as in `glue_score`.
        path: the file.
        malformed: what happens to a line without its columns, such as some of QQP's: "raise" an error that names it
            (default), or "skip" it.

    Returns:
        Texts under Hugging Face's column names, and labels: 0 and 1; of MNLI entailment 0, neutral 1, contradiction 2; of
        QNLI and RTE entailment 0, not_entailment 1; of STS-B numbers from 0 to 5.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unknown task, a file of another task, a malformed line (with its number), an unknown label.

    >>> import os, tempfile
    >>> from seqnn.metrics import read_glue
    >>> path = os.path.join(tempfile.mkdtemp(), "dev.tsv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("index\\tsentence1\\tsentence2\\tlabel\\n0\\tIt rains.\\tIt is wet.\\tentailment\\n")
    >>> examples = read_glue("RTE", path)
    >>> examples.texts["sentence2"], examples.labels
    (['It is wet.'], [0])
    """
    name = task_name(task, GLUE, "GLUE")
    if malformed not in ("raise", "skip"):
        raise ValueError(f"malformed: expected 'raise' or 'skip', got {malformed!r}")
    columns, lines = _TSV[name], lines_of(path)
    number, first = next(lines, (0, ""))
    header = first.split("\t")
    if name == "cola" and "sentence" not in header:
        header, lines = _COLA_HEADER, lines_of(path)
    missing = [column for column in columns.texts.values() if column not in header]
    if missing:
        raise ValueError(
            f"{os.fspath(path)}: expected the columns of {task}, got none named {', '.join(missing)} in line 1: {first:.80}"
        )
    places = {text: header.index(column) for text, column in columns.texts.items()}
    label_place = header.index(columns.label) if columns.label in header else None
    texts: dict[str, list[str]] = {text: [] for text in places}
    labels: list[Any] = []
    for number, line in lines:
        fields = line.split("\t")
        if len(fields) < len(header):
            if malformed == "skip":
                continue
            raise ValueError(
                f"{os.fspath(path)}: line {number} has {len(fields)} columns, {len(header)} are expected; "
                "malformed='skip' passes over such lines"
            )
        for text, place in places.items():
            texts[text].append(fields[place])
        if label_place is not None:
            labels.append(_label(fields[label_place], columns.meaning, path, number))
    return Examples(texts, None if label_place is None else labels)


_SUBMITTED = {
    "cola": "CoLA", "sst2": "SST-2", "mrpc": "MRPC", "stsb": "STS-B", "qqp": "QQP", "mnli": "MNLI-m", "mnlimm": "MNLI-mm",
    "qnli": "QNLI", "rte": "RTE", "wnli": "WNLI", "ax": "AX",
}  # fmt: skip
"""What the leaderboard calls each test set."""


def glue_classes(task: str) -> list[str]:
    """Return what the files of a task call its classes, by their numbers; none for STS-B, whose labels are numbers.

    Args:
        task: one of GLUE's tasks, as in `glue_score`.

    >>> from seqnn.metrics import glue_classes
    >>> glue_classes("RTE")
    ['entailment', 'not_entailment']
    """
    return [*(_TSV[task_name(task, GLUE, "GLUE")].meaning or ())]


def write_glue(task: str, folder: Path, predictions: Any) -> str:
    """Write the answers to a test set as GLUE's leaderboard takes them, such as RTE.tsv with "index" and "prediction".

    Args:
        task: one of GLUE's tasks, as in `glue_score`; MNLI's are MNLI-m, MNLI-mm and AX.
        folder: it is made where it does not exist.
        predictions: a class for each example of test.tsv in its order, as `read_glue` numbers them; STS-B: a number, which is
            brought to 0 to 5.

    Returns:
        The path of the file.

    Raises:
        ValueError: an unknown task, a class that it does not have, no predictions.

    >>> import tempfile
    >>> from seqnn.metrics import write_glue
    >>> with open(write_glue("RTE", tempfile.mkdtemp(), [0, 1])) as file:
    ...     print(file.read().split())
    ['index', 'prediction', '0', 'entailment', '1', 'not_entailment']
    """
    name = task_name(task, GLUE, "GLUE")
    classes = glue_classes(name)
    given = np.asarray(predictions)
    if given.ndim != 1 or not len(given) or given.dtype.kind not in ("iu" if classes else "iuf"):
        expected = "the number of a class" if classes else "a number"
        raise ValueError(f"predictions: expected {expected} for each example, got {given.dtype} of shape {given.shape}")
    if classes and not 0 <= given.min() <= given.max() < len(classes):
        raise ValueError(f"predictions: expected numbers below {len(classes)}, got {given.min()} to {given.max()}")
    if not classes and not np.isfinite(given).all():
        raise ValueError("predictions: expected finite numbers, got NaN or infinity")
    answers = [classes[i] for i in given] if classes else [f"{value:.3f}" for value in given.clip(0, 5)]
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{_SUBMITTED[name]}.tsv")
    with atomic_write(path) as file:
        file.write("".join(["index\tprediction\n", *(f"{i}\t{a}\n" for i, a in enumerate(answers))]).encode())
    return path


def _label(text: str, meaning: dict[str, int] | None, path: Path, number: int) -> int | float:
    try:
        return float(text) if meaning is None else meaning[text.strip()]
    except (KeyError, ValueError):
        expected = "a number" if meaning is None else f"one of {', '.join(meaning)}"
        raise ValueError(f"{os.fspath(path)}: line {number}: expected {expected} as label, got {text!r}") from None


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield numbered lines that are not empty, split at line feeds only: texts hold other line separators."""
    with unpacking(path), open_binary(path) as file:
        for number, raw in enumerate(file, 1):
            try:
                line = (raw.removeprefix(BOM) if number == 1 else raw).decode()
            except UnicodeDecodeError as error:
                raise ValueError(f"{os.fspath(path)}: line {number}: is not valid utf-8: {error.reason}") from None
            if line := line.rstrip("\r\n"):
                yield number, line
