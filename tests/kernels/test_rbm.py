"""Steps of restricted Boltzmann machines against their definition, with the states that the kernel draws."""

import numpy as np
import pytest
from harness import TOLERANCE, each_isa, each_team

from seqnn import _core, random

SHAPES = [(1, 1, 1), (10, 37, 20), (100, 64, 48), (5, 300, 7)]


def machine(rows, visible, hidden, dtype=np.float64, scale=0.3):
    rng = np.random.default_rng(rows + visible)
    x = (rng.random((rows, visible)) < 0.3).astype(dtype)
    weight = (scale * rng.standard_normal((visible, hidden))).astype(dtype)
    biases = (rng.standard_normal(n).astype(dtype) for n in (hidden, visible))
    return x, weight, *biases


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def uniform(count, half_step, seed, stream):
    """The draws of a half step, element by element: blocks of 64 take 16 positions, word by word."""
    blocks = -(-count // 64)
    bits = random.bits(16 * blocks, seed=seed, stream=stream, start=half_step << 32)
    words = bits.reshape(blocks, 16, 4).transpose(0, 2, 1).reshape(-1)[:count]
    return (words >> 8) * 2.0**-24


def draw(p, *where):
    return (uniform(p.size, *where).reshape(p.shape) < p) * 1.0


def gibbs(x, weight, hidden_bias, visible_bias, steps, seed, stream):
    """States [rows, units] after each half step: h, v, ..., and the means of the last v."""
    v, means = x, None
    h = draw(sigmoid(v @ weight + hidden_bias), 0, seed, stream)
    for i in range(1, steps + 1):
        means = sigmoid(h @ weight.T + visible_bias)
        v = draw(means.T, 2 * i, seed, stream).T
        p = sigmoid(v @ weight + hidden_bias)
        h = draw(p, 2 * i + 1, seed, stream)
    return v, means, p, h


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("steps", [1, 3])
def test_gibbs_steps_draw_by_the_probabilities_of_the_definition(shape, steps):
    parts = machine(*shape)
    expected = gibbs(*parts, steps, seed=5, stream=9)[:2]
    for _ in each_isa():
        results = [_core.rbm_gibbs(*parts, steps, seed=5, stream=9, mean=True) for _ in each_team()]
        np.testing.assert_array_equal(results[0][0], expected[0])
        np.testing.assert_allclose(results[0][1], expected[1], atol=1e-13)
        for one in results[1:]:
            assert [a.tobytes() for a in one] == [a.tobytes() for a in results[0]]


def test_normal_units_have_the_means_and_the_variance_of_the_definition():
    rng = np.random.default_rng(0)
    weight, hidden_bias, visible_bias = rng.standard_normal((4, 3)), rng.standard_normal(3), rng.standard_normal(4)
    x = np.zeros((20_000, 4))
    sample, mean = _core.rbm_gibbs(x, weight, hidden_bias, visible_bias, gaussian=True, seed=1, mean=True)
    noise = sample - mean
    assert np.abs(noise.mean(axis=0)).max() < 0.03
    np.testing.assert_allclose(np.cov(noise.T), np.eye(4), atol=0.04)
    assert abs((noise**4).mean() - 3) < 0.15
    np.testing.assert_allclose(mean.mean(axis=0), sigmoid(hidden_bias) @ weight.T + visible_bias, atol=0.05)
    assert len(np.unique(noise)) > 79_000


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_an_update_moves_the_parameters_by_the_statistics_of_data_and_chains(dtype, shape, persistent, momentum):
    x, weight, hidden_bias, visible_bias = machine(*shape, dtype)
    rows, chains, hidden = len(x), 6, len(hidden_bias)
    options = {"rate": 0.2, "decay": 0.1, "sparsity": 0.3, "target": 0.1}
    start = (np.random.default_rng(1).random((chains, hidden)) < 0.5).astype(dtype)
    first = sigmoid(x @ weight + hidden_bias)
    if persistent:
        v = draw(sigmoid(start @ weight.T + visible_bias).T, 2, 3, 4).T
        p = sigmoid(v @ weight + hidden_bias)
        h = draw(p, 3, 3, 4)
    else:
        v, _, p, _ = gibbs(*(a.astype(np.float64) for a in (x, weight, hidden_bias, visible_bias)), 1, 3, 4)
    change = [
        x.T @ first / rows - v.T @ p / len(v) - 0.1 * weight,
        first.mean(0) - p.mean(0) + 0.3 * (0.1 - first.mean(0)),
        x.mean(0) - v.mean(0),
    ]
    rng = np.random.default_rng(2)
    before = [rng.standard_normal(c.shape).astype(dtype) for c in change]
    moved = [0.2 * c + momentum * b for c, b in zip(change, before, strict=True)]
    for _ in each_isa():
        results = []
        for _ in each_team():
            parameters = [weight.copy(), hidden_bias.copy(), visible_bias.copy()]
            states = start.copy() if persistent else None
            velocity = [b.copy() for b in before] if momentum else [None] * 3
            _core.rbm_update(x, *parameters, states, *velocity, momentum=momentum, seed=3, stream=4, **options)
            results.append([*parameters, *(velocity if momentum else ()), *([states] if persistent else ())])
        for old, new, by in zip((weight, hidden_bias, visible_bias), results[0], moved, strict=False):
            np.testing.assert_allclose(new, old + by, atol=4 * TOLERANCE[np.dtype(dtype)])
        if persistent:
            np.testing.assert_array_equal(results[0][-1], h)
        for one in results[1:]:
            assert [a.tobytes() for a in one] == [a.tobytes() for a in results[0]]


def test_bad_arguments_are_refused():
    x, weight, hidden_bias, visible_bias = machine(4, 3, 2)
    with pytest.raises(ValueError, match="steps is 0, expected at least 1"):
        _core.rbm_gibbs(x, weight, hidden_bias, visible_bias, 0, seed=0)
    with pytest.raises(ValueError, match="velocity is given without velocity_hidden"):
        _core.rbm_update(x, weight, hidden_bias, visible_bias, velocity=weight.copy(), rate=0.1, seed=0)
    with pytest.raises(ValueError, match="N > 0"):
        _core.rbm_update(x[:0], weight, hidden_bias, visible_bias, rate=0.1, seed=0)
