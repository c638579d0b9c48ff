"""Scaled dot-product attention of many heads, without a matrix of queries by keys in memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import _core, random
from ..autograd import op

Array = np.ndarray
Window = int | tuple[int | None, int | None] | None
_UNLIMITED = 2**29


class _Options(NamedTuple):
    """What the kernels take behind the arrays."""

    scale: float
    before: int
    after: int
    offset: int
    p: float
    seed: int
    stream: int


@op
def attention(
    q: Any,
    k: Any,
    v: Any,
    mask: Any = None,
    causal: bool = False,
    scale: float | None = None,
    lengths: Any = None,
    need_weights: bool = False,
    relative: Any = None,
    *,
    query_lengths: Any = None,
    query_offset: int = 0,
    window: Window = None,
    dropout: float = 0.0,
    seed: int | None = None,
    needs: tuple[bool, ...],
) -> tuple[Any, Callable]:
    """Attend: softmax(scale q k^T + bias) v for every head, in memory linear in the lengths.

    Args:
        q: [B, H, T, D].
        k: [B, G, S, D]; H is a multiple of G, and H / G query heads share a key head (grouped-query attention).
        v: [B, G, S, E].
        mask: of booleans, True = take part, or of floats, which are added to the scores; broadcasts to [B, H, T, S].
        causal: query t sees keys up to t + `query_offset` (upper-left aligned, as PyTorch's).
        scale: default 1 / sqrt(D).
        lengths: [B]: keys from there on are padding. They cost nothing, and what they hold does not matter.
        need_weights: also return the weights [B, H, T, S], those before dropout.
        relative: [H or 1, T + S - 1], added to the scores: entry s - t + T - 1 where query t meets key s. What T5's
            relative bias and ALiBi are made of (`relative_bias`, `alibi_bias`).
        query_lengths: [B]: results of queries from there on are zeros, which cost nothing.
        query_offset: the position of query 0 among the keys, for `causal` and `window`.
        window: (before, after): query t sees keys from t - before to t + after; None = no limit; one number is both.
        dropout: the probability that a weight is dropped, rounded to a multiple of 2^-16.
        seed: makes the draws of dropout a function of it (default: a fresh key of `seqnn.random`).

    Returns:
        [B, H, T, E], with need_weights (that, weights). A query that sees no key gets zeros, and gradient zero. The
        memory's order is that of q: for q = x.reshape(B, T, H, D).swapaxes(1, 2) the result's swapaxes(1, 2) is contiguous.

    Raises:
        ValueError: where shapes do not fit, or H is no multiple of G; the message shows what was expected.

    Gradients reach q, k, v, a mask of floats and `relative`. Errors of float32 are those of its products.
    Sources: Vaswani et al., "Attention is all you need", NeurIPS 2017; Dao et al., "FlashAttention", NeurIPS 2022.

    >>> import numpy as np
    >>> q = k = np.eye(2)[None, None] * 100
    >>> attention(q, k, np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))[0, 0].tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    >>> attention(q, k, np.ones((1, 1, 2, 3)), lengths=[1], need_weights=True)[1][0, 0].tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    q, k, v = _four("q", q), _four("k", k), _four("v", v)
    _check(q, k, v)
    options = _options(q.shape[-1], causal, scale, query_offset, window, dropout, seed)
    call = _Call(q, k, v, mask, relative, lengths, query_lengths, options, need_weights)
    wanted = (needs[0], needs[1], needs[2], needs[3], needs[8])
    out = call.forward(any(wanted))

    def backward(grads: Any) -> tuple[Array | None, ...]:
        grad, grad_weights = grads if need_weights else (grads, None)
        dq, dk, dv, dmask, drelative = call.backward(grad, grad_weights, wanted)
        return dq, dk, dv, dmask, None, None, None, None, drelative

    return out, backward


