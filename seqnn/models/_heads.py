"""Heads that turn the hidden states [B, T, D] of an encoder into the answer of a task."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn, ops
from ..autograd import Tensor
from ._pooling import Pooling

__all__ = ["ClassificationHead", "LanguageModelHead", "TaggingHead", "WithHead", "token_cross_entropy"]

IGNORED = -100


class LanguageModelHead(nn.Module):
    """Logits of every token of the vocabulary, or their cross-entropy: hidden @ table.T + bias.

    The table [V, D] is that of the embeddings, given at each call, so that there is one array only (tied weights); or,
    with tied=False, the head's own `weight`.

    Args:
        d_model: D.
        vocabulary_size: V.
        tied: whether the table is given.
        transform: whether hidden = LayerNorm(activation(dense(hidden))) comes first, as in BERT.
        bias: whether there is a bias.
        activation: of the transform: "gelu", "gelu_tanh", "relu" or "silu".
        layer_norm_eps: of the transform.

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
        activation: str = "gelu",
        layer_norm_eps: float = 1e-12,
    ) -> None:
        self.activation = activation
        self.dense = nn.Linear(d_model, d_model) if transform else None
        self.norm = nn.LayerNorm(d_model, layer_norm_eps) if transform else None
        self.weight = None if tied else nn.Parameter(np.empty((vocabulary_size, d_model), np.float32))
        self.bias = nn.Parameter(np.zeros(vocabulary_size, np.float32)) if bias else None
        if self.weight is not None:
            nn.init.normal_(self.weight, 0.0, 0.02)

    def forward(self, hidden: Tensor, table: Tensor | None = None, targets: Any = None) -> Tensor:
        """Return the logits [..., V], or, with targets, their mean cross-entropy; then no array of all logits is made.

        Args:
            hidden: [..., D].
            table: [V, D]; default: the head's own.
            targets: ids [...]; those of -100 do not count, and nothing is computed where they stand. Where none counts the
                loss is 0.

        Raises:
            ValueError: targets have another shape.
        """
        table = self.weight if table is None else table
        if targets is not None:
            hidden, targets = _counted(hidden, np.asarray(targets))
            if not len(targets):
                return (hidden.sum() + table[0].sum()) * 0
        hidden = self._transformed(hidden)
        if targets is None:
            return ops.linear(hidden, table, self.bias)
        return ops.linear_cross_entropy(hidden, table, targets, self.bias)

    def losses(self, hidden: Tensor, table: Tensor | None, targets: np.ndarray) -> Tensor:
        """Return the cross-entropy of each position, [...]; 0 where targets are -100.

        Args:
            hidden, table, targets: as for `forward`.
        """
        table = self.weight if table is None else table
        return ops.linear_cross_entropy(
            self._transformed(hidden), table, targets, self.bias, ignore_index=IGNORED, reduction="none"
        )

    def _transformed(self, hidden: Tensor) -> Tensor:
        if self.dense is None:
            return hidden
        return self.norm(self.dense(hidden, activation=self.activation))

    def _product_weights(self) -> tuple[str, ...]:
        return () if self.weight is None else ("weight",)


