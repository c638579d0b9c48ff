"""How far to go along a direction of descent: the searches of libLBFGS, with its constants.

Source: More and Thuente, "Line search algorithms with guaranteed sufficient decrease", 1994.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..optim import dot

__all__ = ["Point", "SearchError", "back_off", "back_off_in_orthant", "more_thuente"]

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]

DECREASE, CURVATURE = 1e-4, 0.9
SHORTEST, LONGEST = 1e-20, 1e20
NARROWEST = 1e-16


class Point(NamedTuple):
    """A place, the value there, and the gradient."""

    x: np.ndarray
    value: float
    gradient: np.ndarray


class SearchError(Exception):
    """No step was found; the text says why."""


def back_off(
    function: Function, start: Point, direction: np.ndarray, length: float, strong: bool, trials: int
) -> Point:
    """Halve and stretch the step until Wolfe's conditions hold, the strong ones on request."""
    slope = _slope(start, direction)
    for _ in range(trials):
        at = _point(function, start.x + length * direction)
        here = dot(at.gradient, direction)
        if at.value > start.value + length * DECREASE * slope:
            factor = 0.5
        elif here < CURVATURE * slope:
            factor = 2.1
        elif strong and here > -CURVATURE * slope:
            factor = 0.5
        else:
            return at
        length = _scaled(length, factor)
    raise SearchError(f"max_linesearch={trials} trials gave no step")


def back_off_in_orthant(
    function: Function, start: Point, slope: np.ndarray, direction: np.ndarray, length: float, c1: float, trials: int
) -> Point:
    """Halve the step until the value with the L1 penalty falls; weights do not change their signs on the way."""
    side = np.where(start.x == 0, -slope, start.x)
    for _ in range(trials):
        x = start.x + length * direction
        x[x * side <= 0] = 0
        value, gradient = function(x)
        at = Point(x, value + c1 * float(np.abs(x).sum()), gradient)
        if at.value <= start.value + DECREASE * dot(x - start.x, slope):
            return at
        length = _scaled(length, 0.5)
    raise SearchError(f"max_linesearch={trials} trials gave no step")


class _Trial(NamedTuple):
    """A length of the step, and the value and slope there."""

    length: float
    value: float
    slope: float

    def tilted(self, by: float) -> _Trial:
        return _Trial(self.length, self.value - self.length * by, self.slope - by)


@dataclass
class _Interval:
    """The best step so far, the other end of the interval that holds the minimum, and whether it surely holds it."""

    best: _Trial
    other: _Trial
    bracketed: bool = False


def more_thuente(function: Function, start: Point, direction: np.ndarray, length: float, trials: int) -> Point:
    """Narrow down an interval by cubic interpolation until the strong conditions of Wolfe hold."""
    slope = _slope(start, direction)
    least_fall = DECREASE * slope
    first = _Trial(0.0, start.value, slope)
    interval = _Interval(first, first)
    first_stage, broken = True, False
    width, before = LONGEST - SHORTEST, 2 * (LONGEST - SHORTEST)
    for count in range(1, trials + 1):
        ends = sorted((interval.best.length, interval.other.length))
        low, high = ends if interval.bracketed else (interval.best.length, length + 4 * (length - interval.best.length))
        length = min(max(length, SHORTEST), LONGEST)
        outside = interval.bracketed and (length <= low or high <= length)
        narrow = interval.bracketed and high - low <= NARROWEST * high
        if outside or narrow or (interval.bracketed and (broken or count == trials)):
            length = interval.best.length
        at = _point(function, start.x + length * direction)
        trial = _Trial(length, at.value, dot(at.gradient, direction))
        enough = start.value + length * least_fall
        if interval.bracketed and (length <= low or high <= length or broken):
            raise SearchError("rounding errors hide the way down")
        if length == LONGEST and at.value <= enough and trial.slope <= least_fall:
            raise SearchError("the step grew without bound")
        if length == SHORTEST and (enough < at.value or least_fall <= trial.slope):
            raise SearchError("the step shrank to nothing")
        if narrow:
            raise SearchError("the interval of steps shrank to nothing")
        if count == trials:
            raise SearchError(f"max_linesearch={trials} trials gave no step")
        if at.value <= enough and abs(trial.slope) <= -CURVATURE * slope:
            return at
        first_stage = first_stage and not (at.value <= enough and DECREASE * slope <= trial.slope)
        tilt = least_fall if first_stage and enough < at.value <= interval.best.value else 0.0
        length, broken = _narrowed(interval, trial, low, high, tilt)
        if interval.bracketed:
            if 0.66 * before <= abs(interval.other.length - interval.best.length):
                length = interval.best.length + 0.5 * (interval.other.length - interval.best.length)
            before, width = width, abs(interval.other.length - interval.best.length)
    raise SearchError(f"max_linesearch={trials} trials gave no step")


