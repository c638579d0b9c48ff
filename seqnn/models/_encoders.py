"""What reads texts without recurrent layers: convolutions and self-attention, and the choice among all readers by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn, ops
from ..autograd import Tensor
from ._reader import Reader, SequenceReader

_HEADS, _WIDTH = 4, 3


class ConvolutionReader(SequenceReader):
    """Sequences to hidden states by convolutions over three steps, each with ReLU; the second and later ones are residual.

    Args:
        input_size: numbers a step.
        hidden_size: filters of each convolution.
        num_layers: convolutions.
        dropout: share of units that is dropped between layers, in training.
        vocabulary_size: as for `Reader`.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, num_layers: int, dropout: float, vocabulary_size: int | None
    ) -> None:
        super().__init__(input_size, vocabulary_size)
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.convolutions = nn.ModuleList([nn.Conv1d(n, hidden_size, _WIDTH, padding=_WIDTH // 2) for n in sizes])
        self.dropout = nn.Dropout(dropout)

    @property
    def output_size(self) -> int:
        """Return D."""
        return self.convolutions[0].out_channels

    def read(self, x: Any, lengths: Any) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, of numbers [B, T, input_size]."""
        ends = _ends(x, lengths)
        inside = (np.arange(x.shape[1]) < ends[:, None])[:, None].astype(np.float32)
        h = ops.swapaxes(x, 1, 2)
        for number, convolution in enumerate(self.convolutions):
            y = ops.relu(convolution(h * inside.astype(h.dtype)))
            h = self.dropout(h) + y if number else y
        out = ops.swapaxes(h, 1, 2)
        return out, _last(out, ends)


class AttentionReader(SequenceReader):
    """Sequences to hidden states by a Transformer encoder of four heads, its norms first, with sinusoidal positions.

    Args:
        input_size: numbers a step.
        hidden_size: numbers of a hidden state; the feed-forward networks have four times as many units.
        num_layers: layers.
        dropout: share of units that is dropped in the layers, in training.
        vocabulary_size: as for `Reader`.

    Raises:
        ValueError: hidden_size is no multiple of four.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, num_layers: int, dropout: float, vocabulary_size: int | None
    ) -> None:
        if hidden_size % _HEADS:
            raise ValueError(f"hidden_size: expected a multiple of {_HEADS}, the heads, got {hidden_size}")
        super().__init__(input_size, vocabulary_size)
        self.hidden_size = hidden_size
        self.input = nn.Linear(input_size, hidden_size)
        self.positions = nn.SinusoidalPositions()
        layer = nn.TransformerEncoderLayer(
            hidden_size, _HEADS, 4 * hidden_size, dropout, activation="gelu", norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, num_layers, nn.LayerNorm(hidden_size))

    @property
    def output_size(self) -> int:
        """Return D."""
        return self.hidden_size

    def read(self, x: Any, lengths: Any) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, of numbers [B, T, input_size]."""
        ends = _ends(x, lengths)
        out = self.layers(self.positions(self.input(x)), lengths=ends)
        return out, _last(out, ends)


_OTHERS = {"cnn": ConvolutionReader, "transformer": AttentionReader}


def encoders() -> tuple[str, ...]:
    """Return the names of all that can read a sequence."""
    return (*_OTHERS, *nn.Recurrent.kinds)


def checked_encoder(cell: str) -> str:
    """Return the name of what can read a sequence; a ValueError where there is none of that name."""
    if cell not in encoders():
        raise ValueError(f"cell: expected one of {', '.join(encoders())}, got {cell!r}")
    return cell


def make_reader(cell: str, input_size: int, hidden_size: int, *, bidirectional: bool = False, **options: Any) -> Any:
    """Return what reads sequences: a `Reader` with cells of that kind, or convolutions, or a Transformer encoder."""
    if checked_encoder(cell) not in _OTHERS:
        return Reader(input_size, hidden_size, cell=cell, bidirectional=bidirectional, **options)
    if bidirectional:
        raise ValueError(f"bidirectional: expected False, {cell!r} sees both sides of every step, got True")
    return _OTHERS[cell](input_size, hidden_size, **options)


def _ends(x: Any, lengths: Any) -> np.ndarray:
    return np.full(x.shape[0], x.shape[1]) if lengths is None else np.asarray(lengths)


def _last(out: Tensor, ends: np.ndarray) -> Tensor:
    return out[np.arange(len(ends)), np.maximum(ends, 1) - 1]