class ClassificationHead(nn.Module):
    """Logits [B, classes] of whole sequences: Linear(dropout(act(dense(pooled)))). Train it with `ops.cross_entropy`.

    Args:
        d_model: D.
        classes: how many classes.
        pooling: what stands for a sequence: its "first" position (BERT's [CLS]), its "last" (GPT), the "mean" or the
            "max" over its positions, or their mean weighted by learnt "attention"; those from `lengths` on do not count.
        dense: whether there is dense and its activation, BERT's pooler.
        dropout: share of units that is dropped before each Linear, in training.
        bias: whether the last Linear has a bias.
        activation: after dense: "tanh", as in BERT, or another one that `ops.linear` takes.

    Raises:
        ValueError: the pooling is not known.

    >>> import numpy as np
    >>> from seqnn.models import ClassificationHead
    >>> ClassificationHead(8, 3, pooling="mean")(np.ones((2, 5, 8), np.float32), [5, 2]).shape
    (2, 3)
    """

    def __init__(
        self,
        d_model: int,
        classes: int,
        *,
        pooling: str = "first",
        dense: bool = True,
        dropout: float = 0.1,
        bias: bool = True,
        activation: str = "tanh",
    ) -> None:
        self.pooling, self.activation = Pooling(pooling, d_model), activation
        self.dense = nn.Linear(d_model, d_model) if dense else None
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(d_model, classes, bias)

    def forward(self, hidden: Tensor, lengths: Any = None) -> Tensor:
        """Return the logits [B, classes] of hidden states [B, T, D], of which `lengths` [B] positions count.

        Args:
            hidden: [B, T, D].
            lengths: of the sequences, [B]; None: all positions count.
        """
        x = self.dropout(self.pooling(hidden, lengths))
        if self.dense is not None:
            x = self.dropout(self.dense(x, activation=self.activation))
        return self.output(x)


class TaggingHead(nn.Module):
    """Logits [B, T, classes] of every position: Linear(dropout(hidden)). Train it with `token_cross_entropy`.

    Args:
        d_model: D.
        classes: how many classes.
        dropout: share of units that is dropped, in training.

    >>> import numpy as np
    >>> from seqnn.models import TaggingHead
    >>> TaggingHead(8, 3)(np.ones((2, 5, 8), np.float32)).shape
    (2, 5, 3)
    """

    def __init__(self, d_model: int, classes: int, *, dropout: float = 0.1) -> None:
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(d_model, classes)

    def forward(self, hidden: Tensor, lengths: Any = None) -> Tensor:
        """Return the logits [B, T, classes] of hidden states [B, T, D]; `lengths` change nothing.

        Args:
            hidden: [B, T, D].
            lengths: of the sequences, [B]; None: all positions count.
        """
        return self.output(self.dropout(hidden))


class WithHead(nn.Module):
    """An encoder and a head, called with token ids: head(encoder(ids, lengths, ...), lengths).

    Args:
        encoder: a `BERT`, `GPT` or `T5`, or any module that makes [B, T, D] of (ids, lengths, ...).
        head: a module that takes [B, T, D] and lengths.

    >>> import numpy as np
    >>> from seqnn.models import BERT, ClassificationHead, WithHead
    >>> encoder = BERT(100, d_model=16, nhead=2, num_layers=1)
    >>> WithHead(encoder, ClassificationHead(16, 3))(np.ones((2, 5), np.int32), [5, 2]).shape
    (2, 3)
    """

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        self.encoder, self.head = encoder, head

    def forward(self, ids: Any, lengths: Any = None, *further: Any) -> Tensor:
        """Return the head's answer.

        Args:
            ids: [B, T].
            lengths: [B]: positions from there on are padding; None: there is none.
            further: what else the encoder takes, such as BERT's segments.
        """
        encode = getattr(self.encoder, "encode", self.encoder)
        return self.head(encode(ids, lengths, *further), lengths)


def token_cross_entropy(logits: Tensor, targets: Any) -> Tensor:
    """Return the mean cross-entropy of logits against classes.

    Args:
        logits: [..., C].
        targets: classes [...]; those of -100 do not count. Where none counts the loss is 0.

    >>> import numpy as np
    >>> from seqnn.models import token_cross_entropy
    >>> token_cross_entropy(np.zeros((2, 3, 4)), np.full((2, 3), 1)).round(3)
    np.float64(1.386)
    """
    targets = np.asarray(targets)
    if not (targets != IGNORED).any():
        return logits.sum() * 0
    return ops.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def _counted(hidden: Tensor, targets: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """Return the rows of hidden [..., D] whose targets count, and these targets."""
    if targets.shape != hidden.shape[:-1]:
        raise ValueError(f"targets: expected shape {hidden.shape[:-1]}, one for each position, got {targets.shape}")
    rows, targets = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
    counted = targets != IGNORED
    return (rows, targets) if counted.all() else (rows[counted], targets[counted])
