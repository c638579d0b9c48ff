"""Sequences as estimators take them, checked: of numbers or of tokens, of unequal length."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Sequences", "as_sequences"]


class Sequences(NamedTuple):
    """Sequences of one kind, none of them empty."""

    rows: list[Any]
    """Arrays [T, width] of float64, or lists of tokens."""

    tokens: bool
    """Whether they are lists of tokens."""

    flat: bool
    """Whether numbers came without an axis for the width."""


def as_sequences(sequences: Any, name: str) -> Sequences:
    """Check sequences of numbers [T] or [T, width], or of strings.

    Args:
        sequences: a list of sequences, or an array [N, T, ...].
        name: what messages call them.

    Raises:
        TypeError: what is given is no list of sequences, or sequences of different kinds.
        ValueError: there is no sequence, an empty one, one of another width, or a number that is not finite.
    """
    if isinstance(sequences, str) or not hasattr(sequences, "__iter__"):
        raise TypeError(f"{name}: expected a list of sequences, got {type(sequences).__name__}")
    sequences = list(sequences)
    if not sequences:
        raise ValueError(f"{name}: expected at least one sequence, got none")
    for i, sequence in enumerate(sequences):
        if isinstance(sequence, str):
            raise TypeError(f"{name}[{i}]: expected a sequence of tokens or numbers, got one string: split it")
        if not hasattr(sequence, "__len__") or len(sequence) == 0:
            raise ValueError(f"{name}[{i}]: expected a sequence of one step or more, got {sequence!r}")
    if isinstance(sequences[0][0], str):
        for i, sequence in enumerate(sequences):
            if wrong := [token for token in sequence if not isinstance(token, str)]:
                raise TypeError(f"{name}[{i}]: expected tokens (strings), got {wrong[0]!r}")
        return Sequences([list(sequence) for sequence in sequences], True, False)
    rows = [_numbers(sequence, f"{name}[{i}]", sequences[0]) for i, sequence in enumerate(sequences)]
    return Sequences(rows, False, np.ndim(sequences[0]) == 1)


def _numbers(sequence: Any, name: str, first: Any) -> np.ndarray:
    """Check one sequence of numbers, which has the width of the first one."""
    array = np.asarray(sequence)
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2):
        raise TypeError(f"{name}: expected numbers [T] or [T, width], got {array.dtype} {list(array.shape)}")
    width = np.asarray(first).shape[1:]
    if array.shape[1:] != width:
        raise ValueError(
            f"{name}: expected {list(width)} numbers a step as in the first one, got {list(array.shape[1:])}"
        )
    if not np.isfinite(array).all():
        step = int(np.argmin(np.isfinite(array.reshape(len(array), -1)).all(axis=1)))
        raise ValueError(f"{name}: expected finite numbers, step {step} has NaN or infinity")
    return array.reshape(len(array), -1).astype(np.float64, copy=False)
