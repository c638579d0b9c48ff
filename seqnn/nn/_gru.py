"""GRU layers."""

from __future__ import annotations

from typing import Unpack

import numpy as np
import numpy.typing as npt

from .. import _core, ops
from .._settings import Choice
from ._recurrent import Recurrent, RecurrentOptions
from ._recurrent_cell import RecurrentCell


class GRU(Recurrent):
    """Stacked GRU layers over whole sequences: h = (1 - z) n + z h, gates r, z, n.

    `layer(x, state=None, lengths=None)` -> (out, h): `forward` says the shapes.

    Args:
        form: "pytorch" (r is applied after the product with h), "cho2014" (r h goes into the product) or "update" (so, too,
            and z is the share of the candidate instead of the old state): `ops.gru` has the formulas. layer_norm goes with
            "pytorch" only.

    Raises:
        ValueError, TypeError: those of `Recurrent`.

    Sources: Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
    2014; Chung et al., "Empirical evaluation of gated recurrent neural networks on sequence modeling", 2014.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> out, h = nn.GRU(3, 4, batch_first=True)(np.ones((2, 5, 3), np.float32))
    >>> out.shape, h.shape
    ((2, 5, 4), (1, 2, 4))
    """

    kind, gates, norm_gates = "gru", 3, 4
    op, pack, stream, whole = ops.gru, _core.gru_pack, _core.gru_step, _core.gru_forward
    form = Choice("pytorch", _core.gru.form)

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, *, form: str = "pytorch", **options: Unpack[RecurrentOptions],
    ) -> None:  # fmt: skip
        self._build(locals())

    def check(self) -> None:
        if self.layer_norm and self.form != "pytorch":
            raise ValueError(f"layer_norm goes with form='pytorch' only, got form={self.form!r}")


class GRUCell(RecurrentCell, layer=GRU):
    """One GRU step: `cell(x, h)` -> h, x [B, input_size], h [B, hidden_size], zeros by default.

    Args:
        form: "pytorch", "cho2014" or "update", as in `GRU`.

    Raises:
        ValueError, TypeError: those of `RecurrentCell`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.GRUCell(3, 4)(np.ones((2, 3), np.float32)).shape
    (2, 4)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, form: str = "pytorch",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:  # fmt: skip
        self._build(locals())
