"""How much each class counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..._arguments import number
from ..._settings import Setting

__all__ = ["ClassWeight", "class_weights"]


class ClassWeight(Setting[Any]):
    """None, "balanced", or {label: weight}."""

    def __init__(self) -> None:
        super().__init__(None)

    def _check(self, name: str, value: Any) -> Any:
        if isinstance(value, str) and value == "balanced":
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"{name}: expected None, 'balanced' or a dict, got {value!r}")
        return {label: number(f"{name}[{label!r}]", weight, minimum=0) for label, weight in value.items()}

    def pack(self, value: Any) -> Any:
        """Return what JSON keeps: the pairs of a dict, whose labels may be numbers."""
        return [[_plain(k), v] for k, v in value.items()] if isinstance(value, Mapping) else value

    def unpack(self, name: str, record: Any) -> Any:
        """Return the value that `pack` kept."""
        return dict(record) if isinstance(record, list) else record


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label


def class_weights(
    weight: Any, classes: np.ndarray, ids: np.ndarray, sample_weight: np.ndarray | None = None
) -> np.ndarray | None:
    """Return the weight of each class [C], float64; None where all count the same.

    Args:
        weight: None; "balanced", N / (C * count of the class), 1 without an example; or {label: weight}, 1 for the
            others.
        classes: the labels [C].
        ids: the class number of each example [N].
        sample_weight: how much each example counts, [N], for "balanced"; default: all the same.

    Raises:
        ValueError: a label is not among the classes.
    """
    if weight is None:
        return None
    if isinstance(weight, str):
        counts = np.bincount(ids, sample_weight, minlength=len(classes))
        return np.divide(counts.sum(), len(classes) * counts, out=np.ones(len(classes)), where=counts > 0)
    labels = classes.tolist()
    if unknown := [label for label in weight if label not in labels]:
        raise ValueError(f"class_weight: {sorted(unknown)} are not among the classes {labels}")
    return np.array([weight.get(label, 1.0) for label in labels])
