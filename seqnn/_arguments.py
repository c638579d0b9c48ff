"""Checks of arguments: each error names the argument, what was expected and what was got."""

from __future__ import annotations

import math
import numbers
import operator
import sys
import warnings
from collections.abc import Callable, Iterable
from functools import wraps
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


def integer(name: str, value: Any, minimum: int, maximum: int = 2**31 - 1) -> int:
    """Return `value` as an int within the bounds; booleans count as 0 and 1, floats are refused."""
    try:
        checked = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: expected an integer >= {minimum}, got {value!r}") from None
    if checked < minimum:
        raise ValueError(f"{name}: expected an integer >= {minimum}, got {value!r}")
    if checked > maximum:
        raise ValueError(f"{name}: expected at most {maximum}, got {value!r}")
    return checked


def optional_integer(name: str, value: Any, minimum: int) -> int | None:
    """Return what `integer` returns; None stays None."""
    return None if value is None else integer(name, value, minimum)


def number(
    name: str,
    value: Any,
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> float:
    """Return `value` as a finite float with minimum <= value <= maximum, above < value < below."""
    bounds = [f">= {minimum:g}"] * (minimum != -math.inf) + [f"> {above:g}"] * (above != -math.inf)
    bounds += [f"<= {maximum:g}"] * (maximum != math.inf) + [f"< {below:g}"] * (below != math.inf)
    expected = " ".join(["a finite number", " and ".join(bounds)]).strip()
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected {expected}, got {value!r}")
    try:
        checked = float(value)
    except OverflowError:  # a huge integer
        checked = math.inf
    if not math.isfinite(checked) or not minimum <= checked <= maximum or not above < checked < below:
        raise ValueError(f"{name}: expected {expected}, got {value!r}")
    return checked


def quantiles(name: str, value: Any) -> tuple[float, ...]:
    """Return `value` as numbers between 0 and 1 in rising order, one or more."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name}: expected numbers between 0 and 1, such as (0.1, 0.5, 0.9), got {value!r}")
    found = tuple(number(f"{name}[{i}]", q, above=0, below=1) for i, q in enumerate(value))
    if not found or any(a >= b for a, b in pairwise(found)):
        raise ValueError(f"{name}: expected one or more in rising order, got {found}")
    return found


def flag(name: str, value: Any) -> bool:
    """Return `value`, one of True, False, 1 and 0, as a bool."""
    if isinstance(value, numbers.Integral | np.bool) and int(value) in (0, 1):
        return bool(value)
    raise ValueError(f"{name}: expected 0, 1, False or True, got {value!r}")


def each_axis(function: str, name: str, value: Any, axes: int, minimum: int) -> tuple[int, ...]:
    """Return `value` for each of `axes` axes: one integer for all of them, or a sequence of as many (or of one)."""
    values = (value,) if np.ndim(value) == 0 else tuple(value)
    values = values * axes if len(values) == 1 else values
    good = len(values) == axes and all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in values)
    if not good or min(values) < minimum or max(values) >= 2**31:
        many = "an integer" if axes == 1 else f"an integer or {axes} of them,"
        most = " and below 2**31" if good and min(values) >= minimum else ""
        raise ValueError(f"{function}: {name} is {value!r}, expected {many} at least {minimum}{most}")
    return tuple(map(int, values))


def renamed(**names: str) -> Callable[[Function], Function]:
    """Decorate a function: a call with an argument's name of gensim 3 raises a TypeError that tells today's name."""

    def decorate(function: Function) -> Function:
        @wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            for old in kwargs.keys() & names.keys():
                raise TypeError(f"{old}= is gensim 3's name of this argument: write {names[old]}=")
            return function(*args, **kwargs)

        return checked  # type: ignore[return-value]

    return decorate


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn, and point to the line outside this package from which the present call comes."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("seqnn."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
