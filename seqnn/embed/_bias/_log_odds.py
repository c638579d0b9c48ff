"""Logistic regression on few vectors, by Newton's method."""

from __future__ import annotations

import numpy as np

_STEPS = 100
_TOLERANCE = 1e-10


def log_odds(rows: np.ndarray, positive: np.ndarray, c: float) -> np.ndarray:
    """Return the weights [D + 1], the last of which is the offset, that minimise |w|^2 / 2 + c sum of log losses.

    The offset is a weight like the others, of a column of ones, and the problem has one solution: liblinear's.
    """
    x = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    sign = np.where(positive, 1.0, -1.0)
    weights = np.zeros(x.shape[1])
    loss = _loss(weights, x, sign, c)
    for _ in range(_STEPS):
        chances = np.exp(-np.logaddexp(0, sign * (x @ weights)))  # of being wrong
        slope = weights - c * (x.T @ (sign * chances))
        if np.abs(slope).max() <= _TOLERANCE * (1 + c):
            break
        curvature = np.eye(len(weights)) + c * (x.T * (chances * (1 - chances))) @ x
        step = np.linalg.solve(curvature, slope)
        size = 1.0
        while (new := _loss(weights - size * step, x, sign, c)) > loss and size > 1e-12:
            size /= 2
        weights, loss = weights - size * step, new
    return weights


def _loss(weights: np.ndarray, x: np.ndarray, sign: np.ndarray, c: float) -> float:
    return float(weights @ weights / 2 + c * np.logaddexp(0, -sign * (x @ weights)).sum())
