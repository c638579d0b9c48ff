"""Vanilla recurrent layers."""

from __future__ import annotations

from typing import Unpack

import numpy as np
import numpy.typing as npt

from .. import _core, ops
from .._settings import Choice
from ._recurrent import Recurrent, RecurrentOptions
from ._recurrent_cell import RecurrentCell


class RNN(Recurrent):
    """Stacked vanilla recurrent layers: h = act(x W_ih^T + b_ih + h W_hh^T + b_hh).

    `layer(x, state=None, lengths=None)` -> (out, h): `forward` says the shapes. The order of the arguments is PyTorch's.

    Args:
        nonlinearity: "tanh", "relu" or "sigmoid".

    Raises:
        ValueError, TypeError: those of `Recurrent`.

    Source: Elman, "Finding structure in time", 1990.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> out, h = nn.RNN(3, 4, nonlinearity="relu")(np.ones((5, 2, 3), np.float32))
    >>> bool((out[-1] == h[0]).all())
    True
    """

    kind = "rnn"
    op, pack, stream, whole = ops.rnn, _core.rnn_pack, _core.rnn_step, _core.rnn_forward
    nonlinearity = Choice("tanh", _core.rnn.nonlinearity)

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        **options: Unpack[RecurrentOptions],
    ) -> None:  # fmt: skip
        self._build(locals())


class RNNCell(RecurrentCell, layer=RNN):
    """One step of the vanilla net: `cell(x, h)` -> h, x [B, input_size], h [B, hidden_size], zeros by default.

    Args:
        nonlinearity: "tanh", "relu" or "sigmoid".

    Raises:
        ValueError, TypeError: those of `RecurrentCell`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.RNNCell(3, 4)(np.ones(3, np.float32)).shape
    (4,)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:  # fmt: skip
        self._build(locals())
