"""LSTM layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core, ops
from ._recurrent import Merge, Recurrent


class LSTM(Recurrent):
    """Stacked LSTM layers over whole sequences: c = f c + i g, h = o tanh(c), gates i, f, g, o.

    Args (positional ones as PyTorch's): input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0
    (between layers), bidirectional=False, proj_size=0 (units of h: h = W_hr (o tanh(c)), `weight_hr_l0`); and
        merge: how two directions are joined: "concat", "sum" or "mean".
        residual: from the second layer on a layer's input is added to its output.
        learn_state: the initial states are parameters, `initial_h_l0`, ...
        layer_norm: each gate is normalised in front of its bias, with a learnt scale `norm_l0`, and so is what h sees of c,
            with a learnt scale and shift `norm_cell_l0` [2, hidden_size] (Ba et al. 2016).
        input_dropout, recurrent_dropout: variational dropout, one mask for all steps of a call (Gal, Ghahramani 2016).
        zoneout: units of h and c keep their old value with this probability (Krueger et al. 2017).
        peepholes: i, f and o also see c, with a weight a unit, `peephole_l0` [3, hidden_size] (Gers et al. 2000).
        dtype: float32.

    `layer(x, state=None, lengths=None)` -> (out, (h, c)): x [T, B, input_size], or [B, T, input_size] with batch_first,
    or one sequence [T, input_size]; `state` (h, c), each [layers * directions, B, hidden_size], zeros by default; out like
    x with hidden_size (twice that for two directions, "concat") as the last axis; h and c behind each sequence's last
    step. `lengths` [B], in any order, zeros allowed: what lies behind is not read, and zero in out. `layer.step(x, state)`
    does one step of a stream.

    Parameters, `weight_ih_l0` [4H, I], `weight_hh_l0` [4H, H], `bias_ih_l0`, `bias_hh_l0` [4H], ..._reverse: as PyTorch's,
    so that state_dicts go both ways. In eval mode with frozen parameters the weights are kept packed.
    Raises ValueError where sizes or lengths do not fit.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    >>> out, (h, c) = layer(np.ones((5, 2, 3), np.float32), lengths=[5, 2])
    >>> out.shape, h.shape
    ((5, 2, 8), (4, 2, 4))
    """

    _gates = _norm_rows = 4
    _states = ("h", "c")
    _pack = staticmethod(_core.lstm_pack)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        peepholes: bool = False,
        merge: Merge = "concat",
        residual: bool = False,
        learn_state: bool = False,
        layer_norm: bool = False,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if not 0 <= proj_size < max(hidden_size, 1):
            raise ValueError(f"LSTM: proj_size must be in [0, hidden_size={hidden_size}), got {proj_size}")
        self.peepholes, self.proj_size = peepholes, proj_size
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, merge=merge, residual=residual,
            learn_state=learn_state, layer_norm=layer_norm, input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout, zoneout=zoneout, dtype=dtype,
        )  # fmt: skip

    def _state_sizes(self) -> dict[str, int]:
        return {"h": self.proj_size or self.hidden_size, "c": self.hidden_size}

    def _shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        shapes = super()._shapes(inputs)
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        if self.layer_norm:
            shapes["norm_cell"] = (2, self.hidden_size)
        return {**shapes, "peephole": (3, self.hidden_size)} if self.peepholes else shapes

    def _step(self) -> tuple[Callable, tuple]:
        names = ("weight_hr", "peephole", "norm", "norm_cell")
        return _core.lstm_step, (self._stacked_bias(), *(self._stacked(name) for name in names))

    def _run(self, x: Any, states: tuple, suffix: str, options: dict[str, Any]) -> tuple[Any, ...]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole", "norm", "weight_hr", "norm_cell")
        return ops.lstm(x, *states, *(getattr(self, name + suffix, None) for name in names), **options)
