"""The minimum of a convex function with penalties of its weights: L-BFGS, and OWL-QN where there is an L1 penalty.

Steps, line searches and stopping rules are those of libLBFGS, so that each step of training is CRFsuite's.
Sources: Nocedal, "Updating quasi-Newton matrices with limited storage", 1980; Andrew and Gao, "Scalable training of
L1-regularized log-linear models", ICML 2007.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..optim import Curvature, dot
from ._crf_line_search import Point, SearchError, back_off, back_off_in_orthant, more_thuente

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass
class Solution:
    """Where the solver stopped.

    Args:
        weights: the best place.
        losses: the value after each step.
        problem: why it stopped before a rule let it, or None.
    """

    weights: np.ndarray
    losses: list[float]
    problem: str | None


def minimize(function: Function, size: int, settings: Any, progress: Callable[[float], None]) -> Solution:
    """Minimise function(x) + c1 |x|_1 from zeros on.

    Args:
        function: x [size] to (value, gradient).
        size: how many weights there are.
        settings: c1, num_memories, epsilon, period, delta, max_iterations (None: no limit), linesearch, max_linesearch.
        progress: called with the value after each step.

    Returns:
        A `Solution`.
    """
    c1 = settings.c1
    at = Point(np.zeros(size), *function(np.zeros(size)))
    slope = _pseudo_gradient(at, c1)
    recent, losses = deque([at.value], maxlen=settings.period), [at.value]
    if dot(slope, slope) <= settings.epsilon**2:
        return Solution(at.x, losses[1:], None)
    curvature = Curvature(size, settings.num_memories)
    direction, length = -slope, 1 / math.sqrt(dot(slope, slope))
    while settings.max_iterations is None or len(losses) <= settings.max_iterations:
        try:
            if c1:
                found = back_off_in_orthant(function, at, slope, direction, length, c1, settings.max_linesearch)
            elif settings.linesearch == "MoreThuente":
                found = more_thuente(function, at, direction, length, settings.max_linesearch)
            else:
                strong = settings.linesearch == "StrongBacktracking"
                found = back_off(function, at, direction, length, strong, settings.max_linesearch)
        except SearchError as error:
            return Solution(at.x, losses[1:], str(error))
        slope = _pseudo_gradient(found, c1)
        losses.append(found.value)
        progress(found.value)
        if math.sqrt(dot(slope, slope)) <= settings.epsilon * max(1.0, math.sqrt(dot(found.x, found.x))):
            return Solution(found.x, losses[1:], None)
        if recent.maxlen == len(recent) > 0 and abs(recent[0] - found.value) < settings.delta * abs(found.value):
            return Solution(found.x, losses[1:], None)
        recent.append(found.value)
        curvature.add(found.x, at.x, found.gradient, at.gradient)
        direction = curvature.descent(slope)
        if c1:
            direction[direction * slope >= 0] = 0
        at, length = found, 1.0
    limit = f"max_iterations={settings.max_iterations} were not enough"
    return Solution(at.x, losses[1:], limit)


def _pseudo_gradient(at: Point, c1: float) -> np.ndarray:
    """Return the gradient with that of the L1 penalty, where there is one: the one nearest to zero where it is not smooth."""
    if not c1:
        return at.gradient
    x, g = at.x, at.gradient
    at_zero = np.where(g < -c1, g + c1, np.where(g > c1, g - c1, 0.0))
    return np.where(x < 0, g - c1, np.where(x > 0, g + c1, at_zero))
