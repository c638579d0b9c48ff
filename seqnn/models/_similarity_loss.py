"""Distances of vectors, and losses that bring together what belongs together and keep the rest away."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import ops
from ..autograd import Tensor

DISTANCES = ("cosine", "euclidean", "manhattan")
NEGATIVES = ("mean", "hardest", "semi_hard", "mean+hardest")
LOSSES = ("in_batch", "triplet", "contrastive")

_TINY = 1e-12
"""Added below square roots, whose gradient at 0 is infinite."""

_FAR = 1e9

Pair = tuple[Tensor, Tensor]
Loss = Callable[[Pair, np.ndarray], tuple[Tensor, int]]


def unit(x: Any) -> Any:
    """Return vectors [B, D] of length 1; a zero vector stays."""
    return x / ((x * x).sum(axis=-1, keepdims=True) + _TINY) ** 0.5


def distances(a: Any, b: Any, kind: str) -> Any:
    """Return the distances [B, C] of vectors [B, D] from vectors [C, D]; "cosine" is 1 - cosine."""
    if kind == "cosine":
        return 1 - unit(a) @ unit(b).swapaxes(0, 1)
    if kind == "manhattan":
        return abs(a[:, None] - b[None]).sum(axis=-1)
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None] - (a @ b.swapaxes(0, 1)) * 2
    return (ops.relu(squares) + _TINY) ** 0.5


def _paired(a: Tensor, b: Tensor, kind: str) -> Tensor:
    """Return the distance [B] of each vector of one side from that of the other."""
    if kind == "cosine":
        return 1 - (unit(a) * unit(b)).sum(axis=1)
    difference = a - b
    return abs(difference).sum(axis=1) if kind == "manhattan" else ((difference**2).sum(axis=1) + _TINY) ** 0.5


def make_loss(settings: SimpleNamespace) -> Loss:
    """Return a loss of (vectors of one side, those of the other) and a target, as a sum and how many it is of.

    "contrastive": y d^2 + (1 - y) max(0, margin - d)^2; the target is y, 1 where a pair belongs together, else 0. The others
    take the second members of other pairs of the batch as negatives, but for pairs of the same group; the target is the
    group [B]. "in_batch": the cross-entropy of -d / temperature over all second members. "triplet":
    max(0, d(a, p) - d(a, n) + margin), where d(a, n) is the mean distance of the negatives, that of the closest ("hardest"),
    or that of the closest which is farther than p ("semi_hard"; the farthest, where there is none); "mean+hardest" adds two
    of these losses.

    Sources: Hadsell, Chopra, LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006; Henderson et al.,
    "Efficient natural language response suggestion for Smart Reply", 2017; Schroff, Kalenichenko, Philbin, "FaceNet", CVPR
    2015.
    """
    kind, margin = settings.distance, settings.margin

    def contrastive(output: Pair, target: np.ndarray) -> tuple[Tensor, int]:
        d = _paired(*output, kind)
        together = np.asarray(target).astype(d.dtype)
        return (together * d**2 + (1 - together) * ops.relu(margin - d) ** 2).sum(), len(together)

    def in_batch(output: Pair, target: np.ndarray) -> tuple[Tensor, int]:
        d = distances(*output, kind)
        allowed = _negatives(target)
        np.fill_diagonal(allowed, True)
        logits = d * (-1 / settings.temperature) - np.where(allowed, 0, _FAR).astype(d.dtype)
        return ops.cross_entropy(logits, np.arange(len(target)), reduction="sum"), len(target)

    def triplet(output: Pair, target: np.ndarray) -> tuple[Tensor, int]:
        d = distances(*output, kind)
        allowed = _negatives(target)
        rows = np.flatnonzero(allowed.any(axis=1))
        if not len(rows):
            return d.sum() * 0, len(target)
        d, allowed = d[rows], allowed[rows]
        positive = d[np.arange(len(rows)), rows]
        losses = [
            ops.relu(positive - _negative(name, d, positive.numpy(), allowed) + margin).sum()
            for name in settings.negatives.split("+")
        ]
        return sum(losses[1:], losses[0]), len(target)

    return {"contrastive": contrastive, "in_batch": in_batch, "triplet": triplet}[settings.loss]


def _negatives(groups: np.ndarray) -> np.ndarray:
    """Return which second members [B, B] are negatives of which first ones: those of other groups."""
    groups = np.asarray(groups)
    return groups[:, None] != groups[None]


def _negative(name: str, d: Tensor, positive: np.ndarray, allowed: np.ndarray) -> Tensor:
    """Return the distance [B] of the negative of each row."""
    if name == "mean":
        weights = allowed / allowed.sum(axis=1, keepdims=True)
        return (d * weights.astype(d.dtype)).sum(axis=1)
    values = d.numpy()
    closest = np.where(allowed, values, np.inf).argmin(axis=1)
    if name == "semi_hard":
        farther = allowed & (values > positive[:, None])
        beyond = np.where(farther, values, np.inf).argmin(axis=1)
        farthest = np.where(allowed, values, -np.inf).argmax(axis=1)
        closest = np.where(farther.any(axis=1), beyond, farthest)
    return d[np.arange(len(closest)), closest]
