"""The Transformer: an encoder of a source and a decoder of a target."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import decode, nn, ops
from .._arguments import integer
from ..autograd import Tensor
from ._decoding import as_texts, evaluating, from_memory, is_text
from ._heads import IGNORED
from ._token_ids import as_ids, padded_sources
from ._transformer_plan import StepPlan, plan_step

__all__ = ["Transformer"]


class Transformer(nn.Module):
    """Source ids [B, S] and the target ids so far [B, T] to the logits [B, T, V] of each next one, or to their loss.

    Embeddings times sqrt(d_model) plus sinusoidal positions; an encoder; a causal decoder that attends to its result; the
    output projection is the table of the target (tied). Train it with `optim.Noam` and
    `train.fit(model, None, (source, lengths, target, next), ...)`, as `Translator` does.

    Args:
        source_size: words of the source's vocabulary.
        target_size: words of the target's vocabulary.
        d_model: width of the network.
        nhead: attention heads.
        num_encoder_layers: layers of the encoder.
        num_decoder_layers: layers of the decoder.
        dim_feedforward: width of the layers' inner networks.
        dropout: share of units that is dropped in training.
        activation: of the layers, see `nn.TransformerEncoderLayer`.
        norm_first: whether norms stand before attention and inner networks; such stacks end with a norm.
        shared: whether there is one table for both sides (a joint vocabulary).
        label_smoothing: of the loss in training.
        pad_id: fills up sequences.
        bos_id: begins a target.
        eos_id: ends a target.

    Attributes:
        tokenizer: an object with encode(text) and decode(ids), for sources that are texts where both sides share one;
            None unless you set it.

    Raises:
        ValueError: `shared` with vocabularies of different sizes, or the number of heads does not divide d_model.

    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.

    >>> import numpy as np
    >>> from seqnn.models import Transformer
    >>> model = Transformer(50, 60, d_model=16, nhead=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=32)
    >>> source, target = np.arange(10).reshape(2, 5), np.arange(6).reshape(2, 3)
    >>> model(source, [5, 3], target).shape
    (2, 3, 60)
    >>> model(source, [5, 3], target[:, :-1], target[:, 1:]).shape
    ()
    >>> model.generate(source, 4, lengths=[5, 3]).shape[0]
    2
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        *,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        norm_first: bool = False,
        shared: bool = False,
        label_smoothing: float = 0.1,
        pad_id: int = 0,
        bos_id: int = 2,
        eos_id: int = 3,
    ) -> None:
        if shared and source_size != target_size:
            raise ValueError(f"shared: expected one size of the vocabularies, got {source_size} and {target_size}")
        self.label_smoothing, self.pad_id, self.bos_id, self.eos_id = label_smoothing, pad_id, bos_id, eos_id
        self.tokenizer: Any = None
        self.target = nn.Embedding(target_size, d_model, padding_idx=pad_id)
        self.source = self.target if shared else nn.Embedding(source_size, d_model, padding_idx=pad_id)
        self.positions, self.dropout = nn.SinusoidalPositions(), nn.Dropout(dropout)
        layer = d_model, nhead, dim_feedforward, dropout, activation
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(*layer, norm_first=norm_first),
            num_encoder_layers,
            nn.LayerNorm(d_model) if norm_first else None,
        )
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(*layer, norm_first=norm_first),
            num_decoder_layers,
            nn.LayerNorm(d_model) if norm_first else None,
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all matrices anew: tables with deviation d_model^-0.5, the others by Xavier's uniform distribution."""
        for name, parameter in self.named_parameters():
            if name in ("target.weight", "source.weight"):
                nn.init.normal_(parameter, 0.0, parameter.shape[1] ** -0.5)
                parameter.data[self.pad_id] = 0
            elif parameter.ndim == 2:
                nn.init.xavier_uniform_(parameter)

    def forward(self, source: Any, lengths: Any, target: Any, following: Any = None) -> Tensor:
        """Return the logits [B, T, V] of each next id, or the loss.

        Args:
            source: ids [B, S].
            lengths: [B]: source positions from there on are padding; None: there is none.
            target: ids so far, [B, T]. Its padding need not be told: the decoder is causal, so what counts never sees what
                comes after it.
            following: ids [B, T] to compute the mean cross-entropy against; those of -100 do not count.
        """
        hidden = self.decode(target, self.encode(source, lengths), lengths)
        table = self.target.weight
        if following is None:
            return ops.linear(hidden, table)
        smoothing = self.label_smoothing if self.training else 0.0
        return ops.linear_cross_entropy(
            hidden, table, np.asarray(following), ignore_index=IGNORED, label_smoothing=smoothing
        )

    def encode(self, ids: Any, lengths: Any = None) -> Tensor:
        """Return the encoder's result [B, S, d_model].

        Args:
            ids, lengths: as for `forward`.
        """
        return self.encoder(self._embed(self.source, ids, 0), lengths=lengths)

    def decode(
        self,
        ids: Any,
        memory: Any,
        lengths: Any = None,
        *,
        need_weights: bool = False,
        cache: list[nn.KeyValueCache] | None = None,
    ) -> Any:
        """Return the decoder's result [B, T, d_model].

        Args:
            ids: of the target so far, [B, T].
            memory: what `encode` gave.
            lengths: positions of the memory that count, [B]; default: all.
            need_weights: also return (own weights, weights of the source) of each layer, for `plot.attention`.
            cache: of `decoder.new_cache`: the ids go on from there.
        """
        x = self._embed(self.target, ids, cache[0].length if cache else 0)
        return self.decoder(x, memory, memory_lengths=lengths, need_weights=need_weights, cache=cache)

    def generate(self, source: Any, max_new_tokens: int, *, lengths: Any = None, **options: Any) -> Any:
        """Return targets, in evaluation mode: of the most probable next token each time, unless the options say otherwise.

        Args:
            source: ids [B, S], or a list of sources of unequal length; or a text or texts, where there is a tokenizer.
            max_new_tokens: most ids of a target.
            lengths: as for `forward`.
            **options: see `decode.Options`: num_beams, do_sample, ... `decode.generate(model, source)` also returns scores.

        Returns:
            Ids [B, T] with T <= max_new_tokens, without `bos_id`; after `eos_id` there is nothing else. For texts a list
            of texts, or one for a text.
        """
        if is_text(self, source, options):
            return as_texts(source, decode.generate(self, source, max_new_tokens=max_new_tokens, **options).texts)
        ids, lengths = padded_sources(source, lengths, self.pad_id)
        count = integer("max_new_tokens", max_new_tokens, 0)
        return decode.run(self._start(ids, lengths, count), {"max_new_tokens": count, **options}).sequences[:, 1:]

    def start_decoding(self, prompts: list[np.ndarray], max_new_tokens: int | None) -> decode.Start:
        """Return the beginning of decoding, for `decode.generate`.

        Args:
            prompts: ids of each source, of any lengths.
            max_new_tokens: most ids of a target.
        """
        ids, lengths = padded_sources(prompts, None, self.pad_id)
        return self._start(ids, lengths, integer("max_new_tokens", max_new_tokens, 0))

    def _start(self, ids: np.ndarray, lengths: Any, count: int) -> decode.Start:
        with evaluating(self):
            memory = self.encode(ids, lengths).data

        def hidden(new: np.ndarray, memory: Any, lengths: Any, mask: None, cache: Any, need_weights: bool) -> Any:
            return self.decode(new, memory, lengths, need_weights=need_weights, cache=cache)

        def logits(last: Tensor) -> Tensor:
            return ops.linear(last, self.target.weight)

        def alone(i: int) -> decode.Start:
            return self._start(ids[i : i + 1], None if lengths is None else np.asarray(lengths)[i : i + 1], count)

        return from_memory(
            self,
            memory,
            hidden,
            lengths,
            None,
            begin=self.bos_id,
            most=count,
            source=ids,
            logits=logits,
            plan=self._plan(),
            alone=alone,
            vocabulary=self.target.weight.shape[0],
        )

    def _plan(self) -> StepPlan | None:
        """Return the plan of whole steps in one call; None where this model is not plain enough."""
        if type(self) is not Transformer:
            return None
        scale = math.sqrt(self.target.embedding_dim)
        return plan_step(
            self, self.decoder, self.target, self.target.weight, positions=self.positions, embedding_scale=scale
        )

    def _product_weights(self) -> tuple[str, ...]:
        return ("target.weight",)

    def _embed(self, table: nn.Embedding, ids: Any, offset: int) -> Tensor:
        return self.dropout(self.positions(table(as_ids(ids)) * math.sqrt(table.embedding_dim), offset=offset))
