"""The linear map of soft debiasing: a convex problem, solved in closed form or by projected gradients.

Minimise over X = T'T >= 0 (positive semidefinite), with S = WW', M = NN' (sums over words) and orthonormal B [D, k]:
    |S^1/2 (X - 1) S^1/2|^2 + lambda tr(B'X M X B).
With Y = S^1/2 X S^1/2, Q = S^-1/2 B and A = S^-1/2 M S^-1/2 (A <= 1, for N is a part of W) this is
    |Y - S|^2 + lambda tr(Q'Y A Y Q),   Y >= 0,
whose curvature lies between 2 and 2 + 2 lambda |A| |Q|^2. Without the constraint its minimum is
    Y = S - lambda/2 (A Z Q' + Q Z'A),   Z = Y Q,
so that Z solves k D linear equations. Where that Y is not >= 0, accelerated projected gradients (Beck and Teboulle,
2009) go on from it: the projection sets negative eigenvalues to 0.
"""

from __future__ import annotations

import numpy as np

_TOLERANCE = 1e-10
_STEPS = 20_000


def soft_transform(everything: np.ndarray, neutral: np.ndarray, basis: np.ndarray, strength: float) -> np.ndarray:
    """Compute the symmetric T [D, D] from S, M [D, D], the bias basis [k, D] and lambda; the identity where no word lies."""
    sizes, axes = np.linalg.eigh(everything)
    used = sizes > sizes[-1] * 1e-10
    axes, roots = axes[:, used], np.sqrt(sizes[used])
    into = axes / roots  # S^-1/2, with coordinates along S's axes on the left
    q, a = into.T @ basis.T, into.T @ neutral @ into
    s = np.diag(sizes[used])
    y = _unconstrained(s, a, q, strength)
    if np.linalg.eigvalsh(y)[0] < 0:
        y = _projected(y, s, a, q, strength)
    x = into @ y @ into.T
    outside = np.eye(len(x)) - axes @ axes.T
    values, vectors = np.linalg.eigh((x + x.T) / 2)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T + outside


def _unconstrained(s: np.ndarray, a: np.ndarray, q: np.ndarray, strength: float) -> np.ndarray:
    """Solve for the minimum without Y >= 0: Z + lambda/2 (A Z Q'Q + Q Z'A Q) = S Q, by rows of Z end to end."""
    n, k = q.shape
    aq = a @ q
    equations = np.eye(n * k) + strength / 2 * np.kron(a, q.T @ q)
    # (Q Z'A Q)[i, j] = sum over l, m of Q[i, l] Z[m, l] (AQ)[m, j]
    equations += strength / 2 * np.einsum("il,mj->ijml", q, aq).reshape(n * k, n * k)
    z = np.linalg.solve(equations, (s @ q).ravel()).reshape(n, k)
    turn = a @ z @ q.T
    return s - strength / 2 * (turn + turn.T)


def _projected(y: np.ndarray, s: np.ndarray, a: np.ndarray, q: np.ndarray, strength: float) -> np.ndarray:
    """Find the minimum with Y >= 0, from a start y."""
    c = q @ q.T
    curvature = 2 + 2 * strength * np.linalg.norm(a, 2) * np.linalg.norm(c, 2)
    ratio = np.sqrt(2 / curvature)
    momentum = (1 - ratio) / (1 + ratio)
    y = ahead = _positive(y)
    for _ in range(_STEPS):
        turn = a @ ahead @ c
        new = _positive(ahead - (2 * (ahead - s) + strength * (turn + turn.T)) / curvature)
        change = np.linalg.norm(new - y)
        ahead, y = new + momentum * (new - y), new
        if change <= _TOLERANCE * np.linalg.norm(y):
            return y
    raise ArithmeticError(
        f"soft debiasing has not converged in {_STEPS} steps at lambda = {strength:g}; take a smaller strength"
    )


def _positive(y: np.ndarray) -> np.ndarray:
    """Return the nearest positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(y)
    return (vectors * np.maximum(values, 0)) @ vectors.T
