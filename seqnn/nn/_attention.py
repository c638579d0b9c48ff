"""Multi-head attention as a layer, and the cache of keys and values for decoding."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ops
from ..autograd import Tensor
from . import _init
from ._linear import Linear
from ._module import Module
from ._parameter import Parameter


class KeyValueCache:
    """Keys and values of the positions decoded so far, [B, H, capacity, D], in memory taken once.

    `length` counts the positions held. It holds arrays: nothing is differentiated through it.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> cache = nn.KeyValueCache(8)
    >>> k, v = cache.append(*np.ones((2, 1, 4, 3, 16), np.float32))
    >>> k.shape, cache.length
    ((1, 4, 3, 16), 3)
    """

    def __init__(self, capacity: int) -> None:
        self.capacity, self.length = capacity, 0
        self._held: tuple[np.ndarray, np.ndarray] | None = None

    def append(self, k: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Hold the keys and values of new positions, [B, H, T, D]; returns those of all (views)."""
        end = self.length + k.shape[2]
        if end > self.capacity:
            raise ValueError(f"the cache has room for {self.capacity} positions, got {end}")
        if self._held is None:
            self._held = tuple(np.empty((*x.shape[:2], self.capacity, x.shape[3]), x.dtype) for x in (k, v))
        if self._held[0].shape[:2] != k.shape[:2]:
            raise ValueError(f"the cache holds [batch, heads] = {self._held[0].shape[:2]}, got {k.shape[:2]}")
        for held, x in zip(self._held, (k, v), strict=True):
            held[:, :, self.length : end] = x
        self.length = end
        return self._held[0][:, :, :end], self._held[1][:, :, :end]

    def reorder(self, order: Any) -> None:
        """Sequence i becomes what sequence order[i] was: the survivors of a beam search."""
        if self._held is not None:
            self._held = tuple(held[np.asarray(order)] for held in self._held)


class MultiheadAttention(Module):
    """Attention of `num_heads` heads between projections: PyTorch's layer, always with the batch first.

    Shapes: query [B, T, embed_dim], key [B, S, kdim], value [B, S, vdim] -> [B, T, embed_dim].
    Parameters have PyTorch's names: `in_proj_weight` [3 embed_dim, embed_dim] (or `q_proj_weight`, `k_proj_weight`,
    `v_proj_weight` where kdim or vdim differ), `in_proj_bias`, `out_proj.weight`, `out_proj.bias`.
    Masks mean what they mean everywhere in seqnn, True = take part, which is the opposite of PyTorch's
    `key_padding_mask` and boolean `attn_mask`. A ValueError says if the number of heads does not divide embed_dim.
    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.MultiheadAttention(16, 4)
    >>> layer(np.ones((2, 5, 16), np.float32), causal=True, lengths=[5, 3]).shape
    (2, 5, 16)
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"embed_dim={embed_dim} is no multiple of num_heads={num_heads}")
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, dropout
        kdim, vdim = kdim or embed_dim, vdim or embed_dim
        self._whole = kdim == vdim == embed_dim
        if self._whole:
            self.in_proj_weight = Parameter(np.empty((3 * embed_dim, embed_dim), dtype))
        else:
            for name, size in (("q", embed_dim), ("k", kdim), ("v", vdim)):
                setattr(self, f"{name}_proj_weight", Parameter(np.empty((embed_dim, size), dtype)))
        self.in_proj_bias = Parameter(np.empty(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the projections anew: Xavier's uniform distribution, biases 0."""
        for name, parameter in vars(self).items():
            if name.endswith("proj_weight"):
                _init.xavier_uniform_(parameter)
        self.out_proj.reset_parameters()
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                _init.zeros_(bias)

    def forward(
        self,
        query: Any,
        key: Any = None,
        value: Any = None,
        *,
        mask: Any = None,
        causal: bool = False,
        lengths: Any = None,
        need_weights: bool = False,
        relative: Any = None,
        cache: KeyValueCache | None = None,
        rotary: bool = False,
    ) -> Any:
        """Attend; `key` defaults to the query (self-attention), `value` to the key.

        `mask`, `causal`, `relative` and `need_weights` (weights of every head) as in `ops.attention`; `lengths` [B] are
        those of the keys. With `cache` the keys are those held and the new ones, and `causal` counts from there.
        `rotary` turns queries and keys by their positions.
        """
        if query.ndim != 3 or query.shape[2] != self.embed_dim:
            raise ValueError(f"query must have shape [batch, positions, embed_dim={self.embed_dim}], got {query.shape}")
        options = {
            "mask": mask, "causal": causal, "lengths": lengths, "need_weights": need_weights, "relative": relative,
            "dropout": self.dropout if self.training else 0.0,
        }  # fmt: skip
        if key is None and value is None and self._whole and cache is None and not rotary:
            out = ops.self_attention(
                ops.linear(query, self.in_proj_weight, self.in_proj_bias), self.num_heads, **options
            )
            return (self.out_proj(out[0]), out[1]) if need_weights else self.out_proj(out)
        key = query if key is None else key
        q, k, v = self._project(query, key, key if value is None else value)
        start = 0 if cache is None else cache.length
        if rotary:
            q, k = ops.rotary(q, offset=start), ops.rotary(k, offset=start)
        if cache is not None:
            k, v = (Tensor(x) for x in cache.append(k.data, v.data))
        out = ops.attention(q, k, v, **options, query_offset=start)
        weights = None
        if need_weights:
            out, weights = out
        out = self.out_proj(out.swapaxes(1, 2).reshape(*query.shape[:2], self.embed_dim))
        return (out, weights) if need_weights else out

    def _project(self, query: Any, key: Any, value: Any) -> list[Any]:
        """Queries, keys and values, [B, H, positions, D]; those of one array in one product."""
        size = self.embed_dim
        same_key, same_value = self._whole and key is query, self._whole and value is key
        runs = [(query, 0, 1 + same_key + (same_key and same_value))]
        if not same_key:
            runs.append((key, 1, 1 + same_value))
        if not same_value:
            runs.append((value, 2, 1))
        found = []
        for x, first, count in runs:
            part = slice(first * size, (first + count) * size)
            weight = self.in_proj_weight[part] if self._whole else getattr(self, f"{'qkv'[first]}_proj_weight")
            bias = None if self.in_proj_bias is None else self.in_proj_bias[part]
            y = ops.linear(x, weight, bias).reshape(*x.shape[:2], count, self.num_heads, -1)
            found += [y[:, :, i].swapaxes(1, 2) for i in range(count)]
        return found

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, num_heads={self.num_heads}, dropout={self.dropout}, bias={self.in_proj_bias is not None}"
