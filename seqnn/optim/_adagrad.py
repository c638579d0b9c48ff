"""AdaGrad: a learning rate for each element that falls with the squares of its gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import _core
from ._groups import Group
from ._optimizer import Optimizer, steps


class Adagrad(Optimizer):
    """An optimiser with a learning rate for each element, which falls with the squares of its gradients.

        g = grad + weight_decay * p
        s = s + g^2
        p = p - lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps)

    Without weight decay only those rows of an embedding are touched whose gradient is not zero. Names, defaults and update
    are PyTorch's.

    Args:
        params: Tensors, (name, Tensor) pairs or group dicts.
        lr: learning rate.
        lr_decay: how fast it falls.
        weight_decay: share of the weights that is added to the gradient.
        initial_accumulator_value: of s.
        eps: added to the root.
        maximize: go uphill.

    Raises:
        TypeError: for what are no parameters.
        ValueError: for options out of range.

    Source: Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 2011.

    >>> from seqnn import Tensor, optim
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.Adagrad([w], lr=0.5)
    >>> w.grad = w.data.copy()
    >>> optimizer.step()
    >>> w.data
    array([0.5, 1.5], dtype=float32)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "eps": eps,
                "maximize": maximize,
            },
        )

    def _state_values(self, group: Group) -> dict[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def _rows_suffice(self, group: Group) -> bool:
        return group["weight_decay"] == 0 and group["eps"] > 0

    def _update(self, group: Group, params: list, grads: list, states: list[dict], scale: float) -> None:
        _core.adagrad_step(
            params,
            grads,
            [state["sum"] for state in states],
            steps(states),
            group["lr"],
            group["lr_decay"],
            group["weight_decay"],
            group["eps"],
            scale,
        )

    def _update_rows(
        self, group: Group, param: np.ndarray, ids: np.ndarray, grad: np.ndarray, state: dict, scale: float
    ) -> None:
        _core.adagrad_rows(
            param, grad, state["sum"], ids, state["step"], group["lr"], group["lr_decay"], group["eps"], scale
        )
