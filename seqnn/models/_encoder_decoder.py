"""A sequence in, then a sequence out."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn
from ..autograd import Tensor, no_grad
from ._one_to_many import OneToMany
from ._reader import Reader

__all__ = ["EncoderDecoder"]


class EncoderDecoder(nn.Module):
    """Sequences [B, T, input_size] to sequences that begin when the whole input is read.

    A reader's last state is the vector of a `OneToMany`, whose arguments are those not named here.

    Args:
        input_size, outputs: numbers a step that is read, numbers (or ids) a step that is written.
        bidirectional: whether the input is read in both directions.
        vocabulary_size: inputs are ids [B, T] below that, with learnt vectors of `input_size`.
        embedding_size: dimensions of the vectors of ids that are written; None for numbers.

    `model(x, lengths, steps)`, or `model(x, lengths, previous)` where ids are written.

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014; Sutskever, Vinyals, Le, 2014.

    >>> import numpy as np
    >>> from seqnn.models import EncoderDecoder
    >>> model = EncoderDecoder(3, 2, hidden_size=8, cell="gru")
    >>> model(np.ones((4, 5, 3), np.float32), np.array([5, 2, 1, 5]), 7).shape
    (4, 7, 2)
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
        embedding_size: int | None = None,
    ) -> None:
        self.reader = Reader(
            input_size, hidden_size, cell=cell, num_layers=num_layers, bidirectional=bidirectional, dropout=dropout,
            vocabulary_size=vocabulary_size,
        )  # fmt: skip
        self.writer = OneToMany(
            self.reader.output_size, outputs, hidden_size=hidden_size, cell=cell, num_layers=num_layers, dropout=dropout,
            embedding_size=embedding_size,
        )  # fmt: skip

    def forward(self, x: Any, lengths: Any, guide: Any) -> Tensor:
        _, last = self.reader(x, lengths)
        return self.writer(last, guide)

    def generate(self, x: Any, lengths: Any, steps: int, begin: int = 0, end: int | None = None) -> np.ndarray:
        """What `OneToMany.generate` writes from the state behind x."""
        with no_grad():
            _, last = self.reader(x, lengths)
            return self.writer.generate(last.numpy(), steps, begin, end)
