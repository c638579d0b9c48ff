"""Weights that are kept in 8 or 16 bits."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import _core

KINDS = {"int8": "i8", "bf16": "bf16"}
"""Name of a kind -> that of the kernels."""

_PANEL = 64  # columns of the product that lie together
_READ_ONLY = np.broadcast_to(np.float32(0), ()).flags


class QuantizedWeight:
    """A weight [O, I] that is kept in 8 bits or as bfloat16, arranged for products; `linear` and `embedding` take it.

    To everything else it is a read-only float32 array of the rounded weights, which is made anew each time.

    "int8" rounds each row to integers of [-127, 127]: w is about scale q with scale = max |w| / 127. `linear` rounds each
    row of x alike, sums the products of integers, exactly, and multiplies the sum by both scales. "bf16" keeps 8 bits of
    each number's fraction; x and the sums stay float32.

    Args:
        weight: [O, I] of float32.
        kind: "int8" or "bf16".

    Attributes:
        kind: as given.
        packed: the bytes, as `_core.rows_pack` makes them; the same for every instruction set.

    Raises:
        ValueError: for another kind or shape, or, for "int8", numbers that are not finite.
        TypeError: for another dtype.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> weight = np.array([[1.0, -0.5], [0.3, 0.7]], np.float32)
    >>> kept = ops.QuantizedWeight(weight, "bf16")
    >>> np.asarray(kept)
    array([[ 1.        , -0.5       ],
           [ 0.30078125,  0.69921875]], dtype=float32)
    >>> ops.linear(np.ones((1, 2), np.float32), kept)
    array([[0.5, 1. ]], dtype=float32)
    """

    __slots__ = ("_first", "_rows", "kind", "packed", "shape")

    dtype = np.dtype(np.float32)
    ndim = 2

    def __init__(self, weight: npt.ArrayLike, kind: str = "int8") -> None:
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"QuantizedWeight: kind must be one of {', '.join(map(repr, KINDS))}, got {kind!r}")
        weight = np.asarray(weight)
        if weight.ndim != 2:
            raise ValueError(f"QuantizedWeight: weight must be a matrix [O, I], got shape {weight.shape}")
        if weight.dtype != np.float32:
            raise TypeError(
                f"QuantizedWeight: weight must be float32, got {weight.dtype}: write weight.astype(np.float32)"
            )
        self.kind = kind
        self.packed = _core.rows_pack(weight, KINDS[kind])
        self.shape = weight.shape
        self._first, self._rows = 0, len(weight)  # of the packed rows, those from `_first` on are the weight's

    @property
    def size(self) -> int:
        """The number of weights."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of memory; rows of another weight share its memory."""
        return self.packed.nbytes

    @property
    def flags(self) -> Any:
        """Those of a read-only array."""
        return _READ_ONLY

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: npt.DTypeLike = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a QuantizedWeight becomes an array by a copy")
        return self.take(np.arange(len(self))).astype(dtype or np.float32, copy=False)

    def __getitem__(self, index: Any) -> np.ndarray:
        return np.asarray(self)[index]

    def take(self, ids: np.ndarray) -> np.ndarray:
        """Return rows as float32, [N, I].

        Args:
            ids: integers of [0, O), [N].

        Raises:
            ValueError: for an id out of range.
        """
        if len(ids) and (ids.min() < 0 or ids.max() >= len(self)):
            raise ValueError(f"ids must lie in [0, {len(self)}), got {ids.min()} to {ids.max()}")
        return _core.rows_unpack(self.packed, KINDS[self.kind], self.shape[1], self._rows, ids + self._first)

    def part(self, first: int, last: int) -> Self:
        """Return rows [first, last) as a weight; where they are whole panels of 64 rows, they share this one's memory.

        Args:
            first, last: row numbers, 0 <= first <= last <= O.

        Raises:
            ValueError: for other numbers.
        """
        if not 0 <= first <= last <= len(self):
            raise ValueError(f"part: expected 0 <= first <= last <= {len(self)}, got {first} and {last}")
        if (first, last) == (0, len(self)):
            return self
        first, last = first + self._first, last + self._first
        part = type(self).__new__(type(self))
        if first % _PANEL == 0 and (last % _PANEL == 0 or last == self._rows):
            part.kind, part.packed, part._first, part._rows = self.kind, self.packed, first, self._rows
            part.shape = last - first, self.shape[1]
            return part
        rows = _core.rows_unpack(self.packed, KINDS[self.kind], self.shape[1], self._rows, np.arange(first, last))
        part.__init__(rows, self.kind)  # type: ignore[misc]
        return part

    def multiply(
        self,
        x: np.ndarray,
        bias: np.ndarray | None = None,
        residual: np.ndarray | None = None,
        activation: int = 0,
    ) -> np.ndarray:
        """Return activation(x @ weight.T + bias) + residual, [N, O].

        Args:
            x: [N, I] of float32.
            bias: [O], or None.
            residual: [N, O], or None.
            activation: its number among `_core.linear.activation`.

        Raises:
            ValueError: for shapes that do not agree.
        """
        if x.shape[-1] != self.shape[1]:
            raise ValueError(f"x must have {self.shape[1]} columns for a weight of shape {self.shape}, got {x.shape}")
        return _core.rows_forward(
            x, self.packed, KINDS[self.kind], self._rows, self._first, len(self), bias, residual, activation
        )

    def __repr__(self) -> str:
        return f"QuantizedWeight({self.kind}, shape={self.shape})"
