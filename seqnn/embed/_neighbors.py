"""The nearest rows of a matrix by cosine, for one query or thousands, and the queries that word arithmetic makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._arguments import integer

if TYPE_CHECKING:
    from ._keyed_vectors import KeyedVectors

Key = str | int

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
    """Ids int64[Q, n] and cosines [Q, n] of the n nearest rows of `vectors` [V, D] for each row of `queries` [Q, D].

    Best first, ties by lower id; n = `topn`, or the number of candidates where that is smaller. Candidates are the
    rows `begin` to `end` (exclusive) but for each query's own ids in `exclude`; a query that runs out of candidates
    gets id -1 and score NaN. `norms` are the rows' lengths where they are known. A zero vector has cosine 0 with
    everything; rows that hold NaN are never found. float32 and float64 are searched where they lie (rows may be
    strided), other types are converted to float32 first. The result does not depend on the number of threads.

        >>> import numpy as np
        >>> ids, scores = nearest_neighbors([[1.0, 0.1]], np.eye(3, 2), topn=2)
        >>> ids.tolist(), scores.round(2).tolist()
        ([[0, 1]], [[1.0, 0.1]])
    """
    topn = whole_topn(topn)
    vectors = _real(vectors)
    queries = np.ascontiguousarray(queries, vectors.dtype)
    if queries.ndim != 2 or vectors.ndim != 2 or queries.shape[1] != vectors.shape[1]:
        raise ValueError(f"queries {queries.shape} and vectors {vectors.shape} must be 2-D with rows of one length")
    begin, end, _ = slice(begin, end).indices(len(vectors))
    end = max(begin, end)
    count = min(topn, end - begin)
    scale = reciprocal(row_norms(vectors) if norms is None else norms).astype(vectors.dtype, copy=False)
    queries = queries * reciprocal(row_norms(queries))[:, None]
    skip = _padded(exclude, len(queries))
    ids = np.empty((len(queries), count), np.int64)
    scores = np.empty((len(queries), count), vectors.dtype)
    step = 6 * max(1, _CALL // (6 * max(1, (end - begin) * vectors.shape[1])))
    for i in range(0, len(queries), step):
        part = slice(i, i + step)
        ids[part], scores[part] = _core.neighbors_top(queries[part], vectors, scale, skip[part], begin, end, count)
    return ids, scores


def whole_topn(topn: Any) -> int:
    """`topn` as an integer >= 0."""
    return integer("topn", topn, 0, 2**63 - 1)


def row_norms(matrix: np.ndarray) -> np.ndarray:
    """Euclidean length of each row, without a temporary copy of the matrix."""
    dtype = matrix.dtype if matrix.dtype.itemsize >= 4 else np.float32
    return np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=dtype))


def reciprocal(norms: np.ndarray) -> np.ndarray:
    """1 / norms, but 0 for 0."""
    return np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)


def unit(vector: np.ndarray) -> np.ndarray:
    """A vector scaled to length 1; the zero vector stays."""
    return vector * reciprocal(np.linalg.norm(vector, keepdims=True))


def is_key(item: object) -> bool:
    """Is `item` a key (or a row number), not a vector or a list?"""
    return isinstance(item, str | int | np.integer)


def as_list(items: Any) -> list:
    """gensim's shorthands: None is no item, one key or one vector is a list of itself."""
    if items is None:
        return []
    if is_key(items) or (isinstance(items, np.ndarray) and items.ndim == 1):
        return [items]
    return list(items)


def search_range(wv: KeyedVectors, clip_start: int, clip_end: int | None, restrict_vocab: int | None) -> slice:
    """The rows to search: gensim's three arguments, of which `restrict_vocab` goes first."""
    begin, end = (0, restrict_vocab) if restrict_vocab else (clip_start, clip_end or None)
    begin, end, _ = slice(begin, end).indices(len(wv))
    return slice(begin, max(begin, end))


