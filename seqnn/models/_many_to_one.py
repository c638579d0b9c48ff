"""A sequence in, one answer out."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..autograd import Tensor
from ._pooled_reader import PooledReader

__all__ = ["ManyToOne"]


class ManyToOne(PooledReader):
    """Sequences [B, T, input_size] to one answer each, [B, outputs]: layers that read, and a Linear of what stands for all.

    Args:
        input_size: numbers a step.
        outputs: numbers, or logits, of a sequence.
        hidden_size: units of each layer.
        cell: "rnn", "lstm", "gru" or "stlm"; or "cnn", convolutions over three steps, or "transformer", an encoder of four
            heads.
        num_layers: layers.
        bidirectional: whether recurrent layers read in both directions.
        dropout: share of units that is dropped between layers and before the Linear, in training.
        vocabulary_size: sequences are ids [B, T] below that, with learnt vectors of `input_size`; default: numbers.
        pooling: what stands for a sequence: the "last" state (of both directions), the "mean", the "max", or "attention";
            default: "last", but "max" of a "cnn" and "mean" of a "transformer".
        embedding_dropout: share of the numbers that the layers read which is dropped, in training.

    Raises:
        ValueError: the cell or the pooling is not known, a size is below 1, or a share is not in [0, 1].

    >>> import numpy as np
    >>> from seqnn.models import ManyToOne
    >>> ManyToOne(3, 2, hidden_size=8)(np.ones((4, 5, 3), np.float32), np.array([5, 2, 1, 5])).shape
    (4, 2)
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
        pooling: str | None = None,
        embedding_dropout: float = 0.0,
    ) -> None:
        super().__init__(
            input_size, hidden_size, cell=cell, num_layers=num_layers, bidirectional=bidirectional, dropout=dropout,
            vocabulary_size=vocabulary_size, pooling=pooling,
        )  # fmt: skip
        self.embedding_dropout, self.dropout = nn.Dropout(embedding_dropout), nn.Dropout(dropout)
        self.output = nn.Linear(self.reader.output_size, outputs)

    def answer(self, embedded: Any, lengths: Any = None) -> Tensor:
        """Return the answers [B, outputs] of numbers [B, T, input_size].

        Args:
            embedded: what `reader.embed` makes of x.
            lengths: as for `forward`.
        """
        return self.output(self.dropout(self.pooled(embedded, lengths)))

    def forward(self, x: Any, lengths: Any = None) -> Tensor:
        """Return the answers [B, outputs].

        Args:
            x: [B, T, input_size], or ids [B, T].
            lengths: [B], in any order: steps from there on are padding; default: there is none.
        """
        return self.answer(self.embedding_dropout(self.reader.embed(x)), lengths)
