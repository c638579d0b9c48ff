"""T5: a Transformer encoder and decoder, from text to text."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, Self

import numpy as np

from .. import nn
from .._arguments import integer
from ..autograd import Tensor
from . import _huggingface
from ._generation import as_ids, evaluating, generate
from ._heads import IGNORED, LanguageModelHead

__all__ = ["T5"]


def _names(gated: bool) -> dict[str, str | tuple[str, ...]]:
    """Our modules -> those of Hugging Face's transformers."""
    names: dict[str, str | tuple[str, ...]] = {"embedding": "shared", "head": "lm_head"}
    for stack, attentions in (("encoder", ("self_attn",)), ("decoder", ("self_attn", "multihead_attn"))):
        ours, theirs = stack + ".layers.{}.", stack + ".block.{}.layer."
        for i, attention in enumerate(attentions):
            inside = f"{theirs}{i}.{('SelfAttention', 'EncDecAttention')[i]}."
            names[f"{ours}{attention}.in_proj"] = (inside + "q", inside + "k", inside + "v")
            names[f"{ours}{attention}.out_proj"] = inside + "o"
            names[f"{ours}norm{i + 1}"] = f"{theirs}{i}.layer_norm"
        i = len(attentions)
        names[f"{ours}linear1"] = f"{theirs}{i}.DenseReluDense.wi{'_0' if gated else ''}"
        names[f"{ours}linear3"] = f"{theirs}{i}.DenseReluDense.wi_1"
        names[f"{ours}linear2"] = f"{theirs}{i}.DenseReluDense.wo"
        names[f"{ours}norm{i + 1}"] = f"{theirs}{i}.layer_norm"
        names[f"{stack}.norm"] = f"{stack}.final_layer_norm"
        names[f"{stack}.relative"] = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias"
    return names


class T5(nn.Module):
    """Token ids [B, S] and those of the decoder [B, T] to the logits [B, T, V] of each next token, or to their loss.

    Pre-norm layers without biases: RMS norm, attention that is not scaled, whose only notion of position is a bias by
    distance that all layers of a stack share. Encoder, decoder and output share one table of tokens.

    Args:
        vocabulary_size: V. The defaults are those of T5 small, 61 million parameters.
        d_model, nhead, head_dim, dim_feedforward: widths and heads.
        num_layers, num_decoder_layers: of the encoder, and of the decoder (default: as many).
        dropout: of embeddings, attention and layers.
        activation: "relu"; "geglu_tanh" is that of T5 1.1 and Flan-T5.
        buckets, max_distance: of the bias by distance, see `nn.RelativePositions`.
        tied: whether the output uses the embeddings, scaled by 1 / sqrt(d_model); T5 1.1 has a table of its own.
        layer_norm_eps: of all norms.
        pad_id: fills up sequences, and begins every decoder sequence.
        eos_id: ends them.

    Train it with `train.fit(model, None, (ids, lengths, decoder_ids, targets), ...)`; `shift_right` makes the third of the
    last. Source: Raffel et al., "Exploring the limits of transfer learning", JMLR 2020.

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
        layer_norm_eps: float = 1e-6,
        pad_id: int = 0,
        eos_id: int = 1,
    ) -> None:
        self.tied, self.pad_id, self.eos_id = tied, pad_id, eos_id
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

        self.encoder = stack("Encoder", num_layers)
        self.decoder = stack("Decoder", num_layers if num_decoder_layers is None else num_decoder_layers)
        self.head = LanguageModelHead(d_model, vocabulary_size, tied=tied)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, as small as their number of inputs asks for; those of queries, which stand for the scale too."""
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

    def forward(self, ids: Any, lengths: Any, decoder_ids: Any, targets: Any = None) -> Tensor:
        """Logits [B, T, V], or the loss against `targets` [B, T], of which those of -100 do not count.

        Positions of `ids` behind `lengths` [B] are padding (None: there is none).
        """
        return self._predict(self.decode(decoder_ids, self.encode(ids, lengths), lengths), targets)

    def encode(self, ids: Any, lengths: Any = None) -> Tensor:
        """The encoder's hidden states [B, S, d_model]."""
        return self.dropout(self.encoder(self.dropout(self.embedding(as_ids(ids))), lengths=lengths))

    def decode(
        self, ids: Any, memory: Tensor, lengths: Any = None, *, cache: list[nn.KeyValueCache] | None = None
    ) -> Tensor:
        """The decoder's hidden states [B, T, d_model] over the encoder's `memory`, of which `lengths` positions count."""
        x = self.dropout(self.embedding(as_ids(ids)))
        return self.dropout(self.decoder(x, memory, memory_lengths=lengths, cache=cache))

    def shift_right(self, targets: Any) -> np.ndarray:
        """What the decoder sees when it is to say `targets` [B, T]: `pad_id`, then all but the last; -100 is `pad_id`."""
        targets = as_ids(targets)
        begin = np.full((len(targets), 1), self.pad_id, targets.dtype)
        ids = np.concatenate([begin, targets[:, :-1]], axis=1)
        return np.where(ids == IGNORED, self.pad_id, ids)

    def generate(
        self,
        ids: Any,
        max_new_tokens: int,
        *,
        lengths: Any = None,
        temperature: float = 0.0,
        top_k: int | None = None,
    ) -> np.ndarray:
        """Up to `max_new_tokens` tokens [B, T] for each sequence, without the first `pad_id`, in evaluation mode.

        `temperature`, `top_k` and the end by `eos_id` as in `GPT.generate`.
        """
        cache = self.decoder.new_cache(max(1, integer("max_new_tokens", max_new_tokens, 0)))
        with evaluating(self):
            memory = self.encode(ids, lengths)

            def step(unseen: np.ndarray) -> np.ndarray:
                return self._predict(self.decode(unseen, memory, lengths, cache=cache)[:, -1]).data

            begin = np.full((len(memory), 1), self.pad_id)
            return generate(step, begin, max_new_tokens, temperature=temperature, top_k=top_k, eos_id=self.eos_id)

    def load_huggingface(self, state: Mapping[str, Any] | str | PathLike) -> Self:
        """Take over the arrays (or the safetensors file) of a T5ForConditionalGeneration; returns this model."""
        extra = [r"embed_tokens\.weight$", r"EncDecAttention\.relative_attention_bias\.weight$"]
        extra += [r"^lm_head\.weight$"] if self.tied else []
        gated = self.encoder.layers[0].linear3 is not None
        _huggingface.load(self, state, _names(gated), optional=extra)
        return self

    def _predict(self, hidden: Tensor, targets: Any = None) -> Tensor:
        if not self.tied:
            return self.head(hidden, None, targets)
        return self.head(hidden * hidden.shape[-1] ** -0.5, self.embedding.weight, targets)
