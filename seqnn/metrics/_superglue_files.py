"""Files of SuperGLUE's tasks."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from .._files import Path
from ._glue import SUPERGLUE, task_name
from ._glue_files import ENTAILMENT, Examples, lines_of

__all__ = ["read_superglue"]


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
    meaning = _CB if name == "cb" else ENTAILMENT if name in ("rte", "axb", "axg") else None
    texts: dict[str, list[str]] = {}
    labels: list[Any] = []
    groups: list[Any] = []
    for number, line in lines_of(path):
        try:
            examples = _JSONL[name](json.loads(line))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
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
    if meaning is not None and isinstance(label, str) and label in meaning:
        return meaning[label]
    expected = "true or false, 1 or 0" if meaning is None else f"one of {', '.join(meaning)}"
    raise ValueError(f"{os.fspath(path)}: line {number}: expected {expected} as label, got {label!r}")
