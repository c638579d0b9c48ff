"""Adam and AdamW: steps by moving averages of the gradients and of their squares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import _core
from ._groups import Group
from ._optimizer import Optimizer, steps


class Adam(Optimizer):
    """An optimiser by moving averages of the gradients and of their squares.

        g = grad + weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g^2
        amsgrad:  v' = the largest v so far            (v' = v otherwise)
        p = p - lr / (1 - beta1^step) * m / (sqrt(v') / sqrt(1 - beta2^step) + eps)

    Names, defaults and update are PyTorch's.

    Args:
        params: Tensors, (name, Tensor) pairs or group dicts.
        lr: learning rate.
        betas: shares of the old averages that stay.
        eps: added to the root.
        weight_decay: share of the weights that is added to the gradient.
        amsgrad: divide by the largest v so far.
        maximize: go uphill.
        lazy: update only the rows of an embedding that took part, and their moments; the others rest. Much faster for
            large tables, but another rule: otherwise all moments decay at each step.

    Raises:
        TypeError: for what are no parameters.
        ValueError: for options out of range.

    Sources: Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015; Reddi, Kale, Kumar, "On the convergence of
    Adam and beyond", ICLR 2018 (amsgrad).

    >>> from seqnn import Tensor, optim
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.Adam([w], lr=0.1)
    >>> w.grad = w.data.copy()
    >>> optimizer.step()
    >>> w.data
    array([0.9, 1.9], dtype=float32)
    """

    _decoupled = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        lazy: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": tuple(betas) if isinstance(betas, Iterable) else betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "lazy": lazy,
            },
        )

    def _check(self, group: Group) -> None:
        super()._check(group)
        if not isinstance(group["betas"], tuple | list) or len(group["betas"]) != 2:
            raise ValueError(f"betas: expected two numbers, got {group['betas']!r}")

    def _state_values(self, group: Group) -> dict[str, float]:
        return dict.fromkeys(("exp_avg", "exp_avg_sq", *(("max_exp_avg_sq",) if group["amsgrad"] else ())), 0)

    def _rows_suffice(self, group: Group) -> bool:
        return group["lazy"]

    def _options(self, group: Group, scale: float) -> tuple[Any, ...]:
        """Return the numbers in the order in which the kernels take them."""
        return group["lr"], *group["betas"], group["eps"], group["weight_decay"], self._decoupled, scale

    def _update(self, group: Group, params: list, grads: list, states: list[dict], scale: float) -> None:
        _core.adam_step(
            params,
            grads,
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            steps(states),
            *self._options(group, scale),
            [state["max_exp_avg_sq"] for state in states] if group["amsgrad"] else None,
        )

    def _update_rows(
        self, group: Group, param: np.ndarray, ids: np.ndarray, grad: np.ndarray, state: dict, scale: float
    ) -> None:
        moments = [state[name] for name in self._state_values(group)]
        _core.adam_rows(param, grad, *moments[:2], ids, state["step"], *self._options(group, scale), *moments[2:])


class AdamW(Adam):
    """An optimiser like Adam with decoupled weight decay: p = p * (1 - lr * weight_decay), then Adam's step without decay.

    Names, defaults and update are PyTorch's.

    Args:
        params, lr, betas, eps, amsgrad, maximize, lazy: as for `Adam`.
        weight_decay: see above.

    Raises:
        TypeError: for what are no parameters.
        ValueError: for options out of range.

    Source: Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019.

    >>> from seqnn import Tensor, optim
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> w.grad = w.data.copy()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([0.85, 1.8 ], dtype=float32)
    """

    _decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        lazy: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, lazy=lazy)
