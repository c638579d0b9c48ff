"""A sequence in, an answer at every step out."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..autograd import Tensor
from ._heads import TaggingHead
from ._reader import Reader

__all__ = ["ManyToMany"]


class ManyToMany(nn.Module):
    """Sequences [B, T, input_size] to an answer at every step, [B, T, outputs]: recurrent layers and a Linear.

    Args:
        input_size: numbers a step.
        outputs: numbers, or logits, of a step.
        hidden_size: units of each recurrent layer.
        cell: "rnn", "lstm", "gru" or "stlm".
        num_layers: recurrent layers.
        bidirectional: whether sequences are read in both directions.
        dropout: share of units that is dropped between layers and before the Linear, in training.
        vocabulary_size: sequences are ids [B, T] below that, with learnt vectors of `input_size`; default: numbers.

    Raises:
        ValueError: the cell is not known, or a size is below 1.

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
        """Return the answers [B, T, outputs].

        Args:
            x: [B, T, input_size], or ids [B, T].
            lengths: [B], in any order: steps from there on are padding; default: there is none.
        """
        out, _ = self.reader(x, lengths)
        return self.head(out)
