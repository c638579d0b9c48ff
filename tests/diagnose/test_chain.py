"""Jacobians of chains whose Jacobians are known."""

import numpy as np
import pytest

from seqnn import nn, ops
from seqnn.diagnose import depth_jacobians, time_jacobians


def linear(weight):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data = weight.astype(np.float64)
    return layer


@pytest.fixture(name="weights")
def three_matrices():
    draw = np.random.default_rng(0)
    return [draw.standard_normal(shape) for shape in ((5, 4), (3, 5), (6, 3))]


def test_linear_layers(weights):
    a, b, c = weights
    model = nn.Sequential(linear(a), nn.Sequential(linear(b), nn.Dropout(0.9)), linear(c))
    found = depth_jacobians(model, np.ones((2, 4)))
    assert found.names == ("0 (Linear)", "1.0 (Linear)", "1.1 (Dropout)", "2 (Linear)")
    size = [np.linalg.norm(m, 2) for m in (a, b, np.eye(3), c)]
    np.testing.assert_allclose(found.local, np.transpose([size, size]))
    np.testing.assert_allclose(found.products[:, 1], [np.linalg.norm(m, 2) for m in (c @ b @ a, c @ b, c, c)])
    assert model.training and model[1][1].training
    frobenius = depth_jacobians(model, np.ones((2, 4)), norm="frobenius")
    np.testing.assert_allclose(frobenius.products[0], np.linalg.norm(c @ b @ a))


def test_activations_convolution_and_ids():
    x = np.array([[[-1.0, 2.0, 0.5]], [[1.0, 2.0, 3.0]]])
    conv = nn.Conv1d(1, 1, 1, bias=False, dtype=np.float64)
    conv.weight.data[:] = -2
    found = depth_jacobians([conv, ops.relu], x)
    assert found.names == ("0 (Conv1d)", "1")
    np.testing.assert_allclose(found.products, [[2, 0], [1, 0]])
    model = nn.Sequential(nn.Embedding(5, 4), nn.GlobalAvgPool(), nn.Linear(3, 4))
    assert depth_jacobians(model, np.zeros((2, 3), np.int64)).names == ("1 (GlobalAvgPool)", "2 (Linear)")


def test_no_underflow_and_no_overflow():
    small = depth_jacobians([lambda x: x * 1e-12] * 8, np.ones((1, 2), np.float32))
    np.testing.assert_allclose(small.products[0], 1e-96, rtol=1e-5)
    assert small.flow().kind == "vanishing" and "shrink" in str(small)
    large = depth_jacobians([lambda x: x * 1e12] * 3, np.ones((1, 2), np.float32))
    assert large.flow().kind == "exploding"
    broken = depth_jacobians([lambda x: x * np.inf] * 2, np.ones((1, 2), np.float32))
    assert np.isnan(broken.products).all() and broken.flow().kind == "not finite"


def test_time():
    weight = np.diag([0.5, 0.1])
    found = time_jacobians(lambda x, h: ops.tanh(x + h @ weight), np.zeros((3, 10, 2)), np.zeros((3, 2)))
    np.testing.assert_allclose(found.products[:, 2], 0.5 ** np.arange(10, 0, -1))
    assert found.names[-1] == "9" and found.flow().kind == "vanishing"
    assert "gated cells" in str(found)

    class Cell(nn.Module):
        def __init__(self):
            self.drop = nn.Dropout(0.5)

        def forward(self, x, h):
            return self.drop(h) + x

    cell = Cell()
    np.testing.assert_allclose(time_jacobians(cell, np.zeros((1, 4, 2)), np.zeros((1, 2))).products, 1)
    assert cell.drop.training


def test_errors():
    x = np.ones((2, 3))
    with pytest.raises(TypeError, match=r"model: expected an nn\.Sequential or a list of functions, got Linear"):
        depth_jacobians(nn.Linear(3, 3), x)
    with pytest.raises(ValueError, match="norm: expected"):
        depth_jacobians([ops.relu], x, norm="max")
    with pytest.raises(ValueError, match="model: expected at least one place"):
        depth_jacobians([], x)
    with pytest.raises(
        ValueError, match=r"1: expected a Tensor \[2, ...\], one row a sample, got a Tensor of shape \[3"
    ):
        depth_jacobians([ops.relu, lambda h: h.sum(axis=0)], x)
    with pytest.raises(ValueError, match="0: the output does not depend on the input"):
        depth_jacobians([lambda h: h.detach()], x)
    with pytest.raises(ValueError, match="expected a floating input"):
        depth_jacobians(nn.Sequential(nn.Embedding(5, 4)), np.zeros((2, 3), np.int64))
    with pytest.raises(ValueError, match=r"x: expected \[N, T, ...\]"):
        time_jacobians(lambda x, h: h, np.ones(3), x)
    with pytest.raises(ValueError, match="at least one sample"):
        depth_jacobians([ops.relu], np.ones((0, 3)))


def test_one_place_shows_no_trend():
    found = time_jacobians(lambda x, h: 2 * h + x, np.zeros((1, 1, 2)), np.zeros((1, 2)))
    assert str(found) == "norm 2 through 0: one place shows no trend"
    with pytest.raises(ValueError, match="at least two"):
        found.flow()
