"""Readers of GLUE's tab-separated and SuperGLUE's JSON files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from .._files import Path, open_text, unpacking
from ._glue import GLUE, SUPERGLUE, task_name


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


_ENTAILMENT = {"entailment": 0, "not_entailment": 1}
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
    "qnli": _Columns({"question": "question", "sentence": "sentence"}, "label", _ENTAILMENT),
    "rte": _Columns(_PAIR, "label", _ENTAILMENT),
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
    columns, lines = _TSV[name], _lines(path)
    number, first = next(lines, (0, ""))
    header = first.split("\t")
    if name == "cola" and "sentence" not in header:
        header, lines = _COLA_HEADER, _lines(path)
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


def _label(text: str, meaning: dict[str, int] | None, path: Path, number: int) -> int | float:
    try:
        return float(text) if meaning is None else meaning[text.strip()]
    except (KeyError, ValueError):
        expected = "a number" if meaning is None else f"one of {', '.join(meaning)}"
        raise ValueError(f"{os.fspath(path)}: line {number}: expected {expected} as label, got {text!r}") from None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield numbered lines that are not empty, split at line feeds only: texts hold other line separators."""
    with unpacking(path), open_text(path, encoding="utf-8-sig") as file:
        file.reconfigure(newline="\n")  # type: ignore[attr-defined]
        for number, line in enumerate(file, 1):
            if line := line.rstrip("\r\n"):
                yield number, line


def _plain(*names: str) -> Callable[[dict], list[tuple[dict[str, str], Any, Any]]]:
    """Return a maker of one example of a record: its texts, label, group."""
    return lambda record: [({name: str(record[name]) for name in names}, record.get("label"), None)]


def _wsc(record: dict) -> list[tuple[dict[str, str], Any, Any]]:
    target = record["target"]
    return [
        (
            {"text": record["text"], "span1": target["span1_text"], "span2": target["span2_text"]},
            record.get("label"),
            None,
        )
    ]


def _multirc(record: dict) -> list[tuple[dict[str, str], Any, Any]]:
    passage = record["passage"]
    return [
        (
            {"passage": passage["text"], "question": question["question"], "answer": answer["text"]},
            answer.get("label"),
            (record["idx"], question["idx"]),
        )
        for question in passage["questions"]
        for answer in question["answers"]
    ]


def _record(record: dict) -> list[tuple[dict[str, str], Any, Any]]:
    text = record["passage"]["text"]
    return [
        (
            {"passage": text, "query": query["query"]},
            [answer["text"] for answer in query["answers"]] if "answers" in query else None,
            (record["idx"], query["idx"]),
        )
        for query in record["qas"]
    ]


_JSONL = {
    "boolq": _plain("question", "passage"),
    "cb": _plain("premise", "hypothesis"),
    "copa": _plain("premise", "choice1", "choice2", "question"),
    "multirc": _multirc,
    "record": _record,
    "rte": _plain("premise", "hypothesis"),
    "wic": _plain("word", "sentence1", "sentence2"),
    "wsc": _wsc,
    "axb": _plain("sentence1", "sentence2"),
    "axg": _plain("premise", "hypothesis"),
}
_CB = {"entailment": 0, "contradiction": 1, "neutral": 2}


def read_superglue(task: str, path: Path) -> Examples:
    """Read a file of a SuperGLUE task, one JSON object a line (train.jsonl, val.jsonl, test.jsonl; plain or packed).

    Args:
        task: one of SuperGLUE's tasks, as in `superglue_score`.
        path: the file.

    Returns:
        Texts under the file's names; MultiRC: passage, question and answer for each answer; ReCoRD: passage and query for
        each query; WSC: text and its two spans. Labels: 0 and 1; CB: entailment 0, contradiction 1, neutral 2; RTE, AX-b
        and AX-g: entailment 0, not_entailment 1; ReCoRD: the right answers. Groups: the question of each example of MultiRC
        and ReCoRD.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unknown task, a line that is no JSON object of the task (with its number), an unknown label.

    >>> import os, tempfile
    >>> from seqnn.metrics import read_superglue
    >>> path = os.path.join(tempfile.mkdtemp(), "val.jsonl")
    >>> with open(path, "w") as file:
    ...     _ = file.write('{"question": "is it wet", "passage": "It rains.", "idx": 0, "label": true}\\n')
    >>> read_superglue("BoolQ", path).labels
    [1]
    """
    name = task_name(task, SUPERGLUE, "SuperGLUE")
    meaning = _CB if name == "cb" else _ENTAILMENT if name in ("rte", "axb", "axg") else None
    texts: dict[str, list[str]] = {}
    labels: list[Any] = []
    groups: list[Any] = []
    for number, line in _lines(path):
        try:
            examples = _JSONL[name](json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{os.fspath(path)}: line {number} is no example of {task}: {type(error).__name__}: {error}"
            ) from None
        for columns, label, group in examples:
            for column, text in columns.items():
                texts.setdefault(column, []).append(text)
            groups.append(group)
            if label is not None:
                labels.append(label if name == "record" else _json_label(label, meaning, path, number))
    if not groups:
        raise ValueError(f"{os.fspath(path)}: expected examples of {task}, got none")
    if labels and len(labels) != len(groups):
        raise ValueError(
            f"{os.fspath(path)}: expected a label for each of {len(groups)} examples, or for none, got {len(labels)}"
        )
    return Examples(texts, labels or None, groups if groups[0] is not None else None)


def _json_label(label: Any, meaning: dict[str, int] | None, path: Path, number: int) -> int:
    if meaning is None and label in (0, 1):
        return int(label)
    if meaning is not None and label in meaning:
        return meaning[label]
    expected = "true or false, 1 or 0" if meaning is None else f"one of {', '.join(meaning)}"
    raise ValueError(f"{os.fspath(path)}: line {number}: expected {expected} as label, got {label!r}")
