"""A sequence in, then a sequence out."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn
from ..autograd import Tensor, no_grad
from ..decode import Generation
from ._one_to_many import OneToMany
from ._reader import Reader

__all__ = ["EncoderDecoder"]


class EncoderDecoder(nn.Module):
    """Sequences [B, T, input_size] to sequences that begin when the whole input is read.

    The last state of what reads is the vector of a `OneToMany`, which writes.

    Args:
        input_size: numbers a step that is read.
        outputs: numbers of a step that is written, or how many ids there are.
        hidden_size: units of each recurrent layer.
        cell: "rnn", "lstm", "gru" or "stlm".
        num_layers: recurrent layers of what reads, and as many of what writes.
        bidirectional: whether the input is read in both directions.
        dropout: share of units that is dropped between layers and before the last Linear, in training.
        vocabulary_size: inputs are ids [B, T] below that, with learnt vectors of `input_size`; default: numbers.
        embedding_size: dimensions of the vectors of ids that are written; None where numbers are written.

    Raises:
        ValueError: the cell is not known, or a size is below 1.

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
        """Return the numbers [B, T, outputs], or the logits of each next id.

        Args:
            x: [B, S, input_size], or ids [B, S].
            lengths: [B]: steps of x from there on are padding; None: there is none.
            guide: how many steps to write, where numbers are written; else the ids before each one, [B, T].
        """
        _, last = self.reader(x, lengths)
        return self.writer(last, guide)

    def generate(
        self, x: Any, lengths: Any, steps: int, begin: int = 0, end: int | None = None, **options: Any
    ) -> np.ndarray:
        """Write sequences.

        Args:
            x, lengths: as for `forward`.
            steps, begin, end: as for `OneToMany.generate`.
            **options: as for `OneToMany.generate`.

        Returns:
            What `OneToMany.generate` returns.
        """
        return self.writer.generate(self._read(x, lengths), steps, begin, end, **options)

    def decode(
        self, x: Any, lengths: Any, steps: int, begin: int = 0, end: int | None = None, **options: Any
    ) -> Generation:
        """Write ids, and tell all that is known of them.

        Args:
            x, lengths: as for `forward`.
            steps, begin, end: as for `OneToMany.generate`.
            **options: as for `OneToMany.generate`.

        Returns:
            What `OneToMany.decode` returns.
        """
        return self.writer.decode(self._read(x, lengths), steps, begin, end, **options)

    def _read(self, x: Any, lengths: Any) -> np.ndarray:
        """Return the vectors of sequences that are read."""
        with no_grad():
            return self.reader(x, lengths)[1].numpy()
