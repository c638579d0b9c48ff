"""Linear-chain conditional random fields: the loss of tags, their marginals, and the best sequences of tags."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _core
from .._arguments import integer
from ..autograd import Needs, Tensor, op
from ._broadcast import as_floats
from ._crf_constraints import Constraints
from ._recurrent import as_lengths
from ._types import Array, Result

ChainReduction = Literal["mean", "token_mean", "sum", "none"]


class _Chain(NamedTuple):
    """The arguments that all kernels take."""

    emissions: Array
    transitions: Array
    start: Array
    end: Array
    lengths: Array

    @classmethod
    def of(cls, name: str, emissions: Any, transitions: Any, start: Any, end: Any, lengths: Any) -> _Chain:
        """Check the arguments; None for start or end is zeros."""
        emissions = as_floats(emissions)
        if emissions.ndim != 3 or not emissions.shape[2]:
            raise ValueError(f"{name}: emissions has shape {emissions.shape}, expected [B, T, K] with at least one tag")
        rows, steps, tags = emissions.shape
        of_tags = [
            _weights(name, "transitions", transitions, (tags, tags), emissions.dtype),
            _weights(name, "start_transitions", start, (tags,), emissions.dtype),
            _weights(name, "end_transitions", end, (tags,), emissions.dtype),
        ]
        counts, _ = as_lengths(name, lengths, steps, rows, of="the steps of emissions")
        return cls(emissions, *of_tags, np.full(rows, steps, np.int32) if counts is None else counts)

    def require_path(self, name: str, score: np.ndarray) -> None:
        """Refuse sequences to which no tags can be given."""
        if (lost := np.flatnonzero(score == -np.inf)).size:
            raise ValueError(
                f"{name}: scores of -inf leave no path for sequence {lost[0]} of {self.lengths[lost[0]]} steps"
                f" ({lost.size} of {len(score)} sequences have none): allow more transitions or tags"
            )


def _weights(name: str, what: str, given: Any, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """Return scores of tags in the kind of numbers of the emissions, which an array of floats must have."""
    if given is None:
        return np.zeros(shape, dtype)
    weights = np.asarray(given)
    if weights.shape != shape:
        raise ValueError(f"{name}: {what} has shape {weights.shape}, expected {shape} for {shape[0]} tags")
    if not isinstance(given, np.ndarray) or weights.dtype.kind != "f":
        return weights.astype(dtype)
    if weights.dtype != dtype:
        small, large = sorted([("emissions", dtype), (what, weights.dtype)], key=lambda pair: pair[1].itemsize)
        raise TypeError(
            f"{name}: {small[0]} is {small[1]} but {large[0]} is {large[1]}: convert one of them, such as"
            f" {large[0]}.astype(np.{small[1]})"
        )
    return weights


def _tag_numbers(name: str, tags: Any, chain: _Chain) -> np.ndarray:
    """Return the tags as int32, with 0 in the padding."""
    tags = np.asarray(tags)
    rows, steps, count = chain.emissions.shape
    if tags.shape != (rows, steps):
        raise ValueError(f"{name}: tags has shape {tags.shape}, expected {(rows, steps)}, a tag for each step")
    if tags.size and tags.dtype.kind not in "iu":
        raise TypeError(f"{name}: tags must be integers, got {tags.dtype}")
    there = np.arange(steps) < chain.lengths[:, None]
    if (wrong := tags[there & ((tags < 0) | (tags >= count))]).size:
        raise ValueError(f"{name}: tags must lie in [0, {count}), got {wrong[0]}; give lengths where it is padding")
    return np.where(there, tags, 0).astype(np.int32)


@op
def crf_nll(
    emissions: Array,
    tags: npt.ArrayLike,
    transitions: Array,
    start_transitions: Array | None = None,
    end_transitions: Array | None = None,
    *,
    lengths: npt.ArrayLike | None = None,
    reduction: ChainReduction = "mean",
    needs: Needs,
) -> Result:
    """Compute the negative log-likelihood of tags in a linear-chain conditional random field.

    `loss = log Z - s(y)`, `s(y) = start[y_1] + sum_t emissions[t, y_t] + sum_t transitions[y_t, y_t+1] + end[y_T]`,
    `Z = sum of e^s` over all sequences of tags. The gradients are exact: marginals minus what the tags have. Scores may be
    -inf, which forbids what they stand at; tags that are forbidden have the loss inf.

    Args:
        emissions: the scores of the tags at each step, [B, T, K].
        tags: integers in [0, K), [B, T]; those of the padding may be any.
        transitions: [K, K]; transitions[i, j] is the score of tag j after tag i.
        start_transitions: of the first tag, [K]; None is zeros.
        end_transitions: of the last tag, [K]; None is zeros.
        lengths: [B] integers in [0, T]: steps from there on are padding; None means T for all.
        reduction: "mean" over the sequences, "token_mean" over all their steps, "sum", or "none", the loss of each.

    Returns:
        A number; with reduction="none" [B].

    Raises:
        TypeError: where tags are no integers, or kinds of floats are mixed.
        ValueError: for shapes that do not fit, a tag or length out of range, another `reduction`, or scores of -inf that
            leave a sequence no path.

    Source: Lafferty, McCallum, Pereira, "Conditional random fields", ICML 2001.

    >>> import numpy as np
    >>> round(float(crf_nll(np.zeros((1, 3, 2)), [[0, 1, 0]], np.zeros((2, 2)))), 4)  # 3 log 2
    2.0794
    """
    if reduction not in ("mean", "token_mean", "sum", "none"):
        raise ValueError(f"crf_nll: reduction must be 'mean', 'token_mean', 'sum' or 'none', got {reduction!r}")
    chain = _Chain.of("crf_nll", emissions, transitions, start_transitions, end_transitions, lengths)
    numbers = _tag_numbers("crf_nll", tags, chain)
    recording = any(needs)
    logz, score, alpha = _core.crf_forward(*chain, numbers, score=True, alpha=recording)
    chain.require_path("crf_nll", logz)
    loss = logz - score
    divisor = {"mean": len(loss), "token_mean": int(chain.lengths.sum())}.get(reduction, 1)
    dtype = chain.emissions.dtype

    def backward(grad: Array) -> dict[str, Array | None]:
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.ascontiguousarray(np.broadcast_to(grad / divisor, loss.shape), dtype)
        x, transitions, _, end, lengths = chain
        found = _core.crf_backward(
            x, transitions, end, lengths, alpha, factor, numbers, grad_transitions=needs.transitions
        )
        rows = np.flatnonzero(lengths)
        by_step = found.grad_emissions
        return {
            "emissions": by_step if needs.emissions else None,
            "transitions": found.grad_transitions,
            "start_transitions": by_step[rows, 0].sum(0) if needs.start_transitions else None,
            "end_transitions": by_step[rows, lengths[rows] - 1].sum(0) if needs.end_transitions else None,
        }

    if reduction == "none":
        return loss.astype(dtype), backward
    with np.errstate(invalid="ignore", divide="ignore"):  # the mean of nothing is NaN
        return np.asarray(loss.sum() / np.float64(divisor), dtype), backward


def crf_marginals(
    emissions: npt.ArrayLike,
    transitions: npt.ArrayLike,
    start_transitions: npt.ArrayLike | None = None,
    end_transitions: npt.ArrayLike | None = None,
    *,
    lengths: npt.ArrayLike | None = None,
) -> np.ndarray:
    """Compute the probability of each tag at each step, over all sequences of tags (forward-backward).

    Args:
        emissions, transitions, start_transitions, end_transitions, lengths: as for `crf_nll`.

    Returns:
        [B, T, K]: the probabilities of a step sum to 1; zeros in the padding. No gradient goes through them.

    Raises:
        TypeError, ValueError: as `crf_nll`.

    Source: Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 1989.

    >>> import numpy as np
    >>> crf_marginals(np.zeros((1, 2, 2)), np.array([[0.0, -np.inf], [0.0, 0.0]])).round(3)
    array([[[0.333, 0.667],
            [0.667, 0.333]]])
    """
    given = (_plain(x) for x in (emissions, transitions, start_transitions, end_transitions))
    chain = _Chain.of("crf_marginals", *given, lengths)
    logz, _, alpha = _core.crf_forward(*chain, alpha=True)
    chain.require_path("crf_marginals", logz)
    x, transitions, _, end, counts = chain
    return _core.crf_backward(x, transitions, end, counts, alpha, np.ones(len(x), x.dtype)).grad_emissions


def crf_decode(
    emissions: npt.ArrayLike,
    transitions: npt.ArrayLike,
    start_transitions: npt.ArrayLike | None = None,
    end_transitions: npt.ArrayLike | None = None,
    *,
    lengths: npt.ArrayLike | None = None,
    k: int | None = None,
    constraints: Constraints | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the best sequence of tags, or the k best ones (Viterbi).

    Of sequences with equal scores the one with the lowest tags comes first, looked at from the end.

    Args:
        emissions, transitions, start_transitions, end_transitions, lengths: as for `crf_nll`.
        k: how many sequences; None is the best alone.
        constraints: (transitions, start, end), which tags may follow which, such as `crf_constraints` says; None allows all.

    Returns:
        (tags, scores): [B, T] integers, -1 in the padding, and [B]. With `k` [B, k, T] and [B, k], the best first; where
        fewer sequences are possible, tags are -1 and the score is -inf.

    Raises:
        TypeError, ValueError: as `crf_nll`; also for k < 1, or constraints of another shape.

    Source: Viterbi, "Error bounds for convolutional codes", 1967; Schwartz, Chow, "The N-best algorithm", ICASSP 1990.

    >>> tags, scores = crf_decode([[[1.0, 0.0], [0.0, 3.0]]], [[0.5, -0.5], [0.0, 0.0]], k=2)
    >>> tags.tolist(), scores.tolist()
    ([[[0, 1], [1, 1]]], [[3.5, 3.0]])
    """
    given = [_plain(x) for x in (emissions, transitions, start_transitions, end_transitions)]
    chain = _Chain.of("crf_decode", *given, lengths)
    if constraints is not None:
        chain = _constrained(chain, constraints)
    best = 1 if k is None else integer("crf_decode: k", k, 1)
    tags, score = _core.crf_decode(*chain, best)
    chain.require_path("crf_decode", score[:, 0])
    return (tags[:, 0], score[:, 0]) if k is None else (tags, score)


def _constrained(chain: _Chain, constraints: Constraints) -> _Chain:
    """Set what is forbidden to -inf."""
    found = {}
    for name, allowed in zip(("transitions", "start", "end"), constraints, strict=True):
        allowed, scores = np.asarray(allowed), getattr(chain, name)
        if allowed.shape != scores.shape or allowed.dtype != bool:
            raise ValueError(
                f"crf_decode: constraints of {name} have shape {allowed.shape} and dtype {allowed.dtype},"
                f" expected booleans of shape {scores.shape}"
            )
        found[name] = np.where(allowed, scores, scores.dtype.type(-np.inf))
    return chain._replace(**found)


def _plain(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x
