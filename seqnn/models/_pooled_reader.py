"""A sequence in, one vector out."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn
from ..autograd import Tensor
from ._encoders import make_reader
from ._pooling import Pooling

_POOLINGS = {"cnn": "max", "transformer": "mean"}
"""What stands for a sequence where no pooling is asked for; else it is the last state."""


class PooledReader(nn.Module):
    """Sequences [B, T, input_size] to a vector of each, [B, D].

    Args:
        input_size: numbers a step.
        hidden_size: units of each layer.
        cell: "rnn", "lstm", "gru" or "stlm", or "cnn" or "transformer".
        num_layers: layers.
        bidirectional: whether recurrent layers read in both directions.
        dropout: share of units that is dropped between layers, in training.
        vocabulary_size: sequences are ids [B, T] below that, with learnt vectors of `input_size`; default: numbers.
        pooling: what stands for a sequence: the "last" state (of both directions), the "mean", the "max", or "attention";
            default: "last", but "max" of a "cnn" and "mean" of a "transformer".

    >>> import numpy as np
    >>> PooledReader(3, 8, cell="cnn")(np.ones((4, 5, 3), np.float32), np.array([5, 2, 1, 5])).shape
    (4, 8)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        cell: str = "lstm",
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        vocabulary_size: int | None = None,
        pooling: str | None = None,
    ) -> None:
        self.reader = make_reader(
            cell, input_size, hidden_size, num_layers=num_layers, bidirectional=bidirectional, dropout=dropout,
            vocabulary_size=vocabulary_size,
        )  # fmt: skip
        if isinstance(self.reader.embedding, nn.Embedding) and not nn.init.is_skipped():
            self.reader.embedding.weight.data /= input_size**0.5  # vectors of length 1: longer ones are hardly moved
        kind = _POOLINGS.get(cell, "last") if pooling is None else pooling
        # The last states of two directions stand at different steps: the reader knows them.
        self.pooling = None if kind == "last" else Pooling(kind, self.reader.output_size)

    def pooled(self, embedded: Any, lengths: Any = None) -> Tensor:
        """Return the vectors [B, D].

        Args:
            embedded: numbers [B, T, input_size], which `reader.embed` makes of x.
            lengths: as for `forward`.
        """
        out, last = self.reader.read(embedded, lengths)
        return last if self.pooling is None else self.pooling(out, lengths)

    def attended(self, embedded: Any, lengths: Any = None) -> np.ndarray:
        """Return the weights [B, T] of the steps.

        Args:
            embedded, lengths: as for `pooled`.

        Raises:
            ValueError: the pooling is not "attention".
        """
        if self.pooling is None or self.pooling.kind != "attention":
            raise ValueError(
                "method: 'attention' needs a model with pooling='attention'; 'gradient' and 'integrated' go with any"
            )
        return self.pooling.weights(self.reader.read(embedded, lengths)[0], lengths).numpy()

    def forward(self, x: Any, lengths: Any = None) -> Tensor:
        """Return the vectors [B, D].

        Args:
            x: [B, T, input_size], or ids [B, T].
            lengths: [B], in any order: steps from there on are padding; default: there is none.
        """
        return self.pooled(self.reader.embed(x), lengths)
