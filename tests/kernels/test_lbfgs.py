import numpy as np
import pytest
from harness import assert_identical, each_isa, each_team

from seqnn import _core

SIZES = [0, 1, 5, 4096, 10_007]


@pytest.mark.parametrize("size", SIZES)
def test_sums_and_steps_are_those_of_numpy(size):
    rng = np.random.default_rng(0)
    x, before, g, g_before = rng.standard_normal((4, size))
    for _ in each_isa():
        np.testing.assert_allclose(_core.lbfgs_dot(x, g), [x @ g], atol=1e-10)
        step, change = np.zeros((2, size))
        products = _core.lbfgs_remember(x, before, g, g_before, step, change)
        assert_identical(step, x - before)
        assert_identical(change, g - g_before)
        np.testing.assert_allclose(products, [step @ change, change @ change], atol=1e-10)


def two_loops(slope, steps, changes, products, order, factor):
    """Algorithm 7.4 of Nocedal and Wright."""
    d, alphas = -slope, {}
    for row in order[::-1]:
        alphas[row] = steps[row] @ d / products[row]
        d = d - alphas[row] * changes[row]
    d = d * factor
    for row in order:
        d = d + (alphas[row] - changes[row] @ d / products[row]) * steps[row]
    return d


@pytest.mark.parametrize("order", [[], [0], [2, 0, 1]])
@pytest.mark.parametrize("size", SIZES)
def test_the_direction_is_that_of_the_two_loops(size, order):
    rng = np.random.default_rng(1)
    slope, (steps, changes) = rng.standard_normal(size), rng.standard_normal((2, 3, size))
    given = slope, steps, changes, np.array([3.0, 2.0, 5.0]) * (1 + size), order, 0.3
    for _ in each_isa():
        np.testing.assert_allclose(_core.lbfgs_descent(*given), two_loops(*given), rtol=1e-10, atol=1e-10)
    found = [_core.lbfgs_descent(*given) for _ in each_team()]
    for other in found[1:]:
        assert_identical(other, found[0])


def test_rows_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="order"):
        _core.lbfgs_descent(np.zeros(2), np.zeros((1, 2)), np.zeros((1, 2)), np.ones(1), [1], 1.0)
