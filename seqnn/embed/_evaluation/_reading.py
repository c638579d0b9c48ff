"""What the readers of test sets share: lines, the files of a folder, columns."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path as Folder
from typing import Any, TypeVar

from ..._files import Path, name_of, open_text, unpacking

TAG = re.compile(r"-[a-z]$")
"""The part of speech that MEN's lemmas and BLESS's concepts end in."""


Item = TypeVar("Item", bound=tuple)


def items_of(name: str, kind: type[Item], given: Iterable[Any]) -> list[Item]:
    """Return items of a test set that are given as such or as tuples; a ValueError names the first that is neither."""
    found: list[Item] = []
    for item in given:
        try:
            found.append(kind(*item))
        except TypeError:
            fields = ", ".join(kind._fields)  # type: ignore[attr-defined]
            raise ValueError(f"{name}: expected {kind.__name__}({fields}), got {item!r:.80}") from None
    return found


def words_of(name: str, words: Any) -> tuple[str, ...]:
    """Return words as a tuple; a TypeError for a string, whose characters would be taken for words."""
    if isinstance(words, str):
        raise TypeError(f"{name}: expected a list of words, got a string: {words!r:.60}")
    return tuple(words)


def lines(path: Path, encoding: str, *, blank: bool = False) -> list[tuple[int, str]]:
    """Return the numbers and the texts of lines, without blanks at their ends; blank lines only where asked for."""
    with unpacking(path), open_text(path, encoding=encoding) as file:
        stripped = [(number, line.strip()) for number, line in enumerate(file, 1)]
    return stripped if blank else [(number, line) for number, line in stripped if line]


def files_of(path: Path) -> list[Path]:
    """Return a file alone, or the .txt files in a folder, by name."""
    if not os.path.isdir(path):
        return [path]
    found: list[Path] = sorted(Folder(os.fsdecode(path)).rglob("*.txt"), key=lambda file: file.name)
    if not found:
        raise ValueError(f"{name_of(path)}: a folder without .txt files")
    return found


def splitter(line: str) -> Callable[[str], list[str]]:
    """Return what splits lines such as this one."""
    mark = next((mark for mark in "\t;," if mark in line), None)
    return lambda text: [field.strip() for field in text.split(mark)]


def is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field)) and "_" not in field
    except ValueError:
        return False
