"""Norms of Jacobians: how strongly an output depends on what came before it, through layers or through time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ..autograd import Tensor, grad

__all__ = ["jacobian_norms"]


def jacobian_norms(
    output: Tensor,
    inputs: Sequence[Tensor],
    *,
    norm: Literal["spectral", "frobenius"] = "spectral",
    probes: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Measure d output[n] / d input[n] for every input and sample.

    The spectral norm is the largest factor by which a small change of the input can grow; the Frobenius norm sums over all
    directions.

    Args:
        output: [N, D].
        inputs: Tensors [N, ...] of the same graph (activations layer by layer, or hidden states step by step), in which the
            samples do not influence each other.
        norm: "spectral" or "frobenius".
        probes: None differentiates all D outputs (exact, D backward passes); a number estimates the Frobenius norm from
            that many random directions.
        seed: of the random directions.

    Returns:
        An array [len(inputs), N]; NaN where a derivative is not finite.

    Raises:
        ValueError: where shapes do not agree, an input did not take part, or spectral norms are asked of probes.

    Source: Hutchinson, "A stochastic estimator of the trace of the influence matrix", 1990 (probes).

    >>> import numpy as np
    >>> from seqnn import Tensor, ops
    >>> x = Tensor(np.ones((1, 2)), requires_grad=True)
    >>> h = x @ np.diag([3.0, 0.5])
    >>> jacobian_norms(h @ np.diag([2.0, 2.0]), [x, h])
    array([[6.],
           [2.]])
    """
    if norm not in ("spectral", "frobenius"):
        raise ValueError(f"norm: expected 'spectral' or 'frobenius', got {norm!r}")
    if output.ndim != 2:
        raise ValueError(f"output: expected shape [N, D], got {list(output.shape)}")
    samples, width = output.shape
    for i, x in enumerate(inputs):
        if x.ndim < 1 or x.shape[0] != samples:
            raise ValueError(f"inputs[{i}]: expected [{samples}, ...] as the output has, got {list(x.shape)}")
    if probes is not None and (norm != "frobenius" or probes < 1):
        raise ValueError(f"probes: expected None, or a number >= 1 with norm='frobenius', got {probes} with {norm!r}")
    rows = np.eye(width) if probes is None else np.random.default_rng(seed).standard_normal((probes, width))
    found = jacobians(output, inputs, rows)
    if norm == "spectral":
        return np.array([spectral(j) for j in found])
    scale = 1.0 if probes is None else 1.0 / probes
    return np.array([np.sqrt(scale) * frobenius(j) for j in found])


def jacobians(output: Tensor, inputs: Sequence[Tensor], rows: np.ndarray) -> list[np.ndarray]:
    """Compute rows @ (d output[n] / d input[n]) for every input: float64 [N, len(rows), D], one backward pass a row."""
    samples = output.shape[0]
    found = [np.empty((samples, len(rows), math.prod(x.shape[1:]))) for x in inputs]
    for r, row in enumerate(rows):
        for i, g in enumerate(grad(output, inputs, np.broadcast_to(row, output.shape))):
            if g is None:
                raise ValueError(f"inputs[{i}]: the output does not depend on it")
            found[i][:, r] = g.reshape(samples, -1)
    return found


def spectral(matrices: np.ndarray) -> np.ndarray:
    """Compute the largest singular value of every matrix [N, R, C]; NaN where one holds a number that is not finite."""
    norms = np.full(len(matrices), np.nan)
    good = np.isfinite(matrices).all(axis=(1, 2))
    if matrices.size and good.any():
        norms[good] = np.linalg.norm(matrices[good], 2, axis=(1, 2))
    return norms


def frobenius(matrices: np.ndarray) -> np.ndarray:
    """Compute the root of the sum of squares of every matrix [N, R, C]."""
    return np.sqrt(np.square(matrices).sum(axis=(1, 2)))
