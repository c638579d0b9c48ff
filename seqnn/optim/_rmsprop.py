"""RMSProp: gradients divided by a moving average of their size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import _core
from ._groups import Group
from ._optimizer import Optimizer


class RMSprop(Optimizer):
    """An optimiser that divides gradients by a moving average of their size.

        g = grad + weight_decay * p
        s = alpha * s + (1 - alpha) * g^2
        centered:  m = alpha * m + (1 - alpha) * g,  s' = s - m^2      (s' = s otherwise)
        u = g / (sqrt(s') + eps)
        momentum:  b = momentum * b + u,  u = b
        p = p - lr * u

    Names, defaults and update are PyTorch's.

    Args:
        params: Tensors, (name, Tensor) pairs or group dicts.
        lr: learning rate.
        alpha: share of the old average that stays.
        eps: added to the root.
        weight_decay: share of the weights that is added to the gradient.
        momentum: share of the last update that is added.
        centered: divide by the deviation instead of the root mean square.
        maximize: go uphill.

    Raises:
        TypeError: for what are no parameters.
        ValueError: for options out of range.

    Sources: Hinton, lecture 6e of "Neural networks for machine learning", 2012; Graves, "Generating sequences with recurrent
    neural networks", 2013 (centred).

    >>> from seqnn import Tensor, optim
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.RMSprop([w], lr=0.1, alpha=0.75)
    >>> w.grad = w.data.copy()
    >>> optimizer.step()
    >>> w.data
    array([0.8, 1.8], dtype=float32)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
                "maximize": maximize,
            },
        )

    def _state_values(self, group: Group) -> dict[str, float]:
        optional = {"momentum_buffer": group["momentum"], "grad_avg": group["centered"]}
        return dict.fromkeys(("square_avg", *(name for name, used in optional.items() if used)), 0)

    def _update(self, group: Group, params: list, grads: list, states: list[dict], scale: float) -> None:
        _core.rmsprop_step(
            params,
            grads,
            [state["square_avg"] for state in states],
            group["lr"],
            group["alpha"],
            group["eps"],
            group["weight_decay"],
            group["momentum"],
            scale,
            [state["momentum_buffer"] for state in states] if group["momentum"] else None,
            [state["grad_avg"] for state in states] if group["centered"] else None,
        )
