"""What Transformers from text to text share: the loss of an answer, and how answers are written."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import decode, nn
from .._arguments import integer
from ..autograd import Tensor
from ._decoding import as_texts, evaluating, from_memory, is_text
from ._heads import IGNORED
from ._huggingface_model import HuggingFaceModel
from ._token_ids import as_attention_mask, as_ids, keys_mask, padded_sources
from ._transformer_plan import StepPlan

__all__ = ["TextToText"]


class TextToText(HuggingFaceModel):
    """An encoder of a source, and a decoder that writes an answer.

    Attributes:
        embedding: the table of tokens.
        decoder: a `nn.TransformerDecoder`, or None: then only `encode` works.
        tokenizer: an object with encode(text) and decode(ids), for prompts that are texts; None unless you set it, or
            `from_huggingface` finds a tokenizer.json.
        pad_id: fills up sequences.
        eos_id: ends them.
        start_id: begins every decoder sequence.
    """

    embedding: nn.Embedding
    decoder: nn.TransformerDecoder | None
    tokenizer: Any
    pad_id: int
    eos_id: int
    start_id: int

    def forward(
        self, ids: Any, lengths: Any, decoder_ids: Any, targets: Any = None, *, attention_mask: Any = None
    ) -> Tensor:
        """Return the logits [B, T, V] of each next token, or the loss.

        Args:
            ids: [B, S].
            lengths: [B]: positions of `ids` from there on are padding; None: there is none.
            decoder_ids: [B, T].
            targets: ids [B, T] to compute the mean cross-entropy against; those of -100 do not count.
            attention_mask: booleans, or 1 and 0, [B, S]: positions of 0 are padding, wherever they stand. Instead of
                `lengths`.
        """
        memory = self.encode(ids, lengths, attention_mask=attention_mask)
        return self._predict(self.decode(decoder_ids, memory, lengths, attention_mask=attention_mask), targets)

    def encode(self, ids: Any, lengths: Any = None, *, attention_mask: Any = None, need_weights: bool = False) -> Any:
        """Return the encoder's hidden states [B, S, d_model].

        Args:
            ids, lengths, attention_mask: as for `forward`.
            need_weights: also return the weights of each layer, for `plot.attention`.

        Raises:
            ValueError: there are more positions than learned ones.
        """
        ids = as_ids(ids)
        mask = keys_mask(lengths, as_attention_mask(attention_mask, ids.shape))
        return self._encode(ids, lengths=lengths, mask=mask, need_weights=need_weights)

    def decode(
        self,
        ids: Any,
        memory: Tensor,
        lengths: Any = None,
        *,
        attention_mask: Any = None,
        need_weights: bool = False,
        cache: list[nn.KeyValueCache] | None = None,
    ) -> Any:
        """Return the decoder's hidden states [B, T, d_model].

        Args:
            ids: [B, T].
            memory: what `encode` gave.
            lengths: positions of the memory that count, [B].
            attention_mask: which positions of the memory count, [B, S], instead of `lengths`.
            need_weights: also return (own weights, weights of the source) of each layer, for `plot.attention`.
            cache: of `decoder.new_cache`: the ids go on from there.

        Raises:
            ValueError: there are more positions than learned ones, or there is no decoder.
        """
        if self.decoder is None:
            raise ValueError(
                f"decode: this {type(self).__name__} was made with num_decoder_layers=0; only encode works"
            )
        mask = keys_mask(lengths, as_attention_mask(attention_mask, memory.shape[:2]))
        return self._decode(
            as_ids(ids), memory, cache, memory_lengths=lengths, memory_mask=mask, need_weights=need_weights
        )

    def shift_right(self, targets: Any) -> np.ndarray:
        """Return what the decoder sees when it is to say `targets` [B, T]: `start_id`, then all but the last; -100 is `pad_id`.

        Args:
            targets: ids [B, T]; -100 does not count.
        """
        targets = as_ids(targets, "targets")
        begin = np.full((len(targets), 1), self.start_id, targets.dtype)
        ids = np.concatenate([begin, targets[:, :-1]], axis=1)
        return np.where(ids == IGNORED, self.pad_id, ids)

    def generate(
        self, ids: Any, max_new_tokens: int, *, lengths: Any = None, attention_mask: Any = None, **options: Any
    ) -> Any:
        """Return what the decoder writes for each sequence, without the first `start_id`, in evaluation mode.

        Args:
            ids: [B, S], or a list of sequences of unequal length; or a text or texts, where there is a tokenizer.
            max_new_tokens: most tokens of each; a sequence that ended is filled with pad_token_id, default `eos_id`.
            lengths: as for `forward`.
            attention_mask: as for `forward`.
            **options: see `decode.Options`: do_sample, num_beams, ... `decode.generate(model, ids)` also returns scores.

        Returns:
            [B, T] with T <= max_new_tokens; for texts a list of texts, or one for a text.

        Raises:
            FloatingPointError: logits are not finite.
        """
        if is_text(self, ids, options):
            return as_texts(ids, decode.generate(self, ids, max_new_tokens=max_new_tokens, **options).texts)
        ids, lengths = padded_sources(ids, lengths, self.pad_id)
        count = integer("max_new_tokens", max_new_tokens, 0)
        start = self._start(ids, lengths, as_attention_mask(attention_mask, ids.shape), count)
        return decode.run(start, {"max_new_tokens": count, **options}).sequences[:, 1:]

    def start_decoding(self, prompts: list[np.ndarray], max_new_tokens: int | None) -> decode.Start:
        """Return the beginning of decoding, for `decode.generate`.

        Args:
            prompts: token ids of each source, of any lengths.
            max_new_tokens: most tokens of each.
        """
        ids, lengths = padded_sources(prompts, None, self.pad_id)
        return self._start(ids, lengths, None, integer("max_new_tokens", max_new_tokens, 0))

    def _start(self, ids: np.ndarray, lengths: Any, mask: np.ndarray | None, count: int) -> decode.Start:
        if self.decoder is None:
            raise ValueError(
                f"generate: this {type(self).__name__} was made with num_decoder_layers=0; only encode works"
            )
        with evaluating(self):
            memory = self.encode(ids, lengths, attention_mask=mask).data

        def hidden(new: np.ndarray, memory: Any, lengths: Any, mask: Any, cache: Any, need_weights: bool) -> Any:
            return self.decode(new, memory, lengths, attention_mask=mask, need_weights=need_weights, cache=cache)

        def alone(i: int) -> decode.Start:
            own, masked = (None if x is None else np.asarray(x)[i : i + 1] for x in (lengths, mask))
            return self._start(ids[i : i + 1], own, masked, count)

        return from_memory(
            self, memory, hidden, lengths, mask, begin=self.start_id, most=count, source=ids, logits=self._predict,
            alone=alone, plan=self._plan(), vocabulary=self.embedding.weight.shape[0],
        )  # fmt: skip

    def _encode(self, ids: np.ndarray, **options: Any) -> Any:
        """Return what `encode` promises."""
        raise NotImplementedError

    def _decode(self, ids: np.ndarray, memory: Tensor, cache: list[nn.KeyValueCache] | None, **options: Any) -> Any:
        """Return what `decode` promises; the options are those of the decoder's call."""
        raise NotImplementedError

    def _plan(self) -> StepPlan | None:
        """Return the plan of whole steps in one call; None where this model is not plain enough."""
        raise NotImplementedError

    def _predict(self, hidden: Tensor, targets: Any = None) -> Tensor:
        """Return logits, or the loss."""
        raise NotImplementedError
