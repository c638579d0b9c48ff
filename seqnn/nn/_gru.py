"""GRU layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core, ops
from ..ops._gru import FORMS, split_bias
from ._recurrent import Merge, Recurrent


class GRU(Recurrent):
    """Stacked GRU layers over whole sequences, gates r, z, n.

    `form`: "pytorch" (r behind the product), "cho2014" (r h goes into the product), "update" (as that, and z is the share
    of the candidate instead of the old state): `ops.gru` has the formulas. The other arguments, shapes and errors are those
    of `LSTM`, without peepholes; the state is h alone. layer_norm goes with the form "pytorch" only.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> out, h = nn.GRU(3, 4, batch_first=True)(np.ones((2, 5, 3), np.float32))
    >>> out.shape, h.shape
    ((2, 5, 4), (1, 2, 4))
    """

    _gates, _norm_rows = 3, 4
    _pack = staticmethod(_core.gru_pack)

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
        form: str = "pytorch",
        merge: Merge = "concat",
        residual: bool = False,
        learn_state: bool = False,
        layer_norm: bool = False,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if form not in ("pytorch", "cho2014", "update"):
            raise ValueError(f"GRU: form must be 'pytorch', 'cho2014' or 'update', got {form!r}")
        if layer_norm and form != "pytorch":
            raise ValueError(f"GRU: layer_norm goes with form='pytorch' only, got form={form!r}")
        self.form = form
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, merge=merge, residual=residual,
            learn_state=learn_state, layer_norm=layer_norm, input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout, zoneout=zoneout, dtype=dtype,
        )  # fmt: skip

    def _step(self) -> tuple[Callable, tuple]:
        biases = [split_bias(*pair, self.hidden_size) for pair in self._biases()]
        bias, bias_n = (np.stack(b) if self.bias else None for b in zip(*biases, strict=True))
        return _core.gru_step, (bias, bias_n, self._stacked("norm"), FORMS[self.form])

    def _run(self, x: Any, states: tuple, suffix: str, options: dict[str, Any]) -> tuple[Any, ...]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "norm")
        return ops.gru(x, *states, *(getattr(self, name + suffix, None) for name in names), form=self.form, **options)
