"""Extractive question answering: the start and the end of the answer in a passage."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import nn
from .._arguments import integer
from ..autograd import Tensor

__all__ = ["SpanHead", "Spans", "best_spans", "n_best_spans"]


class SpanHead(nn.Module):
    """Logits [B, T, 2] that an answer starts, and that it ends, at a position; those of padding are -inf.

    Train it with `ops.cross_entropy` against targets [B, 2]: (first, last) position of the answer; the loss is the mean
    of both. `best_spans` finds the answers.

    Args:
        d_model: D.

    Source: Devlin et al., "BERT", NAACL 2019.

    >>> import numpy as np
    >>> from seqnn.models import SpanHead
    >>> SpanHead(8)(np.ones((2, 5, 8), np.float32), [5, 2]).shape
    (2, 5, 2)
    """

    def __init__(self, d_model: int) -> None:
        self.output = nn.Linear(d_model, 2)

    def forward(self, hidden: Tensor, lengths: Any = None) -> Tensor:
        """Return the logits [B, T, 2] of hidden states [B, T, D], of which `lengths` [B] positions count.

        Args:
            hidden: [B, T, D].
            lengths: of the sequences, [B]; None: all positions count.
        """
        logits = self.output(hidden)
        if lengths is None:
            return logits
        padding = np.arange(hidden.shape[1]) >= np.asarray(lengths)[:, None]
        return logits + np.where(padding, -np.inf, 0)[:, :, None].astype(logits.dtype)


class Spans(NamedTuple):
    """A batch of answers: what `best_spans` returns, and `n_best_spans`, whose arrays are [B, n].

    >>> import numpy as np
    >>> from seqnn.models import best_spans
    >>> best_spans(np.array([[[5.0, 0.0], [2.0, 9.0]]])).end.tolist()
    [1]
    """

    start: np.ndarray
    """The first position of each answer, [B]."""

    end: np.ndarray
    """The last one, [B]."""

    score: np.ndarray
    """The sum of the two logits, [B]."""


def best_spans(logits: Any, *, max_length: int = 30, allowed: Any = None) -> Spans:
    """Find the spans that maximise start logit + end logit among those with start <= end < start + max_length.

    Args:
        logits: [B, T, 2], as `SpanHead` gives them.
        max_length: most positions of an answer.
        allowed: booleans [B, T]: positions where answers may start and end, such as those of the passage; default: all.
            For data with questions that have no answer allow position 0 too: the span (0, 0) stands for it.

    Returns:
        (start, end, score) of the best span of each sequence, [B] each.

    Raises:
        ValueError: shapes do not fit, or nothing is allowed.

    >>> import numpy as np
    >>> from seqnn.models import best_spans
    >>> logits = np.array([[[0.0, 0.0], [2.0, 9.0], [1.0, 1.0], [5.0, 3.0]]])
    >>> [int(x[0]) for x in best_spans(logits)]
    [1, 1, 11]
    """
    logits = _allowed(logits, allowed)
    batch, time, _ = logits.shape
    starts, ends = logits[:, :, 0], logits[:, :, 1]
    best = np.full((batch, time), -np.inf)  # of the spans that start at a position
    length = np.zeros((batch, time), np.int64)
    for k in range(min(integer("max_length", max_length, 1), time)):
        scores = starts[:, : time - k] + ends[:, k:]
        better = scores > best[:, : time - k]
        best[:, : time - k][better] = scores[better]
        length[:, : time - k][better] = k
    start = best.argmax(axis=1)
    rows = np.arange(batch)
    return Spans(start, start + length[rows, start], best[rows, start])


def n_best_spans(logits: Any, n: int, *, max_length: int = 30, allowed: Any = None) -> Spans:
    """Find the n spans of each sequence that maximise start logit + end logit, the best first.

    Args:
        logits: [B, T, 2], as `SpanHead` gives them.
        n: how many; where there are fewer, spans with score -inf fill up.
        max_length: as for `best_spans`.
        allowed: as for `best_spans`.

    Returns:
        (start, end, score), [B, n] each. Of equal scores the earlier span comes first, and of these the shorter one.

    Raises:
        ValueError: shapes do not fit, or nothing is allowed.

    >>> import numpy as np
    >>> from seqnn.models import n_best_spans
    >>> logits = np.array([[[0.0, 0.0], [2.0, 9.0], [1.0, 1.0], [5.0, 3.0]]])
    >>> spans = n_best_spans(logits, 3)
    >>> spans.start.tolist(), spans.end.tolist(), spans.score.tolist()
    ([[1, 0, 3]], [[1, 1, 3]], [[11.0, 9.0, 8.0]])
    """
    logits = _allowed(logits, allowed)
    batch, time, _ = logits.shape
    n, longest = integer("n", n, 1), min(integer("max_length", max_length, 1), time)
    scores = np.full((batch, time, longest), -np.inf)  # of the spans of 1, 2, ... positions from each one on
    for k in range(longest):
        scores[:, : time - k, k] = logits[:, : time - k, 0] + logits[:, k:, 1]
    scores = np.pad(scores.reshape(batch, -1), ((0, 0), (0, max(0, n - time * longest))), constant_values=-np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    start = np.minimum(order // longest, time - 1)
    return Spans(start, np.minimum(start + order % longest, time - 1), np.take_along_axis(scores, order, axis=1))


def _allowed(logits: Any, allowed: Any) -> np.ndarray:
    """Return logits [B, T, 2], -inf where no answer may start or end."""
    logits = np.asarray(logits.data if isinstance(logits, Tensor) else logits, np.float64)
    if logits.ndim != 3 or logits.shape[2] != 2:
        raise ValueError(f"logits: expected shape [B, T, 2], got {logits.shape}")
    batch, time, _ = logits.shape
    if allowed is not None:
        allowed = np.asarray(allowed)
        if allowed.shape != (batch, time) or allowed.dtype != bool:
            raise ValueError(f"allowed: expected booleans {[batch, time]}, got {allowed.dtype} {list(allowed.shape)}")
        if not allowed.any(axis=1).all():
            raise ValueError(f"allowed: sequence {int(np.argmin(allowed.any(axis=1)))} has no position for an answer")
        logits = np.where(allowed[:, :, None], logits, -np.inf)
    return logits
