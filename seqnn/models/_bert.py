"""BERT: a Transformer encoder that learns from hidden tokens and from pairs of sentences."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, Self

import numpy as np

from .. import nn, ops
from ..autograd import Tensor
from . import _huggingface
from ._generation import as_ids
from ._heads import LanguageModelHead

__all__ = ["BERT", "BERTForPretraining"]

_LAYER = "encoder.layer.{}."
_NAMES = {  # in Hugging Face's transformers
    "embedding": "embeddings.word_embeddings",
    "positions": "embeddings.position_embeddings",
    "segments": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
    "transformer.layers.{}.self_attn.in_proj": tuple(f"{_LAYER}attention.self.{x}" for x in ("query", "key", "value")),
    "transformer.layers.{}.self_attn.out_proj": f"{_LAYER}attention.output.dense",
    "transformer.layers.{}.norm1": f"{_LAYER}attention.output.LayerNorm",
    "transformer.layers.{}.linear1": f"{_LAYER}intermediate.dense",
    "transformer.layers.{}.linear2": f"{_LAYER}output.dense",
    "transformer.layers.{}.norm2": f"{_LAYER}output.LayerNorm",
    "pooler": "pooler.dense",
}
_PRETRAINING_NAMES = {
    **{f"bert.{ours}": theirs for ours, theirs in _NAMES.items()},
    "head.dense": "cls.predictions.transform.dense",
    "head.norm": "cls.predictions.transform.LayerNorm",
    "head": "cls.predictions",
    "next_sentence": "cls.seq_relationship",
}
_COPIES = (r"position_ids$", r"^cls\.predictions\.decoder\.(weight|bias)$")


class BERT(nn.Module):
    """Token ids [B, T] to hidden states [B, T, d_model] that know both sides of their position.

    h = norm(tokens + positions + segments); every layer h = norm(h + attention(h)), h = norm(h + feed_forward(h)).

    Args:
        vocabulary_size: how many tokens. The defaults are those of BERT base, 109 million parameters.
        max_positions: the longest sequence.
        num_segments: how many kinds of segments: sentence A and sentence B.
        d_model, nhead, num_layers, dim_feedforward: widths, heads and layers; dim_feedforward is 4 d_model by default.
        dropout: of embeddings, attention and layers.
        activation: of the layers.
        layer_norm_eps: of all norms.

    Weights start from N(0, 0.02), biases at 0. Put a `ClassificationHead`, `TaggingHead` or `SpanHead` on it by
    `WithHead`, or `BERTForPretraining`. Source: Devlin, Chang, Lee, Toutanova, "BERT", NAACL 2019.

    >>> import numpy as np
    >>> from seqnn.models import BERT
    >>> model = BERT(50, d_model=16, nhead=2, num_layers=2)
    >>> hidden = model(np.arange(10).reshape(2, 5), [5, 3])
    >>> hidden.shape, model.pool(hidden).shape
    ((2, 5, 16), (2, 16))
    """

    def __init__(
        self,
        vocabulary_size: int = 30522,
        *,
        max_positions: int = 512,
        num_segments: int = 2,
        d_model: int = 768,
        nhead: int = 12,
        num_layers: int = 12,
        dim_feedforward: int | None = None,
        dropout: float = 0.1,
        activation: str = "gelu",
        layer_norm_eps: float = 1e-12,
    ) -> None:
        self.max_positions = max_positions
        self.embedding = nn.Embedding(vocabulary_size, d_model)
        self.positions = nn.LearnedPositions(max_positions, d_model)
        self.segments = nn.Embedding(num_segments, d_model)
        self.norm = nn.LayerNorm(d_model, layer_norm_eps)
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(
            d_model,
            nhead,
            4 * d_model if dim_feedforward is None else dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
        )
        self.transformer = nn.TransformerEncoder(layer, num_layers)
        self.pooler = nn.Linear(d_model, d_model)
        start_small(self)

    def forward(self, ids: Any, lengths: Any = None, segments: Any = None) -> Tensor:
        """Hidden states; positions behind `lengths` [B] are padding, `segments` [B, T] are 0 by default."""
        ids = as_ids(ids)
        if ids.shape[1] > self.max_positions:
            raise ValueError(f"ids: expected at most max_positions={self.max_positions}, got {ids.shape[1]}")
        if segments is None:
            kinds = self.segments.weight[0]
        elif np.shape(segments) == ids.shape:
            kinds = self.segments(segments)
        else:
            raise ValueError(f"segments: expected the shape of ids, {ids.shape}, got {np.shape(segments)}")
        x = self.positions(self.embedding(ids)) + kinds
        return self.transformer(self.dropout(self.norm(x)), lengths=lengths)

    def pool(self, hidden: Tensor) -> Tensor:
        """What stands for the whole sequence, [B, d_model]: tanh(pooler(hidden of the first token))."""
        return ops.tanh(self.pooler(hidden[:, 0]))

    def load_huggingface(self, state: Mapping[str, Any] | str | PathLike) -> Self:
        """Take over the arrays (or the safetensors file) of a BertModel of Hugging Face's; returns this model.

        The heads of a pre-trained one are left out.
        """
        _huggingface.load(self, state, _NAMES, prefix="bert.", optional=(*_COPIES, r"^cls\."))
        return self


class BERTForPretraining(nn.Module):
    """A BERT with its two tasks: the tokens that are hidden, and whether sentence B follows sentence A.

    `next_sentence` gives two logits: 0 = B follows A, 1 = B is from elsewhere. The token head's table is the
    embeddings'. `seqnn.text.next_sentence_pairs` and `mask_tokens` make the batches.

    >>> import numpy as np
    >>> from seqnn.models import BERT, BERTForPretraining
    >>> model = BERTForPretraining(BERT(50, d_model=16, nhead=2, num_layers=2))
    >>> tokens, follows = model(np.arange(10).reshape(2, 5))
    >>> tokens.shape, follows.shape
    ((2, 5, 50), (2, 2))
    """

    def __init__(self, bert: BERT) -> None:
        self.bert = bert
        vocabulary_size, d_model = bert.embedding.weight.shape
        self.head = LanguageModelHead(d_model, vocabulary_size, transform=True, bias=True, layer_norm_eps=bert.norm.eps)
        self.next_sentence = nn.Linear(d_model, 2)
        start_small(self.head)
        start_small(self.next_sentence)

    def forward(
        self, ids: Any, lengths: Any = None, segments: Any = None, targets: Any = None, next_targets: Any = None
    ) -> Any:
        """(token logits [B, T, V], sentence logits [B, 2]), or the loss.

        With `targets` [B, T], -100 where nothing was hidden, it is the mean cross-entropy of the hidden tokens; with
        `next_targets` [B] of 0 and 1 too that of the sentences is added.
        """
        hidden = self.bert(ids, lengths, segments)
        tokens = self.head(hidden, self.bert.embedding.weight, targets)
        if targets is not None and next_targets is None:
            return tokens
        follows = self.next_sentence(self.bert.pool(hidden))
        if targets is None:
            return tokens, follows
        return tokens + ops.cross_entropy(follows, next_targets)

    def load_huggingface(self, state: Mapping[str, Any] | str | PathLike) -> Self:
        """Take over the arrays (or the safetensors file) of a BertForPreTraining; returns this model."""
        _huggingface.load(self, state, _PRETRAINING_NAMES, prefix="bert.", optional=_COPIES)
        return self


def start_small(module: nn.Module) -> None:
    """Matrices from N(0, 0.02), biases 0."""
    for name, parameter in module.named_parameters():
        if parameter.ndim == 2:
            nn.init.normal_(parameter, 0.0, 0.02)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
