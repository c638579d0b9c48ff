"""Functions whose minimum is known."""

import numpy as np
import pytest

from seqnn.optim import minimize_lbfgs


def rosenbrock(x):
    value = np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    gradient = np.zeros_like(x)
    gradient[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    gradient[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return value, gradient


def test_rosenbrock():
    found = minimize_lbfgs(rosenbrock, np.full(8, -1.2), max_iter=300, tol=1e-8)
    assert found.converged and found.iterations < 200
    np.testing.assert_allclose(found.x, 1, atol=1e-6)


def test_ill_conditioned_quadratic():
    scale = np.logspace(0, 3, 30)
    found = minimize_lbfgs(lambda x: (0.5 * (scale * x * x).sum(), scale * x), np.ones(30), max_iter=500, tol=1e-6)
    assert found.converged and found.value < 1e-10


def test_steps_out_of_the_domain_are_shortened():
    found = minimize_lbfgs(
        lambda x: (float((x - np.log(x)).sum()), 1 - 1 / x) if (x > 0).all() else (np.inf, x), [0.01]
    )
    assert found.converged
    np.testing.assert_allclose(found.x, 1, atol=1e-4)


def test_limits_and_errors():
    assert not minimize_lbfgs(rosenbrock, np.zeros(2), max_iter=2).converged
    assert minimize_lbfgs(rosenbrock, np.ones(2)).iterations == 0
    with pytest.raises(ValueError, match="value at start is nan"):
        minimize_lbfgs(lambda x: (np.nan, x), np.zeros(2))
    with pytest.raises(ValueError, match=r"expected a gradient of shape \[2\], got \[1\]"):
        minimize_lbfgs(lambda x: (0.0, x[:1]), np.zeros(2))
