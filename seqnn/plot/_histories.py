"""The history of a training in any form: a trainer or an estimator, its `history_`, or what `train.fit` returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["epochs_of", "history_columns", "is_history", "numbers"]


def is_history(given: Any) -> bool:
    """Tell the figures of one training, by name, from several trainings by label."""
    return isinstance(given, Mapping) and bool(given) and all(_is_figure(values) for values in given.values())


def _is_figure(values: Any) -> bool:
    """Tell whether these are numbers, one an epoch."""
    listed = isinstance(values, Sequence | np.ndarray) and not isinstance(values, str)
    return listed and all(v is None or np.isscalar(v) for v in values)


def history_columns(history: Any, argument: str, expected: str) -> dict[str, Sequence[Any]]:
    """Return a list for each figure.

    Args:
        history: in any form.
        argument: what messages call it.
        expected: what messages say is expected.

    Raises:
        TypeError: it is something else.
        ValueError: it is empty.
    """
    rows = getattr(history, "history_", history)
    if is_history(rows):
        columns = dict(rows)
    elif isinstance(rows, Sequence) and not isinstance(rows, str) and all(isinstance(e, Mapping) for e in rows):
        columns = {name: [row.get(name) for row in rows] for name in dict.fromkeys(n for row in rows for n in row)}
    elif isinstance(rows, Mapping) and not rows:
        columns = {}
    else:
        raise TypeError(f"{argument}: expected {expected}, got {type(history).__name__}")
    if not columns or not max(map(len, columns.values())):
        raise ValueError(f"{argument}: the history is empty: train the model first")
    return columns


def numbers(values: Sequence[Any]) -> np.ndarray:
    """Return figures as numbers; NaN where an epoch lacks one."""
    return np.array([np.nan if v is None else v for v in values], np.float64)


def epochs_of(columns: Mapping[str, Sequence[Any]]) -> np.ndarray:
    """Return the number of each epoch, from 1."""
    if "epoch" in columns:
        return numbers(columns["epoch"])
    return np.arange(1, 1 + max(map(len, columns.values())))
