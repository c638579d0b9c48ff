"""The nearest rows of a matrix by cosine, for one query or thousands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ... import _core
from ..._arguments import integer
from ._compact_rows import CompactRows, HalfRows

# Multiplications of one call into C: about 0.1 s, so that Ctrl-C works in between.
_CALL = 1 << 33


def nearest_neighbors(
    queries: npt.ArrayLike,
    vectors: npt.ArrayLike,
    topn: int = 10,
    *,
    norms: np.ndarray | None = None,
    begin: int = 0,
    end: int | None = None,
    exclude: Sequence[Sequence[int]] | np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows of a matrix that are nearest by cosine to each query.

    A zero vector has cosine 0 with everything; rows that hold NaN are never found. float32 and float64 are searched where
    they lie (rows may be strided), so is float16 in C order; other types are converted to float32 first. The result does
    not depend on the number of threads.

    Args:
        queries: [Q, D].
        vectors: [V, D].
        topn: how many rows are found for each query.
        norms: the rows' lengths [V], where they are known.
        begin, end: the rows `begin` to `end` (exclusive) are searched; default all.
        exclude: for each query the rows that must not be found.

    Returns:
        Ids int64 [Q, n] and cosines [Q, n], the best first, ties by lower id; n is `topn`, or the number of rows searched
        where that is smaller. A query that runs out of rows gets id -1 and score NaN.

    >>> import numpy as np
    >>> from seqnn.embed import nearest_neighbors
    >>> ids, scores = nearest_neighbors([[1.0, 0.1]], np.eye(3, 2), topn=2)
    >>> ids.tolist(), scores.round(2).tolist()
    ([[0, 1]], [[1.0, 0.1]])
    """
    topn = whole_topn(topn)
    if isinstance(vectors, HalfRows):
        vectors = vectors.halves
    if isinstance(vectors, CompactRows):
        return _nearest_of_blocks(queries, vectors, topn, norms, *slice(begin, end).indices(len(vectors))[:2], exclude)
    vectors = _real(vectors)
    kind = np.promote_types(vectors.dtype, np.float32)
    queries = np.ascontiguousarray(queries, kind)
    if queries.ndim != 2 or vectors.ndim != 2 or queries.shape[1] != vectors.shape[1]:
        raise ValueError(f"queries {queries.shape} and vectors {vectors.shape} must be 2-D with rows of one length")
    if norms is not None and np.shape(norms) != (len(vectors),):
        raise ValueError(f"norms: expected the lengths of {len(vectors)} rows, got shape {np.shape(norms)}")
    begin, end, _ = slice(begin, end).indices(len(vectors))
    end = max(begin, end)
    count = min(topn, end - begin)
    scale = reciprocal(row_norms(vectors) if norms is None else norms).astype(kind, copy=False)
    queries = queries * reciprocal(row_norms(queries))[:, None]
    skip = _padded(exclude, len(queries))
    return _searched(queries, vectors, scale, skip, begin, end, count)


