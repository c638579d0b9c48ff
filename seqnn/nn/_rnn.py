"""Vanilla recurrent layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core, ops
from ..ops._rnn import NONLINEARITIES
from ._recurrent import Merge, Recurrent


class RNN(Recurrent):
    """Stacked vanilla recurrent layers: h = act(x W_ih^T + h W_hh^T + bias), `nonlinearity` "tanh", "relu" or "sigmoid".

    The order of the arguments is PyTorch's: input_size, hidden_size, num_layers, nonlinearity, bias, batch_first, dropout,
    bidirectional. All but `nonlinearity`, the shapes and the errors are those of `LSTM`; the state is h alone.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> out, h = nn.RNN(3, 4, nonlinearity="relu")(np.ones((5, 2, 3), np.float32))
    >>> bool((out[-1] == h[0]).all())
    True
    """

    _gates = _norm_rows = 1
    _pack = staticmethod(_core.rnn_pack)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        merge: Merge = "concat",
        residual: bool = False,
        learn_state: bool = False,
        layer_norm: bool = False,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if nonlinearity not in ("tanh", "relu", "sigmoid"):
            raise ValueError(f"RNN: nonlinearity must be 'tanh', 'relu' or 'sigmoid', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, merge=merge, residual=residual,
            learn_state=learn_state, layer_norm=layer_norm, input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout, zoneout=zoneout, dtype=dtype,
        )  # fmt: skip

    def _step(self) -> tuple[Callable, tuple]:
        return _core.rnn_step, (self._stacked_bias(), self._stacked("norm"), NONLINEARITIES[self.nonlinearity])

    def _run(self, x: Any, states: tuple, suffix: str, options: dict[str, Any]) -> tuple[Any, ...]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "norm")
        parameters = (getattr(self, name + suffix, None) for name in names)
        return ops.rnn(x, *states, *parameters, nonlinearity=self.nonlinearity, **options)
