"""Transformer layers and stacks of them: PyTorch's, always with the batch first."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ops
from ._attention import KeyValueCache, MultiheadAttention
from ._container import ModuleList
from ._dropout import Dropout
from ._linear import Linear
from ._module import Module
from ._norm import LayerNorm


class _Layer(Module):
    """What encoder and decoder layers share: sublayers between residual connections and norms."""

    def __init__(
        self,
        norms: int,
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        dropout: float,
        activation: str,
        layer_norm_eps: float,
        norm_first: bool,
        bias: bool,
        dtype: npt.DTypeLike,
    ) -> None:
        if activation not in ("relu", "gelu", "gelu_tanh", "silu"):
            raise ValueError(f"activation is 'relu', 'gelu', 'gelu_tanh' or 'silu', got {activation!r}")
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, dtype=dtype)
        if norms == 3:
            self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, bias, dtype=dtype)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        for i in range(norms):
            setattr(self, f"norm{i + 1}", LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))
        self.dropout, self.activation, self.norm_first = Dropout(dropout), activation, norm_first

    def _enter(self, x: Any, norm: LayerNorm) -> Any:
        return norm(x) if self.norm_first else x

    def _leave(self, x: Any, y: Any, norm: LayerNorm) -> Any:
        """x + y, normed behind where it was not before: in one pass."""
        y = self.dropout(y)
        return x + y if self.norm_first else ops.layer_norm(y, norm.weight, norm.bias, norm.eps, residual=x)

    def _feed_forward(self, x: Any, norm: LayerNorm) -> Any:
        inner = ops.linear(self._enter(x, norm), self.linear1.weight, self.linear1.bias, activation=self.activation)
        return self._leave(x, self.linear2(self.dropout(inner)), norm)


class TransformerEncoderLayer(_Layer):
    """Self-attention and a feed-forward network, each with a residual connection and a layer norm.

    Arguments, parameter names and numbers are those of `torch.nn.TransformerEncoderLayer` with batch_first=True;
    `activation` is "relu", "gelu", "gelu_tanh" or "silu"; `norm_first` puts the norms before the sublayers.
    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.TransformerEncoderLayer(16, 4, 32)(np.ones((2, 5, 16), np.float32), lengths=[5, 2]).shape
    (2, 5, 16)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        layer_norm_eps: float = 1e-5,
        *,
        norm_first: bool = False,
        bias: bool = True,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            2, d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, norm_first, bias, dtype
        )

    def forward(
        self,
        src: Any,
        *,
        mask: Any = None,
        causal: bool = False,
        lengths: Any = None,
        relative: Any = None,
        cache: KeyValueCache | None = None,
    ) -> Any:
        attended = self.self_attn(
            self._enter(src, self.norm1), mask=mask, causal=causal, lengths=lengths, relative=relative, cache=cache
        )
        return self._feed_forward(self._leave(src, attended, self.norm1), self.norm2)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's result, and a feed-forward network.

    Arguments, parameter names and numbers are those of `torch.nn.TransformerDecoderLayer` with batch_first=True.
    Self-attention is causal unless causal=False is given.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> target, memory = np.ones((2, 3, 16), np.float32), np.ones((2, 5, 16), np.float32)
    >>> nn.TransformerDecoderLayer(16, 4, 32)(target, memory, memory_lengths=[5, 2]).shape
    (2, 3, 16)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        layer_norm_eps: float = 1e-5,
        *,
        norm_first: bool = False,
        bias: bool = True,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            3, d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, norm_first, bias, dtype
        )

    def forward(
        self,
        tgt: Any,
        memory: Any,
        *,
        mask: Any = None,
        causal: bool = True,
        lengths: Any = None,
        memory_mask: Any = None,
        memory_lengths: Any = None,
        cache: KeyValueCache | None = None,
    ) -> Any:
        attended = self.self_attn(self._enter(tgt, self.norm1), mask=mask, causal=causal, lengths=lengths, cache=cache)
        x = self._leave(tgt, attended, self.norm1)
        attended = self.multihead_attn(self._enter(x, self.norm2), memory, mask=memory_mask, lengths=memory_lengths)
        return self._feed_forward(self._leave(x, attended, self.norm2), self.norm3)


class _Stack(Module):
    """Copies of a layer, one after the other, and a norm behind them."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None) -> None:
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(num_layers))
        self.norm = norm

    def _run(self, x: Any, *inputs: Any, cache: Sequence[KeyValueCache] | None, **options: Any) -> Any:
        if cache is not None and len(cache) != len(self.layers):
            raise ValueError(f"expected a cache a layer, {len(self.layers)}, got {len(cache)}")
        for i, layer in enumerate(self.layers):
            x = layer(x, *inputs, **options, cache=None if cache is None else cache[i])
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """`num_layers` copies of an encoder layer; parameter names as PyTorch's ("layers.0.self_attn.in_proj_weight").

    >>> import numpy as np
    >>> from seqnn import nn
    >>> model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32), 2, nn.LayerNorm(16))
    >>> model(np.ones((2, 5, 16), np.float32), causal=True).shape
    (2, 5, 16)
    """

    def forward(
        self,
        src: Any,
        *,
        mask: Any = None,
        causal: bool = False,
        lengths: Any = None,
        relative: Any = None,
        cache: Sequence[KeyValueCache] | None = None,
    ) -> Any:
        return self._run(src, mask=mask, causal=causal, lengths=lengths, relative=relative, cache=cache)


class TransformerDecoder(_Stack):
    """`num_layers` copies of a decoder layer; parameter names as PyTorch's.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> model = nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 32), 2)
    >>> model(np.ones((2, 3, 16), np.float32), np.ones((2, 5, 16), np.float32)).shape
    (2, 3, 16)
    """

    def forward(
        self,
        tgt: Any,
        memory: Any,
        *,
        mask: Any = None,
        causal: bool = True,
        lengths: Any = None,
        memory_mask: Any = None,
        memory_lengths: Any = None,
        cache: Sequence[KeyValueCache] | None = None,
    ) -> Any:
        return self._run(
            tgt, memory, mask=mask, causal=causal, lengths=lengths, memory_mask=memory_mask,
            memory_lengths=memory_lengths, cache=cache,
        )  # fmt: skip
