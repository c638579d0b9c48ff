"""BERT: a Transformer encoder that sees both sides of each position."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn, ops
from .._huggingface import BERT as FAMILY
from ..autograd import Tensor
from ._huggingface_model import HuggingFaceModel
from ._token_ids import as_attention_mask, as_ids, keys_mask
from ._transformer_encoding import encode_packed
from ._transformer_plan import StepPlan, plan_step

__all__ = ["BERT", "start_small"]


class BERT(HuggingFaceModel):
    """Token ids [B, T] to hidden states [B, T, d_model] that know both sides of their position.

    h = norm(tokens + positions + segments); every layer h = norm(h + attention(h)), h = norm(h + feed_forward(h)).
    Weights start from N(0, 0.02), biases at 0. Put a `ClassificationHead`, `TaggingHead` or `SpanHead` on it by
    `WithHead`, or `BERTForPretraining`. `from_huggingface` reads any BERT; its heads are left out, and weights without a
    pooler ask for pooler=False.

    Args:
        vocabulary_size: how many tokens. The defaults are those of BERT base, 109 million parameters.
        max_positions: the longest sequence.
        num_segments: how many kinds of segments: sentence A and sentence B; 0: there is no table of them, as in DistilBERT.
        d_model: width of the network.
        nhead: attention heads.
        num_layers: layers.
        dim_feedforward: width of the layers' inner networks; default: 4 d_model.
        dropout: share of units of embeddings, attention and layers that is dropped in training.
        activation: of the layers, and of the token head.
        layer_norm_eps: of all norms.
        embedding_size: width of the embeddings, which a Linear projects to d_model, as in ELECTRA; default: d_model.
        buckets: of a bias of scores by distance that all layers share, as in MPNet; see `nn.RelativePositions`; 0: none.
        max_distance: of that bias.
        pooler: whether there is the layer of `pool`.

    Raises:
        ValueError: the number of heads does not divide d_model, or the activation is not known.

    Source: Devlin, Chang, Lee, Toutanova, "BERT", NAACL 2019.

    >>> import numpy as np
    >>> from seqnn.models import BERT
    >>> model = BERT(50, d_model=16, nhead=2, num_layers=2)
    >>> hidden = model(np.arange(10).reshape(2, 5), [5, 3])
    >>> hidden.shape, model.pool(hidden).shape
    ((2, 5, 16), (2, 16))
    """

    _family = FAMILY

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
        embedding_size: int | None = None,
        buckets: int = 0,
        max_distance: int = 128,
        pooler: bool = True,
    ) -> None:
        self.max_positions, self.activation = max_positions, activation
        size = d_model if embedding_size is None else embedding_size
        self.embedding = nn.Embedding(vocabulary_size, size)
        self.positions = nn.LearnedPositions(max_positions, size)
        self.segments = nn.Embedding(num_segments, size) if num_segments else None
        self.norm = nn.LayerNorm(size, layer_norm_eps)
        self.projection = nn.Linear(size, d_model) if size != d_model else None
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(
            d_model,
            nhead,
            4 * d_model if dim_feedforward is None else dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
        )
        relative = nn.RelativePositions(nhead, buckets, max_distance) if buckets else None
        self.transformer = nn.TransformerEncoder(layer, num_layers, relative=relative)
        self.pooler = nn.Linear(d_model, d_model) if pooler else None
        start_small(self)

    def forward(
        self,
        ids: Any,
        lengths: Any = None,
        segments: Any = None,
        *,
        attention_mask: Any = None,
        need_weights: bool = False,
    ) -> Any:
        """Return the hidden states [B, T, d_model].

        Args:
            ids: [B, T].
            lengths: [B]: positions from there on are padding, which costs nothing.
            segments: [B, T]; default: 0.
            attention_mask: booleans, or 1 and 0, [B, T]: positions of 0 are padding, wherever they stand. Instead of
                `lengths`.
            need_weights: also return the weights of each layer, for `plot.attention`.

        Raises:
            ValueError: there are more positions than `max_positions`, or shapes do not fit.
        """
        ids = as_ids(ids)
        if ids.shape[1] > self.max_positions:
            raise ValueError(f"ids: expected at most max_positions={self.max_positions}, got {ids.shape[1]}")
        mask = keys_mask(lengths, as_attention_mask(attention_mask, ids.shape))
        x = self.dropout(self.norm(self._embed(ids, segments)))
        x = x if self.projection is None else self.projection(x)
        return self.transformer(x, lengths=lengths, mask=mask, need_weights=need_weights)

    def encode_packed(self, ids: Any, lengths: Any) -> np.ndarray:
        """Return the hidden states of sequences without padding, in evaluation mode and without gradients.

        All layers are one call, but for long sequences, whose attention is faster layer by layer, and where somebody watches
        the layers (hooks).

        Args:
            ids: [N], the tokens of all sequences, one after the other.
            lengths: [B], how many of them each has, at least 1.

        Returns:
            float32 [N, d_model].

        Raises:
            ValueError: lengths do not sum to N, or one is 0 or more than `max_positions`.

        >>> import numpy as np
        >>> from seqnn.models import BERT
        >>> BERT(50, d_model=16, nhead=2, num_layers=2).encode_packed(np.arange(8), [5, 3]).shape
        (8, 16)
        """

        def make() -> StepPlan | None:
            return plan_step(self, self.transformer, self.embedding, None) if type(self) is BERT else None

        def enter(ids: np.ndarray, places: np.ndarray) -> np.ndarray:
            x = self.embedding(ids[None]) + ops.embedding(places[None], self.positions.weight)
            x = self.norm(x if self.segments is None else x + self.segments.weight[0])
            return (x if self.projection is None else self.projection(x)).numpy()[0]

        return encode_packed(self, make, enter, self, ids, lengths, self.max_positions)

    def _embed(self, ids: np.ndarray, segments: Any) -> Tensor:
        """Return the sum of the embeddings of tokens, positions and segments."""
        x = self.positions(self.embedding(ids))
        if segments is not None and np.shape(segments) != ids.shape:
            raise ValueError(f"segments: expected the shape of ids, {ids.shape}, got {np.shape(segments)}")
        if self.segments is not None:
            return x + (self.segments.weight[0] if segments is None else self.segments(segments))
        if segments is not None:
            raise ValueError("segments: expected None, as this BERT was made with num_segments=0")
        return x

    def pool(self, hidden: Tensor) -> Tensor:
        """Return what stands for the whole sequence, [B, d_model]: tanh(pooler(hidden of the first token)).

        Args:
            hidden: what `forward` returns first, [B, T, d_model].
        """
        if self.pooler is None:
            raise ValueError("pool: this BERT has no pooler; make it with pooler=True")
        return ops.tanh(self.pooler(hidden[:, 0]))


def start_small(module: nn.Module) -> None:
    """Draw matrices from N(0, 0.02), and set biases to 0."""
    for name, parameter in module.named_parameters():
        if parameter.ndim == 2:
            nn.init.normal_(parameter, 0.0, 0.02)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
