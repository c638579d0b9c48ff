"""What a tagger has learnt: attributes, labels, and the weights between them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from .. import _core
from .._strings import decode
from ..text import Scanner
from ._base import Learnt
from ._crf_items import Items


class CRFModel:
    """Weights of attributes for labels, and of labels that follow each other.

    Args:
        offsets: [A + 1] where the name of each attribute begins in `names`.
        names: UTF-8, each with a newline at its end.
        first: [A + 1] the weights of attribute a are weights[first[a] : first[a + 1]].
        labels: uint16 [K], the label that each weight is for.
        weights: float64 [K].
        transitions: float64 [L, L]: transitions[i, j] is the weight of label j after label i.
    """

    def __init__(
        self, offsets: np.ndarray, names: np.ndarray, first: np.ndarray, labels: np.ndarray, weights: np.ndarray,
        transitions: np.ndarray,
    ) -> None:  # fmt: skip
        self.offsets, self.names, self.first, self.labels = offsets, names, first, labels
        self.weights, self.transitions = weights, transitions
        self._scanner: Scanner | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_scanner": None}  # it is made again from the names

    def find(self, offsets: np.ndarray, names: np.ndarray) -> np.ndarray:
        """Return the ids of attributes, -1 for those that have no weight."""
        if self._scanner is None:
            scanner = Scanner()
            scanner.add(self.offsets, self.names)
            self._scanner = scanner
        return self._scanner.find(offsets, names)

    def attributes(self) -> list[str]:
        """Return the names of the attributes."""
        raw, bounds = self.names.tobytes(), self.offsets.tolist()
        return [decode(raw[a : b - 1]) for a, b in pairwise(bounds)]

    def owners(self) -> np.ndarray:
        """Return the attribute that each weight is of, [K]."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    def tag(self, x: Items) -> tuple[np.ndarray, np.ndarray]:
        """Return the best labels of all items, and the score of each sequence."""
        return _core.crf_tagger_tag(*self._arguments(x))

    def marginals(self, x: Items) -> tuple[np.ndarray, np.ndarray]:
        """Return the probabilities of the labels at all items, and log Z of each sequence."""
        return _core.crf_tagger_marginals(*self._arguments(x))

    def _arguments(self, x: Items) -> tuple:
        return x.sequences, x.items, x.ids, self.first, self.labels, self.weights, self.transitions, x.values

    def pruned(self) -> CRFModel:
        """Return the model without weights of 0, and without the attributes that have no other."""
        keep = self.weights != 0
        counts = np.bincount(self.owners()[keep], minlength=len(self.first) - 1)
        used = counts > 0
        sizes = np.diff(self.offsets)
        return CRFModel(
            np.concatenate([[0], np.cumsum(sizes[used])]),
            self.names[np.repeat(used, sizes)],
            np.concatenate([[0], np.cumsum(counts[used])]),
            self.labels[keep],
            self.weights[keep],
            self.transitions,
        )


DTYPES = {"offsets": "i8", "names": "u1", "first": "i8", "labels": "u2", "weights": "f8", "transitions": "f8"}
"""Of the arrays of a model."""


class Weights(Learnt[CRFModel]):
    """A model for the labels [axis]."""

    def __init__(self, axis: str) -> None:
        super().__init__()
        self.axis = axis

    def pack(self, value: CRFModel, key: str, arrays: dict[str, np.ndarray]) -> Any:
        arrays |= {f"{key}.{name}": getattr(value, name) for name in DTYPES}
        return None

    def unpack(
        self, record: Any, key: str, arrays: dict[str, np.ndarray], sizes: dict[str, int], owner: Any
    ) -> CRFModel:
        found = {name: arrays.pop(f"{key}.{name}") for name in DTYPES}
        for name, code in DTYPES.items():
            if found[name].dtype != np.dtype(code) or found[name].ndim != 1 + (name == "transitions"):
                raise ValueError(
                    f"{key}.{name}: expected {np.dtype(code)}, got {found[name].dtype} {found[name].shape}"
                )
        model = CRFModel(**found)
        _check(key, model)
        if sizes.setdefault(self.axis, len(model.transitions)) != len(model.transitions):
            raise ValueError(f"{key}.transitions: expected {sizes[self.axis]} labels, got {len(model.transitions)}")
        return model


def _check(key: str, model: CRFModel) -> None:
    """Raise a ValueError where the arrays of a file do not belong together."""
    for name, offsets, size in (
        ("offsets", model.offsets, len(model.names)),
        ("first", model.first, len(model.weights)),
    ):
        if (
            not len(offsets)
            or offsets[0] != 0
            or offsets[-1] != size
            or (np.diff(offsets) < (name == "offsets") * 2).any()
        ):
            raise ValueError(f"{key}.{name}: expected numbers that ascend from 0 to {size}")
    count = len(model.transitions)
    if model.transitions.shape != (count, count) or len(model.first) != len(model.offsets):
        raise ValueError(f"{key}: the arrays do not belong together")
    if len(model.labels) != len(model.weights) or (model.labels >= count).any():
        raise ValueError(f"{key}.labels: expected {len(model.weights)} integers below {count}")
    if (model.names[model.offsets[1:] - 1] != ord("\n")).any() or not model.names.all():
        raise ValueError(f"{key}.names: expected names with a newline at the end of each, and no NUL byte")
    if not (np.isfinite(model.weights).all() and np.isfinite(model.transitions).all()):
        raise ValueError(f"{key}: expected finite weights")
