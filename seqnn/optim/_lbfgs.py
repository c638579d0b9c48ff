"""Limited-memory BFGS: the minimum of a smooth function of up to some thousand numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import _core

__all__ = ["Curvature", "Minimum", "dot", "minimize_lbfgs"]

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Minimum:
    """A place where `minimize_lbfgs` stopped.

    Args:
        x: the place.
        value: of the function there.
        iterations: steps made.
        evaluations: calls of the function.
        converged: whether the gradient is below tol.

    >>> import numpy as np
    >>> minimize_lbfgs(lambda x: (float((x**2).sum()), 2 * x), np.ones(2)).value
    0.0
    """

    x: np.ndarray
    value: float
    iterations: int
    evaluations: int
    converged: bool


def minimize_lbfgs(
    function: Function, start: np.ndarray, *, max_iter: int = 100, tol: float = 1e-5, memory: int = 10
) -> Minimum:
    """Minimise a smooth function from its value and gradient.

    Args:
        function: x [n] to (value, gradient [n]).
        start: x to begin with; float64 inside.
        max_iter: steps at most.
        tol: stop when no element of the gradient is larger.
        memory: how many steps the curvature is remembered for.

    Returns:
        A `Minimum`.

    Raises:
        ValueError: where the value at `start` is not finite, or the gradient has another shape.

    Source: Nocedal, Wright, "Numerical optimization", 2006: algorithms 7.4, 7.5 and, for the step length, 3.5, 3.6.

    >>> import numpy as np
    >>> minimum = minimize_lbfgs(lambda x: (float(((x - 3) ** 2).sum()), 2 * (x - 3)), np.zeros(2))
    >>> minimum.x, minimum.converged
    (array([3., 3.]), True)
    """
    x = np.array(start, np.float64)
    value, gradient = _evaluate(function, x)
    if not np.isfinite(value):
        raise ValueError(f"function: the value at start is {value}")
    curvature = Curvature(x.size, memory)
    evaluations = 1
    for iteration in range(max_iter):
        if np.abs(gradient).max(initial=0.0) <= tol:
            return Minimum(x, value, iteration, evaluations, True)
        direction = curvature.descent(gradient)
        first = 1.0 if curvature.known else min(1.0, 1.0 / np.abs(gradient).sum())
        found = _line_search(function, x, direction, value, gradient, first)
        evaluations += found.evaluations
        if found.length == 0:
            if not curvature.known:
                break
            curvature = Curvature(x.size, memory)  # a bad model of the curvature: begin again from steepest descent
            continue
        step, change = found.length * direction, found.gradient - gradient
        if step @ change > 1e-10 * np.sqrt((step @ step) * (change @ change)):
            curvature.add(x + step, x, found.gradient, gradient)
        x, value, gradient = x + step, found.value, found.gradient
    return Minimum(
        x, value, iteration + 1 if max_iter else 0, evaluations, bool(np.abs(gradient).max(initial=0.0) <= tol)
    )


def _evaluate(function: Function, x: np.ndarray) -> tuple[float, np.ndarray]:
    value, gradient = function(x)
    gradient = np.asarray(gradient, np.float64)
    if gradient.shape != x.shape:
        raise ValueError(f"function: expected a gradient of shape {list(x.shape)}, got {list(gradient.shape)}")
    return float(value), gradient


@dataclass
class _Found:
    length: float
    value: float
    gradient: np.ndarray
    evaluations: int


def _line_search(
    function: Function, x: np.ndarray, direction: np.ndarray, value: float, gradient: np.ndarray, first: float
) -> _Found:
    """Find a length with sufficient decrease (1e-4) and curvature (0.9), by doubling and then bisecting; 0 is none."""
    slope = direction @ gradient
    rounding = 4 * np.finfo(np.float64).eps * abs(value)  # near the minimum the value falls by less than that
    low, high, length = 0.0, np.inf, first
    best = _Found(0.0, value, gradient, 0)
    for count in range(1, 41):
        at, g = _evaluate(function, x + length * direction)
        best.evaluations = count
        if not at <= value + 1e-4 * length * slope + rounding:  # also where it is not finite
            high = length
        else:
            if at < best.value:
                best.length, best.value, best.gradient = length, at, g
            here = direction @ g
            if abs(here) <= 0.9 * abs(slope):
                best.length, best.value, best.gradient = length, at, g
                break
            low, high = (length, high) if here < 0 else (low, length)
        length = 2 * low if np.isinf(high) else (low + high) / 2
    return best


def dot(x: np.ndarray, y: np.ndarray) -> float:
    """Return the sum of the products of two arrays [n], the same for any number of threads."""
    return float(_core.lbfgs_dot(x, y)[0])


class Curvature:
    """What the last steps tell of the curvature of a function, with its arithmetic in C, for many numbers.

    Args:
        size: of the vectors.
        memory: how many steps are remembered.

    >>> import numpy as np
    >>> curvature = Curvature(2, 5)
    >>> curvature.add(np.ones(2), np.zeros(2), np.full(2, 4.0), np.zeros(2))  # the gradient is 4 x
    >>> curvature.descent(np.full(2, 4.0)).tolist()
    [-1.0, -1.0]
    """

    def __init__(self, size: int, memory: int) -> None:
        self._steps, self._changes = np.zeros((2, memory, size))
        self._products = np.ones(memory)
        self._order: list[int] = []
        self._factor = 1.0

    @property
    def known(self) -> bool:
        """Whether a step is remembered."""
        return bool(self._order)

    def add(self, x: np.ndarray, x_before: np.ndarray, gradient: np.ndarray, gradient_before: np.ndarray) -> None:
        """Remember a step, in place of the oldest one where there is no more room."""
        full = len(self._order) == len(self._steps)
        row = self._order[0] if full else len(self._order)
        given = x, x_before, gradient, gradient_before
        product, square = _core.lbfgs_remember(*given, self._steps[row], self._changes[row]).tolist()
        if full:
            del self._order[0]
        if not product or not square:  # nothing has changed: there is nothing to learn
            self._order.clear()
            return
        self._order.append(row)
        self._products[row], self._factor = product, product / square

    def descent(self, slope: np.ndarray) -> np.ndarray:
        """Return the direction -H slope, where H is the inverse Hessian as far as it is known."""
        return _core.lbfgs_descent(slope, self._steps, self._changes, self._products, self._order, self._factor)
