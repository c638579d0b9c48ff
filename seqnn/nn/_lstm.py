"""LSTM layers."""

from __future__ import annotations

from typing import ClassVar, Unpack

import numpy as np
import numpy.typing as npt

from .. import _core, ops
from .._settings import Integer
from ._recurrent import Recurrent, RecurrentOptions
from ._recurrent_base import Switch
from ._recurrent_cell import RecurrentCell


class LSTM(Recurrent):
    """Stacked LSTM layers over whole sequences: c = f c + i g, h = o tanh(c), gates i, f, g, o.

    `layer(x, state=None, lengths=None)` -> (out, (h, c)): `forward` says the shapes.

    Args:
        proj_size: units of h after a projection, h = W_hr (o tanh(c)) with `weight_hr_l0` [proj_size, hidden_size]; 0 for
            none.
        peepholes: whether i, f and o also see c, through a weight of each unit, `peephole_l0` [3, hidden_size].
        layer_norm: whether the gates are normalised before their biases, with a learnt scale `norm_l0`, and so is what h sees
            of c, with a learnt scale and shift `norm_cell_l0` [2, hidden_size].

    Raises:
        ValueError, TypeError: those of `Recurrent`.

    Sources: Hochreiter, Schmidhuber, "Long short-term memory", 1997; Gers, Schmidhuber, "Recurrent nets that time and
    count", 2000 (peepholes); Sak, Senior, Beaufays, "Long short-term memory recurrent neural network architectures for
    large scale acoustic modeling", 2014 (projection).

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    >>> out, (h, c) = layer(np.ones((5, 2, 3), np.float32), lengths=[5, 2])
    >>> out.shape, h.shape
    ((5, 2, 8), (4, 2, 4))
    """

    kind, gates, states = "lstm", 4, ("h", "c")
    op, pack, stream, whole = ops.lstm, _core.lstm_pack, _core.lstm_step, _core.lstm_forward
    forget_bias: ClassVar = {1: 1.0}  # it remembers for some 4 steps at first (Jozefowicz et al. 2015)
    proj_size = Integer(0, minimum=-(2**31))  # `check` knows the bounds
    peepholes = Switch(False)

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, *, peepholes: bool = False,
        **options: Unpack[RecurrentOptions],
    ) -> None:  # fmt: skip
        self._build(locals())

    def check(self) -> None:
        if not 0 <= self.proj_size < self.hidden_size:
            raise ValueError(f"proj_size must be in [0, hidden_size={self.hidden_size}), got {self.proj_size}")

    def state_sizes(self) -> dict[str, int]:
        return {"h": self.proj_size or self.hidden_size, "c": self.hidden_size}

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = {
            "weight_hr": (self.proj_size, self.hidden_size) if self.proj_size else None,
            "norm_cell": (2, self.hidden_size) if self.layer_norm else None,
            "peephole": (3, self.hidden_size) if self.peepholes else None,
        }
        return {name: shape for name, shape in shapes.items() if shape}


class LSTMCell(RecurrentCell, layer=LSTM):
    """One LSTM step: `cell(x, (h, c))` -> (h, c), x [B, input_size], h and c [B, hidden_size], zeros by default.

    Args:
        proj_size: units of h after a projection; 0 for none.
        peepholes: whether i, f and o also see c.

    Raises:
        ValueError, TypeError: those of `RecurrentCell`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> h, c = nn.LSTMCell(3, 4)(np.ones((2, 3), np.float32))
    >>> h.shape
    (2, 4)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, proj_size: int = 0, peepholes: bool = False,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:  # fmt: skip
        self._build(locals())
