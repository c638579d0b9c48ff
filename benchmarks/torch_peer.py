"""torch as a peer in this process, where both share one team of OpenMP threads; None where it is not installed."""

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

import seqnn
from benchmarks.case import Measured, timed
from seqnn import Tensor

torch: Any = importlib.import_module("torch") if importlib.util.find_spec("torch") else None


def ours(function: Callable[[], Any], threads: int) -> Callable[[], Measured]:
    """Return a side that runs `function()` twice and times the second run."""

    def side() -> Measured:
        with seqnn.threads(threads):
            function()
            return timed(function)()

    return side


def theirs(function: Callable[[], Any], threads: int) -> Callable[[], Measured] | None:
    """Return the same for torch."""
    if torch is None:
        return None

    def side() -> Measured:
        torch.set_num_threads(threads)
        function()
        return timed(function)()

    return side


def our_step(function: Callable[..., Tensor], arrays: list[np.ndarray], grad: np.ndarray) -> Callable[[], list]:
    """Return a forward and backward pass from clear gradients; it returns the output and the gradients."""
    leaves = [Tensor(a, requires_grad=True) for a in arrays]

    def step() -> list:
        for leaf in leaves:
            leaf.zero_grad()
        out = function(*leaves)
        out.backward(grad)
        return [out.data, *[leaf.grad for leaf in leaves]]

    return step


def their_step(function: Callable[..., Any], arrays: list[np.ndarray], grad: np.ndarray) -> Callable[[], list]:
    """Return the same for torch."""
    if torch is None:
        return list
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    seed = torch.tensor(grad)

    def step() -> list:
        for leaf in leaves:
            leaf.grad = None
        out = function(*leaves)
        out.backward(seed)
        return [out.detach(), *[leaf.grad for leaf in leaves]]

    return step


def same_arrays(mine: list, other: list) -> float:
    """Check that all arrays agree, relative to their largest magnitude; return the largest difference."""
    worst = 0.0
    for a, b in zip(mine, other, strict=True):
        b = np.asarray(b.to_dense() if getattr(b, "is_sparse", False) else b)
        worst = max(worst, float(np.abs(np.asarray(a) - b).max() / max(1.0, float(np.abs(b).max()))))
    assert worst < 1e-4, f"results differ by {worst}"
    return worst


def same_norms(mine: list, other: list) -> float:
    """Check arrays behind a ReLU, where one sum that rounds to the other side of 0 changes a row: the norm of the difference."""
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(mine, other, strict=True)]
    worst = max(float(np.linalg.norm(a - b) / max(1.0, float(np.linalg.norm(b)))) for a, b in pairs)
    assert worst < 1e-2, f"results differ by {worst} of their norm"
    return worst
