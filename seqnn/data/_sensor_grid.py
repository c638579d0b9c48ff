"""A made grid of sensors on which short bursts ride on long trends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._arguments import integer, number


@dataclass(frozen=True, eq=False)
class SensorGrid:
    """A grid of sensors, as `sensor_grid` makes it; sensor (r, c) is column r * columns + c.

    Args:
        values: trends + bursts + noise, what the sensors show; float64 [steps, rows * columns].
        trends: the slow part, of the same shape.
        bursts: the quick part, of the same shape.
        events: bool, of the same shape: where a burst begins.
        rows, columns: the size of the grid.

    >>> from seqnn.data import sensor_grid
    >>> sensor_grid(2, 3, steps=500)
    <SensorGrid of 2 x 3 sensors, 500 steps>
    """

    values: np.ndarray
    trends: np.ndarray
    bursts: np.ndarray
    events: np.ndarray
    rows: int
    columns: int

    def __repr__(self) -> str:
        return f"<SensorGrid of {self.rows} x {self.columns} sensors, {len(self.values)} steps>"


def sensor_grid(
    rows: int = 3,
    columns: int = 3,
    steps: int = 2000,
    *,
    period: float = 300.0,
    rate: float = 0.02,
    noise: float = 0.05,
    seed: int = 0,
) -> SensorGrid:
    """Make series of sensors on a grid: slow waves cross it, and bursts break out, spread to neighbours and die down.

    The trend L of a sensor is sin(2 pi t / period + x) + sin(2 pi t / (2.3 period) + y) / 2, with phases x, y by its place.
    Its burst S follows S[t+1] = d S[t] + 0.1 (mean of S[t] of its neighbours) + event, d = 0.45 + 0.4 tanh(4 L[t]): a burst
    lasts long where the trend is high and dies at once where it is low. To forecast the short one has to remember the long.

    Args:
        rows, columns: the size of the grid.
        steps: the length of the series.
        period: of the faster wave, in steps.
        rate: how probable it is that a burst begins at a sensor in a step; its size is between 1 and 2.
        noise: standard deviation of what is added to every value.
        seed: equal seeds give equal grids.

    Returns:
        The series, and what they are made of.

    >>> from seqnn.data import sensor_grid
    >>> grid = sensor_grid(2, 3, steps=500)
    >>> grid.values.shape, int(grid.events.sum())
    ((500, 6), 70)
    """
    rows, columns, steps = (integer(name, n, 1) for name, n in (("rows", rows), ("columns", columns), ("steps", steps)))
    period, noise = number("period", period, above=0), number("noise", noise, minimum=0)
    if not 0 <= rate <= 1:
        raise ValueError(f"rate: expected a probability, got {rate}")
    draw = np.random.default_rng(integer("seed", seed, 0))
    y, x = (part.ravel() for part in np.mgrid[:rows, :columns])
    time = 2 * np.pi * np.arange(steps)[:, None] / period
    trends = np.sin(time + 0.7 * x) + 0.5 * np.sin(time / 2.3 + 0.7 * y)
    events = draw.random(trends.shape) < rate
    sizes = events * draw.uniform(1, 2, trends.shape)
    near = np.abs(x[:, None] - x) + np.abs(y[:, None] - y) == 1
    spread = 0.1 * near / np.maximum(near.sum(axis=1, keepdims=True), 1)
    decay = 0.45 + 0.4 * np.tanh(4 * trends)
    bursts = np.zeros_like(trends)
    for t in range(steps):
        before = decay[t - 1] * bursts[t - 1] + spread @ bursts[t - 1] if t else 0
        bursts[t] = before + sizes[t]
    values = trends + bursts + noise * draw.standard_normal(trends.shape)
    return SensorGrid(values, trends, bursts, events, rows, columns)
