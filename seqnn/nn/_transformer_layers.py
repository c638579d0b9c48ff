"""One layer of a Transformer's encoder and decoder: PyTorch's, always with the batch first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .._arguments import flag
from ..autograd import Operand
from ._attention import MultiheadAttention
from ._cache import KeyValueCache
from ._dropout import Dropout
from ._linear import Linear
from ._module import Module
from ._norm import LayerNorm, RMSNorm

_GATED = {"reglu": "relu", "geglu": "gelu", "geglu_tanh": "gelu_tanh", "swiglu": "silu"}
_ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu", *_GATED)
_NORMS = {"layer_norm": LayerNorm, "rms_norm": RMSNorm}


class _Layer(Module):
    """A layer of sublayers between residual connections and norms: what encoder and decoder layers share."""

    _norms = 2

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable = "relu",
        layer_norm_eps: float = 1e-5,
        *,
        norm_first: bool = False,
        bias: bool = True,
        norm: str = "layer_norm",
        num_groups: int | None = None,
        head_dim: int | None = None,
        attention_scale: float | None = None,
        attention_activation: str | None = None,
        rotary: bool = False,
        rotary_base: float = 10000.0,
        rotary_scaling: Mapping[str, Any] | None = None,
        qkv_bias: bool | None = None,
        out_bias: bool | None = None,
        qk_norm: bool = False,
        batch_first: bool = True,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        name = type(self).__name__
        if not flag(f"{name}: batch_first", batch_first):
            raise ValueError(
                f"{name}: batch_first=False: these layers take [batch, positions, size]; write batch_first=True, and swap "
                "the axes of what you give and get"
            )
        activation = activation if isinstance(activation, str) else getattr(activation, "__name__", repr(activation))
        bias, norm_first = flag(f"{name}: bias", bias), flag(f"{name}: norm_first", norm_first)
        if activation not in _ACTIVATIONS:
            raise ValueError(f"activation is one of {', '.join(map(repr, _ACTIVATIONS))}, got {activation!r}")
        if norm not in _NORMS:
            raise ValueError(f"norm is one of {', '.join(map(repr, _NORMS))}, got {norm!r}")
        attention = {
            "num_groups": num_groups, "head_dim": head_dim, "scale": attention_scale,
            "out_bias": bias if out_bias is None else flag(f"{name}: out_bias", out_bias),
            "qk_norm_eps": layer_norm_eps if flag(f"{name}: qk_norm", qk_norm) else None,
            "out_activation": attention_activation, "dtype": dtype,
        }  # fmt: skip
        turned = {"rotary": rotary, "rotary_base": rotary_base, "rotary_scaling": rotary_scaling}
        inner_bias = bias if qkv_bias is None else flag(f"{name}: qkv_bias", qkv_bias)
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, inner_bias, **turned, **attention)
        if self._norms == 3:
            self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, inner_bias, **attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        self.linear3 = Linear(d_model, dim_feedforward, bias, dtype=dtype) if activation in _GATED else None
        options = {"bias": bias} if norm == "layer_norm" else {}
        for i in range(self._norms):
            setattr(self, f"norm{i + 1}", _NORMS[norm](d_model, layer_norm_eps, dtype=dtype, **options))
        self.dropout, self.activation, self.norm_first = Dropout(dropout), activation, norm_first

    # A sublayer f: leave(x, f(enter(x), residual=added(x))). The residual is added by the product that f ends with, or,
    # where dropout comes between, after it.

    def _enter(self, x: Any, norm: Module) -> Any:
        return norm(x) if self.norm_first else x

    def _added(self, x: Any) -> Any:
        return None if self.dropout.training and self.dropout.p else x

    def _leave(self, x: Any, y: Any, norm: Module) -> Any:
        if self._added(x) is not None:
            return y if self.norm_first else norm(y)
        y = self.dropout(y)
        return x + y if self.norm_first else norm(y, x)

    def _attend(self, x: Any, norm: Module, attention: Module, *, need_weights: bool, **inputs: Any) -> tuple[Any, Any]:
        """Compute the residual stream after an attention, and the weights, if they are wanted."""
        y = attention(self._enter(x, norm), residual=self._added(x), need_weights=need_weights, **inputs)
        y, weights = y if need_weights else (y, None)
        return self._leave(x, y, norm), weights

    def _feed_forward(self, x: Any, norm: Module) -> Any:
        h = self._enter(x, norm)
        inner = self.linear1(h, activation=_GATED.get(self.activation, self.activation))
        if self.linear3 is not None:
            inner = inner * self.linear3(h)
        return self._leave(x, self.linear2(self.dropout(inner), self._added(x)), norm)

    def extra_repr(self) -> str:
        return f"activation={self.activation!r}, norm_first={self.norm_first}"


class TransformerEncoderLayer(_Layer):
    """A layer of self-attention and a feed-forward network, each with a residual connection and a norm.

    Parameter names and numbers are those of `torch.nn.TransformerEncoderLayer` with batch_first=True.

    Args:
        d_model: the size of a position's vector.
        nhead: heads of the attention.
        dim_feedforward: the inner size of the feed-forward network.
        dropout: the probability of a drop, in the attention and after both parts of the network.
        activation: of the feed-forward network linear2(act(linear1 x)): "relu", "gelu", "gelu_tanh" or "silu"; or, gated,
            linear2(act(linear1 x) * linear3 x): "reglu", "geglu", "geglu_tanh" or "swiglu". Functions of that name, such as
            `ops.gelu`, will do.
        layer_norm_eps: added to the variance in the norms.
        norm_first: the norms stand before the sublayers (pre-norm), not after the residual connections (post-norm).
        bias: whether linear layers and norms have one.
        norm: "layer_norm" or "rms_norm".
        num_groups, head_dim, rotary, rotary_base, rotary_scaling: of the attention; see `MultiheadAttention`.
        qkv_bias, out_bias: whether the projections of queries, keys and values, and that of the attention's result, have a
            bias; None: as `bias`.
        qk_norm: whether the queries and the keys of each head pass an RMSNorm, with `layer_norm_eps`.
        attention_scale, attention_activation: its `scale` and `out_activation`.
        batch_first: True, for code that says so; the layout is always [batch, positions, size].
        dtype: of the parameters.

    Raises:
        ValueError: for another activation or norm, or sizes that do not fit.

    Sources: Vaswani et al., "Attention is all you need", NeurIPS 2017; Shazeer, "GLU variants improve Transformer", 2020.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.TransformerEncoderLayer(16, 4, 32)(np.ones((2, 5, 16), np.float32), lengths=[5, 2]).shape
    (2, 5, 16)
    >>> modern = {"norm_first": True, "norm": "rms_norm", "activation": "swiglu", "rotary": True, "bias": False}
    >>> nn.TransformerEncoderLayer(16, 4, 32, **modern)(np.ones((2, 5, 16), np.float32), causal=True).shape
    (2, 5, 16)
    """

    def forward(
        self,
        src: Operand,
        *,
        mask: Any = None,
        causal: bool = False,
        lengths: npt.ArrayLike | None = None,
        relative: Any = None,
        window: Any = None,
        need_weights: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Any:
        """Compute the layer's result.

        Args:
            src: [B, T, d_model].
            mask, causal, lengths, relative, window, need_weights, cache: as for `MultiheadAttention`.

        Returns:
            [B, T, d_model]; with need_weights (that, weights [B, H, T, S]).
        """
        x, weights = self._attend(
            src, self.norm1, self.self_attn, need_weights=need_weights, mask=mask, causal=causal, lengths=lengths,
            relative=relative, window=window, cache=cache,
        )  # fmt: skip
        out = self._feed_forward(x, self.norm2)
        return (out, weights) if need_weights else out


class TransformerDecoderLayer(_Layer):
    """A layer of self-attention, attention to the encoder's result, and a feed-forward network.

    Parameter names and numbers are those of `torch.nn.TransformerDecoderLayer` with batch_first=True and a causal tgt_mask:
    self-attention is causal unless causal=False is given. Only self-attention is `rotary`.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps: as for `TransformerEncoderLayer`.
        norm_first, bias, norm, num_groups, head_dim, attention_scale, attention_activation, rotary, rotary_base: as for
            `TransformerEncoderLayer`.
        rotary_scaling, qkv_bias, out_bias, qk_norm: as for `TransformerEncoderLayer`.
        batch_first, dtype: as for `TransformerEncoderLayer`.

    Raises:
        ValueError: as for `TransformerEncoderLayer`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> target, memory = np.ones((2, 3, 16), np.float32), np.ones((2, 5, 16), np.float32)
    >>> nn.TransformerDecoderLayer(16, 4, 32)(target, memory, memory_lengths=[5, 2]).shape
    (2, 3, 16)
    """

    _norms = 3

    def forward(
        self,
        tgt: Operand,
        memory: Operand,
        *,
        mask: Any = None,
        causal: bool = True,
        lengths: npt.ArrayLike | None = None,
        relative: Any = None,
        window: Any = None,
        memory_mask: Any = None,
        memory_lengths: npt.ArrayLike | None = None,
        need_weights: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Any:
        """Compute the layer's result.

        Args:
            tgt: [B, T, d_model].
            memory: the encoder's result, [B, S, d_model]. With `cache` it is projected in the first step; later ones do
                not look at it.
            mask, causal, lengths, relative, window, need_weights, cache: as for `MultiheadAttention`.
            memory_mask, memory_lengths: those of the memory.

        Returns:
            [B, T, d_model]; with need_weights (that, (own weights, weights of the memory)).
        """
        x, own = self._attend(
            tgt, self.norm1, self.self_attn, need_weights=need_weights, mask=mask, causal=causal, lengths=lengths,
            relative=relative, window=window, cache=cache,
        )  # fmt: skip
        cross = self.multihead_attn
        projected = None if cache is None else cache.remember(lambda: cross.project(memory))
        x, across = self._attend(
            x, self.norm2, cross, need_weights=need_weights, mask=memory_mask, lengths=memory_lengths,
            key=memory if cache is None else None, projected=projected,
        )  # fmt: skip
        out = self._feed_forward(x, self.norm3)
        return (out, (own, across)) if need_weights else out
