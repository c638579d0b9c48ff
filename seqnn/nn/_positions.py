"""Layers that tell a model where a position stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ops
from . import _init
from ._module import Module
from ._parameter import Parameter


class SinusoidalPositions(Module):
    """x + the table of `ops.sinusoidal_positions`, for x [B, T, D] of any length.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.SinusoidalPositions()(np.zeros((1, 2, 4), np.float32)).numpy().round(2)[0, 0].tolist()
    [0.0, 1.0, 0.0, 1.0]
    """

    def forward(self, x: Any, *, offset: int = 0) -> Any:
        return x + ops.sinusoidal_positions(x.shape[-2], x.shape[-1], offset=offset, dtype=x.dtype)


class LearnedPositions(Module):
    """x + weight[position], for x [B, T, D] of up to `num_positions` positions.

    Parameter: `weight` [num_positions, size], normal with deviation 0.02. ValueError beyond the table.

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

    def forward(self, x: Any, *, offset: int = 0) -> Any:
        end = offset + x.shape[-2]
        if not 0 <= offset <= end <= len(self.weight.data):
            raise ValueError(f"positions {offset} to {end - 1} lie outside of the {len(self.weight.data)} learned ones")
        return x + self.weight[offset:end]

    def extra_repr(self) -> str:
        return f"{len(self.weight.data)}, {self.weight.shape[1]}"


class RelativePositions(Module):
    """T5's bias by distance, a number a head and bucket: `layer(T, S)` is what attention takes as `relative`.

    Parameter: `weight` [buckets, heads], as T5's `relative_attention_bias`; see `ops.relative_buckets`.

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

    def forward(self, queries: int, keys: int, *, offset: int = 0) -> Any:
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
