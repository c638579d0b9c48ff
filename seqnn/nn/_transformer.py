"""Stacks of Transformer layers: PyTorch's, always with the batch first."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import Operand
from . import _init
from ._cache import KeyValueCache
from ._container import ModuleList
from ._module import Module
from ._positions import RelativePositions
from ._transformer_layers import TransformerDecoderLayer, TransformerEncoderLayer


class _Stack(Module):
    """A stack of copies of a layer, one after the other, and a norm after them."""

    def __init__(
        self, layer: Module, num_layers: int, norm: Module | None = None, *, relative: RelativePositions | None = None
    ) -> None:
        self.layers = ModuleList(_copied(layer) for _ in range(num_layers))
        self.norm = norm
        self.relative = relative

    def new_cache(self, capacity: int) -> list[KeyValueCache]:
        """Return empty caches, one for each layer: `forward`'s `cache`.

        Args:
            capacity: how many positions there is room for.
        """
        return [KeyValueCache(capacity) for _ in self.layers]

    def _run(
        self,
        x: Any,
        *inputs: Any,
        relative: Any,
        need_weights: bool,
        cache: Sequence[KeyValueCache] | None,
        **options: Any,
    ) -> Any:
        if cache is not None and len(cache) != len(self.layers):
            raise ValueError(f"expected a cache a layer, {len(self.layers)}, got {len(cache)}")
        if relative is None and self.relative is not None:
            start = cache[0].length if cache else 0
            relative = self.relative(x.shape[1], start + x.shape[1], offset=start)
        weights = []
        for i, layer in enumerate(self.layers):
            x = layer(
                x, *inputs, **options, relative=relative, need_weights=need_weights, cache=cache[i] if cache else None
            )
            if need_weights:
                x, found = x
                weights.append(found)
        x = x if self.norm is None else self.norm(x)
        return (x, weights) if need_weights else x


def _copied(layer: Module) -> Module:
    """Return a copy of a layer; where initialisers are skipped its arrays have no numbers yet, which are not copied."""
    blank = {id(p.data): np.empty_like(p.data) for p in layer.parameters()} if _init.is_skipped() else {}
    return copy.deepcopy(layer, blank)


class TransformerEncoder(_Stack):
    """A stack of copies of an encoder layer; its parameters have PyTorch's names ("layers.0.self_attn.in_proj_weight").

    src [B, T, d_model] -> [B, T, d_model]

    Args:
        layer: a `TransformerEncoderLayer`; the copies start with its weights.
        num_layers: how many.
        norm: after the last layer; pre-norm layers want one.
        relative: a `RelativePositions` whose bias all layers share, as in T5.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32), 2, nn.LayerNorm(16))
    >>> model(np.ones((2, 5, 16), np.float32), causal=True).shape
    (2, 5, 16)
    """

    def __init__(
        self,
        layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
        *,
        relative: RelativePositions | None = None,
    ) -> None:
        super().__init__(layer, num_layers, norm, relative=relative)

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
        cache: Sequence[KeyValueCache] | None = None,
    ) -> Any:
        """Run all layers.

        Args:
            src: [B, T, d_model].
            mask, causal, lengths, window: as for `MultiheadAttention`.
            relative: a bias for all layers as `ops.attention` takes it (`ops.alibi_bias`), instead of the stack's own.
            need_weights: also return the weights of each layer.
            cache: what `new_cache` made, one for each layer.

        Returns:
            The result of the last layer; with need_weights (that, a list of weights).
        """
        return self._run(
            src, mask=mask, causal=causal, lengths=lengths, relative=relative, window=window,
            need_weights=need_weights, cache=cache,
        )  # fmt: skip


class TransformerDecoder(_Stack):
    """A stack of copies of a decoder layer; its parameters have PyTorch's names.

    tgt [B, T, d_model], memory [B, S, d_model] -> [B, T, d_model]

    Args:
        layer: a `TransformerDecoderLayer`; the copies start with its weights.
        num_layers, norm, relative: as for `TransformerEncoder`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> model = nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 32), 2).eval()
    >>> target, memory = np.ones((2, 3, 16), np.float32), np.ones((2, 5, 16), np.float32)
    >>> whole = model(target, memory)
    >>> cache = model.new_cache(3)
    >>> steps = [model(target[:, t : t + 1], memory, cache=cache) for t in range(3)]
    >>> bool(np.allclose(steps[2].numpy()[:, 0], whole.numpy()[:, 2], atol=1e-5))
    True
    """

    def __init__(
        self,
        layer: TransformerDecoderLayer,
        num_layers: int,
        norm: Module | None = None,
        *,
        relative: RelativePositions | None = None,
    ) -> None:
        super().__init__(layer, num_layers, norm, relative=relative)

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
        cache: Sequence[KeyValueCache] | None = None,
    ) -> Any:
        """Run all layers.

        Args:
            tgt: [B, T, d_model].
            memory: the encoder's result, [B, S, d_model].
            mask, causal, lengths, relative, window, need_weights, cache: as for `TransformerEncoder`.
            memory_mask, memory_lengths: those of the memory.

        Returns:
            The result of the last layer; with need_weights (that, a list of (own weights, weights of the memory)).
        """
        return self._run(
            tgt, memory, mask=mask, causal=causal, lengths=lengths, relative=relative, window=window,
            memory_mask=memory_mask, memory_lengths=memory_lengths, need_weights=need_weights, cache=cache,
        )  # fmt: skip
