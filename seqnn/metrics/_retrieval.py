"""Scores of rankings: recall at k, mean reciprocal rank, normalised discounted cumulative gain."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._arguments import integer, optional_integer

Ranked = np.ndarray | Sequence[Sequence[Any]]
Relevant = np.ndarray | Sequence[Collection[Any] | Mapping[Any, float]]


class _Judged(NamedTuple):
    """Grades of each query's ranked documents, the best first, and of all its relevant ones, the largest first, both padded
    by 0: [Q, K], [Q, M]; how many are relevant: [Q].

    Documents of equal scores have the mean of their grades, for they may stand in any order. `ties` says for each ranked
    document how many have its score, `left` how many of these stand at its place or after it: [Q, K].
    """

    gains: np.ndarray
    ideal: np.ndarray
    relevant: np.ndarray
    ties: np.ndarray
    left: np.ndarray


def _judge(ranked: Ranked, relevant: Relevant, *, graded: bool = False) -> _Judged:
    """Return what is scored; unless it is `graded`, each relevant document has grade 1."""
    if isinstance(ranked, np.ndarray):
        grades = _grades(ranked, relevant)
        grades = grades if graded else (grades > 0).astype(np.float64)
        gains, ties, left = _in_order(ranked, grades)
        ideal = -np.sort(-grades, axis=1)
    else:
        pairs = [_of_list(q, *pair, graded) for q, pair in enumerate(_zipped(ranked, relevant))]
        gains, ideal = _padded([gain for gain, _ in pairs]), _padded([sorted(all_, reverse=True) for _, all_ in pairs])
        ties = left = np.ones(gains.shape)
    if not len(gains):
        raise ValueError("ranked: expected at least one query, got none")
    return _Judged(gains, ideal, np.count_nonzero(ideal > 0, axis=1), ties, left)


def _grades(scores: np.ndarray, relevant: Any) -> np.ndarray:
    """Return the grade of each scored document."""
    if scores.ndim != 2 or scores.dtype.kind not in "iuf":
        raise ValueError(f"ranked: expected scores [queries, documents], got {scores.dtype} of shape {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError("ranked: expected scores that are numbers, got NaN")
    given = np.asarray(relevant)
    if given.dtype.kind in "iu" and given.shape == scores.shape[:1] and scores.ndim == 2:
        if len(given) and not 0 <= given.min() <= given.max() < scores.shape[1]:
            raise ValueError(
                f"relevant: expected numbers of documents below {scores.shape[1]}, got {given.min()} to {given.max()}"
            )
        grades = np.zeros(scores.shape)
        grades[np.arange(len(given)), given] = 1
    elif given.shape == scores.shape and given.dtype.kind in "biuf":
        grades = given.astype(np.float64)
    else:
        raise ValueError(
            f"relevant: expected grades of shape {scores.shape}, or one document for each query, got {given.shape}"
        )
    if not (grades >= 0).all():
        raise ValueError("relevant: expected grades of at least 0")
    return grades


def _in_order(scores: np.ndarray, grades: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the grades in the order of the scores, shared by equal ones, and `ties` and `left` of `_Judged`."""
    order = np.argsort(-scores.astype(np.float64), axis=1, kind="stable")
    gains, ordered = np.take_along_axis(grades, order, 1), np.take_along_axis(scores, order, 1)
    starts = np.ones(gains.shape, bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    group = np.cumsum(starts.ravel()) - 1
    ties = np.bincount(group)
    mean = np.bincount(group, gains.ravel()) / ties
    left = (np.cumsum(ties))[group] - np.arange(len(group))
    return mean[group].reshape(gains.shape), ties[group].reshape(gains.shape), left.reshape(gains.shape)


def _zipped(ranked: Any, relevant: Any) -> list[tuple[Any, Any]]:
    sides = list(ranked), list(relevant)
    if len(sides[0]) != len(sides[1]):
        raise ValueError(f"relevant: expected documents of {len(sides[0])} queries, got {len(sides[1])}")
    return list(zip(*sides, strict=True))


def _of_list(query: int, documents: Any, relevant: Any, graded: bool) -> tuple[list[float], list[float]]:
    """Return the grades of the ranked documents, and of the relevant ones."""
    for name, value in (("ranked", documents), ("relevant", relevant)):
        if isinstance(value, str) or not isinstance(value, Collection):
            raise TypeError(
                f"{name}[{query}]: expected a collection of documents, got {type(value).__name__}: {value!r:.60}"
            )
    documents = list(documents)
    if len({*documents}) != len(documents):
        raise ValueError(f"ranked[{query}]: expected each document once, got one twice")
    grades = (
        {d: float(g) for d, g in relevant.items()} if isinstance(relevant, Mapping) else dict.fromkeys(relevant, 1.0)
    )
    if any(not grade >= 0 for grade in grades.values()):
        raise ValueError(f"relevant[{query}]: expected grades of at least 0")
    if not graded:
        grades = {document: float(grade > 0) for document, grade in grades.items()}
    return [grades.get(document, 0.0) for document in documents], list(grades.values())


def _padded(rows: list[list[float]]) -> np.ndarray:
    out = np.zeros((len(rows), max(map(len, rows), default=0)))
    for row, values in zip(out, rows, strict=True):
        row[: len(values)] = values
    return out


def _mean(values: np.ndarray, judged: _Judged) -> float:
    """Return the mean over the queries that have a relevant document."""
    kept = judged.relevant > 0
    return float(values[kept].mean()) if kept.any() else float("nan")


def recall_at_k(ranked: Ranked, relevant: Relevant, k: int) -> float:
    """Return the share of the relevant documents among the first k, as a mean over queries.

    Args:
        ranked: scores float [Q, D] of each document for each query, the largest first; or for each query a list of
            documents (any hashable ids), the best first. Documents of equal scores may stand in any order: the mean over
            all of these counts, so that nothing is gained by the order in which they are given.
        relevant: with scores, grades [Q, D] (above 0 is relevant) or the number of the one relevant document, int [Q];
            with lists, for each query a set of documents or a dict from documents to grades.
        k: how many documents are looked at.

    Returns:
        The recall, 0 to 1. Queries without a relevant document do not count; without any other it is NaN.

    Raises:
        TypeError: other kinds of arguments.
        ValueError: shapes that differ, NaN scores, negative grades, a document that is ranked twice, k below 1.

    >>> from seqnn.metrics import recall_at_k
    >>> recall_at_k([["a", "b", "c"], ["c", "a", "b"]], [{"b"}, {"a", "b"}], k=2)
    0.75
    """
    k = integer("k", k, 1)
    judged = _judge(ranked, relevant)
    return _mean(judged.gains[:, :k].sum(1) / np.maximum(judged.relevant, 1), judged)


def mean_reciprocal_rank(ranked: Ranked, relevant: Relevant, k: int | None = None) -> float:
    """Return the mean over queries of 1 / rank of the first relevant document.

    Args:
        ranked: scores [Q, D] or ranked documents, as in `recall_at_k`.
        relevant: grades [Q, D], int [Q], or sets or dicts, as in `recall_at_k`.
        k: how many documents are looked at (default all).

    Returns:
        The mean, 0 to 1. Queries without a relevant document do not count; without any other it is NaN.

    Raises:
        TypeError: other kinds of arguments.
        ValueError: shapes that differ, NaN scores, negative grades, a document that is ranked twice, k below 1.

    >>> from seqnn.metrics import mean_reciprocal_rank
    >>> import numpy as np
    >>> mean_reciprocal_rank(np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1]]), np.array([2, 0]))
    0.75
    """
    k = optional_integer("k", k, 1)
    judged = _judge(ranked, relevant)
    # The chance that a relevant document stands at a place if none stands before it.
    chance = np.minimum(judged.gains * judged.ties / judged.left, 1)[:, :k]
    none_before = np.ones(chance.shape)
    np.cumprod(1 - chance[:, :-1], axis=1, out=none_before[:, 1:])
    return _mean((none_before * chance) @ (1 / np.arange(1, chance.shape[1] + 1)), judged)


def ndcg(ranked: Ranked, relevant: Relevant, k: int | None = None) -> float:
    """Return the normalised discounted cumulative gain, as a mean over queries.

    DCG = sum over ranks r of grade / log2(r + 1); nDCG is its ratio to the DCG of the best order.

    Args:
        ranked: scores [Q, D] or ranked documents, as in `recall_at_k`.
        relevant: grades [Q, D], int [Q], or sets or dicts, as in `recall_at_k`.
        k: how many documents are looked at (default all).

    Returns:
        The mean, 0 to 1. Queries without a relevant document do not count; without any other it is NaN.

    Raises:
        TypeError: other kinds of arguments.
        ValueError: shapes that differ, NaN scores, negative grades, a document that is ranked twice, k below 1.

    K. Järvelin and J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002; F. McSherry and
    M. Najork, "Computing information retrieval performance measures efficiently in the presence of tied scores", 2008.

    >>> from seqnn.metrics import ndcg
    >>> round(ndcg([["a", "b", "c"]], [{"a": 1, "c": 3}]), 4)
    0.6885
    """
    k = optional_integer("k", k, 1)
    judged = _judge(ranked, relevant, graded=True)
    found, best = (_discounted(grades, k) for grades in (judged.gains, judged.ideal))
    return _mean(np.divide(found, best, where=best > 0, out=np.zeros(len(best))), judged)


def _discounted(grades: np.ndarray, k: int | None) -> np.ndarray:
    """Return the discounted sum of the first k grades of each row."""
    first = grades[:, :k]
    return first @ (1 / np.log2(np.arange(first.shape[1]) + 2))
