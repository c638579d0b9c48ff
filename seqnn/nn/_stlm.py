"""Layers with a short and a long memory."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

import numpy as np
import numpy.typing as npt

from .. import _core, ops
from .._settings import Choice
from ._recurrent import Recurrent, RecurrentOptions
from ._recurrent_base import array_of
from ._recurrent_cell import RecurrentCell


class STLM(Recurrent):
    """Stacked layers with a short and a long memory that share a candidate: `ops.stlm` has the formulas.

    `layer(x, state=None, lengths=None)` -> (out, (h, short, long)): `forward` says the shapes.

    Args:
        combine: what h is made of: "concat" (h = o tanh([C_short, C_long]), each memory has hidden_size / 2 units), "sum"
            (h = o tanh of their learnt weighted sum, `mix_l0` [2, hidden_size]) or "two_gates" (h = o_s tanh(C_short) +
            o_l tanh(C_long)).

    Raises:
        ValueError, TypeError: those of `Recurrent`; "concat" needs an even hidden_size.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.STLM(3, 4, combine="sum")
    >>> out, (h, short, long) = layer(np.ones((5, 2, 3), np.float32))
    >>> short.shape, [m.shape for m in layer.memories(np.ones((5, 2, 3), np.float32))]
    ((1, 2, 4), [(5, 2, 4), (5, 2, 4)])
    """

    kind, states = "stlm", ("h", "short", "long")
    op, pack, stream, whole = ops.stlm, _core.stlm_pack, _core.stlm_step, _core.stlm_forward
    forget_bias: ClassVar = {1: 0.0, 3: 3.0}  # the memories keep what they hold for 2 and for 20 steps at first
    combine = Choice("concat", _core.stlm.combine)

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, *, combine: str = "concat", **options: Unpack[RecurrentOptions],
    ) -> None:  # fmt: skip
        self._build(locals())

    @property
    def memory_size(self) -> int:
        """Units of each memory."""
        return self.units

    def memories(self, x: Any, lengths: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Compute the memories of the first layer at every step, forward, from zero states.

        Args:
            x: [T, B, input_size], or [B, T, input_size] with `batch_first`.
            lengths: [B]; None means T for all.

        Returns:
            (short, long): arrays in the layout of x, with `memory_size` as the last axis.
        """
        x = array_of(self._as_input(x))
        parameters = {name: getattr(self, f"{name}_l0", None) for name in self._weights if name != "norm"}
        arrays = {name: array_of(parameter) for name, parameter in parameters.items()}
        return ops.stlm_memories(x, **arrays, combine=self.combine, lengths=lengths, batch_first=self.batch_first)[1:]

    @property
    def gates(self) -> int:  # type: ignore[override]
        """Rows of the weights for each unit of a memory."""
        return 6 if self.combine == "sum" else 7

    @property
    def units(self) -> int:
        return self.hidden_size // 2 if self.combine == "concat" else self.hidden_size

    def check(self) -> None:
        if self.combine == "concat" and self.hidden_size % 2:
            raise ValueError(f"hidden_size must be even with combine='concat', got {self.hidden_size}")

    def state_sizes(self) -> dict[str, int]:
        return {"h": self.hidden_size, "short": self.units, "long": self.units}

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"mix": (2, self.units)} if self.combine == "sum" else {}


class STLMCell(RecurrentCell, layer=STLM):
    """One step with a short and a long memory: `cell(x, (h, short, long))` -> (h, short, long), zeros by default.

    Args:
        combine: "concat", "sum" or "two_gates", as in `STLM`.

    Raises:
        ValueError, TypeError: those of `RecurrentCell`; "concat" needs an even hidden_size.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> h, short, long = nn.STLMCell(3, 4)(np.ones((2, 3), np.float32))
    >>> h.shape, long.shape
    ((2, 4), (2, 2))
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, combine: str = "concat",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:  # fmt: skip
        self._build(locals())
