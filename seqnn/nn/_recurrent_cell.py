"""One step of a recurrent net as a layer."""

from __future__ import annotations

import inspect
from typing import Any

from .. import ops
from .._settings import Setting
from ..autograd import Operand
from ._parameter import Parameter
from ._recurrent import Recurrent
from ._recurrent_base import RecurrentBase, as_state, each_part, one_state

_DECLARED = ("kind", "op", "states", "gates", "norm_gates", "units", "state_sizes", "own_shapes", "check")


class RecurrentCell(RecurrentBase):
    """The base of cells: `class GRUCell(nn.RecurrentCell, layer=GRU)` declares that of a kind.

    `cell(x, state=None)` -> the next state: `forward` says the shapes. Parameters have PyTorch's names, those of the layer
    without "_l0".

    Raises:
        ValueError: for a size below 1, an unknown name, and settings that do not go together.
        TypeError: for an argument of another type, or one that the kind does not have.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> class Cell(nn.RecurrentCell, layer=nn.GRU):
    ...     pass
    >>> Cell(3, 4, form="update")(np.ones((2, 3), np.float32)).shape
    (2, 4)
    """

    bias_ih: Parameter | None = None
    bias_hh: Parameter | None = None

    def __init_subclass__(cls, *, layer: type[Recurrent] | None = None, **options: Any) -> None:
        for name in _declared(layer) if layer else ():
            setattr(cls, name, inspect.getattr_static(layer, name))
        super().__init_subclass__(**options)

    def forward(self, x: Operand, state: Any = None, *, hx: Any = None) -> Any:
        """Compute the next state.

        Args:
            x: [B, input_size], or [input_size]. Integers and other floats become the weights' kind of numbers.
            state: h, or a tuple of the parts of the state, each [B, size]; None for zeros.
            hx: PyTorch's name of `state`.

        Returns:
            h, or a tuple of the parts.

        Raises:
            ValueError: for shapes that do not fit.
            TypeError: for float64 beside float32, and what are no numbers.
        """
        x, state = self._as_input(x), one_state(state, hx)
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ValueError(f"x has shape {x.shape}, expected [B, {self.input_size}] or [{self.input_size}]")
        single = x.ndim == 1
        if single:
            x, state = ops.unsqueeze(x, 0), each_part(state, lambda part: part[None])
        none = (None,) * len(self.states)
        parts = none if state is None else self._parts(state, x.shape[0])
        after = as_state(self._run(ops.unsqueeze(x, 0), parts, "", lengths=None, reverse=False)[1:])
        return each_part(after, lambda part: ops.squeeze(part, 0)) if single else after


def _declared(layer: type[Recurrent]) -> list[str]:
    """Return the names of what the kind of a layer declares: its settings beside those that all layers have."""
    own = [name for base in layer.__mro__ for name, value in vars(base).items() if isinstance(value, Setting)]
    return [*_DECLARED, *(name for name in dict.fromkeys(own) if name not in Recurrent._settings)]