def _nearest_of_blocks(
    queries: npt.ArrayLike,
    vectors: CompactRows,
    topn: int,
    norms: np.ndarray | None,
    begin: int,
    end: int,
    exclude: Sequence[Sequence[int]] | np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Do `nearest_neighbors` for rows that are read some at a time."""
    queries = np.asarray(queries, np.float32)
    count, skip = min(topn, max(0, end - begin)), _padded(exclude, len(queries))
    ids, scores = np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
    for rows in vectors.blocks(begin, end):
        lengths = None if norms is None else norms[rows]
        found, theirs = nearest_neighbors(
            queries, vectors.decoded(rows), topn, norms=lengths, exclude=skip - rows.start
        )
        ids = np.concatenate([ids, np.where(found < 0, -1, found + rows.start)], axis=1)
        scores = np.concatenate([scores, theirs], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :count]  # NaN comes last
        ids, scores = np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)
    return ids, scores


def best_rows(queries: np.ndarray, rows: np.ndarray, topn: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows [V, D] that have the highest products with each query [Q, D], of one float type.

    Returns ids and products as `nearest_neighbors` does.
    """
    count = min(whole_topn(topn), len(rows))
    return _searched(queries, rows, np.ones(len(rows), rows.dtype), _padded(None, len(queries)), 0, len(rows), count)


def _searched(
    queries: np.ndarray, vectors: np.ndarray, scale: np.ndarray, skip: np.ndarray, begin: int, end: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows with the highest products times `scale`, in calls that are short enough for Ctrl-C."""
    ids = np.empty((len(queries), count), np.int64)
    scores = np.empty((len(queries), count), queries.dtype)
    top: Callable[..., tuple[np.ndarray, np.ndarray]] = _core.neighbors_top
    if vectors.dtype == np.float16:
        top, vectors = _core.neighbors_top_halves, vectors.view(np.uint16)
    step = 6 * max(1, _CALL // (6 * max(1, (end - begin) * vectors.shape[1])))
    for i in range(0, len(queries), step):
        part = slice(i, i + step)
        ids[part], scores[part] = top(queries[part], vectors, scale, skip[part], begin, end, count)
    return ids, scores


def whole_topn(topn: Any) -> int:
    """Check that `topn` is an integer >= 0."""
    return integer("topn", topn, 0, 2**63 - 1)


def row_norms(matrix: np.ndarray) -> np.ndarray:
    """Compute the Euclidean length of each row, without a temporary copy of the matrix."""
    if isinstance(matrix, CompactRows):
        return np.concatenate(
            [row_norms(matrix.decoded(rows)) for rows in matrix.blocks()] or [np.empty(0, np.float32)]
        )
    dtype = matrix.dtype if matrix.dtype.itemsize >= 4 else np.float32
    return np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=dtype))


def reciprocal(norms: np.ndarray) -> np.ndarray:
    """Compute 1 / norms, but 0 for 0."""
    return np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)


def unit(vector: np.ndarray) -> np.ndarray:
    """Scale a vector [D] to length 1; the zero vector stays."""
    if vector.dtype.kind != "f":  # the squares of integers need not fit their type
        vector = vector.astype(np.float64)
    elif vector.dtype.itemsize < 4:  # nor those of float16
        vector = vector.astype(np.float32)
    length = np.sqrt(vector.dot(vector))
    return vector * (1 / length if length > 0 else length)


def best(scores: np.ndarray, topn: int, exclude: Iterable[int]) -> np.ndarray:
    """Find the positions of the `topn` highest scores, best first, ties by lower position, without those in `exclude`."""
    exclude = set(exclude)
    count = min(len(scores), topn + len(exclude))
    if count < len(scores):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        candidates = np.flatnonzero(scores >= least)
    else:
        candidates = np.arange(len(scores))
    order = candidates[np.argsort(-scores[candidates], kind="stable")]
    return order[[i not in exclude for i in order.tolist()]][:topn]


def _real(vectors: npt.ArrayLike) -> np.ndarray:
    vectors = np.asarray(vectors)
    kept = vectors.dtype in (np.float32, np.float64) or (vectors.dtype == np.float16 and vectors.flags.c_contiguous)
    return vectors if kept else vectors.astype(np.float32)


def _padded(exclude: Sequence[Sequence[int]] | np.ndarray | None, count: int) -> np.ndarray:
    """Put ragged lists of ids into one matrix, filled up with -1."""
    if exclude is None:
        return np.empty((count, 0), np.int64)
    if len(exclude) != count:
        raise ValueError(f"exclude holds {len(exclude)} lists for {count} queries")
    if isinstance(exclude, np.ndarray):
        if exclude.ndim != 2 or exclude.dtype.kind not in "iu":
            raise ValueError(f"exclude: expected integers [Q, E], got {exclude.dtype} of shape {exclude.shape}")
        return exclude
    if count == 1:
        return np.array(exclude, np.int64).reshape(1, -1)
    if bad := [ids for ids in exclude if not isinstance(ids, Sequence | np.ndarray)]:
        raise TypeError(f"exclude: expected a list of row numbers for each query, got {bad[0]!r:.60}")
    padded = np.full((count, max(map(len, exclude), default=0)), -1, np.int64)
    for row, ids in zip(padded, exclude, strict=True):
        row[: len(ids)] = ids
    return padded
