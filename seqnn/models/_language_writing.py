"""What a language model writes: the tokens after a prompt, as text again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .. import decode
from ._decoding import refuse_several
from ._gpt import GPT
from ._language_texts import ReadsTexts
from ._sequences import Sequences
from ._stream_tokens import StreamTokens, TextCoder

__all__ = ["WritesTexts"]


class WritesTexts(ReadsTexts):
    """A language model that goes on writing texts."""

    @property
    def tokenizer_(self) -> TextCoder | None:
        """What makes ids of texts and texts of ids; None for X of integers."""
        settings = self._require_fit()
        if not isinstance(self._input, StreamTokens):
            return None
        split = settings.tokenizer
        return TextCoder(self._input, split, getattr(split, "join", "".join if split is list else " ".join))

    def start_decoding(self, prompts: list[np.ndarray], max_new_tokens: int | None) -> decode.Start:
        """Return the beginning of decoding, for `decode.generate`. A GPT goes on from the last tokens where there are more.

        Args:
            prompts: ids of each prompt, of any lengths; those that a text begins with are not added here.
            max_new_tokens: most tokens after each.
        """
        self._require_fit()
        more = {"crop": True} if isinstance(self.model_, GPT) else {}
        start = self.model_.start_decoding(prompts, max_new_tokens, **more)
        return replace(start, options={**start.options, **self._input.options()})

    def generate(self, prompt: Any = "", *, max_new_tokens: int = 100, **options: Any) -> Any:
        """Return prompts and what the model writes after them; `decode.generate(model, prompt)` tells more about it.

        Args:
            prompt: the beginning of a text: a string or an array of integers; or a list of beginnings: strings, token lists
                or sequences of integers. "" begins a new text, where `fit` got a list of texts.
            max_new_tokens: most tokens after each.
            **options: see `decode.Options`: do_sample, temperature, top_k, top_p, num_beams, seed, ...

        Returns:
            A text for one prompt, a list for several prompts or num_return_sequences. "<unk>" is never written, and stays
            in a prompt what it was.

        Raises:
            ValueError: the prompt is empty and the model knows no beginning of a text, or an option is out of bounds.
        """
        self._require_fit()
        prompts, single = self._texts(prompt, "prompt", empty=True)
        found = self._written(prompts, max_new_tokens, options)
        copies = len(found) // len(prompts.rows)
        rows = [self._joined(prompts, i // copies, new, whole=True) for i, new in enumerate(found)]
        return rows[0] if single and copies == 1 else rows

    def predict(self, X: Any, *, max_new_tokens: int = 20, **options: Any) -> list[Any]:  # noqa: N803
        """Return what the model writes after each text, without the text.

        Args:
            X: beginnings of texts, as for `generate`.
            max_new_tokens: most tokens.
            **options: as for `generate`.
        """
        self._require_fit()
        refuse_several(options)
        prompts, _ = self._texts(X, "X", empty=True)
        found = self._written(prompts, max_new_tokens, options)
        return [self._joined(prompts, i, new, whole=False) for i, new in enumerate(found)]

    def stream(self, prompt: Any = "", *, max_new_tokens: int = 100, **options: Any) -> Iterator[Any]:
        """Yield what follows a prompt as it is written: pieces of text, or integers.

        Args:
            prompt: one string, or an array of integers.
            max_new_tokens: most tokens.
            **options: as for `generate`, without beams.
        """
        self._require_fit()
        options = self._options(max_new_tokens, options)
        if self.tokenizer_ is not None:
            return decode.stream_text(self, prompt, **options)
        prompts, _ = self._texts(prompt, "prompt", empty=True)
        return decode.stream(self, self._prompts(prompts)[0], **options)

    def _prompts(self, prompts: Sequences) -> list[np.ndarray]:
        """Return the ids that each prompt begins with."""
        empty = not any(map(len, prompts.rows))  # neither tokens nor integers
        encoded = [np.zeros(0, np.int64)] * len(prompts.rows) if empty else self._input.encode(prompts, "prompt")
        found = [self._input.prompt(row) for row in encoded]
        if missing := [i for i, row in enumerate(found) if not len(row)]:
            raise ValueError(
                f"prompt[{missing[0]}]: expected at least one token to go on from: the model learnt one text, and knows no "
                "beginning of others; fit a list of texts"
            )
        return found

    def _written(self, prompts: Sequences, max_new_tokens: int, options: dict[str, Any]) -> list[np.ndarray]:
        """Return the ids that are written after each prompt."""
        options = self._options(max_new_tokens, options)
        return decode.generate(self, self._prompts(prompts), **options).new_tokens

    def _options(self, max_new_tokens: int, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of decoding; tokens that are not to be written are added to those that never are."""
        never = [*self._input.unwritten(), *np.ravel(options.get("suppress_tokens", ())).tolist()]
        return {**options, "max_new_tokens": max_new_tokens, "suppress_tokens": never}

    def _joined(self, prompts: Sequences, number: int, new: np.ndarray, *, whole: bool) -> Any:
        """Return what is written in the form of its prompt, with it or without."""
        before, after = prompts.rows[number], self._input.decode(new)
        if not isinstance(self._input, StreamTokens):
            before = np.asarray(before).reshape(-1).astype(np.int64)
            return np.concatenate([before, after]) if whole else after
        tokens = [*before, *after] if whole else after
        return self.tokenizer_.join(tokens) if prompts.text else tokens
