"""Files of released versions: one of each kind that seqnn writes (`stored_kinds`), and what the objects in them answer.

    python tests/stored_files.py

writes those of this version that are missing in tests/stored/<version>, and answers.json, the answers, beside them. Files of
older versions stay as they are for good.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from stored_kinds import KINDS

import seqnn

FOLDER = Path(__file__).resolve().parent / "stored"
ANSWERS = "answers.json"


def plain(answer: Any) -> Any:
    """Return an answer as JSON holds it."""
    if isinstance(answer, np.ndarray | np.generic):
        answer = answer.tolist()
    if isinstance(answer, list | tuple):
        return [plain(one) for one in answer]
    return float(f"{answer:.5g}") if isinstance(answer, float) else answer


def read_answers(folder: Path) -> dict[str, Any]:
    """Return the answers of the stored files by their names; none where there is no such folder."""
    path = folder / ANSWERS
    return json.loads(path.read_text()) if path.exists() else {}


def write(folder: Path) -> list[str]:
    """Write a file of each kind that the folder does not hold, with its answers; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    answers = read_answers(folder)
    missing = [kind for kind in KINDS if kind.name not in answers]
    for kind in missing:
        kind.write(folder / kind.name)
        answers[kind.name] = plain(kind.ask(folder / kind.name))
    lines = [f"{json.dumps(name)}: {json.dumps(answer, separators=(',', ':'))}" for name, answer in answers.items()]
    (folder / ANSWERS).write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return [kind.name for kind in missing]


if __name__ == "__main__":
    print(*write(FOLDER / seqnn.__version__), sep="\n")
