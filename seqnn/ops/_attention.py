"""Soft attention of many heads, without a matrix of queries by keys in memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import Needs, op
from ._attention_call import Call, Window, options_of
from ._attention_score import scored
from ._types import Array, Backward


def attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    lengths: npt.ArrayLike | None = None,
    need_weights: bool = False,
    relative: Array | None = None,
    weight: Array | None = None,
    *,
    score: str = "scaled_dot",
    query_lengths: npt.ArrayLike | None = None,
    query_offset: int = 0,
    window: Window = None,
    dropout: float = 0.0,
    seed: int | None = None,
) -> Array | tuple[Array, Array]:
    """Attend: softmax(scale score(q, k) + bias) v for every head, in memory linear in the lengths.

    Args:
        q: [B, H, T, D].
        k: [B, G, S, D]; H is a multiple of G, and H / G query heads share a key head (grouped-query attention).
        v: [B, G, S, E].
        mask: of booleans, True = take part, or of floats, which are added to the scores; broadcasts to [B, H, T, S].
        causal: query t sees keys up to t + `query_offset` (upper-left aligned, as PyTorch's).
        scale: default 1 / sqrt(D) for the score "scaled_dot", else 1.
        lengths: [B]: keys from there on are padding. They cost nothing, and it does not matter what they hold.
        need_weights: also return the weights [B, H, T, S], those before dropout.
        relative: [H or 1, T + S - 1], added to the scores: entry s - t + T - 1 where query t meets key s. T5's relative
            bias and ALiBi are made of it (`relative_bias`, `alibi_bias`).
        weight: the weight of the scores "general" and "additive".
        score: of a query and a key: "scaled_dot" and "dot": q . k; "cosine": q . k / (|q| |k|); "general" (Luong):
            q^T weight k with weight [size of q, size of k]; "additive" (Bahdanau): weight . tanh(q + k) with weight [D]
            or [H, D], where q and k are projected already. No array of T x S x D is made.
        query_lengths: [B]: results of queries from there on are zeros, and cost nothing.
        query_offset: the position of query 0 among the keys, for `causal` and `window`.
        window: (before, after): query t sees keys from t - before to t + after; None = no limit; one number is both.
        dropout: the probability that a weight is dropped, rounded to a multiple of 2^-16.
        seed: makes the draws of dropout a function of it (default: a fresh key of `seqnn.random`).

    Returns:
        [B, H, T, E], with need_weights (that, weights). A query that sees no key gets zeros, and its gradient is zero. The
        result lies in memory as q does: for q = x.reshape(B, T, H, D).swapaxes(1, 2) its swapaxes(1, 2) is contiguous.

    Raises:
        ValueError: where shapes do not fit, or H is no multiple of G; the message shows what was expected.

    Gradients reach q, k, v, a mask of floats, `relative` and `weight`. Errors of float32 are those of its products.
    Sources: Vaswani et al., "Attention is all you need", NeurIPS 2017; Dao et al., "FlashAttention", NeurIPS 2022;
    Bahdanau, Cho, Bengio, "Neural machine translation by jointly learning to align and translate", ICLR 2015; Luong,
    Pham, Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015.

    >>> import numpy as np
    >>> q = k = np.eye(2)[None, None] * 100
    >>> attention(q, k, np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))[0, 0].tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    >>> attention(q, k, np.ones((1, 1, 2, 3)), lengths=[1], need_weights=True)[1][0, 0].tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    q, k, additive, factor = scored(q, k, weight, score, scale)
    rules = (mask, relative, additive, lengths, query_lengths)
    options = (causal, factor, query_offset, window, dropout, seed)
    return _attention(q, k, v, *rules, need_weights=need_weights, options=options)


@op
def _attention(
    q: Any,
    k: Any,
    v: Any,
    mask: Any,
    relative: Any,
    additive: Any,
    lengths: Any,
    query_lengths: Any,
    *,
    need_weights: bool,
    options: tuple,
    needs: Needs,
) -> tuple[Any, Backward]:
    """Attend with scores that the kernels know."""
    call = Call(q, k, v, mask, relative, additive, lengths, query_lengths, options_of(*options), need_weights)
    out = call.forward(any(needs))

    def backward(grads: Any) -> dict[str, Array]:
        grad, grad_weights = grads if need_weights else (grads, None)
        return call.backward(grad, grad_weights, needs)

    return out, backward


@op
def self_attention(
    qkv: Array,
    num_heads: int,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    lengths: npt.ArrayLike | None = None,
    need_weights: bool = False,
    relative: Array | None = None,
    *,
    num_groups: int | None = None,
    window: Window = None,
    dropout: float = 0.0,
    seed: int | None = None,
    needs: Needs,
) -> tuple[Array | tuple[Array, Array], Backward]:
    """Attend within a sequence whose queries, keys and values come from one product, side by side.

    Args:
        qkv: [B, T, (H + 2 G) D]: H = num_heads queries, then G keys, then G values of a position.
        num_heads: H.
        mask, causal, scale, need_weights, relative, window, dropout, seed: as for `attention`.
        lengths: [B]: positions from there on are padding: they cost nothing, and their results are zeros.
        num_groups: G, default H.

    Returns:
        [B, T, H D], with need_weights (that, weights [B, H, T, T]).

    Raises:
        ValueError: where the last axis is no multiple of H + 2 G, and as for `attention`.

    >>> import numpy as np
    >>> self_attention(np.ones((1, 5, 24), np.float32), 2).shape
    (1, 5, 8)
    """
    qkv = np.asarray(qkv)
    groups = num_heads if num_groups is None else num_groups
    parts = num_heads + 2 * groups
    if qkv.ndim != 3 or num_heads < 1 or groups < 1 or qkv.shape[-1] % parts:
        raise ValueError(
            f"self_attention: qkv must have shape [B, T, (num_heads + 2 num_groups) D] with num_heads={num_heads}, "
            f"num_groups={groups}: its last axis a multiple of {parts}; got shape {qkv.shape}"
        )
    batch, time, width = qkv.shape
    heads = qkv.reshape(batch, time, parts, width // parts).swapaxes(1, 2)
    q, k, v = heads[:, :num_heads], heads[:, num_heads : num_heads + groups], heads[:, num_heads + groups :]
    if scale is None:
        scale = 1 / math.sqrt(width // parts) if width else 1.0
    options = options_of(causal, scale, 0, window, dropout, seed)
    call = Call(q, k, v, mask, relative, None, lengths, lengths, options, need_weights, rows=True)
    out = call.forward(any(needs))
    shape = (batch, time, num_heads * q.shape[-1])

    def backward(grads: Any) -> dict[str, Array | None]:
        grad, grad_weights = grads if need_weights else (grads, None)
        grad = grad.reshape(batch, time, num_heads, -1).swapaxes(1, 2)
        found = call.backward_packed(grad, grad_weights, needs)
        return found | {"qkv": None if found["qkv"] is None else found["qkv"].reshape(qkv.shape)}

    if need_weights:
        return (out[0].swapaxes(1, 2).reshape(shape), out[1]), backward
    return out.swapaxes(1, 2).reshape(shape), backward
