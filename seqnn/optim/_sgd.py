"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import _core
from ._groups import Group
from ._optimizer import Optimizer, steps


class SGD(Optimizer):
    """An optimiser by gradient descent, with momentum if wanted.

        g = grad + weight_decay * p
        b = momentum * b + (1 - dampening) * g        (b = g at the first step)
        p = p - lr * (g + momentum * b  if nesterov else  b)

    Without momentum and weight decay only those rows of an embedding are touched whose gradient is not zero. Names, defaults
    and update are PyTorch's.

    Args:
        params: Tensors, (name, Tensor) pairs or group dicts.
        lr: learning rate.
        momentum: share of the last update that is added.
        dampening: share of the gradient that is left out then.
        weight_decay: share of the weights that is added to the gradient.
        nesterov: look ahead by one step of momentum; needs momentum > 0 and dampening 0.
        maximize: go uphill.

    Raises:
        TypeError: for what are no parameters.
        ValueError: for options out of range.

    Sources: Robbins, Monro, "A stochastic approximation method", 1951; Sutskever et al., "On the importance of
    initialization and momentum in deep learning", ICML 2013.

    >>> from seqnn import Tensor, optim
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.SGD([w], lr=0.5)
    >>> w.grad = w.data.copy()
    >>> optimizer.step()
    >>> w.data
    array([0.5, 1. ], dtype=float32)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def _check(self, group: Group) -> None:
        super()._check(group)
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError(
                "nesterov: expected momentum > 0 and dampening 0, "
                f"got momentum={group['momentum']}, dampening={group['dampening']}"
            )

    def _state_values(self, group: Group) -> dict[str, float]:
        return {"momentum_buffer": 0} if group["momentum"] else {}

    def _rows_suffice(self, group: Group) -> bool:
        return group["momentum"] == 0 and group["weight_decay"] == 0

    def _update(self, group: Group, params: list, grads: list, states: list[dict], scale: float) -> None:
        _core.sgd_step(
            params,
            grads,
            steps(states),
            group["lr"],
            group["momentum"],
            group["dampening"],
            group["nesterov"],
            group["weight_decay"],
            scale,
            [state["momentum_buffer"] for state in states] if group["momentum"] else None,
        )

    def _update_rows(
        self, group: Group, param: np.ndarray, ids: np.ndarray, grad: np.ndarray, state: dict, scale: float
    ) -> None:
        _core.sgd_rows(param, grad, ids, group["lr"], scale)
