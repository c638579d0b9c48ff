"""Dropout."""

from __future__ import annotations

from typing import Any

from .. import ops
from ._module import Module


class Dropout(Module):
    """In training each element is 0 with probability p, and divided by 1 - p otherwise; x itself in eval mode.

    The draws come from `seqnn.random`'s process-wide generator (`seqnn.random.seed`).
    Source: Srivastava et al., "Dropout", JMLR 2014.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.Dropout(0.5)
    >>> x = np.ones(1000, np.float32)
    >>> sorted(set(layer(x).numpy().tolist())), set(layer.eval()(x).numpy().tolist())
    ([0.0, 2.0], {1.0})
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p must be a probability, got {p}")
        self.p = p

    def forward(self, x: Any) -> Any:
        return ops.dropout(x, self.p, training=self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"
