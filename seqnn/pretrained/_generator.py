"""Models that write: GPT-2, T5, BART and their like."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import decode
from ._base import PretrainedModel, texts_of
from ._generation import MOST, language_id, read_defaults, with_source

__all__ = ["Generator"]


class Generator(PretrainedModel):
    """A model that goes on from prompts, or answers them.

    A text in is a text out; token ids are token ids.

    Args:
        loaded, tokenizer, folder: as for `PretrainedModel`.

    Attributes:
        eos_token_id: the tokens that end a text, as generation_config.json or config.json says; None: there is none.
        defaults: the options of decoding that generation_config.json, or an older config.json, asks for: beams, penalties,
            forced and forbidden tokens, lengths; but not those that draw tokens.

    >>> import tempfile
    >>> from seqnn import load_pretrained
    >>> from seqnn.models import GPT
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     GPT(20, max_positions=16, d_model=8, nhead=2, num_layers=1).save_huggingface(folder)
    ...     model = load_pretrained(folder)
    >>> model.generate([[1, 2]], 3).shape, len([*model.stream([1, 2], 3)])
    ((1, 5), 3)
    """

    def __init__(self, loaded: Any, tokenizer: Any, folder: Path) -> None:
        super().__init__(loaded, tokenizer, folder)
        self.defaults = read_defaults(loaded.config, folder, loaded.model)
        self.eos_token_id: list[int] | None = self.defaults.get("eos_token_id")

    def generate(
        self,
        prompts: Any,
        max_new_tokens: int | None = None,
        *,
        source_language: str | None = None,
        target_language: str | None = None,
        **options: Any,
    ) -> Any:
        """Return what the model writes: the prompt and what follows it, or, of an encoder and decoder, the answer.

        Args:
            prompts: a text or several, or token ids.
            max_new_tokens: most tokens after each; default: as `defaults` say, or 50.
            source_language: that of the texts, where the model has tokens for languages: "eng_Latn" (NLLB), "en_XX" (mBART),
                "en" (M2M-100); default: that of tokenizer.json.
            target_language: of the answers, where the model has tokens for languages.
            **options: see `decode.Options`: do_sample, num_beams, ... They stand over `defaults`.

        Returns:
            A text or several; for token ids what `model.generate` returns.

        Raises:
            ValueError: there are more positions than the model has, texts without a tokenizer, or a language without a
                token.
        """
        self._refuse_texts(prompts)
        own = self._limited(max_new_tokens, options, target_language)
        if source_language is None:
            return self.model.generate(prompts, own.pop("max_new_tokens"), **own)
        rows = self.read(prompts, source_language)
        found = decode.generate(self.model, rows, **own).texts
        return found[0] if isinstance(prompts, str) and len(found) == 1 else found

    def stream(
        self, prompt: Any, max_new_tokens: int | None = None, *, target_language: str | None = None, **options: Any
    ) -> Iterator[Any]:
        """Yield what follows a prompt as it comes: pieces of text, or tokens for token ids.

        Args:
            prompt: a text, or token ids.
            max_new_tokens, target_language, **options: as for `generate`, without beams.

        Raises:
            ValueError: as for `generate`.
        """
        self._refuse_texts(prompt)
        write = decode.stream_text if isinstance(prompt, str) else decode.stream
        return write(self.model, prompt, **self._limited(max_new_tokens, {"num_beams": 1, **options}, target_language))

    def read(self, texts: Any, source_language: str) -> list[np.ndarray]:
        """Return the token ids of texts in a language, for a model that has tokens for languages.

        Args:
            texts: a text or several.
            source_language: as for `generate`.

        Raises:
            ValueError: there is no tokenizer, or no token for this language.
            TypeError: these are no texts.
        """
        rows, _ = texts_of(texts, "prompts")
        if not all(isinstance(row, str) for row in rows):
            raise TypeError("source_language: expected texts as prompts, got token ids")
        tokenizer = self._need_tokenizer("prompts")
        return with_source(self._ids(rows, "prompts"), tokenizer, source_language, self.model.eos_id)

    def target(self, language: str) -> dict[str, int]:
        """Return the option of `decode.Options` that makes the model write in a language.

        Args:
            language: as for `generate`.

        Raises:
            ValueError: there is no tokenizer, no token for this language, or the model begins with another language.
        """
        if self.tokenizer is None:
            raise ValueError(
                "target_language: expected a tokenizer.json, got none: give forced_bos_token_id, a token's number"
            )
        number = language_id(self.tokenizer, language, "target_language")
        start = getattr(self.model, "start_id", None)
        usual = (
            getattr(self.model, "eos_id", None),
            getattr(self.model, "pad_id", None),
            self.config.get("bos_token_id"),
        )
        if start is None or (start not in usual and start != number):
            raise ValueError(
                f"target_language: expected a model that translates into any language, got one that begins with {start}: for "
                "another language set model.start_id"
            )
        return {} if start == number else {"forced_bos_token_id": number}

    def options(self, given: dict[str, Any], target_language: str | None = None) -> dict[str, Any]:
        """Return the options that are given, and where they say nothing those of the folder.

        Args:
            given: options of `decode.Options`.
            target_language: as for `generate`.
        """
        defaults = {**self.defaults}
        if given.get("assistant_model") is not None or given.get("stop_strings"):
            defaults.pop("num_beams", None)
        return {**defaults, **({} if target_language is None else self.target(target_language)), **given}

    def _limited(self, count: int | None, given: dict[str, Any], language: str | None) -> dict[str, Any]:
        """Return the options with a limit: the one that is given, that of the folder, or 50."""
        limit = {} if count is None else {"max_new_tokens": count}
        return {"max_new_tokens": MOST, **self.options({**given, **limit}, language)}

    def _refuse_texts(self, prompts: Any) -> None:
        """Refuse texts where there is no tokenizer."""
        several = isinstance(prompts, list | tuple) and any(isinstance(prompt, str) for prompt in prompts)
        if isinstance(prompts, str) or several:
            self._need_tokenizer("prompts")
