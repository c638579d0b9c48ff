"""LoRAs that are written into the matrices of a model, and the matrices as they were before."""

from __future__ import annotations

import numpy as np

from .. import nn
from ._holding import holders
from ._low_rank import LowRank

__all__ = ["Merging"]


class Merging:
    """The matrices of a model that LoRAs are merged into, each with the array that it had; false while there are none.

    Args:
        model: whose matrices are meant.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._before: list[tuple[nn.Parameter, np.ndarray]] = []

    def __bool__(self) -> bool:
        return bool(self._before)

    def write(self) -> None:
        """Add what the active LoRAs add to the matrices, which get new arrays, and switch them off."""
        for holder in holders(self._model):
            if parts := holder._chosen(LowRank):
                weight = holder.weight if isinstance(holder, nn.Linear) else holder.in_proj_weight
                self._before.append((weight, weight.data))
                weight.data = weight.data + sum(part.delta() for part in parts)
                weight.data.flags.writeable = False
                holder.active = ()

    def take_back(self, active: tuple[str, ...]) -> None:
        """Give the matrices the arrays that they had, and switch the adapters on again."""
        for weight, original in self._before:
            weight.data = original
        self.settle()
        for holder in holders(self._model):
            holder.active = active

    def settle(self) -> None:
        """Let the matrices stay as they are: there is no way back."""
        self._before = []
