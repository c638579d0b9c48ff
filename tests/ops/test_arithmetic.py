"""Elementwise arithmetic: values against NumPy, gradients against differences, broadcasting, dtypes, special values."""

import operator

import harness
import numpy as np
import pytest

from seqnn import Tensor, ops
from seqnn.autograd import grad

DRAW = np.random.default_rng(1)
SHAPES = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2, 3)), ((0, 3), (3,)), ((2, 1, 3), (4, 1))]
BINARY = {
    ops.add: np.add,
    ops.subtract: np.subtract,
    ops.multiply: np.multiply,
    ops.divide: np.divide,
    ops.power: np.power,
    ops.minimum: np.minimum,
    ops.maximum: np.maximum,
}


@pytest.mark.parametrize("ours", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_binary(ours, shapes):
    x, y = (DRAW.uniform(0.5, 2, s) for s in shapes)
    harness.assert_close(ours(x, y), BINARY[ours](x, y), 1e-15)
    harness.check_gradient(ours, x, y)


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "**"])
def test_operators_with_scalars_keep_float32(sign):
    apply = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow}[sign]
    x = np.array([0.5, 2.0], np.float32)
    for number in (3, 2.5, np.float64(1.5)):
        for left, right in ((Tensor(x, True), number), (number, Tensor(x, True))):
            out = apply(left, right)
            plain = [v.data if isinstance(v, Tensor) else float(v) for v in (left, right)]
            harness.assert_close(out.data, apply(*plain), 1e-6)
            assert out.dtype == np.float32
            out.sum().backward()
            assert (left if isinstance(left, Tensor) else right).grad.dtype == np.float32
        harness.check_gradient(lambda v, n=number: apply(v, n), x)
        harness.check_gradient(lambda v, n=number: apply(n, v), x)


def test_mixed_dtypes_give_each_its_own_back():
    x, y = Tensor(np.ones(2, np.float32), True), Tensor(np.ones((3, 2)), True)
    (x * y).sum().backward()
    assert x.grad.dtype == np.float32 and y.grad.dtype == np.float64 and x.grad.tolist() == [3, 3]


@pytest.mark.parametrize("shape", [(3, 4), (), (0,)], ids=str)
def test_unary(shape):
    x = DRAW.uniform(0.5, 2, shape)
    for ours, numpy in ((ops.negative, np.negative), (ops.abs, np.abs), (ops.sqrt, np.sqrt)):
        harness.assert_close(ours(x), numpy(x), 1e-15)
        harness.check_gradient(ours, x)
    harness.check_gradient(abs, -x)
    harness.check_gradient(lambda v: -v, x)
    harness.check_gradient(lambda v: ops.clip(v, min=0.7, max=1.5), x)
    assert ops.astype(Tensor(x), np.float32).dtype == np.float32


def test_special_points():
    def slope(f, at):
        x = Tensor(np.array(at), True)
        return grad(f(x), x).item()

    assert slope(lambda x: x**2, 0.0) == 0 and slope(lambda x: x**0, 0.0) == 0 and slope(lambda x: x**1, 0.0) == 1
    assert slope(lambda x: ops.power(x, np.array(0.0)), 0.0) == 0
    assert slope(lambda x: 0.0**x, 2.0) == 0
    assert slope(abs, 0.0) == 0 and slope(ops.sqrt, 0.0) == np.inf
    assert slope(lambda x: ops.maximum(x, 1.0), 1.0) == 0.5 and slope(lambda x: ops.minimum(1.0, x), 1.0) == 0.5
    assert slope(lambda x: ops.clip(x, max=1.0), 1.0) == 1 and slope(lambda x: ops.clip(x, min=0), -1.0) == 0
    assert np.isnan(slope(lambda x: x * x, np.nan)) and (Tensor(1.0) / 0.0).item() == np.inf
    with pytest.raises(ValueError, match="clip"):
        ops.clip(1.0)


def test_where_lets_no_nan_through():
    x = Tensor(np.array([-1.0, 4.0]), True)
    out = ops.where(x > 0, ops.sqrt(x), 0.0)
    dx = grad(ops.where(x > 0, x * np.array([np.nan, 1.0]), x).sum(), x)
    assert out.data.tolist() == [0, 2] and np.isnan(dx[0]) == np.isnan(0 * np.nan + 1)
    a, b = DRAW.standard_normal((3, 1)), DRAW.standard_normal(4)
    harness.check_gradient(lambda p, q: ops.where(np.arange(12).reshape(3, 4) % 2 == 0, p, q), a, b)
    with pytest.raises(TypeError, match="where: condition is int64"):
        ops.where([1, 0], a, b)
