"""Lines of files that belong together line by line."""

from __future__ import annotations

import sys

from .._files import open_binary, unpacking


def read_lines(path: str) -> list[str]:
    """Return the lines of a file, split at line feeds only; "-" is the standard input."""
    if path == "-" and sys.stdin is None:
        raise ValueError("- : the standard input is closed")
    if path == "-":
        raw = sys.stdin.buffer.read()
    else:
        with unpacking(path), open_binary(path) as file:
            raw = file.read()
    try:
        data = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: expected text in UTF-8, got {error.object[error.start]:#04x}: {error.reason}"
        ) from None
    lines = data.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def read_parallel(first: str, second: str) -> tuple[list[str], list[str]]:
    """Return the lines of two files, of which each has a line for each of the other; a ValueError says where one has not."""
    if first == second == "-":
        raise ValueError("- : the standard input can be read only once")
    sides = read_lines(first), read_lines(second)
    for path, lines in zip((first, second), sides, strict=True):
        if not lines:
            raise ValueError(f"{path}: it has no lines")
    empty = [
        (i, bool(a.strip())) for i, (a, b) in enumerate(zip(*sides, strict=False)) if not (a.strip() and b.strip())
    ]
    counts = [len(lines) for lines in sides]
    if counts[0] != counts[1]:
        longer = (first, second)[counts[1] > counts[0]]
        hint = f"; before it, line {empty[0][0] + 1} is empty in {(first, second)[empty[0][1]]}" if empty else ""
        raise ValueError(
            f"{second}: it has {counts[1]} lines, {first} has {counts[0]}: they belong together line by line; line "
            f"{min(counts) + 1} of {longer} is the first one without a partner{hint}"
        )
    if empty:
        raise ValueError(f"{(first, second)[empty[0][1]]}: line {empty[0][0] + 1} is empty; each line needs a sentence")
    return sides
