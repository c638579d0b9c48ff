"""Sequences of items with features, as users give them, as arrays of attributes and of labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from ._base import label_array

_READ = 32
"""Sequences that are read in one step."""

Number = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Items(NamedTuple):
    """The attributes of the items of sequences: those of item t are ids[items[t] : items[t + 1]], one with each value."""

    ids: np.ndarray
    """int32, -1 for what is not known."""
    values: np.ndarray | None
    """float64; None where all are 1."""
    items: np.ndarray
    """[items + 1]"""
    sequences: np.ndarray
    """[sequences + 1]: sequence s has the items sequences[s] to sequences[s + 1]."""

    @property
    def lengths(self) -> list[int]:
        return np.diff(self.sequences).tolist()


def read_items(X: Any, number: Number, *, zeros: bool = False) -> Items:  # noqa: N803 - scikit-learn's name
    """Read sequences of items.

    Args:
        X: sequences; an item is a dict of features, or a list of their names.
        number: from packed names, as `text.Scanner` takes them, to their ids.
        zeros: whether features with the value 0 are kept.

    Returns:
        The items.

    Raises:
        TypeError, ValueError: what X holds is no sequence of items; the message says where.
    """
    if isinstance(X, str | bytes | dict) or not hasattr(X, "__iter__"):
        raise TypeError(f"X: expected sequences, each a list of items with features, got {type(X).__name__}")
    given = X if isinstance(X, list) else list(X)
    ids, values = [np.zeros(0, np.int32)], [np.zeros(0)]
    items, sequences = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
    weighted = False
    for first in range(0, len(given), _READ):
        names, ends, numbers, *counts = _core.read_items(given[first : first + _READ], first, zeros)
        offsets = np.concatenate([[0], np.frombuffer(ends, np.int64)])
        found = number(offsets, np.frombuffer(names, np.uint8))
        before = items[-1][-1], sequences[-1][-1]
        ids.append(found)
        values.append(np.ones(len(found)) if numbers is None else np.frombuffer(numbers))
        weighted |= numbers is not None
        for to, own, start in zip((items, sequences), counts, before, strict=True):
            if own:
                to.append(np.frombuffer(own, np.int64) + start)
    joined = np.concatenate(ids)
    return Items(joined, np.concatenate(values) if weighted else None, np.concatenate(items), np.concatenate(sequences))


def without_zeros(x: Items) -> Items:
    """Return the items without the attributes whose values are 0."""
    if x.values is None or x.values.all():
        return x
    keep = x.values != 0
    values = x.values[keep]
    before = np.concatenate([[0], np.cumsum(keep)])
    return Items(x.ids[keep], None if (values == 1).all() else values, before[x.items], x.sequences)


def read_labels(y: Any, lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Read the labels of each item.

    Args:
        y: for each sequence a list of labels, texts or numbers.
        lengths: how many items the sequences have.

    Returns:
        (classes, tags): the labels in the order of their first occurrence, and the place there of that of each item, int32.

    Raises:
        ValueError: y does not fit X.
    """
    rows = rows_of_labels(y, lengths)
    places: dict[Any, int] = {}
    try:
        tags = [places.setdefault(label, len(places)) for row in rows for label in row]
    except TypeError:  # a label has no hash
        kinds = [label for row in rows for label in row]
    else:
        kinds = [*places]
    if wrong := [label for label in kinds if not isinstance(label, str | int | np.integer)]:
        raise ValueError(f"y: expected texts or integers as labels, got {wrong[0]!r:.60}")
    if len({isinstance(label, str) for label in places}) > 1:
        raise ValueError("y: expected labels of one kind, got texts for some items and numbers for others")
    return label_array([*places], len(places)), np.array(tags, np.int32)


def rows_of_labels(y: Any, lengths: list[int]) -> list[Any]:
    """Return the labels of each sequence, checked against the number of its items."""
    if isinstance(y, str | dict) or not hasattr(y, "__len__") or len(y) != len(lengths):
        raise ValueError(f"y: expected the labels of each of {len(lengths)} sequences, got {_described(y)}")
    rows = list(y)
    for i, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        if isinstance(row, str | dict) or not hasattr(row, "__len__") or len(row) != length:
            raise ValueError(f"y[{i}]: expected {length} labels, one an item of X[{i}], got {_described(row)}")
    return [row.tolist() if isinstance(row, np.ndarray) else row for row in rows]


def _described(y: Any) -> str:
    return type(y).__name__ + (f" of {len(y)}" if hasattr(y, "__len__") else "")
