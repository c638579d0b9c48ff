"""JSON files of users' data, plain or packed."""

from __future__ import annotations

import json
import os
from typing import Any

from ._files import Path, open_text, unpacking

__all__ = ["load_json"]


def load_json(path: Path, what: str) -> Any:
    """Return what a JSON file holds; a ValueError names the file, the line, and what was expected.

    Args:
        path: the file.
        what: is expected, for messages.
    """
    try:
        with unpacking(path), open_text(path, encoding="utf-8-sig") as file:
            return json.load(file)
    except json.JSONDecodeError as error:
        raise ValueError(f"{os.fspath(path)}: line {error.lineno}: expected {what}: {error.msg}") from None
    except RecursionError:
        raise ValueError(f"{os.fspath(path)}: expected {what}, got too many brackets") from None
