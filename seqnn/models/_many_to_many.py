"""A sequence in, an answer at every step out."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..autograd import Tensor
from ._heads import TaggingHead
from ._reader import Reader

__all__ = ["ManyToMany"]


class ManyToMany(nn.Module):
    """Sequences [B, T, input_size] to [B, T, outputs]: recurrent layers and a Linear at every step.

    Arguments and `model(x, lengths)` as for `ManyToOne`.

    >>> import numpy as np
    >>> from seqnn.models import ManyToMany
    >>> ManyToMany(3, 2, hidden_size=8, bidirectional=True)(np.ones((4, 5, 3), np.float32)).shape
    (4, 5, 2)
    """

    def __init__(
        self,
        input_size: int,
        outputs: int,
        *,
        hidden_size: int = 64,
        cell: str = "lstm",
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        vocabulary_size: int | None = None,
    ) -> None:
        self.reader = Reader(
            input_size, hidden_size, cell=cell, num_layers=num_layers, bidirectional=bidirectional, dropout=dropout,
            vocabulary_size=vocabulary_size,
        )  # fmt: skip
        self.head = TaggingHead(self.reader.output_size, outputs, dropout=dropout)

    def forward(self, x: Any, lengths: Any = None) -> Tensor:
        out, _ = self.reader(x, lengths)
        return self.head(out)
