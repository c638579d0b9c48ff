"""GPT: a Transformer that predicts the next token."""

from __future__ import annotations

import math
from collections.abc import Mapping
from os import PathLike
from typing import Any, Self

import numpy as np

from .. import nn
from ..autograd import Tensor
from . import _huggingface
from ._generation import as_ids, evaluating, generate
from ._heads import LanguageModelHead

__all__ = ["GPT"]

_NAMES = {  # of GPT-2 in Hugging Face's transformers
    "embedding": "wte",
    "positions": "wpe",
    "transformer.layers.{}.norm1": "h.{}.ln_1",
    "transformer.layers.{}.self_attn.in_proj": "h.{}.attn.c_attn",
    "transformer.layers.{}.self_attn.out_proj": "h.{}.attn.c_proj",
    "transformer.layers.{}.norm2": "h.{}.ln_2",
    "transformer.layers.{}.linear1": "h.{}.mlp.c_fc",
    "transformer.layers.{}.linear2": "h.{}.mlp.c_proj",
    "transformer.norm": "ln_f",
}


class GPT(nn.Module):
    """Token ids [B, T] to the logits [B, T, V] of each next token, or, given targets, to their mean cross-entropy.

    h = tokens + positions; every layer h += attention(norm(h)), h += feed_forward(norm(h)), where a position attends to
    itself and those before it; logits = norm(h) @ embedding.T (tied weights).

    Args:
        vocabulary_size: V. The defaults are those of GPT-2 small, 124 million parameters.
        max_positions: the longest sequence.
        d_model, nhead, num_layers, dim_feedforward: widths, heads and layers; dim_feedforward is 4 d_model by default.
        dropout: of embeddings, attention and layers.
        positions: "learned" vectors, or "rotary".
        activation, bias: of the layers, see `nn.TransformerEncoderLayer`.
        layer_norm_eps: of all norms.

    Weights start from N(0, 0.02), those before a residual connection with 0.02 / sqrt(2 num_layers), biases at 0.
    Train it with `train.fit(model, None, (ids, targets), ...)`, where targets are the ids one position further.
    Source: Radford et al., "Language models are unsupervised multitask learners", 2019.

    >>> import numpy as np
    >>> from seqnn.models import GPT
    >>> model = GPT(50, max_positions=32, d_model=16, nhead=2, num_layers=2)
    >>> ids = np.arange(10).reshape(2, 5)
    >>> model(ids).shape
    (2, 5, 50)
    >>> model(ids[:, :-1], ids[:, 1:]).shape
    ()
    >>> model.generate(ids, 3).shape
    (2, 8)
    """

    def __init__(
        self,
        vocabulary_size: int = 50257,
        *,
        max_positions: int = 1024,
        d_model: int = 768,
        nhead: int = 12,
        num_layers: int = 12,
        dim_feedforward: int | None = None,
        dropout: float = 0.1,
        positions: str = "learned",
        activation: str = "gelu_tanh",
        bias: bool = True,
        layer_norm_eps: float = 1e-5,
    ) -> None:
        if positions not in ("learned", "rotary"):
            raise ValueError(f"positions: expected 'learned' or 'rotary', got {positions!r}")
        self.max_positions = max_positions
        self.embedding = nn.Embedding(vocabulary_size, d_model)
        self.positions = nn.LearnedPositions(max_positions, d_model) if positions == "learned" else None
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(
            d_model,
            nhead,
            4 * d_model if dim_feedforward is None else dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            norm_first=True,
            bias=bias,
            rotary=positions == "rotary",
        )
        self.transformer = nn.TransformerEncoder(layer, num_layers, nn.LayerNorm(d_model, layer_norm_eps, bias=bias))
        self.head = LanguageModelHead(d_model, vocabulary_size)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        residual = 0.02 / math.sqrt(2 * len(self.transformer.layers))
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                ends = name.endswith(("out_proj.weight", "linear2.weight"))
                nn.init.normal_(parameter, 0.0, residual if ends else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Any, targets: Any = None, *, lengths: Any = None) -> Tensor:
        """Logits [B, T, V], or the loss against `targets` [B, T], of which those of -100 do not count.

        Positions behind `lengths` [B] cost nothing in the attention; their logits mean nothing.
        """
        return self.head(self.encode(ids, lengths), self.embedding.weight, targets)

    def encode(self, ids: Any, lengths: Any = None, *, cache: list[nn.KeyValueCache] | None = None) -> Tensor:
        """Hidden states [B, T, d_model] behind the last norm. With `cache` (`new_cache`) the ids go on from there."""
        ids = as_ids(ids)
        start = cache[0].length if cache else 0
        if start + ids.shape[1] > self.max_positions:
            raise ValueError(f"ids: expected at most max_positions={self.max_positions}, got {start + ids.shape[1]}")
        x = self.embedding(ids)
        if self.positions is not None:
            x = self.positions(x, offset=start)
        return self.transformer(self.dropout(x), causal=True, lengths=lengths, cache=cache)

    def generate(
        self,
        ids: Any,
        max_new_tokens: int,
        *,
        temperature: float = 0.0,
        top_k: int | None = None,
        eos_id: int | None = None,
    ) -> np.ndarray:
        """ids [B, T] and up to `max_new_tokens` behind each, in evaluation mode, with a cache of keys and values.

        At temperature 0 each token is the most probable one; else it is drawn from softmax(logits / temperature), with
        `top_k` from the k most probable, by `seqnn.random` (equal after equal `seqnn.random.seed`). A sequence ends with
        `eos_id`, and is filled with it.
        """
        ids = as_ids(ids)
        if ids.shape[1] == 0:
            raise ValueError("ids: expected at least one token to go on from, got none")
        if ids.shape[1] + max_new_tokens > self.max_positions:
            raise ValueError(
                f"max_new_tokens: {ids.shape[1]} + {max_new_tokens} positions exceed max_positions={self.max_positions}"
            )
        cache = self.transformer.new_cache(ids.shape[1] + max_new_tokens)

        def step(unseen: np.ndarray) -> np.ndarray:
            last = self.encode(unseen, cache=cache)[:, -1]
            return self.head(last, self.embedding.weight).data

        with evaluating(self):
            new = generate(step, ids, max_new_tokens, temperature=temperature, top_k=top_k, eos_id=eos_id)
        return np.concatenate([ids, new], axis=1)

    def load_huggingface(self, state: Mapping[str, Any] | str | PathLike) -> Self:
        """Take over the arrays (or the safetensors file) of a GPT-2 of Hugging Face's; returns this model."""
        matrices = ("in_proj", "out_proj", "linear1", "linear2")
        extra = (r"^lm_head\.weight$", r"attn\.(masked_)?bias$")
        _huggingface.load(self, state, _NAMES, prefix="transformer.", transposed=matrices, optional=extra)
        return self
