"""What stands on top of an encoder: heads that turn hidden states [B, T, D] into the answer of a task."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn, ops
from ..autograd import Tensor

__all__ = ["ClassificationHead", "LanguageModelHead", "TaggingHead", "WithHead", "token_cross_entropy"]

IGNORED = -100
_POOLINGS = ("first", "last", "mean", "max")


class LanguageModelHead(nn.Module):
    """Logits of every token of the vocabulary, or their cross-entropy: hidden @ table.T + bias.

    The table [V, D] is that of the embeddings, given at each call, so that there is one array only (tied weights); or,
    with tied=False, the head's own `weight`.

    Args:
        d_model, vocabulary_size: D and V.
        tied: whether the table is given.
        transform: hidden = LayerNorm(gelu(dense(hidden))) first, as BERT does.
        bias: whether there is one.

    Source of the tying: Press, Wolf, "Using the output embedding to improve language models", EACL 2017.

    >>> import numpy as np
    >>> from seqnn.models import LanguageModelHead
    >>> LanguageModelHead(8, 100, tied=False)(np.ones((2, 3, 8), np.float32)).shape
    (2, 3, 100)
    """

    def __init__(
        self,
        d_model: int,
        vocabulary_size: int,
        *,
        tied: bool = True,
        transform: bool = False,
        bias: bool = False,
        layer_norm_eps: float = 1e-12,
    ) -> None:
        self.dense = nn.Linear(d_model, d_model) if transform else None
        self.norm = nn.LayerNorm(d_model, layer_norm_eps) if transform else None
        self.weight = None if tied else nn.Parameter(np.empty((vocabulary_size, d_model), np.float32))
        self.bias = nn.Parameter(np.zeros(vocabulary_size, np.float32)) if bias else None
        if self.weight is not None:
            nn.init.normal_(self.weight, 0.0, 0.02)

    def forward(self, hidden: Tensor, table: Tensor | None = None, targets: Any = None) -> Tensor:
        """Logits [..., V]; with `targets` [...] their mean cross-entropy, for which all logits are never in memory at once.

        Targets of -100 do not count, and nothing is computed where they stand. If there is no other it is a ValueError.
        """
        table = self.weight if table is None else table
        if targets is not None:
            hidden, targets = _counted(hidden, np.asarray(targets))
        if self.dense is not None:
            hidden = self.norm(ops.linear(hidden, self.dense.weight, self.dense.bias, activation="gelu"))
        if targets is None:
            return ops.linear(hidden, table, self.bias)
        return ops.linear_cross_entropy(hidden, table, targets, self.bias)


class ClassificationHead(nn.Module):
    """Logits [B, classes] of whole sequences: Linear(dropout(tanh(dense(pooled)))).

    Args:
        d_model, classes: sizes.
        pooling: what stands for a sequence: its "first" position (BERT's [CLS]), its "last" (GPT), the "mean" or the
            "max" over its positions; those behind `lengths` do not count.
        dense: whether there is dense and tanh, BERT's pooler.
        dropout: before each Linear.

    Train it with `ops.cross_entropy`.

    >>> import numpy as np
    >>> from seqnn.models import ClassificationHead
    >>> ClassificationHead(8, 3, pooling="mean")(np.ones((2, 5, 8), np.float32), [5, 2]).shape
    (2, 3)
    """

    def __init__(
        self, d_model: int, classes: int, *, pooling: str = "first", dense: bool = True, dropout: float = 0.1
    ) -> None:
        if pooling not in _POOLINGS:
            raise ValueError(f"pooling: expected one of {_POOLINGS}, got {pooling!r}")
        self.pooling = pooling
        self.dense = nn.Linear(d_model, d_model) if dense else None
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(d_model, classes)

    def forward(self, hidden: Tensor, lengths: Any = None) -> Tensor:
        x = self.dropout(self._pool(hidden, lengths))
        if self.dense is not None:
            x = self.dropout(ops.linear(x, self.dense.weight, self.dense.bias, activation="tanh"))
        return self.output(x)

    def _pool(self, hidden: Tensor, lengths: Any) -> Tensor:
        if self.pooling == "first":
            return hidden[:, 0]
        batch, time = hidden.shape[:2]
        lengths = np.full(batch, time) if lengths is None else np.asarray(lengths)
        if self.pooling == "last":
            return hidden[np.arange(batch), np.maximum(lengths, 1) - 1]
        pool = ops.global_avg_pool if self.pooling == "mean" else ops.global_max_pool
        return pool(hidden.swapaxes(1, 2), mask=np.arange(time) < np.maximum(lengths, 1)[:, None])

    def extra_repr(self) -> str:
        return f"pooling={self.pooling!r}"


class TaggingHead(nn.Module):
    """Logits [B, T, classes] of every position: Linear(dropout(hidden)). Train it with `token_cross_entropy`.

    >>> import numpy as np
    >>> from seqnn.models import TaggingHead
    >>> TaggingHead(8, 3)(np.ones((2, 5, 8), np.float32)).shape
    (2, 5, 3)
    """

    def __init__(self, d_model: int, classes: int, *, dropout: float = 0.1) -> None:
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(d_model, classes)

    def forward(self, hidden: Tensor, lengths: Any = None) -> Tensor:
        return self.output(self.dropout(hidden))


class WithHead(nn.Module):
    """An encoder and a head, called with token ids: head(encoder(ids, lengths, ...), lengths).

    `encoder` is a `BERT`, `GPT` or `T5`, or any module that makes [B, T, D] of (ids, lengths, ...).

    >>> import numpy as np
    >>> from seqnn.models import BERT, ClassificationHead, WithHead
    >>> encoder = BERT(100, d_model=16, nhead=2, num_layers=1)
    >>> WithHead(encoder, ClassificationHead(16, 3))(np.ones((2, 5), np.int32), [5, 2]).shape
    (2, 3)
    """

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        self.encoder, self.head = encoder, head

    def forward(self, ids: Any, lengths: Any = None, *further: Any) -> Tensor:
        encode = getattr(self.encoder, "encode", self.encoder)
        return self.head(encode(ids, lengths, *further), lengths)


def token_cross_entropy(logits: Tensor, targets: Any) -> Tensor:
    """Mean cross-entropy of logits [..., C] against classes [...]; those of -100 do not count.

    >>> import numpy as np
    >>> from seqnn.models import token_cross_entropy
    >>> token_cross_entropy(np.zeros((2, 3, 4)), np.full((2, 3), 1)).round(3)
    np.float64(1.386)
    """
    return ops.cross_entropy(logits.reshape(-1, logits.shape[-1]), np.asarray(targets).reshape(-1))


def _counted(hidden: Tensor, targets: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """The rows of hidden [..., D] whose targets count, and these."""
    if targets.shape != hidden.shape[:-1]:
        raise ValueError(f"targets: expected shape {hidden.shape[:-1]}, one for each position, got {targets.shape}")
    rows, targets = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
    counted = targets != IGNORED
    if counted.all():
        return rows, targets
    if not counted.any():
        raise ValueError(f"targets: expected at least one that counts, all are {IGNORED}")
    return rows[counted], targets[counted]
