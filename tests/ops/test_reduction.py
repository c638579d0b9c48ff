"""Reductions: values against NumPy, gradients against differences, empty and special values."""

import harness
import numpy as np
import pytest

from seqnn import Tensor, ops
from seqnn.autograd import grad

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
