"""Matrices by product quantisation, as the original fastText keeps them in its `.ftz` files."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import numpy as np

from ... import _core

CENTROIDS = _core.product_quantizer.CENTROIDS
"""Of each part of a row: a code is a byte."""

_SIZES = struct.Struct("<?qqi")
_QUANTIZER = struct.Struct("<4i")


@dataclass(frozen=True)
class Quantized:
    """A matrix [R, D] whose rows are cut into parts of `part` numbers (the last may be shorter), each one of 256 centroids.

    Attributes:
        codes: which centroid each part is, uint8 [R, ceil(D / part)].
        centroids: those of one part after the other, float32 [256 D].
        size: D.
        part: numbers of a part.
        norm_codes: which norm each row has, uint8 [R]; None: 1.
        norms: the norms, float32 [256].
    """

    codes: np.ndarray
    centroids: np.ndarray
    size: int
    part: int
    norm_codes: np.ndarray | None = None
    norms: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def decoded(self) -> np.ndarray:
        """Return the matrix, float32 [R, D]."""
        matrix = _core.product_quantizer_decode(np.ascontiguousarray(self.codes), self.centroids, self.part)
        if self.norm_codes is not None and self.norms is not None:
            matrix *= self.norms[self.norm_codes][:, None]
        return matrix

    def chosen(self, rows: np.ndarray) -> Quantized:
        """Return some of the rows."""
        norm_codes = None if self.norm_codes is None else self.norm_codes[rows]
        return Quantized(self.codes[rows], self.centroids, self.size, self.part, norm_codes, self.norms)

    @classmethod
    def read(cls, take: Callable[[int], bytes], damaged: Callable[[str], ValueError]) -> Quantized:
        """Read a matrix; `take` returns the next bytes, and `damaged` makes an error."""
        normed, rows, columns, count = _SIZES.unpack(take(_SIZES.size))
        if rows < 0 or columns < 1 or count < 0 or (rows and count % rows):
            raise damaged(f"a quantised matrix of {rows} x {columns} with {count} codes")
        codes = np.frombuffer(take(count), np.uint8)
        part, centroids = _read_quantizer(take, damaged, columns)
        if count != rows * -(-columns // part):
            raise damaged(f"{count} codes for {rows} rows of {columns} numbers in parts of {part}")
        codes = codes.reshape(rows, -(-columns // part))
        if not normed:
            return cls(codes, centroids, columns, part)
        norm_codes = np.frombuffer(take(rows), np.uint8)
        _, norms = _read_quantizer(take, damaged, 1)
        return cls(codes, centroids, columns, part, norm_codes, norms)

    def write(self, file: IO[bytes]) -> None:
        """Write the matrix."""
        normed = self.norm_codes is not None
        file.write(_SIZES.pack(normed, len(self.codes), self.size, self.codes.size))
        file.write(self.codes.tobytes())
        _write_quantizer(file, self.size, self.part, self.centroids)
        if self.norm_codes is not None and self.norms is not None:
            file.write(self.norm_codes.tobytes())
            _write_quantizer(file, 1, 1, self.norms)


def _read_quantizer(
    take: Callable[[int], bytes], damaged: Callable[[str], ValueError], columns: int
) -> tuple[int, np.ndarray]:
    """Read the numbers of a part, and the centroids."""
    size, parts, part, last = _QUANTIZER.unpack(take(_QUANTIZER.size))
    if size != columns or part < 1 or parts != -(-size // part) or last != size - part * (parts - 1):
        raise damaged(f"centroids for {size} numbers in {parts} parts of {part} and {last}, expected {columns} numbers")
    centroids = np.frombuffer(take(4 * CENTROIDS * size), "<f4")
    if not np.isfinite(centroids).all():
        raise damaged("centroids that are not finite")
    return part, centroids


def _write_quantizer(file: IO[bytes], size: int, part: int, centroids: np.ndarray) -> None:
    parts = -(-size // part)
    file.write(_QUANTIZER.pack(size, parts, part, size - part * (parts - 1)))
    file.write(centroids.astype("<f4").tobytes())
