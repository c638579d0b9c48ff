"""Encoded inputs and targets, one of each for an example, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np

from ... import random, train
from ...autograd import no_grad

__all__ = [
    "Coder",
    "Examples",
    "by_length",
    "evened",
    "in_parts",
    "of_rows",
    "require_pairs",
    "split_equal_rows",
    "split_rows",
]


class Coder(Protocol):
    """One side of the examples: how encoded inputs, or encoded targets, become arrays."""

    def collate(self, rows: list[Any]) -> tuple:
        """Return the arrays of a batch, which the network (or, of the last one, the loss) takes one by one."""


class Examples:
    """Pairs of an encoded input and an encoded target.

    Args:
        inputs, targets: sequences of the same length.
        coders: of the inputs and of the targets; without them both are arrays, of which batches take rows.
    """

    def __init__(self, inputs: Sequence[Any], targets: Sequence[Any], *coders: Coder) -> None:
        require_pairs(inputs, targets)
        self.inputs, self.targets, self.coders = inputs, targets, coders

    def split(self, settings: SimpleNamespace, parts: tuple[np.ndarray, np.ndarray] | None = None) -> tuple[Any, Any]:
        """Return batches to learn from, and those held out (None where there are none).

        Args:
            settings: of the fit.
            parts: which examples to learn from, and which to hold out; default: those of `split_rows`.
        """
        learnt, held = split_rows(len(self.inputs), settings) if parts is None else parts
        return self._batches(learnt, settings, True), self._batches(held, settings, False) if len(held) else None

    def _batches(self, rows: np.ndarray, settings: SimpleNamespace, shuffle: bool) -> train.Batches:
        inputs, targets = _take(self.inputs, rows), _take(self.targets, rows)
        return train.Batches(
            inputs, targets, batch_size=settings.batch_size, seed=settings.seed, shuffle=shuffle,
            lengths=[len(x) for x in inputs] if shuffle and self.coders else None,
            collate=self._collate if self.coders else None,
        )  # fmt: skip

    def _collate(self, examples: list[tuple[Any, Any]]) -> tuple:
        return tuple(
            array
            for coder, rows in zip(self.coders, zip(*examples, strict=True), strict=True)
            for array in coder.collate([*rows])
        )


def require_pairs(inputs: Sequence[Any], targets: Sequence[Any]) -> None:
    """Raise a ValueError where there is not one target for each input."""
    if len(inputs) != len(targets):
        raise ValueError(f"y: expected a target for each of {len(inputs)} examples of X, got {len(targets)}")


def split_rows(count: int, settings: SimpleNamespace) -> tuple[np.ndarray, np.ndarray]:
    """Return which of `count` examples to learn from, and which to hold out, both in a random order."""
    order, fraction = np.random.default_rng(settings.seed).permutation(count), settings.validation_fraction
    held = min(max(1, round(count * fraction)), count - 1) if fraction else 0
    return order[held:], order[:held]


def split_equal_rows(
    x: np.ndarray, settings: SimpleNamespace, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows of x [N, F] to learn from, and which to hold out, so that equal rows are on one side.

    No copy of a held-out row is learnt from, and a row of weight 2 is as good as two rows. Which rows are held out depends
    on what they hold, not on their order.

    Args:
        x: the rows.
        settings: of the fit.
        weights: how much each row counts, [N]; default: all the same.
    """
    _, groups = np.unique(_keys(x, settings.seed), return_inverse=True)
    sizes = np.bincount(groups, weights)
    before = np.cumsum(sizes)
    held = int(np.searchsorted(before, settings.validation_fraction * before[-1] * (1 + 1e-9), side="right"))
    held = min(max(1, held), len(sizes) - 1) if settings.validation_fraction else 0
    order = np.random.default_rng(settings.seed).permutation(len(x))
    inside = groups[order] < held
    return order[~inside], order[inside]


def _keys(x: np.ndarray, seed: int) -> np.ndarray:
    """Return a number [N] for each row, uint64, as if drawn at random; equal rows have equal ones."""
    bits = np.ascontiguousarray(x + 0.0).view(np.uint64 if x.itemsize == 8 else np.uint32)  # + 0.0: -0 is 0
    factors = random.bits(-(-x.shape[1] // 2), seed=seed).view(np.uint64)[: x.shape[1]] | np.uint64(1)
    keys = np.zeros(len(x), np.uint64)
    for column, factor in zip(bits.T, factors, strict=True):
        keys = (keys ^ column) * factor
        keys ^= keys >> np.uint64(32)
    return keys


def of_rows(function: Callable[..., Any], *columns: np.ndarray) -> Callable[[Any, Any], Any]:
    """Return function(output, *columns[rows]) as a loss or metric of (output, rows), where a target is a row's number."""
    return lambda output, rows: function(output, *(column[rows] for column in columns))


def evened(weights: Sequence[Any], parts: tuple[np.ndarray, np.ndarray]) -> Sequence[Any]:
    """Return weights whose mean is 1 among the examples to learn from, and among those held out.

    Args:
        weights: a number for each example, [N], or an array for each, such as of its steps.
        parts: the numbers of the examples.
    """
    if isinstance(weights, np.ndarray):
        even = weights.copy()
        for part in parts:
            even[part] /= weights[part].mean() if len(part) and weights[part].any() else 1
        return even
    found = list(weights)
    for part in parts:
        mean = np.concatenate([weights[i] for i in part]).mean() if len(part) else 0
        for i in part if mean else ():
            found[i] = weights[i] / mean
    return found


def _take(column: Sequence[Any], rows: np.ndarray) -> Any:
    return column[rows] if isinstance(column, np.ndarray) else [column[i] for i in rows]


def by_length(inputs: Sequence[Any], rows: int, function: Callable[[list], Any]) -> list[Any]:
    """Return the results of function(inputs of similar length, up to `rows`), one each, in the order of the inputs."""
    found: list[Any] = [None] * len(inputs)
    order = np.argsort([len(x) for x in inputs], kind="stable")
    with no_grad():
        for start in range(0, len(order), rows):
            part = order[start : start + rows]
            for at, result in zip(part, function([inputs[i] for i in part]), strict=True):
                found[at] = result
    return found


def in_parts(function: Callable[..., Any], count: int, rows: int, *sides: np.ndarray | None) -> np.ndarray:
    """Return what a network gives for `count` rows of all sides, up to `rows` at a time: feature maps of images are large."""
    with no_grad():
        found = [
            function(*(None if side is None else side[i : i + rows] for side in sides)).numpy()
            for i in range(0, max(count, 1), rows)
        ]
    return np.concatenate(found)
