"""The partition function of a restricted Boltzmann machine: by enumeration, and by annealed importance sampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .. import _core, ops

__all__ = ["Machine", "annealed", "enumerated"]

MOST = 20
"""Units on one side up to which all their states are enumerated."""


@dataclass(frozen=True)
class Machine:
    """The parameters of a machine, float64: weight [hidden, visible], and the biases."""

    weight: np.ndarray
    hidden_bias: np.ndarray
    visible_bias: np.ndarray
    gaussian: bool = False

    def can_be_enumerated(self) -> bool:
        """Tell whether one side has few enough states."""
        hidden, visible = self.weight.shape
        return min(hidden, hidden if self.gaussian else visible) <= MOST

    def free_energy(self, v: np.ndarray) -> np.ndarray:
        """Return minus the logarithm of the sum of exp(-E(v, h)) over all h, for rows v, [N]."""
        softplus = ops.softplus(v @ self.weight.T + self.hidden_bias).sum(axis=1)
        if self.gaussian:
            return np.square(v - self.visible_bias).sum(axis=1) / 2 - softplus
        return -(v @ self.visible_bias) - softplus


def enumerated(machine: Machine) -> float:
    """Return log Z, the sum over all states of the smaller side, the other summed in closed form."""
    hidden, visible = machine.weight.shape
    if not machine.gaussian and visible < hidden:
        return _log_sum(-machine.free_energy(v) for v in _states(visible))
    return _log_sum(h @ machine.hidden_bias + _log_of_visible(machine, h @ machine.weight) for h in _states(hidden))


def annealed(machine: Machine, chains: int, steps: int, seed: int) -> float:
    """Estimate log Z by annealed importance sampling, from the machine without weights to this one.

    Source: Salakhutdinov, Murray, "On the quantitative analysis of deep belief networks", ICML 2008.
    """
    hidden, visible = machine.weight.shape
    rng = np.random.default_rng(seed)
    if machine.gaussian:
        v = machine.visible_bias + rng.standard_normal((chains, visible))
    else:
        v = (rng.random((chains, visible)) < ops.sigmoid(machine.visible_bias)).astype(np.float64)
    log_weight, betas = np.zeros(chains), np.linspace(0, 1, steps + 1)
    for i, (before, beta) in enumerate(pairwise(betas)):
        x = ops.linear(v, machine.weight, machine.hidden_bias)
        log_weight += (ops.softplus(beta * x) - ops.softplus(before * x)).sum(axis=1)
        v, _ = _core.rbm_gibbs(
            v, beta * machine.weight.T, beta * machine.hidden_bias, machine.visible_bias, gaussian=machine.gaussian,
            seed=seed, stream=i,
        )  # fmt: skip
    start = hidden * np.log(2) + float(_log_of_visible(machine, np.zeros((1, visible)))[0])
    return float(start + _log_sum([log_weight]) - np.log(chains))


def _log_of_visible(machine: Machine, x: np.ndarray) -> np.ndarray:
    """Return the logarithm of the sum (or integral) of exp(x v) over the visible units without hidden ones, [N]."""
    if machine.gaussian:
        normal = machine.weight.shape[1] * np.log(2 * np.pi) / 2
        return (x * machine.visible_bias + np.square(x) / 2).sum(axis=1) + normal
    return ops.softplus(x + machine.visible_bias).sum(axis=1)


def _states(units: int) -> Iterator[np.ndarray]:
    """Yield all states of binary units in blocks [states, units]."""
    for start in range(0, 2**units, 4096):
        numbers = np.arange(start, min(start + 4096, 2**units))
        yield (numbers[:, None] >> np.arange(units) & 1).astype(np.float64)


def _log_sum(blocks: Iterator[np.ndarray] | list[np.ndarray]) -> float:
    """Return the logarithm of the sum of exponentials."""
    return float(np.logaddexp.reduce([np.logaddexp.reduce(block) for block in blocks]))
