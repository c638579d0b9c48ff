"""BART and what is built like it: Marian, mBART, M2M-100 and NLLB, which translate."""

from __future__ import annotations

import math
from os import PathLike
from typing import Any

import numpy as np

from .. import nn
from .._arguments import integer
from .._huggingface import BART as FAMILY
from .._huggingface import BART_LIKE, Family, read_config
from ..autograd import Tensor
from ..decode import Start
from ._bert import start_small
from ._heads import IGNORED, LanguageModelHead
from ._text_to_text import TextToText
from ._transformer_plan import StepPlan, plan_step

__all__ = ["BART"]

POSITIONS = ("learned", "sinusoidal", "fairseq")


class BART(TextToText):
    """Token ids [B, S] and those of the decoder [B, T] to the logits [B, T, V] of each next token, or to their loss.

    Encoder, decoder and output share one table of tokens. What its relatives change are arguments: Marian has fixed
    positions and no norm of the embeddings; mBART norms before the sublayers; M2M-100 and NLLB both.
    Train it with `train.fit(model, None, (ids, lengths, decoder_ids, targets), ...)`; `shift_right` makes the third of the
    last. `from_huggingface` reads all of these: config.json says which.

    Args:
        vocabulary_size: V. The defaults are those of BART base, 139 million parameters.
        max_positions: the longest sequence, where positions are learned.
        d_model: width of the network.
        nhead: attention heads.
        decoder_nhead: those of the decoder; default: as many.
        num_layers: layers of the encoder.
        num_decoder_layers: layers of the decoder; default: as many.
        dim_feedforward: width of the layers' inner networks.
        decoder_dim_feedforward: that of the decoder; default: the same.
        dropout: share of units of embeddings, attention and layers that is dropped in training.
        activation: of the layers.
        positions: "learned"; "sinusoidal": sines, then cosines, as in Marian; "fairseq": the same with other wavelengths and
            counted from pad_id + 1, as in M2M-100.
        norm_first: whether norms stand before attention and inner networks; such stacks end with a norm.
        embedding_norm: whether the sum of embeddings and learned positions goes through a norm.
        embedding_scale: whether embeddings are multiplied by sqrt(d_model).
        tied: whether the output uses the table of the embeddings.
        output_bias: whether the output has a bias (final_logits_bias).
        layer_norm_eps: of all norms.
        pad_id: fills up sequences.
        eos_id: ends them.
        start_id: begins every decoder sequence.
        wrapped: whether `shift_right` begins with what the targets end with, their language, instead of `start_id`, as in
            mBART.

    Attributes:
        tokenizer: an object with encode(text) and decode(ids), for prompts that are texts; None unless you set it, or
            `from_huggingface` finds a tokenizer.json.

    Raises:
        ValueError: the activation or the kind of positions is not known, a number of heads does not divide d_model, or
            embedding_norm without learned positions.

    Sources: Lewis et al., "BART", ACL 2020; Liu et al., "Multilingual denoising pre-training" (mBART), TACL 2020;
    Fan et al., "Beyond English-centric multilingual machine translation" (M2M-100), JMLR 2021; Junczys-Dowmunt et al.,
    "Marian", ACL 2018.

    >>> import numpy as np
    >>> from seqnn.models import BART
    >>> model = BART(50, max_positions=16, d_model=16, nhead=2, num_layers=1, dim_feedforward=32)
    >>> ids, targets = np.arange(10).reshape(2, 5), np.arange(6).reshape(2, 3)
    >>> model(ids, [5, 3], model.shift_right(targets)).shape
    (2, 3, 50)
    >>> model(ids, [5, 3], model.shift_right(targets), targets).shape
    ()
    >>> model.generate(ids, 4, lengths=[5, 3], num_beams=2).shape[0]
    2
    """

    decoder: nn.TransformerDecoder

    _family = FAMILY

    def __init__(
        self,
        vocabulary_size: int = 50265,
        *,
        max_positions: int = 1024,
        d_model: int = 768,
        nhead: int = 12,
        decoder_nhead: int | None = None,
        num_layers: int = 6,
        num_decoder_layers: int | None = None,
        dim_feedforward: int = 3072,
        decoder_dim_feedforward: int | None = None,
        dropout: float = 0.1,
        activation: str = "gelu",
        positions: str = "learned",
        norm_first: bool = False,
        embedding_norm: bool = True,
        embedding_scale: bool = False,
        tied: bool = True,
        output_bias: bool = True,
        layer_norm_eps: float = 1e-5,
        pad_id: int = 1,
        eos_id: int = 2,
        start_id: int = 2,
        wrapped: bool = False,
    ) -> None:
        if positions not in POSITIONS:
            raise ValueError(f"positions: expected one of {', '.join(POSITIONS)}, got {positions!r}")
        if embedding_norm and positions != "learned":
            raise ValueError(f"embedding_norm: expected False with positions={positions!r}, got True")
        for name, token in (("pad_id", pad_id), ("eos_id", eos_id), ("start_id", start_id)):
            integer(name, token, 0, vocabulary_size - 1)
        self.tied, self.pad_id, self.eos_id, self.start_id = tied, pad_id, eos_id, start_id
        self.tokenizer, self.wrapped = None, wrapped
        self.scale = math.sqrt(d_model) if embedding_scale else 1.0
        self.embedding, self.dropout = nn.Embedding(vocabulary_size, d_model, padding_idx=pad_id), nn.Dropout(dropout)

        def part(kind: str, layers: int, heads: int, inner: int) -> tuple[nn.Module, nn.Module, nn.Module | None]:
            """Return a stack, its positions, and the norm of its embeddings."""
            layer = getattr(nn, f"Transformer{kind}Layer")(
                d_model, heads, inner, dropout, activation, layer_norm_eps, norm_first=norm_first
            )
            stack = getattr(nn, f"Transformer{kind}")(
                layer, layers, nn.LayerNorm(d_model, layer_norm_eps) if norm_first else None
            )
            norm = nn.LayerNorm(d_model, layer_norm_eps) if embedding_norm else None
            return stack, self._positions(positions, max_positions, d_model), norm

        layers = integer("num_layers", num_layers, 1)
        decoder_layers = layers if num_decoder_layers is None else integer("num_decoder_layers", num_decoder_layers, 1)
        self.encoder, self.encoder_positions, self.encoder_norm = part("Encoder", layers, nhead, dim_feedforward)
        self.decoder, self.decoder_positions, self.decoder_norm = part(
            "Decoder", decoder_layers, nhead if decoder_nhead is None else decoder_nhead,
            dim_feedforward if decoder_dim_feedforward is None else decoder_dim_feedforward,
        )  # fmt: skip
        self.head = LanguageModelHead(d_model, vocabulary_size, tied=tied, bias=output_bias)
        start_small(self)

    def _positions(self, kind: str, count: int, d_model: int) -> nn.Module:
        if kind == "learned":
            return nn.LearnedPositions(integer("max_positions", count, 1), d_model)
        if kind == "sinusoidal":
            return nn.SinusoidalPositions(halves=True)
        half = d_model / 2
        return nn.SinusoidalPositions(base=10000.0 ** (half / max(half - 1, 1)), halves=True, first=self.pad_id + 1)

    def _encode(self, ids: np.ndarray, **options: Any) -> Any:
        return self.encoder(self._embed(ids, self.encoder_positions, self.encoder_norm), **options)

    def _decode(self, ids: np.ndarray, memory: Tensor, cache: list[nn.KeyValueCache] | None, **options: Any) -> Any:
        x = self._embed(ids, self.decoder_positions, self.decoder_norm, cache[0].length if cache else 0)
        return self.decoder(x, memory, cache=cache, **options)

    def shift_right(self, targets: Any) -> np.ndarray:
        """Return what the decoder sees when it is to say `targets` [B, T]; -100 is `pad_id`.

        That is `start_id`, or of an mBART the last token that counts; then all but the last.

        Args:
            targets: ids [B, T]; -100 does not count.
        """
        found = super().shift_right(targets)
        if self.wrapped and found.size:
            given = np.asarray(targets)
            counted = (given != IGNORED) & (given != self.pad_id)
            last = given.shape[1] - 1 - np.argmax(counted[:, ::-1], axis=1)
            found[:, 0] = np.where(counted.any(axis=1), given[np.arange(len(given)), last], self.start_id)
        return found

    @classmethod
    def _family_of(cls, folder: str | PathLike) -> Family:
        return BART_LIKE.get(str(read_config(folder).get("model_type")), cls._family)

    def _start(self, ids: np.ndarray, lengths: Any, mask: np.ndarray | None, count: int) -> Start:
        positions = self.decoder_positions
        if isinstance(positions, nn.LearnedPositions) and count > len(positions.weight):
            raise ValueError(f"max_new_tokens: expected at most max_positions={len(positions.weight)}, got {count}")
        return super()._start(ids, lengths, mask, count)

    def _plan(self) -> StepPlan | None:
        """Return the plan of whole steps in one call; None where this model is not plain enough."""
        if type(self) is not BART:
            return None
        table = self.embedding.weight if self.tied else self.head.weight
        return plan_step(
            self, self.decoder, self.embedding, table, positions=self.decoder_positions, embedding_scale=self.scale,
            embedding_norm=self.decoder_norm, output_bias=self.head.bias,
        )  # fmt: skip

    def _product_weights(self) -> tuple[str, ...]:
        return ("embedding.weight",) if self.tied else ()

    def _embed(self, ids: np.ndarray, positions: nn.Module, norm: nn.Module | None, offset: int = 0) -> Tensor:
        room = len(positions.weight) if isinstance(positions, nn.LearnedPositions) else math.inf
        if offset + ids.shape[1] > room:
            raise ValueError(f"ids: expected at most max_positions={room}, got {offset + ids.shape[1]}")
        x = self.embedding(ids)
        x = positions(x if self.scale == 1 else x * self.scale, offset=offset)
        return self.dropout(x if norm is None else norm(x))

    def _predict(self, hidden: Tensor, targets: Any = None) -> Tensor:
        """Return logits, or the loss."""
        return self.head(hidden, self.embedding.weight if self.tied else None, targets)
