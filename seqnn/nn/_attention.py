"""Multi-head attention as a layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ops
from .._arguments import flag
from ..autograd import Operand, Tensor
from . import _init
from ._cache import KeyValueCache, Pair
from ._linear import Linear
from ._module import Module
from ._norm import RMSNorm
from ._parameter import Parameter
from ._pytorch import attend_as_pytorch

_PYTORCH = {"key_padding_mask", "attn_mask", "average_attn_weights", "is_causal"}  # arguments of PyTorch's call


class MultiheadAttention(Module):
    """A layer of attention between projections, with PyTorch's parameters.

    query [B, T, embed_dim], key [B, S, kdim], value [B, S, vdim] -> [B, T, embed_dim]

    The batch comes first, masks mean what they mean everywhere in seqnn, True = take part, and only `need_weights` makes the
    result a tuple. In PyTorch's layer these three differ. Its call, `layer(query, key, value)` and no more, or with
    `key_padding_mask`, `attn_mask`, `average_attn_weights` or `is_causal`, gives what PyTorch's gives once `batch_first` says
    which layout is meant; without it such a call is refused.

    Args:
        embed_dim: size of a query and of the result.
        num_heads: how many heads there are.
        dropout: the probability that a weight is dropped in training.
        bias: whether the projections have one.
        kdim, vdim: sizes of a key and a value; None is embed_dim.
        num_groups: heads of keys and values, each shared by num_heads / num_groups query heads (grouped-query
            attention); None is num_heads. The rows of `in_proj_weight` are those of queries, keys, values.
        head_dim: size of a head; None is embed_dim / num_heads.
        scale: of the scores; None is 1 / sqrt(head_dim).
        rotary: turn queries and keys by their positions (`ops.rotary`).
        rotary_base: sets the smallest angle.
        rotary_scaling: of the angles, as `ops.rotary` takes it (`scaling`).
        out_bias: whether the output projection has a bias; None: as `bias`.
        qk_norm_eps: the queries and the keys of each head pass an RMSNorm with this eps before they are turned, as in Qwen3;
            None: they do not.
        out_activation: after the output projection, as in LayerNorm(X + ReLU(Z W_O + b_O)); a name that `ops.linear`
            takes.
        batch_first: the layout of PyTorch's call: True is [B, T, embed_dim], False, PyTorch's default, [T, B, embed_dim].
        dtype: of the parameters.

    Attributes:
        in_proj_weight: [3 embed_dim, embed_dim], Xavier's uniform distribution at first; where kdim or vdim differ there
            are `q_proj_weight`, `k_proj_weight` and `v_proj_weight` instead.
        in_proj_bias: [3 embed_dim], zeros at first, or None.
        out_proj: a Linear layer.
        q_norm, k_norm: the norms of head_dim numbers, or None.

    Raises:
        ValueError: where the number of heads does not divide embed_dim, or that of the groups the heads.
        TypeError: where qk_norm_eps is no number.

    Sources: Vaswani et al., "Attention is all you need", NeurIPS 2017; Ainslie et al., "GQA", EMNLP 2023.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.MultiheadAttention(16, 4, num_groups=2, rotary=True)
    >>> layer(np.ones((2, 5, 16), np.float32), causal=True, lengths=[5, 3]).shape
    (2, 5, 16)
    >>> layer.in_proj_weight.shape
    (32, 16)
    >>> x = np.ones((2, 5, 16), np.float32)
    >>> out, weights = nn.MultiheadAttention(16, 4, batch_first=True)(x, x, x)
    >>> out.shape, weights.shape
    ((2, 5, 16), (2, 5, 5))
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
        num_groups: int | None = None,
        head_dim: int | None = None,
        scale: float | None = None,
        rotary: bool = False,
        rotary_base: float = 10000.0,
        rotary_scaling: Mapping[str, Any] | None = None,
        out_bias: bool | None = None,
        qk_norm_eps: float | None = None,
        out_activation: str | None = None,
        batch_first: bool | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        groups = num_heads if num_groups is None else num_groups
        if num_heads < 1 or (head_dim is None and embed_dim % num_heads):
            raise ValueError(f"embed_dim={embed_dim} is no multiple of num_heads={num_heads}")
        if groups < 1 or num_heads % groups:
            raise ValueError(f"num_heads={num_heads} is no multiple of num_groups={groups}")
        self.embed_dim, self.num_heads, self.num_groups, self.dropout = embed_dim, num_heads, groups, dropout
        self.head_dim = embed_dim // num_heads if head_dim is None else head_dim
        if rotary and self.head_dim % 2:
            raise ValueError(f"rotary turns pairs: head_dim must be even, got {self.head_dim}")
        self.scale, self.rotary, self.rotary_base, self.rotary_scaling = scale, rotary, rotary_base, rotary_scaling
        if rotary:  # refuses what it does not know
            ops.rotary(np.zeros((1, self.head_dim), np.float32), **self.turn)
        self.out_activation = out_activation
        self.batch_first = None if batch_first is None else flag("MultiheadAttention: batch_first", batch_first)
        kdim, vdim = kdim or embed_dim, vdim or embed_dim
        self._whole = kdim == vdim == embed_dim
        self._rows = [n * self.head_dim for n in (num_heads, groups, groups)]
        if self._whole:
            self.in_proj_weight = Parameter(np.empty((sum(self._rows), embed_dim), dtype))
        else:
            for name, rows, size in zip("qkv", self._rows, (embed_dim, kdim, vdim), strict=True):
                setattr(self, f"{name}_proj_weight", Parameter(np.empty((rows, size), dtype)))
        self.in_proj_bias = Parameter(np.empty(sum(self._rows), dtype)) if bias else None
        if isinstance(qk_norm_eps, bool):
            raise TypeError(
                f"MultiheadAttention: qk_norm_eps: expected None or a number, such as 1e-6, got {qk_norm_eps}"
            )
        norms = (None if qk_norm_eps is None else RMSNorm(self.head_dim, qk_norm_eps, dtype=dtype) for _ in range(2))
        self.q_norm, self.k_norm = norms
        self.out_proj = Linear(self._rows[0], embed_dim, bias if out_bias is None else out_bias, dtype=dtype)
        self.reset_parameters()

    @property
    def turn(self) -> dict[str, Any]:
        """Return what `ops.rotary` is to know of the angles."""
        return {"base": self.rotary_base, "scaling": self.rotary_scaling}

    def reset_parameters(self) -> None:
        """Draw the projections anew: Xavier's uniform distribution, biases 0."""
        for name, parameter in vars(self).items():
            if name.endswith("proj_weight"):
                _init.xavier_uniform_(parameter)
        self.out_proj.reset_parameters()
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                _init.zeros_(bias)
        for norm in (self.q_norm, self.k_norm):
            if norm is not None:
                norm.reset_parameters()

    def forward(self, query: Operand, *key_value: Any, **options: Any) -> Any:
        """Attend as `attend` does, or, for PyTorch's call, as PyTorch's layer.

        Args:
            query: [B, T, embed_dim].
            key_value: key and value, or what else PyTorch's layer takes by position.
            options: those of `attend`, or of PyTorch's layer.

        Returns:
            What `attend` returns; for PyTorch's call (out, weights).

        Raises:
            TypeError: for PyTorch's call of a layer without batch_first.
        """
        names = options.keys()
        alone = len(key_value) + len(names & {"key", "value"}) > 1 and names <= {"key", "value", "need_weights"}
        if alone or names & _PYTORCH:
            if self.batch_first is None:
                raise TypeError(
                    "query, key and value alone, or with PyTorch's masks, are PyTorch's call, which means another layout, "
                    "other masks and a tuple: make the layer with batch_first=True or False for it; or write layer(x) or "
                    "layer(query, key), and mask= with True = take part, lengths=, causal= or need_weights="
                )
            return attend_as_pytorch(self, query, *key_value, **options)
        if self.batch_first is False:
            raise TypeError(
                "batch_first=False is for PyTorch's call, layer(query, key, value): [batch, positions, size] here"
            )
        return self.attend(query, *key_value, **options)

    def attend(
        self,
        query: Operand,
        key: Operand | None = None,
        value: Operand | None = None,
        *,
        mask: Any = None,
        causal: bool = False,
        lengths: npt.ArrayLike | None = None,
        need_weights: bool = False,
        relative: Any = None,
        window: Any = None,
        residual: Operand | None = None,
        cache: KeyValueCache | None = None,
        projected: Pair | None = None,
    ) -> Any:
        """Attend.

        Args:
            query: [B, T, embed_dim].
            key: [B, S, kdim]; None is the query (self-attention).
            value: [B, S, vdim]; None is the key.
            mask, causal, relative, window: as for `ops.attention`.
            lengths: of the keys, [B].
            need_weights: also return the weights of every head.
            residual: [B, T, embed_dim], added to the result.
            cache: the keys are those held and the new ones, and `causal` counts from there.
            projected: what `project` gave, instead of key and value.

        Returns:
            [B, T, embed_dim]; with need_weights (that, weights [B, num_heads, T, S]).

        Raises:
            ValueError: for shapes that do not fit.
        """
        if query.ndim != 3 or query.shape[2] != self.embed_dim:
            raise ValueError(f"query must have shape [batch, positions, embed_dim={self.embed_dim}], got {query.shape}")
        if residual is not None and residual.shape != query.shape:
            raise ValueError(f"residual must have the shape of the query, {query.shape}, got {residual.shape}")
        options = {
            "mask": mask, "causal": causal, "scale": self.scale, "lengths": lengths, "need_weights": need_weights,
            "relative": relative, "window": window, "dropout": self.dropout if self.training else 0.0,
        }  # fmt: skip
        if key is None and value is None and cache is None and projected is None and self._joint:
            qkv = self._product(query, None)
            if self.rotary:
                qkv = ops.rotary_qkv(qkv, self.num_heads, self.num_groups, **self.turn)
            out = ops.self_attention(qkv, self.num_heads, num_groups=self.num_groups, **options)
        else:
            start = 0 if cache is None else cache.length
            q, k, v = self._heads(query, key, value, projected, start)
            if cache is not None:
                k, v = cache.append(k, v)
            out = self._weigh(q, k, v, start, options)
        weights = None
        if need_weights:
            out, weights = out
        if out.ndim == 4:
            out = out.swapaxes(1, 2).reshape(*query.shape[:2], self._rows[0])
        out = self.out_proj(out, residual, activation=self.out_activation)
        return (out, weights) if need_weights else out

    def project(self, key: Operand, value: Operand | None = None) -> tuple[Tensor, Tensor]:
        """Project keys and values: `forward`'s `projected`.

        They are worth keeping where many queries meet the same keys, as a decoder's do the encoder's result.

        Args:
            key: [B, S, kdim].
            value: [B, S, vdim]; None is the key.

        Returns:
            Keys and values, both [B, num_groups, S, head_dim].
        """
        k, v = self._project([key, key if value is None else value], first=1)
        return self._turned(k, 0, self.k_norm), v

    def _heads(self, query: Any, key: Any, value: Any, projected: Pair | None, start: int) -> tuple[Any, Any, Any]:
        """Project queries, keys and values to [B, heads, positions, head_dim]."""
        if projected is not None:
            if key is not None or value is not None:
                raise ValueError("projected stands for key and value: got both")
            (q,) = self._project([query])
            return self._turned(q, start, self.q_norm), *projected
        key = query if key is None else key
        q, k, v = self._project([query, key, key if value is None else value])
        return self._turned(q, start, self.q_norm), self._turned(k, start, self.k_norm), v

    def _turned(self, x: Any, start: int, norm: Module | None) -> Any:
        x = x if norm is None else norm(x)
        return ops.rotary(x, offset=start, **self.turn) if self.rotary else x

    def _project(self, inputs: list[Any], first: int = 0) -> list[Any]:
        """Project the inputs from number `first` of query, key, value on; equal neighbours in one product."""
        runs: list[list[int]] = []
        for i, x in enumerate(inputs, first):
            if runs and self._whole and x is inputs[i - first - 1]:
                runs[-1].append(i)
            else:
                runs.append([i])
        found: list[Any] = []
        for run in runs:
            x, rows = inputs[run[0] - first], [self._rows[i] for i in run]
            product = self._product(x, slice(run[0], run[-1] + 1))
            heads = product.reshape(*x.shape[:2], sum(rows) // self.head_dim, self.head_dim).swapaxes(1, 2)
            ends = np.cumsum(rows[:-1]) // self.head_dim
            found += ops.split(heads, ends, axis=1) if len(rows) > 1 else [heads]
        return found

    def _product(self, x: Any, part: slice | None) -> Any:
        """Project x by the numbers `part` of query, key and value; None: all three."""
        if part is None:
            return ops.linear(x, self.in_proj_weight, self.in_proj_bias)
        rows = self._rows_of(part)
        bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
        if not self._whole:
            weight = getattr(self, f"{'qkv'[part.start]}_proj_weight")
        elif isinstance(self.in_proj_weight.data, ops.QuantizedWeight):
            weight = self.in_proj_weight.data.part(rows.start, rows.stop)
        else:
            weight = self.in_proj_weight[rows]
        return ops.linear(x, weight, bias)

    def _rows_of(self, part: slice) -> slice:
        return slice(sum(self._rows[: part.start]), sum(self._rows[: part.stop]))

    def _weigh(self, q: Any, k: Any, v: Any, start: int, options: dict[str, Any]) -> Any:
        """Return the values that queries, of which the first has position `start`, take up, and the weights if wanted."""
        return ops.attention(q, k, v, **options, query_offset=start)

    @property
    def _joint(self) -> bool:
        """Tell whether queries, keys and values of the same positions may stay in one array."""
        return self._whole and self.q_norm is None

    def _product_weights(self) -> tuple[str, ...]:
        return ("in_proj_weight",) if self._whole else ("q_proj_weight", "k_proj_weight", "v_proj_weight")

    def extra_repr(self) -> str:
        groups = "" if self.num_groups == self.num_heads else f", num_groups={self.num_groups}"
        return (
            f"{self.embed_dim}, num_heads={self.num_heads}{groups}, dropout={self.dropout}, "
            f"bias={self.in_proj_bias is not None}"
        )
