"""Product quantisation of matrices, as the original fastText does it: what a byte stands for is found by k-means."""

from __future__ import annotations

import numpy as np

from ... import _core
from ._fasttext_quantized import Quantized

_ITERATIONS = 25
_POINTS = 1 << 16
"""Rows that the centroids are found from, at most."""

_ROWS = 1 << 16
"""Rows whose codes are found at a time."""


def quantize_matrix(matrix: np.ndarray, part: int, *, norms: bool, seed: int) -> Quantized:
    """Return a matrix as bytes, each of which stands for `part` numbers of a row.

    Args:
        matrix: float32 [R, D].
        part: numbers of a part.
        norms: whether the lengths of the rows are kept apart, as a byte each.
        seed: of the rows that the centroids begin at.

    Raises:
        ValueError: there are fewer rows than centroids, or numbers that are not finite.
    """
    count, size = matrix.shape
    if count < _core.product_quantizer.CENTROIDS:
        raise ValueError(
            f"quantize: expected a matrix of {_core.product_quantizer.CENTROIDS} rows or more, got {count}: it is small already"
        )
    if not np.isfinite(matrix).all():
        raise ValueError("quantize: expected finite vectors, got NaN or infinity")
    rng = np.random.default_rng(seed)
    if not norms:
        centroids = _centroids(matrix, part, rng)
        return Quantized(_codes(matrix, centroids, part), centroids, size, part)
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64)).astype(np.float32)[:, None]
    matrix = matrix / np.where(lengths > 0, lengths, 1)
    values = _centroids(lengths, 1, rng)
    centroids = _centroids(matrix, part, rng)
    norm_codes = _codes(lengths, values, 1)[:, 0]
    return Quantized(_codes(matrix, centroids, part), centroids, size, part, norm_codes, values)


def _centroids(matrix: np.ndarray, part: int, rng: np.random.Generator) -> np.ndarray:
    rows = rng.permutation(len(matrix))[:_POINTS]
    sample = np.ascontiguousarray(matrix[np.sort(rows)])
    parts = -(-matrix.shape[1] // part)
    first = np.stack([rng.permutation(len(sample))[: _core.product_quantizer.CENTROIDS] for _ in range(parts)])
    return _core.product_quantizer_train(sample, first.astype(np.int32), part, _ITERATIONS)


def _codes(matrix: np.ndarray, centroids: np.ndarray, part: int) -> np.ndarray:
    found = [
        _core.product_quantizer_assign(np.ascontiguousarray(matrix[i : i + _ROWS]), centroids, part)
        for i in range(0, len(matrix), _ROWS)
    ]
    return np.concatenate(found)
