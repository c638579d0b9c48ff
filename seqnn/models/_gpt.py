"""GPT: a Transformer that predicts the next token."""

from __future__ import annotations

import math
from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np

from .. import decode, nn, ops
from .._arguments import integer
from .._huggingface import GPT2
from ..autograd import Tensor
from ._decoding import as_texts, evaluating, is_text, last_attention, shorten
from ._gpt_files import save
from ._heads import LanguageModelHead
from ._huggingface_model import HuggingFaceModel
from ._token_ids import as_attention_mask, as_ids, as_prompts, keys_mask
from ._transformer_plan import StepPlan, plan_step
from ._transformer_step import StepState, score, step

__all__ = ["GPT"]


class GPT(HuggingFaceModel):
    """Token ids [B, T] to the logits [B, T, V] of each next token, or, given targets, to their mean cross-entropy.

    h = tokens + positions; every layer h += attention(norm(h)), h += feed_forward(norm(h)), where a position attends to
    itself and those before it; logits = norm(h) @ table.T, by default with the table of the embeddings (tied weights).
    Weights start from N(0, 0.02), those before a residual connection with 0.02 / sqrt(2 num_layers), biases at 0.
    Train it with `train.fit(model, None, (ids, targets), ...)`, where targets are the ids one position further.
    `from_huggingface` reads a GPT-2; its heads for other tasks are left out.

    Args:
        vocabulary_size: V. The defaults are those of GPT-2 small, 124 million parameters.
        max_positions: the longest sequence.
        d_model: width of the network.
        nhead: attention heads.
        num_layers: layers.
        dim_feedforward: width of the layers' inner networks; default: 4 d_model.
        dropout: share of units of embeddings, attention and layers that is dropped in training.
        positions: "learned" vectors, or "rotary".
        activation: of the layers, see `nn.TransformerEncoderLayer`.
        bias: whether the layers have biases.
        layer_norm_eps: of all norms.
        tied: whether the output uses the table of the embeddings.
        norm: "layer_norm", or "rms_norm" as in LLaMA.
        num_groups: heads of keys and values; default: `nhead`.
        head_dim: size of a head; default: d_model / nhead.
        qkv_bias, out_bias: whether queries, keys and values, and the attention's result, have biases; default: `bias`.
        qk_norm: whether the queries and the keys of each head pass an RMSNorm, as in Qwen3.
        rotary_base, rotary_scaling: of rotary positions, see `nn.MultiheadAttention`.

    Attributes:
        tokenizer: an object with encode(text) and decode(ids), for prompts that are texts; None unless you set it, or
            `from_huggingface` finds a tokenizer.json.

    Raises:
        ValueError: the number of heads does not divide d_model, or `positions` or `activation` is not known.

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

    _family = GPT2

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
        tied: bool = True,
        norm: str = "layer_norm",
        num_groups: int | None = None,
        head_dim: int | None = None,
        qkv_bias: bool | None = None,
        out_bias: bool | None = None,
        qk_norm: bool = False,
        rotary_base: float = 10000.0,
        rotary_scaling: Mapping[str, Any] | None = None,
    ) -> None:
        if positions not in ("learned", "rotary"):
            raise ValueError(f"positions: expected 'learned' or 'rotary', got {positions!r}")
        num_layers = integer("num_layers", num_layers, 1)
        self.max_positions, self.tied = max_positions, tied
        self.tokenizer: Any = None
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
            norm=norm,
            num_groups=num_groups,
            head_dim=head_dim,
            qkv_bias=qkv_bias,
            out_bias=out_bias,
            qk_norm=qk_norm,
            rotary=positions == "rotary",
            rotary_base=rotary_base,
            rotary_scaling=rotary_scaling,
        )
        last = (
            nn.LayerNorm(d_model, layer_norm_eps, bias=bias)
            if norm == "layer_norm"
            else nn.RMSNorm(d_model, layer_norm_eps)
        )
        self.transformer = nn.TransformerEncoder(layer, num_layers, last)
        self.head = LanguageModelHead(d_model, vocabulary_size, tied=tied)
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

    def forward(self, ids: Any, targets: Any = None, *, lengths: Any = None, attention_mask: Any = None) -> Tensor:
        """Return the logits [B, T, V] of each next token, or the loss.

        Args:
            ids: [B, T].
            targets: ids [B, T] to compute the mean cross-entropy against; those of -100 do not count.
            lengths: [B]: positions from there on are padding, whose logits mean nothing and which cost nothing.
            attention_mask: booleans, or 1 and 0, [B, T]: positions of 0 are padding, wherever they stand; learnt positions
                count the others. Instead of `lengths`.
        """
        hidden = self.encode(ids, lengths, attention_mask=attention_mask)
        return self.head(hidden, self._table(), targets)

    def encode(
        self,
        ids: Any,
        lengths: Any = None,
        *,
        attention_mask: Any = None,
        need_weights: bool = False,
        cache: list[nn.KeyValueCache] | None = None,
    ) -> Any:
        """Return the hidden states [B, T, d_model] after the last norm.

        Args:
            ids: [B, T].
            lengths: as for `forward`.
            attention_mask: as for `forward`; with a cache, of the positions that it holds and of the new ones.
            need_weights: also return the weights of each layer, for `plot.attention`.
            cache: of `transformer.new_cache`: the ids go on from there.

        Raises:
            ValueError: there are more positions than `max_positions`, or the mask does not fit.
        """
        ids = as_ids(ids)
        start = cache[0].length if cache else 0
        end = start + ids.shape[1]
        if end > self.max_positions:
            raise ValueError(f"ids: expected at most max_positions={self.max_positions}, got {end}")
        mask = as_attention_mask(attention_mask, (len(ids), end))
        x = self.embedding(ids)
        if self.positions is not None and mask is None:
            x = self.positions(x, offset=start)
        elif self.positions is not None:
            places = np.maximum(mask.cumsum(axis=1) - 1, 0)[:, start:]
            x = x + ops.embedding(places, self.positions.weight)
        return self.transformer(
            self.dropout(x), causal=True, lengths=lengths, mask=keys_mask(lengths, mask), need_weights=need_weights,
            cache=cache,
        )  # fmt: skip

    def generate(
        self,
        ids: Any,
        max_new_tokens: int,
        *,
        lengths: Any = None,
        attention_mask: Any = None,
        crop: bool = False,
        truncate: bool = False,
        **options: Any,
    ) -> Any:
        """Return prompts and what follows them, in evaluation mode, with a cache of keys and values.

        Args:
            ids: prompts [B, T], or a list of prompts of unequal length; or a text or texts, where there is a tokenizer.
            max_new_tokens: most tokens after each.
            lengths: tokens of each prompt, [B], where the padding is at the end.
            attention_mask: booleans, or 1 and 0, [B, T], where the padding (0) is at the beginning. Instead of `lengths`.
            crop: whether to go on from the last `max_positions` tokens where there are more; each further token then takes
                a pass over all of these.
            truncate: whether prompts lose their first tokens where all positions would not suffice.
            **options: see `decode.Options`: eos_token_id, do_sample, num_beams, ... `decode.generate(model, ids)` also
                returns scores.

        Returns:
            [B, T + new]. With prompts of unequal length the new tokens stand right after each prompt, and the end is filled
            with pad_token_id, eos_token_id or 0: [B, max(lengths) + new]. For texts a list of texts, or one for a text.

        Raises:
            ValueError: there is nothing to go on from, or more than `max_positions` positions would be needed.
            FloatingPointError: logits are not finite.
        """
        count = integer("max_new_tokens", max_new_tokens, 0)
        options = decode.with_tokenizer(self, {"max_new_tokens": count, **options})
        if is_text(self, ids, options):
            start = self.start_decoding(
                decode.as_prompts(ids, options["tokenizer"]), count, crop=crop, truncate=truncate
            )
            return as_texts(ids, decode.run(start, options).whole_texts)
        mask = None if attention_mask is None else as_attention_mask(attention_mask, as_ids(ids).shape)
        prompts, whole = as_prompts(ids, lengths, mask)
        if not prompts:
            return as_ids(ids).astype(np.int64)
        start = self.start_decoding(prompts, count, crop=crop, truncate=truncate)
        found = decode.run(start, options)
        copies = len(found.sequences) // len(prompts)
        if whole is not None and not truncate:
            return np.concatenate([whole.repeat(copies, axis=0), found.sequences[:, whole.shape[1] :]], axis=1)
        return decode.moved_left(found)

    def start_decoding(
        self, prompts: list[np.ndarray], max_new_tokens: int | None, *, crop: bool = False, truncate: bool = False
    ) -> decode.Start:
        """Return the beginning of decoding, for `decode.generate`.

        Args:
            prompts: token ids of each prompt, of any lengths.
            max_new_tokens: most tokens after each; None: as many as there are positions.
            crop: as for `generate`.
            truncate: as for `generate`.
        """
        limit, count = self.max_positions, 1 if max_new_tokens is None else max_new_tokens
        if truncate:
            prompts = [prompt[-max(1, limit - count) :] for prompt in prompts]
        ids, begins = decode.left_padded(prompts)
        width = ids.shape[1]
        if width + count > limit and not crop:
            raise ValueError(
                f"max_new_tokens: {width} + {count} positions exceed max_positions={limit}; crop=True goes on from the "
                f"last {limit}, truncate=True leaves out the first tokens of prompts"
            )
        room = limit if max_new_tokens is None else min(width + count, limit)
        mask = np.arange(width) >= begins[:, None] if begins.any() else None
        options = {} if crop else {"max_new_tokens": limit - width}
        vocabulary = self.embedding.weight.shape[0]

        def alone(i: int) -> decode.Start:
            return self.start_decoding([prompts[i]], max_new_tokens, crop=crop)

        def by_layers(step: Any, **more: Any) -> decode.Start:
            state = mask, self.transformer.new_cache(room)
            return decode.Start(
                ids, step, state, begins, options=options, context=lambda: evaluating(self), attended=mask,
                vocabulary=vocabulary, **more,
            )  # fmt: skip

        def attending() -> decode.Start:
            return by_layers(self._attend)

        endless = crop and max_new_tokens is None
        plan = None if endless or width + count > limit else self._plan()
        if plan is None:
            return by_layers(self._step, score=None if crop else self._score, alone=alone, attending=attending)
        own = StepState(plan, plan.arguments(self), begins, room, count)
        return decode.Start(
            ids,
            step,
            own,
            begins,
            options=options,
            score=score,
            alone=alone,
            attending=attending,
            vocabulary=vocabulary,
        )

    def _step(self, ids: np.ndarray, state: tuple) -> tuple:
        """Return the logits after all tokens so far, of which the cache has seen all but the last ones."""
        return self._logits(self._read(ids, state)[:, -1]), state

    def _attend(self, ids: np.ndarray, state: tuple) -> tuple:
        """Do what `_step` does, and return the attention of the last token to all tokens so far as well."""
        hidden, weights = self._read(ids, state, need_weights=True)
        attention = last_attention(weights[-1])
        cropped = ids.shape[1] - attention.shape[1]
        return self._logits(hidden[:, -1]), state, np.pad(attention, ((0, 0), (cropped, 0)))

    def _score(self, ids: np.ndarray, state: tuple, count: int) -> tuple:
        """Return the logits after each of the last tokens, which may have changed since the cache saw some."""
        shorten(state[1], ids.shape[1] - count)
        return self._logits(self._read(ids, state)[:, -count:]), state

    def _read(self, ids: np.ndarray, state: tuple, *, need_weights: bool = False) -> Any:
        """Return the hidden states of the tokens that the cache has not seen, or of the last ones that have positions."""
        mask, cache = state
        room, places = cache[0].capacity, ids.shape[1]
        if mask is not None:
            new = np.ones((len(ids), places - mask.shape[1]), bool)
            mask = np.concatenate([mask, new], axis=1)
        if places <= room:
            new_ids = ids[:, cache[0].length :]
            return self.encode(new_ids, attention_mask=mask, need_weights=need_weights, cache=cache)
        mask = None if mask is None else mask[:, -room:]
        return self.encode(ids[:, -room:], attention_mask=mask, need_weights=need_weights)

    def _logits(self, hidden: Tensor) -> np.ndarray:
        return self.head(hidden, self._table()).data

    def _plan(self) -> StepPlan | None:
        """Return the plan of whole steps in one call; None where this model is not plain enough."""
        if type(self) is not GPT:
            return None
        table = self.embedding.weight if self.tied else self.head.weight
        return plan_step(self, self.transformer, self.embedding, table, positions=self.positions)

    def _product_weights(self) -> tuple[str, ...]:
        return ("embedding.weight",) if self.tied else ()

    def _table(self) -> Tensor | None:
        return self.embedding.weight if self.tied else None

    def save_huggingface(self, folder: str | PathLike) -> None:
        """Write a folder that `from_huggingface` reads, as do transformers: config.json, weights, and the tokenizer.

        A `SubwordTokenizer` becomes tokenizer.json, and a `Vocabulary` vocabulary.json, which only seqnn reads; the token
        that ends texts is that of its role or name "eos".

        Args:
            folder: it is made where it does not exist.

        Raises:
            ValueError: this is no GPT-2: it has rotary positions, no biases, or another activation.
            TypeError: the tokenizer is of another kind.

        >>> import tempfile
        >>> import numpy as np
        >>> from seqnn.models import GPT
        >>> model = GPT(50, max_positions=32, d_model=16, nhead=2, num_layers=2).eval()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save_huggingface(folder)
        ...     np.array_equal(GPT.from_huggingface(folder).generate([[1, 2]], 5), model.generate([[1, 2]], 5))
        True
        """
        save(self, folder)
