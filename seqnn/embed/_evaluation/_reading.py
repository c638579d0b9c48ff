"""What the readers of test sets share: lines, the files of a folder, columns."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path as Folder

from ..._files import Path, name_of, open_text, unpacking

TAG = re.compile(r"-[a-z]$")
"""The part of speech that MEN's lemmas and BLESS's concepts end in."""


def lines(path: Path, encoding: str, *, blank: bool = False) -> list[tuple[int, str]]:
    """Return the numbers and the texts of lines, without blanks at their ends; blank lines only where asked for."""
    with unpacking(path), open_text(path, encoding=encoding) as file:
        try:
            stripped = [(number, line.strip()) for number, line in enumerate(file, 1)]
        except UnicodeDecodeError as error:
            raise ValueError(f"{name_of(path)} is not valid {encoding}: {error.reason}") from None
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
