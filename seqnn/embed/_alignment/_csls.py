"""Cross-domain similarity local scaling: cosines between two spaces, less for words that are near to everything."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..._arguments import integer, optional_integer
from .._vectors import Labelled, LabelledVectors, best_rows, unit_rows

METHODS = ("csls", "cosine")


def csls_neighbors(
    queries: npt.ArrayLike,
    vectors: npt.ArrayLike,
    topn: int = 10,
    *,
    k: int = 10,
    others: npt.ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows of one space that are nearest to queries of another by CSLS.

    CSLS(x, y) = 2 cos(x, y) - r(x) - r(y): r(x) is the mean cosine of a query x with its k nearest rows of `vectors`, r(y)
    that of a row y with its k nearest rows of `others`. Rows that are near to everything (hubs) lose by it. The result
    does not depend on the number of threads.

    Args:
        queries: [Q, D], in the space of `vectors`.
        vectors: [V, D], the rows that are searched.
        topn: how many rows are found for each query.
        k: how many neighbours the means are over, as far as there are that many.
        others: [N, D], the vectors that the queries are a part of; default the queries.

    Returns:
        Ids int64 [Q, n] and scores [Q, n], the best first; n is `topn`, or V where that is smaller.

    Source: Conneau, Lample, Ranzato, Denoyer, Jégou, "Word translation without parallel data", ICLR 2018.

    >>> import numpy as np
    >>> from seqnn.embed import csls_neighbors
    >>> ids, scores = csls_neighbors([[1.0, 0.1], [0.1, 1.0]], np.eye(2), topn=1, k=1)
    >>> ids.tolist(), scores.round(3).tolist()
    ([[0], [1]], [[0.0], [0.0]])
    """
    k = integer("k", k, 1)
    x, y = units("queries", queries), units("vectors", vectors)
    others = x if others is None else units("others", others)
    if x.shape[1] != y.shape[1] or others.shape[1] != y.shape[1]:
        raise ValueError(
            f"queries, vectors and others: expected rows of one size, got {x.shape[1]}, {y.shape[1]}, {others.shape[1]}"
        )
    x, others = x.astype(y.dtype, copy=False), others.astype(y.dtype, copy=False)
    return SearchedByCSLS(y, others, k).find(x, topn)


def induce_dictionary(
    source: Labelled, target: Labelled, *, k: int = 10, method: str = "csls", max_rank: int | None = 20_000
) -> list[tuple[str, str]]:
    """Find the pairs of words of two aligned spaces that are nearest to each other, each the other's nearest.

    Args:
        source, target: `KeyedVectors` or pairs (matrix [V, D], words), in one space.
        k: how many neighbours the means of CSLS are over.
        method: what nearest means: "csls" or "cosine".
        max_rank: only the first words of each side take part, this many, which are the most frequent ones in most files;
            None: all.

    Returns:
        Pairs (source word, target word), in the order of the source's words.

    >>> import numpy as np
    >>> from seqnn.embed import induce_dictionary
    >>> vectors = np.array([[1.0, 0.2], [0.1, 1.0]])
    >>> induce_dictionary((vectors, ["cat", "dog"]), (vectors[::-1], ["Hund", "Katze"]))
    [('cat', 'Katze'), ('dog', 'Hund')]
    """
    first, second = LabelledVectors(source), LabelledVectors(target)
    max_rank = optional_integer("max_rank", max_rank, 0)
    rows = mutual_rows(first.matrix[:max_rank], second.matrix[:max_rank], integer("k", k, 1), checked_method(method))
    return [(first.words[i], second.words[j]) for i, j in rows.tolist()]


class SearchedByCSLS:
    """Rows y [V, D] of length 1, searched by 2 cos(x, y) - r(x) - r(y): a product of vectors with one more column.

    r(y) is the mean cosine of a row with its k nearest rows of `others`; without CSLS (k = 0) both means are 0.
    """

    def __init__(self, y: np.ndarray, others: np.ndarray, k: int) -> None:
        self.y, self.k = y, k
        near = _mean_cosines(y, others, k) if k else np.zeros(len(y))
        self.rows = np.concatenate([2 * y if k else y, -near[:, None]], axis=1, dtype=y.dtype)

    def find(self, x: np.ndarray, topn: int, scores: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Find the best rows for each x [Q, D] of length 1; without `scores` r(x), which changes no order, is left out."""
        ids, found = best_rows(np.concatenate([x, np.ones((len(x), 1), x.dtype)], axis=1), self.rows, topn)
        return ids, found - _mean_cosines(x, self.y, self.k)[:, None] if scores and self.k else found


def mutual_rows(source: np.ndarray, target: np.ndarray, k: int, method: str) -> np.ndarray:
    """Return the pairs of rows [N, 2] each of which is the other's nearest."""
    if not (len(source) and len(target)):
        return np.zeros((0, 2), np.int64)
    x, y = units("source", source), units("target", target)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"source and target: expected vectors of one size, got {x.shape[1]} and {y.shape[1]}")
    x = x.astype(y.dtype, copy=False)
    k = k if method == "csls" else 0
    forth = SearchedByCSLS(y, x, k).find(x, 1, scores=False)[0][:, 0]
    back = SearchedByCSLS(x, y, k).find(y, 1, scores=False)[0][:, 0]
    mutual = np.flatnonzero((forth >= 0) & (back[forth] == np.arange(len(x))))
    return np.stack([mutual, forth[mutual]], axis=1)


def checked_method(method: str) -> str:
    """Return the method; a ValueError where there is none of this name."""
    if method not in METHODS:
        raise ValueError(f"method: expected 'csls' or 'cosine', got {method!r}")
    return method


def _mean_cosines(rows: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """Compute the mean cosine of each row of length 1 with its k nearest rows of `others`."""
    return best_rows(rows, others, k)[1].mean(1, dtype=np.float64).astype(rows.dtype)


def units(name: str, vectors: npt.ArrayLike) -> np.ndarray:
    """Return a copy of vectors as floats, scaled to length 1."""
    vectors = np.asarray(vectors)
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu" or not vectors.size:
        raise ValueError(f"{name}: expected a matrix of numbers, got shape {vectors.shape} of {vectors.dtype}")
    return unit_rows(np.array(vectors, np.float64 if vectors.dtype == np.float64 else np.float32))
