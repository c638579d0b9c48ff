"""One step of a recurrent net as a layer: LSTMCell, GRUCell, RNNCell, STLMCell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ops
from . import _init
from ._module import Module
from ._parameter import Parameter


class _Cell(Module):
    _states: tuple[str, ...] = ("h",)

    def __init__(self, input_size: int, hidden_size: int, rows: int, bias: bool, dtype: npt.DTypeLike) -> None:
        if input_size < 1 or hidden_size < 1:
            raise ValueError(
                f"{type(self).__name__}: input_size={input_size} and hidden_size={hidden_size} must be 1 or more"
            )
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self.weight_ih = Parameter(np.empty((rows, input_size), dtype))
        self.weight_hh = Parameter(np.empty((rows, hidden_size), dtype))
        self.bias_ih = Parameter(np.empty(rows, dtype)) if bias else None
        self.bias_hh = Parameter(np.empty(rows, dtype)) if bias else None

    def reset_parameters(self) -> None:
        """Draw all anew: uniform in +-1/sqrt(hidden_size), as PyTorch's."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            _init.uniform_(parameter, -bound, bound)

    def _run(self, x: Any, states: tuple) -> tuple[Any, ...]:
        """(out, *states) of a sequence of one step."""
        raise NotImplementedError

    def forward(self, x: Any, state: Any = None) -> Any:
        """The next state."""
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ValueError(f"x has shape {x.shape}, expected [B, {self.input_size}] or [{self.input_size}]")
        states = (
            (None,) * len(self._states) if state is None else state if isinstance(state, tuple | list) else (state,)
        )
        if len(states) != len(self._states):
            raise ValueError(f"state has {len(states)} parts, expected {len(self._states)}: {', '.join(self._states)}")
        single = x.ndim == 1
        if single:
            x, states = ops.unsqueeze(x, 0), tuple(None if s is None else ops.unsqueeze(s, 0) for s in states)
        after = self._run(ops.unsqueeze(x, 0), tuple(states))[1:]
        after = tuple(ops.squeeze(s, 0) for s in after) if single else after
        return after if len(after) > 1 else after[0]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}, bias={self.bias}"


class LSTMCell(_Cell):
    """One LSTM step: `cell(x, (h, c))` -> (h, c); x [B, input_size], h and c [B, hidden_size], zeros by default.

    Parameters and formulas are those of `LSTM`, under the names weight_ih, weight_hh, bias_ih, bias_hh.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> h, c = nn.LSTMCell(3, 4)(np.ones((2, 3), np.float32))
    >>> h.shape
    (2, 4)
    """

    _states = ("h", "c")

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: npt.DTypeLike = np.float32
    ) -> None:
        super().__init__(input_size, hidden_size, 4 * hidden_size, bias, dtype)
        self.reset_parameters()

    def _run(self, x: Any, states: tuple) -> tuple[Any, ...]:
        return ops.lstm(x, *states, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)


class GRUCell(_Cell):
    """One GRU step: `cell(x, h)` -> h; `form` as in `GRU`. See `LSTMCell`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.GRUCell(3, 4)(np.ones((2, 3), np.float32)).shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        form: str = "pytorch",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(input_size, hidden_size, 3 * hidden_size, bias, dtype)
        self.form = form
        self.reset_parameters()

    def _run(self, x: Any, states: tuple) -> tuple[Any, ...]:
        return ops.gru(x, *states, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, form=self.form)


class RNNCell(_Cell):
    """One step of the vanilla net: `cell(x, h)` -> h; `nonlinearity` as in `RNN`. See `LSTMCell`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.RNNCell(3, 4)(np.ones(3, np.float32)).shape
    (4,)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(input_size, hidden_size, hidden_size, bias, dtype)
        self.nonlinearity = nonlinearity
        self.reset_parameters()

    def _run(self, x: Any, states: tuple) -> tuple[Any, ...]:
        weights = self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh
        return ops.rnn(x, *states, *weights, nonlinearity=self.nonlinearity)


class STLMCell(_Cell):
    """One step with a short and a long memory: `cell(x, (h, short, long))` -> (h, short, long). See `STLM`, `LSTMCell`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> h, short, long = nn.STLMCell(3, 4)(np.ones((2, 3), np.float32))
    >>> h.shape, long.shape
    ((2, 4), (2, 2))
    """

    _states = ("h", "short", "long")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        combine: str = "concat",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if combine == "concat" and hidden_size % 2:
            raise ValueError(f"STLMCell: hidden_size must be even with combine='concat', got {hidden_size}")
        memory = hidden_size // 2 if combine == "concat" else hidden_size
        super().__init__(input_size, hidden_size, (6 if combine == "sum" else 7) * memory, bias, dtype)
        self.combine = combine
        self.mix = Parameter(np.empty((2, memory), dtype)) if combine == "sum" else None
        self.reset_parameters()

    def _run(self, x: Any, states: tuple) -> tuple[Any, ...]:
        weights = self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, self.mix
        return ops.stlm(x, *states, *weights, combine=self.combine)
