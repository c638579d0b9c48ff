"""Attention with a score that is learned or plain, as recurrent decoders use it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ops
from ..autograd import Operand, Tensor
from . import _init
from ._linear import Linear
from ._module import Module
from ._parameter import Parameter

_PLAIN = ("dot", "scaled_dot", "cosine")


class Attention(Module):
    """A weighted mean of values: softmax of the scores of a query and the keys.

    query [B, T, query_size], or [B, query_size] for one step of a decoder; key [B, S, key_size]; value [B, S, any size],
    default the key -> [B, T, size of a value], or [B, size of a value]

    Args:
        query_size: of a query.
        key_size: of a key; None is query_size.
        hidden_size: of the additive score; None is key_size.
        score: "additive" (Bahdanau): v . tanh(W_q q + W_k k); "general" (Luong): q^T W k; "dot", "scaled_dot", "cosine":
            see `ops.attention`.
        dropout: the probability that a weight is dropped in training.
        dtype: of the parameters.

    Attributes:
        query_proj, key_proj: with the additive score, Linear layers [hidden_size, query_size] and
            [hidden_size, key_size] without bias.
        score_weight: with the additive score, [hidden_size], uniform in +-1/sqrt(hidden_size) at first.
        weight: with the general score, [query_size, key_size], Xavier's uniform distribution at first.

    Raises:
        ValueError: for another score, or sizes that it cannot compare.

    Sources: see `ops.attention`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> attention = nn.Attention(6, 4, 8)
    >>> states = np.ones((2, 5, 4), np.float32)
    >>> keys = attention.project_keys(states)  # once for all steps of a decoder
    >>> context, weights = attention(np.ones((2, 6), np.float32), keys, states, projected=True, need_weights=True)
    >>> context.shape, weights.shape
    ((2, 4), (2, 5))
    """

    def __init__(
        self,
        query_size: int,
        key_size: int | None = None,
        hidden_size: int | None = None,
        *,
        score: str = "additive",
        dropout: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        key_size = query_size if key_size is None else key_size
        if score not in (*_PLAIN, "general", "additive"):
            names = ", ".join(map(repr, (*_PLAIN, "general", "additive")))
            raise ValueError(f"score must be one of {names}, got {score!r}")
        if score in _PLAIN and key_size != query_size:
            raise ValueError(f"score={score!r} needs query_size = key_size, got {query_size} and {key_size}")
        if hidden_size is not None and score != "additive":
            raise ValueError(f"hidden_size is for the score 'additive', not for {score!r}")
        self.query_size, self.key_size, self.score, self.dropout = query_size, key_size, score, dropout
        if score == "additive":
            hidden_size = key_size if hidden_size is None else hidden_size
            self.query_proj = Linear(query_size, hidden_size, bias=False, dtype=dtype)
            self.key_proj = Linear(key_size, hidden_size, bias=False, dtype=dtype)
            self.score_weight = Parameter(np.empty(hidden_size, dtype))
        elif score == "general":
            self.weight = Parameter(np.empty((query_size, key_size), dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        if self.score == "additive":
            self.query_proj.reset_parameters()
            self.key_proj.reset_parameters()
            bound = max(self.score_weight.size, 1) ** -0.5
            _init.uniform_(self.score_weight, -bound, bound)
        elif self.score == "general":
            _init.xavier_uniform_(self.weight)

    def project_keys(self, key: Operand) -> Tensor:
        """Compute what the score makes of the keys alone: for `forward(..., projected=True)` at each step of a decoder.

        Args:
            key: [B, S, key_size].

        Returns:
            The projected keys.
        """
        return self.key_proj(key) if self.score == "additive" else key

    def forward(
        self,
        query: Operand,
        key: Operand,
        value: Operand | None = None,
        *,
        mask: Any = None,
        causal: bool = False,
        lengths: npt.ArrayLike | None = None,
        need_weights: bool = False,
        projected: bool = False,
    ) -> Any:
        """Attend.

        Args:
            query, key, value: see above.
            mask: booleans, True = take part, or floats that are added; broadcasts to [B, T, S], to [B, S] for one step.
            causal: as for `ops.attention`.
            lengths: of the keys, [B].
            need_weights: also return the weights.
            projected: `key` is what `project_keys` gave; `value` must be given then.

        Returns:
            The means; with need_weights (that, weights [B, T, S], or [B, S] for one step).
        """
        if value is None and projected:
            raise ValueError("projected keys are no values: value must be given")
        self._check(query, key, projected)
        value = key if value is None else value
        one_step = query.ndim == 2
        q = query.reshape(query.shape[0], 1, query.shape[1]) if one_step else query
        k, weight = key, None
        if self.score == "additive":
            q, weight = self.query_proj(q), self.score_weight
            k = key if projected else self.key_proj(key)
        elif self.score == "general":
            weight = self.weight
        out = ops.attention(
            *(x.reshape(x.shape[0], 1, *x.shape[1:]) for x in (q, k, value)),
            mask=_with_heads(mask, one_step), causal=causal, lengths=lengths, need_weights=need_weights, weight=weight,
            score=self.score, dropout=self.dropout if self.training else 0.0,
        )  # fmt: skip
        parts = out if need_weights else (out,)
        parts = tuple(x[:, 0, 0] if one_step else x[:, 0] for x in parts)
        return parts if need_weights else parts[0]

    def _check(self, query: Any, key: Any, projected: bool) -> None:
        key_size = self.score_weight.size if projected and self.score == "additive" else self.key_size
        if query.ndim not in (2, 3) or query.shape[-1] != self.query_size:
            raise ValueError(
                f"query must have shape [batch, positions, query_size={self.query_size}] or [batch, query_size], got "
                f"{query.shape}"
            )
        if key.ndim != 3 or key.shape[-1] != key_size:
            raise ValueError(f"key must have shape [batch, positions, {key_size}], got {key.shape}")

    def extra_repr(self) -> str:
        return f"{self.query_size}, {self.key_size}, score={self.score!r}, dropout={self.dropout}"


class LuongAttention(Module):
    """A layer of Luong's attentional state tanh(W_c [context; query]), where the context is that of `Attention`.

    query [B, T, query_size] or [B, query_size], key [B, S, key_size], value [B, S, value_size] -> as the query

    Args:
        query_size, key_size, score, dropout, dtype: as for `Attention`.
        value_size: of a value; None is key_size.

    Attributes:
        attention: an `Attention`.
        out_proj: a Linear layer [query_size, value_size + query_size] without bias.

    Source: Luong, Pham, Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.LuongAttention(6, 4)(np.ones((2, 6), np.float32), np.ones((2, 5, 4), np.float32), lengths=[5, 3]).shape
    (2, 6)
    """

    def __init__(
        self,
        query_size: int,
        key_size: int | None = None,
        *,
        value_size: int | None = None,
        score: str = "general",
        dropout: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        key_size = query_size if key_size is None else key_size
        value_size = key_size if value_size is None else value_size
        self.attention = Attention(query_size, key_size, score=score, dropout=dropout, dtype=dtype)
        self.out_proj = Linear(value_size + query_size, query_size, bias=False, dtype=dtype)

    def forward(
        self,
        query: Operand,
        key: Operand,
        value: Operand | None = None,
        *,
        mask: Any = None,
        lengths: npt.ArrayLike | None = None,
        need_weights: bool = False,
    ) -> Any:
        """Attend.

        Args:
            query, key, value, mask, lengths, need_weights: as for `Attention`.

        Returns:
            The states, like the query; with need_weights (that, weights).
        """
        out = self.attention(query, key, value, mask=mask, lengths=lengths, need_weights=need_weights)
        context = out[0] if need_weights else out
        state = self.out_proj(ops.concatenate([context, query], axis=-1), activation="tanh")
        return (state, out[1]) if need_weights else state


def _with_heads(mask: Any, one_step: bool) -> Any:
    """Give a mask axes for the one head and the one step, where it has axes before those of queries and keys."""
    if mask is None or np.ndim(mask) < 2:
        return mask
    if one_step and np.ndim(mask) == 2:
        return mask.reshape(mask.shape[0], 1, 1, mask.shape[1])
    return mask if np.ndim(mask) == 2 else mask.reshape(mask.shape[0], 1, *mask.shape[1:])
