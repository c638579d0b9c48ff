"""The recurrent networks that the models for sequences are made of, by the names of their cells."""

from __future__ import annotations

from typing import Any

from .. import nn, ops
from ..autograd import Tensor


def checked_cell(cell: str) -> str:
    """Return the name of a kind of recurrent layers; a ValueError where there is none of that name."""
    if cell not in nn.Recurrent.kinds:
        raise ValueError(f"cell: expected one of {', '.join(nn.Recurrent.kinds)}, got {cell!r}")
    return cell


def recurrent(
    cell: str, input_size: int, hidden_size: int, *, num_layers: int, dropout: float, bidirectional: bool = False
) -> Any:
    """Return recurrent layers of that kind, batch first, that do not forget at once."""
    layers = nn.Recurrent.kinds[checked_cell(cell)](
        input_size, hidden_size, num_layers, batch_first=True, dropout=dropout if num_layers > 1 else 0.0,
        bidirectional=bidirectional,
    )  # fmt: skip
    layers.set_forget_bias()
    return layers


class SequenceReader(nn.Module):
    """A network that reads sequences: numbers, or ids with vectors of their own, become hidden states.

    Args:
        input_size: numbers a step.
        vocabulary_size: sequences are ids [B, T] below that, with learnt vectors of `input_size`; default: numbers.

    Attributes:
        embedding: the layer that makes numbers [B, T, input_size] of what is read; None where numbers are read.
    """

    def __init__(self, input_size: int, vocabulary_size: int | None) -> None:
        self.embedding: nn.Module | None = (
            None if vocabulary_size is None else nn.Embedding(vocabulary_size, input_size)
        )

    @property
    def output_size(self) -> int:
        """Return D."""
        raise NotImplementedError

    def embed(self, x: Any) -> Any:
        """Return the numbers [B, T, input_size] of what is read."""
        return x if self.embedding is None else self.embedding(x)

    def read(self, x: Any, lengths: Any) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, of numbers [B, T, input_size]."""
        raise NotImplementedError

    def forward(self, x: Any, lengths: Any = None) -> tuple[Tensor, Tensor]:
        """Return the hidden states [B, T, D], and those after each sequence's last step, [B, D].

        Args:
            x: [B, T, input_size], or ids [B, T].
            lengths: [B], in any order: steps from there on are padding; default: there is none.
        """
        return self.read(self.embed(x), lengths)


class Reader(SequenceReader):
    """Sequences [B, T, input_size] to their hidden states [B, T, D] and the last ones [B, D], by recurrent layers.

    Args:
        input_size: numbers a step.
        hidden_size: units of each recurrent layer.
        cell: "rnn", "lstm", "gru" or "stlm".
        num_layers: recurrent layers.
        bidirectional: whether sequences are read in both directions; the states stand side by side.
        dropout: share of units that is dropped between layers, in training.
        vocabulary_size: sequences are ids [B, T] below that, with learnt vectors of `input_size`; default: numbers.

    >>> import numpy as np
    >>> out, last = Reader(3, 8, cell="gru", bidirectional=True)(np.ones((2, 5, 3), np.float32), np.array([5, 2]))
    >>> out.shape, last.shape
    ((2, 5, 16), (2, 16))
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
    ) -> None:
        super().__init__(input_size, vocabulary_size)
        self.recurrent = recurrent(
            cell, input_size, hidden_size, num_layers=num_layers, dropout=dropout, bidirectional=bidirectional
        )

    @property
    def output_size(self) -> int:
        """Return D."""
        return self.recurrent.output_size

    def read(self, x: Any, lengths: Any) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, of numbers [B, T, input_size]."""
        out, state = self.recurrent(x, None, lengths)
        h = state[0] if isinstance(state, tuple) else state
        return out, ops.concatenate([h[-2], h[-1]], axis=-1) if self.recurrent.bidirectional else h[-1]