def _narrowed(interval: _Interval, trial: _Trial, low: float, high: float, tilt: float) -> tuple[float, bool]:
    """Make the interval smaller by a trial, and return the next length, and whether the trial does not fit.

    With a tilt, the function is judged without the least fall that is asked for.
    """
    x, y, t = interval.best.tilted(tilt), interval.other.tilted(tilt), trial.tilted(tilt)
    if interval.bracketed:
        inside = min(x.length, y.length) < t.length < max(x.length, y.length)
        if not inside or x.slope * (t.length - x.length) >= 0 or high < low:
            return trial.length, True
    turned = t.slope * (x.slope / abs(x.slope)) < 0
    if x.value < t.value:
        cubic, quadratic = _cubic(x, t), _quadratic(x, t)
        nearer = abs(cubic - x.length) < abs(quadratic - x.length)
        new, bound, bracketed = cubic if nearer else cubic + 0.5 * (quadratic - cubic), True, True
    elif turned:
        cubic, secant = _cubic(x, t), _secant(x, t)
        new = cubic if abs(cubic - t.length) > abs(secant - t.length) else secant
        bound, bracketed = False, True
    elif abs(t.slope) < abs(x.slope):
        cubic, secant = _cubic_beyond(x, t, low, high), _secant(x, t)
        bracketed = interval.bracketed
        nearer = abs(t.length - cubic) < abs(t.length - secant)
        farther = abs(t.length - cubic) > abs(t.length - secant)
        new, bound = cubic if (nearer if bracketed else farther) else secant, True
    else:
        bracketed = interval.bracketed
        new, bound = _cubic(t, y) if bracketed else high if x.length < t.length else low, False
    if x.value < t.value:
        interval.other = trial
    else:
        if turned:
            interval.other = interval.best
        interval.best = trial
    interval.bracketed = bracketed
    new = max(min(new, high), low)
    if bracketed and bound:  # not too near to the other end
        edge = interval.best.length + 0.66 * (interval.other.length - interval.best.length)
        new = min(new, edge) if interval.best.length < interval.other.length else max(new, edge)
    return new, False


def _cubic_terms(u: _Trial, v: _Trial, least: float) -> tuple[float, float, float]:
    distance = v.length - u.length
    theta = (u.value - v.value) * 3 / distance + u.slope + v.slope
    scale = max(abs(theta), abs(u.slope), abs(v.slope))
    inside = (theta / scale) ** 2 - u.slope / scale * (v.slope / scale)
    return distance, theta, scale * math.sqrt(max(inside, least))


def _cubic(u: _Trial, v: _Trial) -> float:
    """Return where the cubic through two trials is least."""
    distance, theta, gamma = _cubic_terms(u, v, 0.0)
    if v.length < u.length:
        gamma = -gamma
    return u.length + (gamma - u.slope + theta) / (gamma - u.slope + gamma + v.slope) * distance


def _cubic_beyond(u: _Trial, v: _Trial, low: float, high: float) -> float:
    """Return where the cubic is least if that is beyond v, else the end of what is allowed."""
    distance, theta, gamma = _cubic_terms(u, v, 0.0)
    if u.length < v.length:
        gamma = -gamma
    share = (gamma - v.slope + theta) / (gamma - v.slope + gamma + u.slope)
    if share < 0 and gamma != 0:
        return v.length - share * distance
    return high if distance > 0 else low


def _quadratic(u: _Trial, v: _Trial) -> float:
    """Return where the parabola through two values and the slope at u is least."""
    distance = v.length - u.length
    return u.length + u.slope / ((u.value - v.value) / distance + u.slope) / 2 * distance


def _secant(u: _Trial, v: _Trial) -> float:
    """Return where the parabola with the slopes of both is least."""
    return v.length + v.slope / (v.slope - u.slope) * (u.length - v.length)


def _point(function: Function, x: np.ndarray) -> Point:
    return Point(x, *function(x))


def _slope(start: Point, direction: np.ndarray) -> float:
    slope = dot(start.gradient, direction)
    if slope > 0:
        raise SearchError("the direction does not lead down")
    return slope


def _scaled(length: float, factor: float) -> float:
    if not SHORTEST <= length <= LONGEST:
        raise SearchError("the step shrank to nothing" if length < SHORTEST else "the step grew without bound")
    return length * factor
