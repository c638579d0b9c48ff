"""The record of one layer: the figures of the current step, and which of its units were ever active."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _core

FIGURES = ("mean", "std", "zeros", "saturated", "finite", "gradient")
_RANGE = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99)}
"""An output beyond them counts as saturated: there the slope is below 2 % of its largest (tanh), 4 % (sigmoid)."""
_ALL = (-math.inf, math.inf)


class Layer:
    """A record of the outputs of one layer. `kind` is "relu", "tanh", "sigmoid" or "other"."""

    def __init__(self, name: str, kind: str, window: int) -> None:
        self.name, self.kind, self.window = name, kind, window
        self.passes = 0
        """Forward passes seen."""
        self.positions = 0
        """Values of each unit in these passes."""
        self._last: np.ndarray | None = None  # of each unit: the pass in which it was active last
        self.clear()

    def clear(self) -> None:
        """Begin a new step."""
        self.count = self.zeros = self.saturated = self.finite = 0
        self.mean = self.squares = 0.0
        self.gradient = math.nan

    def see(self, y: np.ndarray, axis: int) -> None:
        """Note an output; its units lie on `axis`. The figures of several passes in one step are put together."""
        if y.size == 0:
            return
        moments, counts = _core.watch_figures(y.reshape(-1), *_RANGE.get(self.kind, _ALL))
        (mean, squares), (zeros, outside, finite) = moments.tolist(), counts.tolist()
        total = self.count + y.size
        gap = mean - self.mean
        self.squares += squares + gap * gap * self.count * y.size / total  # Chan, Golub, LeVeque 1983
        self.mean += gap * y.size / total
        self.count = total
        self.zeros += zeros
        self.saturated += outside
        self.finite += finite
        if self.kind == "relu":
            self._note_active(y, axis)

    def see_gradient(self, gradient: np.ndarray) -> None:
        """Note the gradient at an output."""
        self.gradient = math.hypot(0.0 if math.isnan(self.gradient) else self.gradient, norm(gradient))

    def figures(self) -> np.ndarray:
        """Return the figures of the step, in the order of FIGURES; NaN for what was not seen."""
        if self.count == 0:
            return np.array([*[math.nan] * 5, self.gradient])
        share = 1.0 / self.count
        saturated = self.saturated * share if self.kind in _RANGE else math.nan
        std = math.sqrt(self.squares * share)
        return np.array([self.mean, std, self.zeros * share, saturated, self.finite * share, self.gradient])

    @property
    def dead(self) -> np.ndarray | None:
        """Which units were zero everywhere in the last `window` passes; None for layers without ReLU."""
        return None if self._last is None else self.passes - self._last >= min(self.window, self.passes)

    def _note_active(self, y: np.ndarray, axis: int) -> None:
        axis = axis % y.ndim if y.ndim > 1 else 0
        units = y.shape[axis]
        if self._last is None or len(self._last) != units:
            self.passes = self.positions = 0
            self._last = np.zeros(units, np.int64)
        self.passes += 1
        self.positions += y.size // units
        _core.watch_active(y.reshape(math.prod(y.shape[:axis]), units, -1), self._last, self.passes)


def norm(array: Any) -> float:
    """Compute the Euclidean norm; infinity where a number is not finite."""
    return finite_or_inf(_core.gradients_norm([np.ascontiguousarray(array)], 2.0)[0])


def finite_or_inf(value: float) -> float:
    """Turn NaN into infinity: NaN stands for what was not seen."""
    return math.inf if math.isnan(value) else float(value)
