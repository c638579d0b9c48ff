"""Layers that tell a model the positions in a sequence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import ops
from .._arguments import integer, number
from ..autograd import Operand, Tensor
from . import _init
from ._module import Module
from ._parameter import Parameter


class SinusoidalPositions(Module):
    """A layer that adds a table of sines and cosines of the position to x [B, T, D] of any length.

    Args:
        base: as for `ops.sinusoidal_positions`.
        halves: whether all sines come first and then all cosines, as in Marian and M2M-100; else they take turns.
        first: the position of the first entry.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.SinusoidalPositions()(np.zeros((1, 2, 4), np.float32)).numpy().round(2)[0, 0].tolist()
    [0.0, 1.0, 0.0, 1.0]
    >>> nn.SinusoidalPositions(halves=True)(np.zeros((1, 2, 4), np.float32)).numpy().round(2)[0, 0].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """

    def __init__(self, *, base: float = 10000.0, halves: bool = False, first: int = 0) -> None:
        self.base, self.halves, self.first = number("base", base, above=0), halves, integer("first", first, 0)

    def forward(self, x: Operand, *, offset: int = 0) -> Tensor:
        """Add the rows of the positions.

        Args:
            x: [B, T, D].
            offset: the position of entry 0.

        Returns:
            A Tensor of the shape of `x`.
        """
        return x + self.table(x.shape[-2], x.shape[-1], offset=offset, dtype=x.dtype)

    def table(self, count: int, size: int, *, offset: int = 0, dtype: npt.DTypeLike = np.float32) -> np.ndarray:
        """Return the rows that are added, [count, size].

        Args:
            count: how many positions.
            size: columns.
            offset: the position of the first one.
            dtype: of the table.
        """
        found = ops.sinusoidal_positions(count, size, offset=offset + self.first, base=self.base, dtype=dtype)
        return np.concatenate([found[:, ::2], found[:, 1::2]], axis=1) if self.halves else found


class LearnedPositions(Module):
    """A layer that adds weight[position] to x [B, T, size].

    Args:
        num_positions: rows of the table; a longer x is a ValueError.
        size: of a vector.
        dtype: of the table.

    Attributes:
        weight: [num_positions, size], normal with deviation 0.02 at first.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.LearnedPositions(16, 4)(np.zeros((1, 3, 4), np.float32)).shape
    (1, 3, 4)
    """

    def __init__(self, num_positions: int, size: int, *, dtype: npt.DTypeLike = np.float32) -> None:
        self.weight = Parameter(np.empty((num_positions, size), dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        _init.normal_(self.weight, 0.0, 0.02)

    def forward(self, x: Operand, *, offset: int = 0) -> Tensor:
        """Add the rows of the positions.

        Args:
            x: [B, T, D].
            offset: the position of entry 0.

        Returns:
            A Tensor of the shape of `x`.
        """
        end = offset + x.shape[-2]
        if not 0 <= offset <= end <= len(self.weight.data):
            raise ValueError(f"positions {offset} to {end - 1} lie outside of the {len(self.weight.data)} learned ones")
        return x + self.weight[offset:end]

    def extra_repr(self) -> str:
        return f"{len(self.weight.data)}, {self.weight.shape[1]}"


class RelativePositions(Module):
    """A table of T5's bias by distance: `layer(T, S)` is what attention takes as `relative`.

    Args:
        num_heads: heads, each with a bias of its own.
        buckets, max_distance, bidirectional: as for `ops.relative_buckets`.
        dtype: of the table.

    Attributes:
        weight: [buckets, num_heads], as T5's `relative_attention_bias`, drawn from N(0, 1) at first.

    Source: Raffel et al., "Exploring the limits of transfer learning", JMLR 2020.

    >>> from seqnn import nn
    >>> nn.RelativePositions(4)(5, 7).shape
    (4, 11)
    """

    def __init__(
        self,
        num_heads: int,
        buckets: int = 32,
        max_distance: int = 128,
        bidirectional: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.num_heads, self.buckets = num_heads, buckets
        self.max_distance, self.bidirectional = max_distance, bidirectional
        self.weight = Parameter(np.empty((buckets, num_heads), dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        _init.normal_(self.weight, 0.0, 1.0)

    def forward(self, queries: int, keys: int, *, offset: int = 0) -> Tensor:
        """Look up the bias of each distance.

        Args:
            queries, keys: how many of each.
            offset: the position of query 0 among the keys.

        Returns:
            [num_heads, queries + keys - 1].
        """
        bucket = ops.relative_buckets(
            queries,
            keys,
            buckets=self.buckets,
            max_distance=self.max_distance,
            bidirectional=self.bidirectional,
            offset=offset,
        )
        return ops.embedding(bucket, self.weight).swapaxes(0, 1)

    def extra_repr(self) -> str:
        return f"{self.num_heads}, buckets={self.buckets}, max_distance={self.max_distance}, bidirectional={self.bidirectional}"
