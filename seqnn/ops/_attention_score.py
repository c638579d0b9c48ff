"""The scores of attention other than the plain product: what queries, keys and the scale become before the kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Tensor
from ._layer_norm import rms_norm
from ._linear import linear

SCORES = ("scaled_dot", "dot", "cosine", "general", "additive")
_LEAST_SQUARE = 1e-24  # added to the mean square of a row of cosine scores: a row of zeros scores 0


def scored(q: Any, k: Any, weight: Any, score: str, scale: float | None) -> tuple[Any, Any, Any, float]:
    """Return the queries, keys, weight of additive scores (else None) and scale that give the named score."""
    if score not in SCORES:
        raise ValueError(f"attention: score must be one of {', '.join(map(repr, SCORES))}, got {score!r}")
    learned = score in ("general", "additive")
    if learned and weight is None:
        raise ValueError(f"attention: score={score!r} needs a weight")
    if not learned and weight is not None:
        raise ValueError(f"attention: weight is for the scores 'general' and 'additive', not for {score!r}")
    if score == "scaled_dot":
        depth = np.shape(q)[-1:]
        return q, k, None, (1 / math.sqrt(depth[0]) if depth and depth[0] else 1.0) if scale is None else scale
    scale = 1.0 if scale is None else scale
    if score == "cosine":
        size = np.shape(q)[-1] if np.ndim(q) == 4 else 1
        return _where_it_lies(q, _unit), _where_it_lies(k, _unit), None, scale / max(size, 1)
    if score == "general":
        shapes = np.shape(q), np.shape(k)
        if len(shapes[0]) == len(shapes[1]) == 4 and np.shape(weight) != (shapes[0][3], shapes[1][3]):
            raise ValueError(
                f"attention: weight of general scores must have shape [size of q, size of k] = "
                f"[{shapes[0][3]}, {shapes[1][3]}], got {np.shape(weight)}"
            )
        return _where_it_lies(q, lambda x: linear(x, weight.swapaxes(0, 1))), k, None, scale
    return q, k, weight, scale


def _unit(x: Any) -> Any:
    """Scale rows to the length sqrt(size)."""
    return rms_norm(x, eps=_LEAST_SQUARE)


def _where_it_lies(x: Any, change: Callable[[Any], Any]) -> Any:
    """Return change(x), in memory as x is: [B, T, H, D] where heads are closer together than positions."""
    strides = x.data.strides if isinstance(x, Tensor) else np.asarray(x).strides
    if len(strides) == 4 and strides[1] < strides[2]:
        return change(x.swapaxes(1, 2)).swapaxes(1, 2)
    return change(x)
