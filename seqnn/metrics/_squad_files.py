"""Files of questions about passages, as SQuAD has them."""

from __future__ import annotations

import os
from typing import Any, Literal, NamedTuple

from .._files import Path
from .._json_files import load_json

__all__ = ["Question", "read_squad"]


class Question(NamedTuple):
    """A question about a passage.

    Attributes:
        id: its name in the file.
        question: the question.
        context: the passage.
        answers: the right answers; none where the passage has no answer, or the file does not say it.
        starts: the letter of the passage at which each of them begins.
        title: of the article.

    >>> from seqnn.metrics import Question
    >>> Question("1", "Who won?", "Denver won.", ["Denver"], [0]).answers
    ['Denver']
    """

    id: str
    question: str
    context: str
    answers: list[str]
    starts: list[int]
    title: str = ""


def read_squad(path: Path, *, malformed: Literal["raise", "skip"] = "raise") -> list[Question]:
    """Read a JSON file of SQuAD (1.1 or 2.0; plain or packed), or of other data in its form.

    Args:
        path: such as dev-v2.0.json.
        malformed: what happens to an answer that does not stand where the file says: "raise" an error that names it
            (default), or "skip" its question.

    Returns:
        The questions in the order of the file. Those that are marked as impossible have no answers; their plausible answers
        are left out.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is no JSON, or lacks something; the message says where.

    Source: Rajpurkar, Jia, Liang, "Know what you don't know", ACL 2018.

    >>> import json, os, tempfile
    >>> from seqnn.metrics import read_squad
    >>> asked = {"id": "7", "question": "Who won?", "answers": [{"text": "Denver", "answer_start": 0}]}
    >>> path = os.path.join(tempfile.mkdtemp(), "dev.json")
    >>> with open(path, "w") as file:
    ...     json.dump({"data": [{"title": "", "paragraphs": [{"context": "Denver won.", "qas": [asked]}]}]}, file)
    >>> [(question.question, question.answers) for question in read_squad(path)]
    [('Who won?', ['Denver'])]
    """
    if malformed not in ("raise", "skip"):
        raise ValueError(f"malformed: expected 'raise' or 'skip', got {malformed!r}")
    tree = load_json(path, "JSON of SQuAD")
    found = []
    for article, where in _entries(tree, "data", os.fspath(path), ""):
        title = article.get("title", "") if isinstance(article, dict) else ""
        for paragraph, there in _entries(article, "paragraphs", os.fspath(path), where):
            context = _field(paragraph, "context", str, os.fspath(path), there)
            for asked, here in _entries(paragraph, "qas", os.fspath(path), there):
                question = _question(asked, context, os.fspath(path), here, malformed == "skip")
                if question is not None:
                    found.append(question._replace(title=str(title)))
    if not found:
        raise ValueError(f"{os.fspath(path)}: expected questions, got none")
    return found


def _question(asked: Any, context: str, path: str, where: str, skip: bool) -> Question | None:
    """Return a question; None where it is passed over."""
    text = _field(asked, "question", str, path, where)
    name = _field(asked, "id", str | int, path, where)
    impossible = asked.get("is_impossible", False)
    if impossible not in (True, False):
        raise ValueError(f"{path}: {where}: expected is_impossible (true or false), got {impossible!r:.60}")
    answers, starts = [], []
    if not impossible and "answers" in asked:
        for answer, there in _entries(asked, "answers", path, where):
            said = _field(answer, "text", str, path, there)
            start = _field(answer, "answer_start", int, path, there)
            if not said or start < 0 or context[start : start + len(said)] != said:
                if skip:
                    return None
                raise ValueError(
                    f"{path}: {there}: expected {said!r:.60} at letter {start} of the context, got "
                    f"{context[max(start, 0) : max(start, 0) + len(said)]!r:.60}; malformed='skip' passes over such questions"
                )
            answers.append(said)
            starts.append(start)
    return Question(str(name), text, context, answers, starts)


def _entries(holder: Any, key: str, path: str, where: str) -> list[tuple[Any, str]]:
    """Return the entries of a list, each with where it stands."""
    entries = _field(holder, key, list, path, where)
    start = f"{where}.{key}" if where else key
    return [(entry, f"{start}[{i}]") for i, entry in enumerate(entries)]


def _field(holder: Any, key: str, kind: Any, path: str, where: str) -> Any:
    value = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        name = getattr(kind, "__name__", str(kind))
        got = f"{value!r:.60}" if isinstance(holder, dict) else f"{type(holder).__name__} instead of an object"
        raise ValueError(f"{path}: {where or 'the file'}: expected {key} ({name}), got {got}")
    return value
