"""Layers with a short and a long memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core, ops
from ..ops._stlm import COMBINE
from ._recurrent import Merge, Recurrent


class STLM(Recurrent):
    """Stacked layers with a short and a long memory that share a candidate: `ops.stlm` has the formulas.

    `combine`: "concat" (h = o tanh([C_short, C_long]), each memory has hidden_size / 2 units), "sum" (h = o tanh of their
    learnt weighted sum, `mix_l0` [2, hidden_size]) or "two_gates" (h = o_s tanh(C_short) + o_l tanh(C_long)). The other
    arguments, shapes and errors are those of `LSTM`, without peepholes; the state is (h, short, long).

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.STLM(3, 4, combine="sum")
    >>> out, (h, short, long) = layer(np.ones((5, 2, 3), np.float32))
    >>> short.shape, [m.shape for m in layer.memories(np.ones((5, 2, 3), np.float32))]
    ((1, 2, 4), [(5, 2, 4), (5, 2, 4)])
    """

    _states = ("h", "short", "long")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        combine: str = "concat",
        merge: Merge = "concat",
        residual: bool = False,
        learn_state: bool = False,
        layer_norm: bool = False,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if combine not in ("concat", "sum", "two_gates"):
            raise ValueError(f"STLM: combine must be 'concat', 'sum' or 'two_gates', got {combine!r}")
        if combine == "concat" and hidden_size % 2:
            raise ValueError(f"STLM: hidden_size must be even with combine='concat', got {hidden_size}")
        self.combine = combine
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, merge=merge, residual=residual,
            learn_state=learn_state, layer_norm=layer_norm, input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout, zoneout=zoneout, dtype=dtype,
        )  # fmt: skip

    @property
    def memory_size(self) -> int:
        """Units of each memory."""
        return self.hidden_size // 2 if self.combine == "concat" else self.hidden_size

    def memories(self, x: Any, lengths: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """(short, long) of the first layer at every step, forward, from zero states: arrays [..., memory_size] in x's layout."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "mix")
        parameters = (getattr(self, f"{name}_l0", None) for name in names)
        arrays = [None if p is None else p.data for p in parameters]
        x = np.asarray(getattr(x, "data", x)) if not isinstance(x, np.ndarray) else x
        return ops.stlm_memories(x, *arrays, combine=self.combine, lengths=lengths, batch_first=self.batch_first)[1:]

    def _pack(self, *weights: np.ndarray) -> np.ndarray:
        return _core.stlm_pack(*weights, self.memory_size)

    def _rows(self) -> int:
        return (6 if self.combine == "sum" else 7) * self.memory_size

    def _state_sizes(self) -> dict[str, int]:
        return {"h": self.hidden_size, "short": self.memory_size, "long": self.memory_size}

    def _shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        shapes = super()._shapes(inputs)
        if self.layer_norm:
            shapes["norm"] = (self._rows(),)
        return {**shapes, "mix": (2, self.memory_size)} if self.combine == "sum" else shapes

    _norm_rows = 0

    def _step(self) -> tuple[Callable, tuple]:
        mix, norm = self._stacked("mix"), self._stacked("norm")
        return _core.stlm_step, (self._stacked_bias(), mix, norm, COMBINE[self.combine])

    def _run(self, x: Any, states: tuple, suffix: str, options: dict[str, Any]) -> tuple[Any, ...]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "mix", "norm")
        parameters = (getattr(self, name + suffix, None) for name in names)
        return ops.stlm(x, *states, *parameters, combine=self.combine, **options)
