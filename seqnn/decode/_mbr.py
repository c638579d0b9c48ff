"""Minimum Bayes risk decoding: the sequence that has most in common with the others."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._arguments import integer, number

__all__ = ["Consensus", "mbr"]

UTILITIES = ("f1", "ngram_f", "cosine")


class Consensus(NamedTuple):
    """A choice among hypotheses, as `mbr` makes it.

    Attributes:
        index: the number of the best hypothesis.
        best: the hypothesis itself.
        scores: the expected utility of each hypothesis, [C].
        utilities: the utility of each hypothesis and reference, [C, D].

    >>> from seqnn import decode
    >>> decode.mbr([["a", "b"], ["a", "c"], ["a", "b", "d"]]).index
    0
    """

    index: int
    best: Any
    scores: np.ndarray
    utilities: np.ndarray


def mbr(
    hypotheses: Sequence[Any],
    references: Sequence[Any] | None = None,
    utility: str | Callable[[Any, Any], float] | np.ndarray = "f1",
    *,
    weights: Any = None,
    ngram_size: int = 4,
    beta: float = 1.0,
) -> Consensus:
    """Choose the hypothesis with the highest expected utility: argmax_h sum_r w_r u(h, r) / sum_r w_r.

    Args:
        hypotheses: sequences of tokens, or texts, which are cut at blanks; for "cosine" their embeddings, [C, D].
        references: what the expectation is over, such as samples; default: the hypotheses.
        utility: "f1": F of the tokens, each as often as it occurs; "ngram_f": the mean of F over n = 1 .. ngram_size
            tokens; "cosine": that of the embeddings; a function (hypothesis, reference) -> number; or a matrix [C, D].
        weights: how much each reference counts, [D]; default: all the same.
        ngram_size: for "ngram_f".
        beta: for "f1" and "ngram_f": (1 + b^2) P R / (b^2 P + R): recall counts b times as much as precision.

    Returns:
        A `Consensus`; of equal hypotheses the first one is the best.

    Raises:
        ValueError: there is no hypothesis, or a utility is not finite, or shapes do not fit.

    Source: Kumar and Byrne, "Minimum Bayes-risk decoding for statistical machine translation", NAACL 2004; Eikema and
    Aziz, "Is MAP decoding all you need?", COLING 2020.

    >>> from seqnn import decode
    >>> found = decode.mbr(["the cat sat", "a cat sat down", "the cat sat down", "dogs"])
    >>> found.best, found.scores.round(2)
    ('the cat sat down', array([0.61, 0.58, 0.65, 0.25]))
    """
    if len(hypotheses) == 0:
        raise ValueError("hypotheses: expected at least one, got none")
    others = hypotheses if references is None else references
    if len(others) == 0:
        raise ValueError("references: expected at least one, got none")
    shape = len(hypotheses), len(others)
    utilities = _utilities(
        hypotheses, others, utility, integer("ngram_size", ngram_size, 1), number("beta", beta, above=0.0)
    )
    if utilities.shape != shape:
        raise ValueError(f"utility: expected a matrix {list(shape)}, got {list(utilities.shape)}")
    if not np.isfinite(utilities).all():
        h, r = np.argwhere(~np.isfinite(utilities))[0].tolist()
        raise ValueError(
            f"utility: expected finite numbers, got {utilities[h, r]} for hypothesis {h} and reference {r}"
        )
    share = np.full(shape[1], 1 / shape[1]) if weights is None else _shares(weights, shape[1])
    scores = utilities @ share
    index = int(scores.argmax())
    return Consensus(index, hypotheses[index], scores, utilities)


def _utilities(hypotheses: Any, references: Any, utility: Any, ngram_size: int, beta: float) -> np.ndarray:
    if callable(utility):
        return np.array([[float(utility(h, r)) for r in references] for h in hypotheses])
    if not isinstance(utility, str):
        return np.asarray(utility, np.float64)
    if utility == "cosine":
        return _directions("hypotheses", hypotheses) @ _directions("references", references).T
    if utility not in UTILITIES:
        raise ValueError(
            f"utility: expected one of {', '.join(map(repr, UTILITIES))}, a function or a matrix, got {utility!r}"
        )
    tokens, offsets = _numbered([*hypotheses, *references])
    orders = 1 if utility == "f1" else ngram_size
    return _core.mbr_overlap(tokens, offsets, len(hypotheses), orders, beta)


def _shares(weights: Any, count: int) -> np.ndarray:
    found = np.asarray(weights, np.float64)
    if found.shape != (count,) or not np.isfinite(found).all() or (found < 0).any() or not found.sum() > 0:
        raise ValueError(f"weights: expected {count} numbers >= 0 that are not all 0, got {weights!r:.80}")
    return found / found.sum()


def _directions(name: str, embeddings: Any) -> np.ndarray:
    """Return embeddings [C, D] with length 1; zeros stay zeros."""
    rows = np.asarray(embeddings)
    if rows.ndim != 2 or rows.dtype.kind not in "fiu":
        raise ValueError(
            f"{name}: expected embeddings [C, D] for the cosine, got {rows.dtype} of shape {list(rows.shape)}"
        )
    rows = rows.astype(np.float64)
    length = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)


def _numbered(sequences: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for each token, of all sequences one after the other, and where each begins and ends."""
    rows = [sequence.split() if isinstance(sequence, str) else sequence for sequence in sequences]
    offsets = np.cumsum([0, *map(len, rows)])
    if all(isinstance(row, np.ndarray) and row.ndim == 1 and row.dtype.kind in "iu" for row in rows):
        return np.concatenate(rows).astype(np.int64), offsets
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(token, len(numbers)) for row in rows for token in row], np.int64), offsets
