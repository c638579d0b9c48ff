"""The made sensors follow the rule that is stated."""

import numpy as np
import pytest

from seqnn.data import sensor_grid


def test_the_rule():
    grid = sensor_grid(3, 2, steps=400, seed=5)
    assert grid.values.shape == grid.trends.shape == grid.bursts.shape == grid.events.shape == (400, 6)
    assert abs((grid.values - grid.trends - grid.bursts).std() - 0.05) < 0.005
    t, sensor = 200, 3  # row 1, column 1: neighbours (0, 1), (1, 0), (2, 1)
    decay = 0.45 + 0.4 * np.tanh(4 * grid.trends[t, sensor])
    size = grid.bursts[t + 1, sensor] - decay * grid.bursts[t, sensor] - 0.1 * grid.bursts[t, [1, 2, 5]].mean()
    assert 1 <= size <= 2 if grid.events[t + 1, sensor] else abs(size) < 1e-12
    assert abs(grid.events.mean() - 0.02) < 0.01
    np.testing.assert_allclose(
        grid.trends[7, 3], np.sin(2 * np.pi * 7 / 300 + 0.7) + 0.5 * np.sin(2 * np.pi * 7 / 690 + 0.7)
    )


def test_seeds_and_edges():
    np.testing.assert_array_equal(sensor_grid(steps=50, seed=1).values, sensor_grid(steps=50, seed=1).values)
    assert not np.array_equal(sensor_grid(steps=50, seed=1).values, sensor_grid(steps=50, seed=2).values)
    single = sensor_grid(1, 1, steps=5000, rate=0.2)
    assert np.isfinite(single.values).all() and single.bursts.max() < 50
    assert not sensor_grid(steps=100, rate=0.0).bursts.any()
    with pytest.raises(ValueError, match="rate: expected a probability, got 2"):
        sensor_grid(rate=2)
    with pytest.raises(ValueError, match="rows: expected an integer >= 1, got 0"):
        sensor_grid(0)
    with pytest.raises(ValueError, match="period"):
        sensor_grid(period=0)