def combine(wv: KeyedVectors, positive: Any, negative: Any) -> tuple[np.ndarray, list[int]]:
    """The unit vector of positive minus negative items (keys, vectors, or (item, weight)), and the keys' rows."""
    keys: list = []
    weights: list[float] = []
    for sign, items in ((1.0, as_list(positive)), (-1.0, as_list(negative))):
        for item in items:
            key, weight = item if isinstance(item, tuple) else (item, sign)
            keys.append(key)
            weights.append(weight)
    mean = wv.get_mean_vector(keys, weights, pre_normalize=True, post_normalize=True, ignore_missing=False)
    return mean, [row for key in keys if is_key(key) and (row := wv.get_index(key, -1)) >= 0]


def combine_batch(
    wv: KeyedVectors, positive: Iterable, negative: Iterable | None
) -> tuple[np.ndarray, list[list[int]]]:
    """`combine` for each query; plain keys and a matrix of vectors take no loop."""
    if negative is None and isinstance(positive, np.ndarray) and positive.ndim == 2 and positive.dtype.kind == "f":
        return positive, [[] for _ in positive]
    if isinstance(positive, str):
        raise TypeError(f"positive: expected a list of queries, got a string: [{positive!r}]")
    positive = list(positive)
    if negative is None and all(map(is_key, positive)):
        return wv.get_vectors(positive), wv.get_indices(positive, -1)[:, None].tolist()
    negative = [None] * len(positive) if negative is None else list(negative)
    if len(positive) != len(negative):
        raise ValueError(f"positive holds {len(positive)} queries, negative {len(negative)}")
    pairs = [combine(wv, p, n) for p, n in zip(positive, negative, strict=True)]
    return np.array([q for q, _ in pairs]).reshape(-1, wv.vector_size), [rows for _, rows in pairs]


def cosmul(wv: KeyedVectors, positive: Any, negative: Any, rows: slice) -> tuple[np.ndarray, list[int]]:
    """Multiplicative scores of `rows` (3CosMul: Levy and Goldberg 2014, equation 4), and the rows of the keys."""
    terms = as_list(positive), as_list(negative)
    if not terms[0]:
        raise ValueError("most_similar_cosmul needs at least one positive key")
    used = [wv.get_index(item, -1) for items in terms for item in items if is_key(item)]
    vectors, scale = wv.vectors[rows], reciprocal(wv.norms[rows])
    products = []
    for items in terms:
        product = np.ones(len(vectors), scale.dtype)
        for item in items:
            vector = wv.get_vector(item) if is_key(item) else np.asarray(item)
            product *= (1 + (vectors @ unit(vector)) * scale) / 2
        products.append(product)
    return products[0] / (products[1] + 1e-6), used


def best(scores: np.ndarray, topn: int, exclude: Iterable[int]) -> np.ndarray:
    """Positions of the `topn` highest scores, best first, ties by lower position, without those in `exclude`."""
    exclude = set(exclude)
    count = min(len(scores), topn + len(exclude))
    if count < len(scores):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        candidates = np.flatnonzero(scores >= least)
    else:
        candidates = np.arange(len(scores))
    order = candidates[np.argsort(-scores[candidates], kind="stable")]
    return order[[i not in exclude for i in order.tolist()]][:topn]


def name_pairs(wv: KeyedVectors, ids: np.ndarray, scores: np.ndarray) -> list[tuple[Key, float]]:
    """(key, score) pairs of one result, without the empty places at its end."""
    return [(wv.index_to_key[i], s) for i, s in zip(ids.tolist(), scores.tolist(), strict=True) if i >= 0]


def _real(vectors: npt.ArrayLike) -> np.ndarray:
    vectors = np.asarray(vectors)
    return vectors if vectors.dtype in (np.float32, np.float64) else vectors.astype(np.float32)


def _padded(exclude: Sequence[Sequence[int]] | np.ndarray | None, count: int) -> np.ndarray:
    """Ragged lists of ids as one matrix, filled up with -1."""
    if exclude is None:
        return np.empty((count, 0), np.int64)
    if len(exclude) != count:
        raise ValueError(f"exclude holds {len(exclude)} lists for {count} queries")
    if isinstance(exclude, np.ndarray):
        return exclude
    padded = np.full((count, max(map(len, exclude), default=0)), -1, np.int64)
    for row, ids in zip(padded, exclude, strict=True):
        row[: len(ids)] = ids
    return padded
