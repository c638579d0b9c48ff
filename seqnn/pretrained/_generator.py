"""Models that write: GPT-2, T5 and their like."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import decode
from .._huggingface import read_json
from ._base import PretrainedModel

__all__ = ["Generator"]


class Generator(PretrainedModel):
    """A model that goes on from prompts, or answers them.

    A text in is a text out; token ids are token ids.

    Args:
        loaded, tokenizer, folder: as for `PretrainedModel`.

    Attributes:
        eos_token_id: the tokens that end a text, as generation_config.json or config.json says; None: there is none.

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
        self.eos_token_id = _ends(loaded.config, folder, len(loaded.model.embedding.weight))

    def generate(self, prompts: Any, max_new_tokens: int = 50, **options: Any) -> Any:
        """Return what the model writes: the prompt and what follows it, or, of an encoder and decoder, the answer.

        Args:
            prompts: a text or several, or token ids.
            max_new_tokens: most tokens after each.
            **options: see `decode.Options`: do_sample, num_beams, ... The settings of generation_config.json do not count,
                but for the tokens that end a text.

        Returns:
            A text or several; for token ids what `model.generate` returns.

        Raises:
            ValueError: there are more positions than the model has, or texts without a tokenizer.
        """
        self._refuse_texts(prompts)
        return self.model.generate(prompts, max_new_tokens, **self._with_end(options))

    def stream(self, prompt: Any, max_new_tokens: int = 50, **options: Any) -> Iterator[Any]:
        """Yield what follows a prompt as it comes: pieces of text, or tokens for token ids.

        Args:
            prompt: a text, or token ids.
            max_new_tokens, **options: as for `generate`, without beams.

        Raises:
            ValueError: as for `generate`.
        """
        self._refuse_texts(prompt)
        write = decode.stream_text if isinstance(prompt, str) else decode.stream
        return write(self.model, prompt, max_new_tokens=max_new_tokens, **self._with_end(options))

    def _with_end(self, options: dict[str, Any]) -> dict[str, Any]:
        return options if self.eos_token_id is None else {"eos_token_id": self.eos_token_id, **options}

    def _refuse_texts(self, prompts: Any) -> None:
        """Refuse texts where there is no tokenizer."""
        several = isinstance(prompts, list | tuple) and any(isinstance(prompt, str) for prompt in prompts)
        if isinstance(prompts, str) or several:
            self._need_tokenizer("prompts")


def _ends(config: dict[str, Any], folder: Path, vocabulary: int) -> list[int] | None:
    """Return the tokens that end a text."""
    own = folder / "generation_config.json"
    found = read_json(own).get("eos_token_id") if own.is_file() else None
    found = config.get("eos_token_id") if found is None else found
    ends = found if isinstance(found, list) else [found]
    return [end for end in ends if isinstance(end, int) and 0 <= end < vocabulary] or None
