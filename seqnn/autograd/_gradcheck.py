"""Gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._functional import vjp


def gradcheck(function: Callable, *arrays: Any, tolerance: float = 1e-6, step: float = 1e-6) -> bool:
    """Compare `backward` of `function(*Tensors)` with central differences, for every element of every array.

    The differences are (f(x + step) - f(x - step)) / (2 step), in float64, of a fixed random weighting of everything that
    the function returns.

    Args:
        function: computes a Tensor, or a tuple of them, from Tensors.
        arrays: the arguments.
        tolerance: the error that is allowed, as a share of the largest expected element (at least 1).
        step: of the differences.

    Returns:
        True.

    Raises:
        AssertionError: with the argument's number, the first element that differs, got and expected.

    >>> import numpy as np
    >>> from seqnn.autograd import gradcheck
    >>> gradcheck(lambda x, y: x * y, np.ones(3), np.arange(3.0))
    True
    """
    given = [np.array(a, np.float64) for a in arrays]
    value, pull = vjp(function, *given)
    draw = np.random.default_rng(0)
    weights = [draw.standard_normal(np.shape(v)) for v in _each(value)]

    def weighted() -> float:
        values = _each(vjp(function, *given)[0])
        return sum(float((w * v).sum()) for w, v in zip(weights, values, strict=True))

    found = pull(tuple(weights) if isinstance(value, tuple) else weights[0])
    for number, (array, got) in enumerate(zip(given, found, strict=True)):
        expected = np.empty_like(array)
        for i in np.ndindex(array.shape):
            middle = array[i]
            array[i] = middle + step
            above = weighted()
            array[i] = middle - step
            expected[i] = (above - weighted()) / (2 * step)
            array[i] = middle
        allowed = tolerance * max(1.0, float(np.abs(expected).max(initial=0)))
        wrong = np.argwhere(~(np.abs(got - expected) <= allowed))
        if len(wrong):
            i = tuple(wrong[0].tolist())
            raise AssertionError(
                f"gradcheck: the gradient of argument {number} at {list(i)} is {got[i]:.10g}, expected {expected[i]:.10g} "
                f"({len(wrong)} of {array.size} elements differ by more than {allowed:.3g})"
            )
    return True


def _each(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)
