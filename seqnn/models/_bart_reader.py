"""A BART that reads: its classifiers look at the decoder's last state."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..autograd import Tensor
from ._bart import BART

__all__ = ["BARTReader"]


class BARTReader(nn.Module):
    """A BART that reads a text with both of its parts, as its classifiers do: ids [B, T] to hidden states [B, T, d_model].

    Args:
        bart: whose decoder reads what its encoder has read.

    >>> import numpy as np
    >>> from seqnn.models import BART, BARTReader, ClassificationHead, WithHead
    >>> bart = BART(50, max_positions=16, d_model=16, nhead=2, num_layers=1, dim_feedforward=32)
    >>> head = ClassificationHead(16, 3, pooling="last")
    >>> WithHead(BARTReader(bart), head)(np.arange(10).reshape(2, 5), [5, 3]).shape
    (2, 3)
    """

    def __init__(self, bart: BART) -> None:
        self.bart = bart

    def forward(self, ids: Any, lengths: Any = None) -> Tensor:
        """Return the decoder's hidden states, where it is given the ids after its first token.

        Args:
            ids: [B, T], which end with `eos_id`.
            lengths: [B]: positions from there on are padding; None: there is none.
        """
        return self.bart.decode(self.bart.shift_right(ids), self.bart.encode(ids, lengths), lengths)
