"""Reductions: values against NumPy, gradients against differences, empty and special values."""

import harness
import numpy as np
import pytest

from seqnn import Tensor, ops
from seqnn.autograd import grad, gradcheck

X = np.random.default_rng(2).standard_normal((2, 3, 4))
AXES = [None, 0, -1, (0, 2), (1, -1), ()]
NUMPY = {ops.sum: np.sum, ops.mean: np.mean, ops.max: np.max, ops.min: np.min, ops.prod: np.prod, ops.var: np.var}


@pytest.mark.parametrize("ours", NUMPY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(ours, axis, keepdims):
    harness.assert_close(ours(X, axis, keepdims=keepdims), NUMPY[ours](X, axis=axis, keepdims=keepdims), 1e-12)
    harness.check_gradient(lambda x: ours(x, axis, keepdims=keepdims), X)


@pytest.mark.parametrize("axis", [None, 1, (0, -1)], ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_std_and_logsumexp(axis, keepdims):
    harness.assert_close(ops.std(X, axis, ddof=1, keepdims=keepdims), X.std(axis, ddof=1, keepdims=keepdims), 1e-12)
    harness.check_gradient(lambda x: ops.std(x, axis, ddof=1, keepdims=keepdims), X)
    harness.check_gradient(lambda x: ops.var(x, axis, ddof=1, keepdims=keepdims), X)
    harness.assert_close(
        ops.logsumexp(X, axis, keepdims=keepdims), np.log(np.exp(X).sum(axis, keepdims=keepdims)), 1e-12
    )
    harness.check_gradient(lambda x: ops.logsumexp(x, axis, keepdims=keepdims), X)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cumsum(axis):
    harness.assert_close(ops.cumsum(X, axis), np.cumsum(X, axis), 1e-12)
    harness.check_gradient(lambda x: ops.cumsum(x, axis), X)


def test_methods_and_float32():
    x = Tensor(X.astype(np.float32), True)
    for name in ("sum", "mean", "var", "std", "max", "min"):
        out = getattr(x, name)(1, keepdims=True)
        assert out.shape == (2, 1, 4) and out.dtype == np.float32
        out.sum().backward()
        assert x.grad.dtype == np.float32
    assert x.argmax(-1).shape == (2, 3) and x.argmin() == X.argmin()


def test_no_axes_and_no_elements():
    for ours in (ops.sum, ops.mean, ops.max, ops.prod, ops.logsumexp):
        harness.check_gradient(ours, np.array(1.5))
    assert ops.sum(Tensor(np.zeros((0, 3)))).item() == 0 and np.isnan(ops.mean(Tensor(np.zeros(0))).item())
    x = Tensor(np.zeros((0, 3)), True)
    assert grad(x.sum() + ops.prod(x), x).shape == (0, 3)
    with pytest.raises(ValueError, match="ddof=1"):
        ops.var(np.ones(1), ddof=1)


def test_special_values():
    x = Tensor(np.array([[3.0, 3.0, 1.0], [0.0, 0.0, 2.0]]), True)
    assert grad(ops.max(x, 1).sum(), x).tolist() == [[0.5, 0.5, 0], [0, 0, 1]]
    assert grad(ops.prod(x, 1).sum(), x).tolist() == [[3, 3, 9], [0, 0, 0]]
    low = Tensor(np.array([[-np.inf, -np.inf], [0.0, -np.inf]]), True)
    out = ops.logsumexp(low, 1)
    assert out.data.tolist() == [-np.inf, 0] and grad(out, low, np.ones(2)).tolist() == [[0, 0], [1, 0]]
    assert ops.logsumexp(np.array([np.inf, 0])) == np.inf
    assert np.isnan(ops.max(Tensor([1.0, np.nan])).item())


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.std(x, 1),
        ops.std,
        lambda x: ops.std(x, 1, ddof=1),
        lambda x: ops.norm(x - 1, axis=1),
        lambda x: ops.norm(x - 1, 1, axis=1),
        lambda x: ops.norm(x - 1, 3),
        lambda x: ops.sqrt(x - 1) * 0,
        lambda x: (x - 1) ** 0.5 * 0,
        lambda x: (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-5),
        lambda x: np.linalg.norm(x - 1, axis=1),
        lambda x: np.hypot(x - 1, x - 1),
    ],
)
def test_where_a_slope_is_0_by_0_the_gradient_is_0(function):
    x = Tensor(np.ones((2, 3), np.float32), True)
    with np.errstate(all="ignore"):
        out = function(x)
        found = grad(out, x, np.ones(out.shape))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_the_deviation_of_an_axis_of_one_element_has_gradient_0():
    x = Tensor(np.ones((2, 1), np.float32), True)
    assert grad(x.std(1).sum(), x).tolist() == [[0], [0]]


REDUCTIONS = [ops.sum, ops.mean, ops.max, ops.min, ops.prod, ops.var, ops.std, ops.norm, ops.logsumexp]
RUNNING = [ops.cumsum, ops.cumprod, ops.softmax, ops.log_softmax]


@pytest.mark.parametrize("function", REDUCTIONS + RUNNING)
@pytest.mark.parametrize("axis", [0, -1])
def test_a_number_is_reduced_along_its_axis_0(function, axis):
    x = Tensor(2.0, True)
    out = function(x, axis=axis)
    assert out.shape == () and grad(out, x).shape == ()
    with pytest.raises((ValueError, IndexError)):
        function(x, axis=1)


@pytest.mark.parametrize("function", REDUCTIONS + RUNNING)
def test_an_axis_that_there_is_not_is_named(function):
    with pytest.raises((np.exceptions.AxisError, ValueError), match="axis 5 is out of bounds"):
        function(X, axis=5)


@pytest.mark.parametrize("function", [ops.sum, ops.prod, ops.norm, ops.logsumexp, *RUNNING])
@pytest.mark.parametrize("shape", [(5, 0), (0, 3), (5, 0, 0)])
def test_axes_of_no_elements_have_a_result_and_a_gradient(function, shape):
    x = Tensor(np.zeros(shape, np.float32), True)
    out = function(x, axis=1)
    assert grad(out, x, np.ones(out.shape)).shape == shape


def test_integers_are_reduced_as_the_floats_that_they_are():
    whole = np.arange(6).reshape(2, 3)
    for function in REDUCTIONS:
        np.testing.assert_allclose(function(whole, axis=1), function(whole.astype(float), axis=1))
    assert ops.logsumexp([0, 1]) == pytest.approx(np.log(1 + np.e))


def test_too_few_elements_are_said_under_the_name_of_the_function():
    for function in (ops.var, ops.std):
        with pytest.raises(ValueError, match=f"^{function.__name__}: 1 elements along axis 1 are too few for ddof=1"):
            function(np.ones((2, 1)), axis=1, ddof=1)
    for function in (ops.softmax, ops.log_softmax):
        with pytest.raises(TypeError, match=f"^{function.__name__}: axis must be an integer, got None"):
            function(np.ones(2), axis=None)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("zeros", [(), (1,), (1, 4)])
def test_running_products_have_gradients_where_elements_are_0(axis, zeros):
    x = np.random.default_rng(0).standard_normal((3, 5))
    x.reshape(-1)[list(zeros)] = 0
    gradcheck(lambda x: ops.cumprod(x, axis), x)