@op
def self_attention(
    qkv: Any,
    num_heads: int,
    mask: Any = None,
    causal: bool = False,
    scale: float | None = None,
    lengths: Any = None,
    need_weights: bool = False,
    relative: Any = None,
    *,
    num_groups: int | None = None,
    window: Window = None,
    dropout: float = 0.0,
    seed: int | None = None,
    needs: tuple[bool, ...],
) -> tuple[Any, Callable]:
    """Attend within a sequence whose queries, keys and values come from one product, side by side.

    Args:
        qkv: [B, T, (H + 2 G) D]: H = num_heads queries, then G keys, then G values of a position.
        num_heads: H.
        num_groups: G, default H.
        lengths: [B]: positions from there on are padding: they cost nothing, and their results are zeros.

    The others as those of `attention`. Returns [B, T, H D], with need_weights (that, weights [B, H, T, T]).
    Raises ValueError where the last axis is no multiple of H + 2 G.

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
    _check(q, k, v)
    options = _options(q.shape[-1], causal, scale, 0, window, dropout, seed)
    call = _Call(q, k, v, mask, relative, lengths, lengths, options, need_weights, rows=True)
    wanted = (needs[0], needs[2], needs[7])
    out = call.forward(any(wanted))
    shape = (batch, time, num_heads * q.shape[-1])

    def backward(grads: Any) -> tuple[Array | None, ...]:
        grad, grad_weights = grads if need_weights else (grads, None)
        grad = grad.reshape(batch, time, num_heads, -1).swapaxes(1, 2)
        dqkv, dmask, drelative = call.backward_packed(grad, grad_weights, wanted)
        dqkv = None if dqkv is None else dqkv.reshape(qkv.shape)
        return dqkv, None, dmask, None, None, None, None, drelative

    if need_weights:
        return (out[0].swapaxes(1, 2).reshape(shape), out[1]), backward
    return out.swapaxes(1, 2).reshape(shape), backward


class _Call:
    """One call of the kernels: the arrays as they take them, and what backward needs of forward."""

    def __init__(
        self,
        q: Array,
        k: Array,
        v: Array,
        mask: Any,
        relative: Any,
        lengths: Any,
        query_lengths: Any,
        options: _Options,
        need_weights: bool,
        rows: bool | None = None,
    ) -> None:
        self.arrays = q, k, v
        shape = (*q.shape[:3], k.shape[2])
        self.mask_shape = np.shape(mask)
        mask = None if mask is None else _broadcast(mask, shape)
        is_bias = mask is not None and mask.dtype != bool
        self.rules = (
            None if is_bias else mask,
            mask if is_bias else None,
            _relative(relative, shape),
            _lengths("lengths", lengths, shape[0], shape[3]),
            _lengths("query_lengths", query_lengths, shape[0], shape[2]),
        )
        self.options, self.need_weights = options, need_weights
        # Results lie in memory as q does: [B, T, H, D] where heads are closer together than positions.
        self.rows = q.strides[1] < q.strides[2] if rows is None else rows
        self.saved: tuple[Any, ...] = ()

    def forward(self, record: bool) -> Any:
        out, out_rows, lse, weights = _core.attention_forward(
            *self.arrays, *self.rules, *self.options,
            out=not self.rows, out_rows=self.rows, lse=record, weights=self.need_weights,
        )  # fmt: skip
        out = out_rows.swapaxes(1, 2) if self.rows else out
        self.saved = (out, lse, weights) if record else ()
        return (out, weights) if self.need_weights else out

    def _backward(self, grad: Array, grad_weights: Any, mask: bool, relative: bool, **outputs: bool) -> tuple:
        out, lse, weights = self.saved
        bias, table = self.rules[1], self.rules[2]
        mask = mask and bias is not None
        sizes = bias.shape[:3] if mask else (1, 1, 1)
        heads = 1 if table is None else len(table)
        *found, dbias, dtable = _core.attention_backward(
            grad, *self.arrays, out, lse, *self.rules, None if grad_weights is None else weights, grad_weights,
            *self.options, *sizes, heads, dbias=mask, drelative=relative, **outputs,
        )  # fmt: skip
        return (*found, _fold(dbias, self.mask_shape) if mask else None, dtable)

    def backward(self, grad: Array, grad_weights: Any, wanted: tuple[bool, ...]) -> tuple:
        q, k, v, mask, relative = wanted
        if self.rows:
            found = self._backward(grad, grad_weights, mask, relative, dq_rows=q, dk_rows=k, dv_rows=v)
            *_, dq, dk, dv, _, dmask, dtable = found
            dq, dk, dv = (None if d is None else d.swapaxes(1, 2) for d in (dq, dk, dv))
        else:
            dq, dk, dv, *_, dmask, dtable = self._backward(grad, grad_weights, mask, relative, dq=q, dk=k, dv=v)
        return dq, dk, dv, dmask, dtable

    def backward_packed(self, grad: Array, grad_weights: Any, wanted: tuple[bool, ...]) -> tuple:
        return self._backward(grad, grad_weights, wanted[1], wanted[2], dqkv=wanted[0])[-3:]


def _four(name: str, x: Any) -> Array:
    x = np.asarray(x)
    if x.ndim != 4:
        raise ValueError(f"attention: {name} must have 4 axes, [batch, heads, positions, size], got shape {x.shape}")
    return x


def _check(q: Array, k: Array, v: Array) -> None:
    fits = k.shape[:3] == v.shape[:3] and k.shape[0] == q.shape[0] and k.shape[3] == q.shape[3]
    if not fits:
        raise ValueError(
            f"attention: expected q [B, H, T, D], k [B, G, S, D], v [B, G, S, E], got {q.shape}, {k.shape}, {v.shape}"
        )
    if k.shape[1] == 0 or q.shape[1] % k.shape[1]:
        raise ValueError(f"attention: q has {q.shape[1]} heads, no multiple of the {k.shape[1]} heads of k and v")


def _options(
    depth: int, causal: bool, scale: float | None, offset: int, window: Window, dropout: float, seed: int | None
) -> _Options:
    before, after = window if isinstance(window, tuple) else (window, window)
    before, after = (_UNLIMITED if w is None else int(w) for w in (before, after))
    if before < 0 or after < 0:
        raise ValueError(f"attention: window must not be negative, got {window}")
    if not 0 <= dropout < 1:
        raise ValueError(f"attention: dropout={dropout}, expected a probability, 0 <= dropout < 1")
    if scale is None:
        scale = 1 / math.sqrt(depth) if depth else 1.0
    key = (0, 0) if not dropout else random.next_key() if seed is None else (seed, 0)
    return _Options(float(scale), before, 0 if causal else after, int(offset), min(dropout, 1 - 2.0**-16), *key)


def _broadcast(mask: Any, shape: tuple[int, ...]) -> Array:
    """The mask with four axes, of size 1 where it is the same along them, but for the last."""
    mask = np.asarray(mask)
    if mask.dtype.kind not in "bf":
        raise TypeError(f"attention: mask must be of booleans (True = take part) or floats (added), got {mask.dtype}")
    fits = mask.ndim <= 4 and all(m in (1, n) for m, n in zip(mask.shape[::-1], shape[::-1], strict=False))
    if not fits:
        raise ValueError(f"attention: mask of shape {mask.shape} does not broadcast to [B, H, T, S] = {list(shape)}")
    mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
    return (
        mask if mask.shape[3] == shape[3] else np.ascontiguousarray(np.broadcast_to(mask, (*mask.shape[:3], shape[3])))
    )


def _fold(grad: Array, shape: tuple[int, ...]) -> Array:
    """The gradient in the shape that the mask came in."""
    if shape[-1:] != grad.shape[-1:]:
        grad = grad.sum(-1, keepdims=True)
    return grad.reshape(shape)


def _relative(table: Any, shape: tuple[int, ...]) -> Array | None:
    if table is None:
        return None
    table = np.asarray(table)
    expected = shape[2] + shape[3] - 1
    if table.ndim != 2 or table.shape[0] not in (1, shape[1]) or table.shape[1] != expected:
        raise ValueError(
            f"attention: relative must have shape [H or 1, T + S - 1] = [{shape[1]} or 1, {expected}], got {table.shape}"
        )
    return table


def _lengths(name: str, lengths: Any, batch: int, most: int) -> Array | None:
    if lengths is None:
        return None
    lengths = np.asarray(lengths)
    if lengths.shape != (batch,) or lengths.dtype.kind not in "iu":
        raise ValueError(
            f"attention: {name} must be {batch} integers, one a sequence, got {lengths.dtype} {lengths.shape}"
        )
    if lengths.size and not 0 <= lengths.min() <= lengths.max() <= most:
        raise ValueError(f"attention: {name} must lie in [0, {most}], got {lengths.min()} to {lengths.max()}")
    return lengths
