"""Initialisers and the distributions that layers start from."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnn import nn, random


@pytest.fixture(autouse=True)
def _seeded():
    random.seed(3)


def weight(*shape, dtype=np.float32):
    return nn.Parameter(np.zeros(shape, dtype))


def is_uniform(array, bound):
    values = np.sort(array.ravel() / bound)
    assert np.abs(values).max() <= 1 + 1e-6
    assert np.abs(values - np.linspace(-1, 1, values.size)).max() < 3.5 / math.sqrt(values.size)  # Kolmogorov


def is_normal(array, std):
    n = array.size
    assert abs(array.mean()) < 5 * std / math.sqrt(n)
    assert abs(array.std() / std - 1) < 5 / math.sqrt(2 * n)
    assert abs((array**4).mean() / std**4 - 3) < 5 * math.sqrt(96 / n)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_and_normal_families(dtype):
    w = weight(120, 80, dtype=dtype)
    fans = (80, 120)
    assert nn.init.uniform_(w, -3, 3) is w
    is_uniform(w.data, 3)
    is_uniform(nn.init.xavier_uniform_(w, 2.0).data, 2 * math.sqrt(6 / 200))
    for k, mode in enumerate(("fan_in", "fan_out")):
        is_uniform(nn.init.kaiming_uniform_(w, mode=mode, nonlinearity="relu").data, math.sqrt(6 / fans[k]))
        is_normal(nn.init.kaiming_normal_(w, 0.5, mode).data, math.sqrt(2 / 1.25 / fans[k]))
    is_normal(nn.init.xavier_normal_(w).data, math.sqrt(2 / 200))
    is_normal(nn.init.normal_(w, 0, 3).data, 3)
    assert w.dtype == dtype and nn.init.normal_(w, 5, 0).data.min() == 5
    kernel = weight(20, 10, 3, 4)
    is_uniform(nn.init.kaiming_uniform_(kernel).data, math.sqrt(6 / 120))


def test_truncated_normal():
    w = nn.init.trunc_normal_(weight(300, 100), std=2.0, a=-1.0, b=3.0)
    assert w.data.min() >= -1 and w.data.max() <= 3
    low, high, z = -0.5, 1.5, np.linspace(-0.5, 1.5, 20001)
    density = np.exp(-(z**2) / 2)
    mean = (z * density).sum() / density.sum() * 2
    assert abs(w.data.mean() - mean) < 0.03 and low < high
    with pytest.raises(ValueError, match="a=8, b=9 hold"):
        nn.init.trunc_normal_(w, a=8, b=9)
    with pytest.raises(ValueError, match="a=2, b=-2"):
        nn.init.trunc_normal_(w, a=2, b=-2)


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.sampled_from([np.float32, np.float64]))
def test_orthogonal(rows, columns, deep, dtype):
    w = nn.init.orthogonal_(weight(rows, columns, deep, dtype=dtype), 2.0).data.reshape(rows, -1)
    gram = w @ w.T if rows <= columns * deep else w.T @ w
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_constants_and_gains():
    w = weight(2, 3)
    assert nn.init.ones_(w).data.sum() == 6 and nn.init.zeros_(w).data.sum() == 0
    assert nn.init.constant_(np.empty(2), 0.3).tolist() == [0.3, 0.3]
    gains = {"linear": 1, "tanh": 5 / 3, "relu": math.sqrt(2), "leaky_relu": math.sqrt(2 / 1.0001), "selu": 0.75}
    for name, gain in gains.items():
        assert nn.init.calculate_gain(name) == pytest.approx(gain)
    with pytest.raises(ValueError, match="'swish'"):
        nn.init.calculate_gain("swish")


def test_what_can_not_be_filled():
    with pytest.raises(ValueError, match=r"xavier_uniform_: expected a weight .* got shape \(3,\)"):
        nn.init.xavier_uniform_(weight(3))
    with pytest.raises(ValueError, match="no elements"):
        nn.init.kaiming_normal_(weight(3, 0))
    with pytest.raises(ValueError, match="'fan_out', got 'both'"):
        nn.init.kaiming_normal_(weight(3, 2), mode="both")
    with pytest.raises(TypeError, match="got list"):
        nn.init.zeros_([1.0])
    with pytest.raises(ValueError, match="std must be >= 0, got -1"):
        nn.init.normal_(weight(2), std=-1)
    with pytest.raises(ValueError, match="two axes or more"):
        nn.init.orthogonal_(weight(2))
    layer = nn.Linear(2, 2)
    layer.freeze()
    with pytest.raises(ValueError, match="read-only"):
        nn.init.zeros_(layer.weight)


def test_layers_start_as_pytorchs():
    layer = nn.Linear(100, 300)
    is_uniform(layer.weight.data, 0.1)
    is_uniform(layer.bias.data, 0.1)
    conv = nn.Conv2d(8, 200, (5, 3), groups=2)
    is_uniform(conv.weight.data, 1 / math.sqrt(60))
    is_uniform(conv.bias.data, 1 / math.sqrt(60))
    table = nn.Embedding(300, 100, padding_idx=3)
    assert not table.weight.data[3].any()
    is_normal(np.delete(table.weight.data, 3, axis=0), 1)
    assert nn.Linear(0, 3).bias.shape == (3,)


def test_equal_seeds_give_equal_layers():
    def draw(seed):
        random.seed(seed)
        return nn.Sequential(nn.Linear(3, 4), nn.Embedding(5, 6), nn.Conv1d(2, 3, 4)).state_dict()

    first, again, other = draw(1), draw(1), draw(2)
    for key, array in first.items():
        np.testing.assert_array_equal(array, again[key])
        assert not np.array_equal(array, other[key])
    a, b = nn.Linear(3, 4), nn.Linear(3, 4)
    assert not np.array_equal(a.weight.data, b.weight.data)
