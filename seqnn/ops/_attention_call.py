"""One call of the attention kernels, and what its arguments must look like."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import _core, random
from ..autograd import Needs
from ._types import Array

Window = int | tuple[int | None, int | None] | None
_UNLIMITED = 2**29


class Options(NamedTuple):
    """What the kernels take after the arrays."""

    scale: float
    before: int
    after: int
    offset: int
    p: float
    seed: int
    stream: int


class Hard(NamedTuple):
    """What backward of hard attention takes.

    Attributes:
        chosen: the chosen keys.
        grad_log_p: the gradient of their log-probabilities.
        straight: whether the scores also get the gradient of soft attention.
    """

    chosen: Array | None = None
    grad_log_p: Array | None = None
    straight: bool = False


_SOFT = Hard()


class Call:
    """One call of the kernels: the arrays as they take them, and what backward needs of forward."""

    def __init__(
        self,
        q: Array,
        k: Array,
        v: Array,
        mask: Any,
        relative: Any,
        additive: Any,
        lengths: Any,
        query_lengths: Any,
        options: Options,
        need_weights: bool = False,
        rows: bool | None = None,
    ) -> None:
        q, k, v = (_four_axes(name, x) for name, x in (("q", q), ("k", k), ("v", v)))
        _check(q, k, v)
        self.arrays = q, k, v
        shape = (*q.shape[:3], k.shape[2])
        mask = None if mask is None else np.asarray(mask)
        self.mask, self.additive_shape = mask, np.shape(additive)
        mask = None if mask is None else _broadcast(mask, shape, q.dtype)
        is_bias = mask is not None and mask.dtype != bool
        self.rules = (
            None if is_bias else mask,
            mask if is_bias else None,
            _relative(relative, shape),
            _additive(additive, shape[1], q.shape[3]),
            _lengths("lengths", lengths, shape[0], shape[3]),
            _lengths("query_lengths", query_lengths, shape[0], shape[2]),
        )
        self.options, self.need_weights = options, need_weights
        # Results lie in memory as q does: [B, T, H, D] where heads are closer together than positions.
        self.rows = q.strides[1] < q.strides[2] if rows is None else rows
        self.saved: tuple[Any, ...] = ()

    def forward(self, record: bool) -> Any:
        """Return the result, with need_weights (that, weights); `record` keeps what backward needs."""
        found = _core.attention_forward(
            *self.arrays, *self.rules, *self.options,
            out=not self.rows, out_rows=self.rows, norms=record, weights=self.need_weights,
        )  # fmt: skip
        out = self._out(found)
        self.saved = (out, found.norms, found.weights) if record else ()
        return (out, found.weights) if self.need_weights else out

    def choose(self, sample: bool, soft: bool, record: bool) -> tuple[Array, Array]:
        """Return the key of each query and the logarithm of its weight; `soft` keeps the result of soft attention too."""
        found = _core.attention_forward(
            *self.arrays, *self.rules, *self.options, sample,
            out=soft and not self.rows, out_rows=soft and self.rows, norms=record, chosen=True, log_p=True,
        )  # fmt: skip
        self.saved = (self._out(found), found.norms, None) if record else ()
        return found.chosen, found.log_p

    def _out(self, found: Any) -> Array | None:
        return found.out if found.out_rows is None else found.out_rows.swapaxes(1, 2)

    def _backward(self, grad: Array, grad_weights: Any, needs: Needs, hard: Hard, **outputs: bool) -> Any:
        """Return what the kernel finds: the outputs that are named, and the gradients of biases that `needs` names."""
        out, norms, weights = self.saved
        bias, table, additive = self.rules[1:4]
        mask = needs.mask and bias is not None
        sizes = bias.shape[:3] if mask else (1, 1, 1)
        heads = (1 if rows is None else len(rows) for rows in (table, additive))
        return _core.attention_backward(
            grad, *self.arrays, grad if out is None else out, norms, *self.rules,
            None if grad_weights is None else weights, grad_weights, hard.chosen, hard.grad_log_p,
            *self.options, *sizes, *heads, hard.straight,
            dbias=mask, drelative=needs.relative, dadditive=additive is not None and needs.additive, **outputs,
        )  # fmt: skip

    def _mask_gradient(self, found: Any) -> Array | None:
        return None if found.dbias is None else _fold(found.dbias, self.mask)

    def backward(self, grad: Array, grad_weights: Any, needs: Needs, hard: Hard = _SOFT) -> dict[str, Array | None]:
        """Return the gradients of q, k, v, mask, relative and additive that are needed."""
        if self.rows:
            found = self._backward(grad, grad_weights, needs, hard, dq_rows=needs.q, dk_rows=needs.k, dv_rows=needs.v)
            rows = {"q": found.dq_rows, "k": found.dk_rows, "v": found.dv_rows}
            values = {name: None if d is None else d.swapaxes(1, 2) for name, d in rows.items()}
        else:
            found = self._backward(grad, grad_weights, needs, hard, dq=needs.q, dk=needs.k, dv=needs.v)
            values = {"q": found.dq, "k": found.dk, "v": found.dv}
        additive = None if found.dadditive is None else found.dadditive.reshape(self.additive_shape)
        return {**values, "mask": self._mask_gradient(found), "relative": found.drelative, "additive": additive}

    def backward_packed(self, grad: Array, grad_weights: Any, needs: Needs) -> dict[str, Array | None]:
        """Return the gradients of queries, keys and values side by side, of mask and relative."""
        found = self._backward(grad, grad_weights, needs, _SOFT, dqkv=needs.qkv)
        return {"qkv": found.dqkv, "mask": self._mask_gradient(found), "relative": found.drelative}


def _four_axes(name: str, x: Any) -> Array:
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


def options_of(
    causal: bool, scale: float, offset: int, window: Window, dropout: float, seed: int | None, draws: bool = False
) -> Options:
    """Return what the kernels take after the arrays. A key for random numbers is drawn for dropout, and where `draws` says so."""
    before, after = window if isinstance(window, tuple) else (window, window)
    before, after = (_UNLIMITED if w is None else int(w) for w in (before, after))
    if before < 0 or after < 0:
        raise ValueError(f"attention: window must not be negative, got {window}")
    if not 0 <= dropout < 1:
        raise ValueError(f"attention: dropout={dropout}, expected a probability, 0 <= dropout < 1")
    key = (0, 0) if not (dropout or draws) else random.next_key() if seed is None else (seed, 0)
    return Options(float(scale), before, 0 if causal else after, int(offset), min(dropout, 1 - 2.0**-16), *key)


def _broadcast(mask: Array, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """Return the mask with four axes: the last one whole, the others of size 1 where the mask is the same along them.

    Floats are converted to `dtype`: NumPy makes masks of float64.
    """
    if mask.dtype.kind not in "bf":
        raise TypeError(f"attention: mask must be of booleans (True = take part) or floats (added), got {mask.dtype}")
    if mask.dtype.kind == "f" and dtype.kind == "f":
        with np.errstate(over="ignore"):  # what is too large hides a key, as it was meant to
            mask = mask.astype(dtype, copy=False)
    fits = mask.ndim <= 4 and all(m in (1, n) for m, n in zip(mask.shape[::-1], shape[::-1], strict=False))
    if not fits:
        raise ValueError(f"attention: mask of shape {mask.shape} does not broadcast to [B, H, T, S] = {list(shape)}")
    mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
    return (
        mask if mask.shape[3] == shape[3] else np.ascontiguousarray(np.broadcast_to(mask, (*mask.shape[:3], shape[3])))
    )


def _fold(grad: Array, mask: Array) -> Array:
    """Return the gradient in the shape and dtype that the mask came in."""
    if mask.shape[-1:] != grad.shape[-1:]:
        grad = grad.sum(-1, keepdims=True)
    return grad.reshape(mask.shape).astype(mask.dtype, copy=False)


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


def _additive(weight: Any, heads: int, size: int) -> Array | None:
    if weight is None:
        return None
    weight = np.asarray(weight)
    if weight.ndim not in (1, 2) or weight.shape[-1] != size or weight.shape[:-1] not in ((), (1,), (heads,)):
        raise ValueError(
            f"attention: weight of additive scores must have shape [A] or [H, A] = [{heads}, {size}], got {weight.shape}"
        )
    return np.atleast_2d(weight)


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
