"""Sequences as estimators take them, checked: of numbers or of tokens, of unequal length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ._base import as_numbers

__all__ = ["Sequences", "as_sequences"]


class Sequences(NamedTuple):
    """Sequences of one kind."""

    rows: list[Any]
    """Arrays [T, width] of float64, or lists of tokens."""

    tokens: bool
    """Whether they are lists of tokens."""

    flat: bool
    """Whether numbers came without an axis for the width."""

    text: bool = False
    """Whether tokens came as strings, which were cut into tokens."""

    whole: bool = False
    """Whether numbers came as integers."""

    def cut(self, length: int | None) -> Sequences:
        """Return the first `length` steps of each sequence; all of them for None."""
        return self if length is None else self._replace(rows=[row[:length] for row in self.rows])


def as_sequences(sequences: Any, name: str, tokenizer: Callable[[str], list[str]], *, empty: bool = False) -> Sequences:
    """Check sequences of numbers [T] or [T, width], of tokens, or strings, which become tokens.

    Args:
        sequences: an iterable of sequences, such as a list, a column of a data frame, or an array [N, T, ...].
        name: what messages call them.
        tokenizer: from a string to its tokens.
        empty: whether a sequence of tokens may be empty.

    Raises:
        TypeError: what is given is no iterable of sequences, or sequences of different kinds.
        ValueError: there is no sequence, an empty one, one of another width, or a number that is not finite.
    """
    if isinstance(sequences, str | bytes | dict) or not isinstance(sequences, Iterable):
        raise TypeError(f"{name}: expected a list of sequences, got {type(sequences).__name__}")
    given = list(sequences.to_numpy() if hasattr(sequences, "columns") else sequences)
    if not given:
        raise ValueError(f"{name}: expected at least one sequence, got none")
    text = isinstance(given[0], str)
    rows = [_steps(row, f"{name}[{i}]", tokenizer, empty) for i, row in enumerate(given)]
    kinds = [_is_tokens(row) for row in rows]
    if True in kinds:
        for i, row in enumerate(rows):
            if wrong := [token for token in row if not isinstance(token, str)]:
                raise TypeError(f"{name}[{i}]: expected tokens (strings), got {wrong[0]!r}")
        return Sequences([list(row) for row in rows], True, False, text)
    if empty and None in kinds and False not in kinds:
        return Sequences([list(row) for row in rows], True, False, text)
    numbers = [_numbers(row, f"{name}[{i}]") for i, row in enumerate(rows)]
    width = numbers[0].shape[1:]
    for i, array in enumerate(numbers):
        if array.shape[1:] != width:
            raise ValueError(
                f"{name}[{i}]: expected {list(width)} numbers a step as in the first one, got {list(array.shape[1:])}"
            )
    whole = all(array.dtype.kind in "iu" for array in numbers)
    found = [array.reshape(len(array), -1).astype(np.float64, copy=False) for array in numbers]
    return Sequences(found, False, not width, False, whole)


def _steps(row: Any, name: str, tokenizer: Callable[[str], list[str]], empty: bool) -> Any:
    """Return one sequence, whose length is known; a string becomes its tokens."""
    if isinstance(row, str):
        tokens = tokenizer(row)
        if isinstance(tokens, str) or not isinstance(tokens, Iterable):
            raise TypeError(f"tokenizer: expected a list of tokens for {row!r:.40}, got {tokens!r:.40}")
        tokens = list(tokens)
        if not tokens and not empty:
            raise ValueError(f"{name}: expected a sequence of one step or more, got the string {row!r}, without tokens")
        return tokens
    if isinstance(row, Iterable) and not hasattr(row, "__len__"):
        row = list(row)
    if isinstance(row, dict | bytes) or not hasattr(row, "__len__") or getattr(row, "ndim", 1) == 0:
        raise ValueError(f"{name}: expected a sequence of one step or more, got {row!r:.60}")
    if len(row) == 0 and not empty:
        raise ValueError(f"{name}: expected a sequence of one step or more, got {row!r:.60}")
    return row


def _is_tokens(row: Any) -> bool | None:
    """Tell whether a sequence begins with a string; None where it is empty."""
    return None if len(row) == 0 else isinstance(next(iter(row)), str)


def _numbers(row: Any, name: str) -> np.ndarray:
    """Check one sequence of numbers."""
    try:
        array = as_numbers(row, name)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error) if str(error).startswith(name) else f"{name}: {error}") from None
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise TypeError(f"{name}: expected numbers [T] or [T, width], got {array.dtype} {list(array.shape)}")
    if not np.isfinite(array).all():
        step = int(np.argmin(np.isfinite(array.reshape(len(array), -1)).all(axis=1)))
        raise ValueError(f"{name}: expected finite numbers, step {step} has NaN or infinity")
    return array
