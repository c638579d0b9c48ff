"""T5: a Transformer encoder and decoder, from text to text."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn
from .._arguments import integer
from .._huggingface import T5 as FAMILY
from ..autograd import Tensor
from ._heads import LanguageModelHead
from ._text_to_text import TextToText
from ._transformer_encoding import encode_packed
from ._transformer_plan import StepPlan, plan_step

__all__ = ["T5"]


class T5(TextToText):
    """Token ids [B, S] and those of the decoder [B, T] to the logits [B, T, V] of each next token, or to their loss.

    Pre-norm layers without biases: RMS norm, attention that is not scaled, whose only notion of position is a bias by
    distance that all layers of a stack share. Encoder, decoder and output share one table of tokens.
    Train it with `train.fit(model, None, (ids, lengths, decoder_ids, targets), ...)`; `shift_right` makes the third of the
    last. `from_huggingface` reads a T5ForConditionalGeneration, or without a decoder the encoder of any T5.

    Args:
        vocabulary_size: V. The defaults are those of T5 small, 61 million parameters.
        d_model: width of the network.
        nhead: attention heads.
        head_dim: size of a head.
        num_layers: layers of the encoder.
        num_decoder_layers: layers of the decoder; default: as many; 0: there is only the encoder.
        dim_feedforward: width of the layers' inner networks.
        dropout: share of units of embeddings, attention and layers that is dropped in training.
        activation: "relu"; "geglu_tanh" is that of T5 1.1 and Flan-T5.
        buckets: of the bias by distance, see `nn.RelativePositions`.
        max_distance: of the bias by distance.
        tied: whether the output uses the table of the embeddings; T5 1.1 has a table of its own.
        scale_output: whether hidden states are multiplied by 1 / sqrt(d_model) before the output; default: `tied`.
        layer_norm_eps: of all norms.
        pad_id: fills up sequences, and begins every decoder sequence.
        eos_id: ends them.

    Attributes:
        tokenizer: an object with encode(text) and decode(ids), for prompts that are texts; None unless you set it, or
            `from_huggingface` finds a tokenizer.json.

    Raises:
        ValueError: the activation is not known.

    Source: Raffel et al., "Exploring the limits of transfer learning", JMLR 2020.

    >>> import numpy as np
    >>> from seqnn.models import T5
    >>> model = T5(50, d_model=16, nhead=2, head_dim=8, num_layers=1, dim_feedforward=32)
    >>> ids, targets = np.arange(10).reshape(2, 5), np.arange(6).reshape(2, 3)
    >>> model(ids, [5, 3], model.shift_right(targets)).shape
    (2, 3, 50)
    >>> model(ids, [5, 3], model.shift_right(targets), targets).shape
    ()
    >>> model.generate(ids, 4, lengths=[5, 3]).shape[0]
    2
    """

    _family = FAMILY

    def __init__(
        self,
        vocabulary_size: int = 32128,
        *,
        d_model: int = 512,
        nhead: int = 8,
        head_dim: int = 64,
        num_layers: int = 6,
        num_decoder_layers: int | None = None,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        buckets: int = 32,
        max_distance: int = 128,
        tied: bool = True,
        scale_output: bool | None = None,
        layer_norm_eps: float = 1e-6,
        pad_id: int = 0,
        eos_id: int = 1,
    ) -> None:
        self.tied, self.pad_id, self.eos_id, self.start_id = tied, pad_id, eos_id, pad_id
        self.tokenizer = None
        self.scale_output = tied if scale_output is None else scale_output
        self.embedding = nn.Embedding(vocabulary_size, d_model)
        self.dropout = nn.Dropout(dropout)

        def stack(kind: str, layers: int) -> nn.Module:
            layer = getattr(nn, f"Transformer{kind}Layer")(
                d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps,
                norm_first=True, bias=False, norm="rms_norm", head_dim=head_dim, attention_scale=1.0,
            )  # fmt: skip
            relative = nn.RelativePositions(nhead, buckets, max_distance, bidirectional=kind == "Encoder")
            norm = nn.RMSNorm(d_model, layer_norm_eps)
            return getattr(nn, f"Transformer{kind}")(layer, layers, norm, relative=relative)

        num_layers = integer("num_layers", num_layers, 1)
        self.encoder = stack("Encoder", num_layers)
        layers = num_layers if num_decoder_layers is None else integer("num_decoder_layers", num_decoder_layers, 0)
        self.decoder = stack("Decoder", layers) if layers else None
        self.head = LanguageModelHead(d_model, vocabulary_size, tied=tied) if layers else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, the smaller the more inputs there are; those of queries stand for the scale of scores too."""
        inner, d_model = self.encoder.layers[0].self_attn.out_proj.weight.shape[::-1]
        heads = self.encoder.relative.num_heads
        for name, parameter in self.named_parameters():
            if name.endswith("in_proj_weight"):
                nn.init.normal_(parameter.data[:inner], 0.0, (d_model * inner // heads) ** -0.5)
                nn.init.normal_(parameter.data[inner:], 0.0, d_model**-0.5)
            elif name.endswith("relative.weight"):
                nn.init.normal_(parameter, 0.0, d_model**-0.5)
            elif parameter.ndim == 2:
                table = name in ("embedding.weight", "head.weight")
                nn.init.normal_(parameter, 0.0, 1.0 if table else parameter.shape[1] ** -0.5)

    def _encode(self, ids: np.ndarray, **options: Any) -> Any:
        found = self.encoder(self.dropout(self.embedding(ids)), **options)
        return (self.dropout(found[0]), found[1]) if options["need_weights"] else self.dropout(found)

    def encode_packed(self, ids: Any, lengths: Any) -> np.ndarray:
        """Return the encoder's hidden states of sequences without padding, in evaluation mode and without gradients.

        Args:
            ids, lengths: as for `BERT.encode_packed`.

        Returns:
            float32 [N, d_model].

        Raises:
            ValueError: lengths do not sum to N, or one is 0.
        """

        def make() -> StepPlan | None:
            return plan_step(self, self.encoder, self.embedding, None) if type(self) is T5 else None

        def enter(ids: np.ndarray, places: np.ndarray) -> np.ndarray:
            return self.embedding(ids[None]).numpy()[0]

        return encode_packed(self, make, enter, self.encode, ids, lengths, None)

    def _decode(self, ids: np.ndarray, memory: Tensor, cache: list[nn.KeyValueCache] | None, **options: Any) -> Any:
        found = self.decoder(self.dropout(self.embedding(ids)), memory, cache=cache, **options)
        return (self.dropout(found[0]), found[1]) if options["need_weights"] else self.dropout(found)

    def _plan(self) -> StepPlan | None:
        """Return the plan of whole steps in one call; None where this model is not plain enough."""
        if type(self) is not T5:
            return None
        table = self.embedding.weight if self.tied else self.head.weight
        scale = self.embedding.embedding_dim**-0.5 if self.scale_output else 1.0
        return plan_step(self, self.decoder, self.embedding, table, output_scale=scale)

    def _product_weights(self) -> tuple[str, ...]:
        return ("embedding.weight",) if self.tied and self.head is not None else ()

    def _predict(self, hidden: Tensor, targets: Any = None) -> Tensor:
        """Return logits, or the loss."""
        scaled = hidden * hidden.shape[-1] ** -0.5 if self.scale_output else hidden
        return self.head(scaled, self.embedding.weight if self.tied else None, targets)
