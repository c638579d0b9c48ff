"""Matrices kept small: as float16, as bytes with a scale a row, or by product quantisation; read as float32."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..._file_floats import widened
from ._fasttext_quantized import CENTROIDS, Quantized
from ._product_quantizer import quantize_matrix

_BLOCK = 1 << 13
"""Rows that are read together."""


class CompactRows:
    """A matrix [V, D] that is read as float32: some rows by `[]`, all of them by `numpy.asarray`, products by `@`."""

    dtype = np.dtype(np.float32)
    ndim = 2
    kind: ClassVar[str]
    shape: tuple[int, int]

    def decoded(self, rows: Any) -> np.ndarray:
        """Return rows (what NumPy takes to choose several) as float32 [N, D]."""
        raise NotImplementedError

    def chosen(self, rows: Any) -> CompactRows:
        """Return some of the rows, as small."""
        raise NotImplementedError

    def tensors(self) -> dict[str, np.ndarray]:
        """Return what a file holds."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        if isinstance(rows, tuple):
            raise IndexError(
                f"vectors: expected rows, as vectors[rows], got {rows!r:.60}; numpy.asarray(vectors) is the matrix"
            )
        if isinstance(rows, slice):
            return self.decoded(rows)
        rows = np.asarray(rows)
        if not rows.size:
            rows = rows.astype(np.int64)
        return self.decoded(rows) if rows.ndim == 1 else self.decoded(rows.ravel()).reshape(*rows.shape, self.shape[1])

    def __array__(self, dtype: npt.DTypeLike = None, copy: bool | None = None) -> np.ndarray:
        matrix = np.empty(self.shape, np.float32)
        for rows in self.blocks():
            matrix[rows] = self.decoded(rows)
        return matrix if dtype is None else matrix.astype(dtype, copy=False)

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        parts = [self.decoded(rows) @ other for rows in self.blocks()]
        return np.concatenate(parts) if parts else np.zeros((0, self.shape[1])) @ other

    def blocks(self, begin: int = 0, end: int | None = None) -> Iterator[slice]:
        """Yield the rows from `begin` to `end`, some at a time."""
        end = len(self) if end is None else end
        for first in range(begin, end, _BLOCK):
            yield slice(first, min(first + _BLOCK, end))

    @property
    def nbytes(self) -> int:
        """The memory that the matrix takes."""
        return sum(array.nbytes for array in self.tensors().values())


@dataclass(frozen=True)
class HalfRows(CompactRows):
    """Numbers as float16."""

    halves: np.ndarray
    kind = "float16"

    @classmethod
    def made(cls, matrix: np.ndarray, part: int, seed: int) -> HalfRows:
        """Round a matrix; a ValueError where numbers are too large for float16."""
        if len(matrix) and np.abs(matrix).max() > np.finfo(np.float16).max:
            raise ValueError("quantize: expected numbers up to 65504, as float16 has them; kind='int8' scales each row")
        return cls(matrix.astype(np.float16))

    @classmethod
    def restored(cls, tensors: Mapping[str, np.ndarray]) -> HalfRows | None:
        """Return the matrix of a file; None where its tensors do not belong together."""
        halves = tensors["halves"]
        return cls(halves) if halves.ndim == 2 and halves.dtype == np.float16 and halves.shape[1] else None

    @property
    def shape(self) -> tuple[int, int]:  # type: ignore[override]
        return self.halves.shape  # type: ignore[return-value]

    def decoded(self, rows: Any) -> np.ndarray:
        return widened(np.ascontiguousarray(self.halves[rows]))

    def chosen(self, rows: Any) -> HalfRows:
        return HalfRows(self.halves[rows])

    def tensors(self) -> dict[str, np.ndarray]:
        return {"halves": self.halves}


