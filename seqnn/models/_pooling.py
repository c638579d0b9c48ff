"""One vector for a whole sequence, made of the hidden states of its steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn, ops
from ..autograd import Tensor

POOLINGS = ("first", "last", "mean", "max", "attention")


class Pooling(nn.Module):
    """Hidden states [B, T, D] to a vector of each sequence, [B, D].

    Args:
        kind: the "first" state, the "last", the "mean", the "max", or "attention": their mean weighted by
            softmax(query . tanh(hidden h + b)), both learnt.
        size: D.

    Raises:
        ValueError: the kind is not known.

    Source of the attention: Yang et al., "Hierarchical attention networks for document classification", NAACL 2016.
    """

    def __init__(self, kind: str, size: int) -> None:
        if kind not in POOLINGS:
            raise ValueError(f"pooling: expected one of {POOLINGS}, got {kind!r}")
        self.kind = kind
        self.hidden = nn.Linear(size, size) if kind == "attention" else None
        self.query = nn.Linear(size, 1, bias=False) if kind == "attention" else None

    def forward(self, hidden: Tensor, lengths: Any = None) -> Tensor:
        """Return the vectors.

        Args:
            hidden: [B, T, D].
            lengths: of the sequences, [B]; None: all steps count.
        """
        if self.kind == "first":
            return hidden[:, 0]
        ends = self._ends(hidden, lengths)
        if self.kind == "last":
            return hidden[np.arange(len(ends)), ends - 1]
        if self.kind == "attention":
            return (hidden * self.weights(hidden, lengths)[:, :, None]).sum(axis=1)
        pool = ops.global_avg_pool if self.kind == "mean" else ops.global_max_pool
        return pool(hidden.swapaxes(1, 2), mask=np.arange(hidden.shape[1]) < ends[:, None])

    def weights(self, hidden: Tensor, lengths: Any = None) -> Tensor:
        """Return the weights [B, T] of the steps, for "attention".

        Args:
            hidden, lengths: as for `forward`.
        """
        scores = self.query(ops.linear(hidden, self.hidden.weight, self.hidden.bias, activation="tanh"))[:, :, 0]
        return ops.softmax(scores, mask=np.arange(hidden.shape[1]) < self._ends(hidden, lengths)[:, None])

    def _ends(self, hidden: Tensor, lengths: Any) -> np.ndarray:
        batch, time = hidden.shape[:2]
        return np.full(batch, time) if lengths is None else np.maximum(np.asarray(lengths), 1)

    def extra_repr(self) -> str:
        return repr(self.kind)
