"""The search along a direction, on the functions of More and Thuente's paper, from short steps to long ones."""

import numpy as np
import pytest

from seqnn.models._crf_line_search import CURVATURE, DECREASE, Point, SearchError, more_thuente


def rational(a):
    return -a / (a * a + 2), (a * a - 2) / (a * a + 2) ** 2


def polynomial(a):
    b = a + 0.004
    return b**5 - 2 * b**4, 5 * b**4 - 8 * b**3


def waves(a):
    rest, slope = ((1 - a, -1), (a - 1, 1), ((a - 1) ** 2 / 0.02 + 0.005, (a - 1) / 0.01))[
        0 if a <= 0.99 else 1 if a >= 1.01 else 2
    ]
    angle = 39 * np.pi / 2
    return rest + 2 * 0.99 / (39 * np.pi) * np.sin(angle * a), slope + 0.99 * np.cos(angle * a)


def valley(a):
    """A fall that ends far away."""
    return (a - 5000.0) ** 2, 2 * (a - 5000.0)


@pytest.mark.parametrize("length", [1e-3, 0.1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize("curve", [rational, polynomial, waves, valley])
def test_the_step_falls_enough_and_ends_where_the_slope_is_small(curve, length):
    def function(x):
        value, slope = curve(x[0])
        return value, np.array([slope])

    start = Point(np.zeros(1), *function(np.zeros(1)))
    found = more_thuente(function, start, np.ones(1), length, trials=40)
    step, slope = found.x[0], start.gradient[0]
    assert found.value <= start.value + DECREASE * step * slope
    assert abs(found.gradient[0]) <= CURVATURE * abs(slope)
    assert (found.value, found.gradient[0]) == curve(step)


def test_a_fall_without_end_is_named():
    start = Point(np.zeros(1), 0.0, -np.ones(1))
    with pytest.raises(SearchError, match=r"the step grew without bound|trials gave no step"):
        more_thuente(lambda x: (-x[0], -np.ones(1)), start, np.ones(1), 1.0, trials=99)