@dataclass(frozen=True)
class ByteRows(CompactRows):
    """Numbers as int8 from -127 to 127, times a float32 for each row."""

    bytes: np.ndarray
    scales: np.ndarray
    kind = "int8"

    @classmethod
    def made(cls, matrix: np.ndarray, part: int, seed: int) -> ByteRows:
        """Round each row to 255 levels; a ValueError where numbers are too large for float32."""
        with np.errstate(over="ignore"):
            matrix = matrix.astype(np.float32, copy=False)
        if not np.isfinite(matrix).all():
            raise ValueError("quantize: expected numbers up to 3.4e38, as float32 has them")
        scales = np.abs(matrix).max(1, initial=0) / 127
        levels = np.rint(matrix / np.where(scales > 0, scales, 1)[:, None])
        return cls(np.clip(levels, -127, 127, out=levels).astype(np.int8), scales)  # scales near 0 are rounded

    @classmethod
    def restored(cls, tensors: Mapping[str, np.ndarray]) -> ByteRows | None:
        """Return the matrix of a file; None where its tensors do not belong together."""
        codes, scales = tensors["bytes"], tensors["scales"]
        good = codes.ndim == 2 and codes.dtype == np.int8 and codes.shape[1] and scales.dtype == np.float32
        return cls(codes, scales) if good and scales.shape == codes.shape[:1] else None

    @property
    def shape(self) -> tuple[int, int]:  # type: ignore[override]
        return self.bytes.shape  # type: ignore[return-value]

    def decoded(self, rows: Any) -> np.ndarray:
        return self.bytes[rows] * self.scales[rows][:, None]

    def chosen(self, rows: Any) -> ByteRows:
        return ByteRows(self.bytes[rows], self.scales[rows])

    def tensors(self) -> dict[str, np.ndarray]:
        return {"bytes": self.bytes, "scales": self.scales}


@dataclass(frozen=True)
class ProductRows(CompactRows):
    """Parts of rows as one of 256 centroids each, lengths as one of 256 numbers."""

    quantized: Quantized
    kind = "pq"

    @classmethod
    def made(cls, matrix: np.ndarray, part: int, seed: int) -> ProductRows:
        """Find the centroids, and each part's nearest."""
        return cls(quantize_matrix(np.ascontiguousarray(matrix, np.float32), part, norms=True, seed=seed))

    @classmethod
    def restored(cls, tensors: Mapping[str, np.ndarray]) -> ProductRows | None:
        """Return the matrix of a file; None where its tensors do not belong together."""
        codes, centroids, norm_codes, norms = (tensors[name] for name in ("codes", "centroids", "norm_codes", "norms"))
        size, rest = divmod(centroids.size, CENTROIDS)
        part = tensors["part"]
        types = codes.dtype == norm_codes.dtype == np.uint8 and centroids.dtype == norms.dtype == np.float32
        shapes = codes.ndim == 2 and centroids.ndim == 1 and norm_codes.shape == codes.shape[:1]
        if not (types and shapes and norms.shape == (CENTROIDS,) and part.shape == (1,) and part.dtype == np.int64):
            return None
        if rest or not 1 <= part[0] <= size or codes.shape[1] != -(-size // int(part[0])):
            return None
        return cls(Quantized(codes, centroids, size, int(part[0]), norm_codes, norms))

    @property
    def shape(self) -> tuple[int, int]:  # type: ignore[override]
        return len(self.quantized), self.quantized.size

    def decoded(self, rows: Any) -> np.ndarray:
        return self.quantized.chosen(rows).decoded()

    def chosen(self, rows: Any) -> ProductRows:
        return ProductRows(self.quantized.chosen(rows))

    def tensors(self) -> dict[str, np.ndarray]:
        q = self.quantized
        assert q.norm_codes is not None and q.norms is not None
        return {
            "codes": q.codes, "centroids": q.centroids, "norm_codes": q.norm_codes, "norms": q.norms,
            "part": np.array([q.part], np.int64),
        }  # fmt: skip


KINDS: dict[str, type[HalfRows] | type[ByteRows] | type[ProductRows]] = {
    rows.kind: rows for rows in (HalfRows, ByteRows, ProductRows)
}
