"""Prompts: token ids of any lengths, or texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..text import Vocabulary, pad, split_words

__all__ = ["as_prompts", "is_single", "left_padded", "of_equal_length"]


def is_single(prompts: Any) -> bool:
    """Tell whether this is one prompt and no sequence of prompts."""
    if isinstance(prompts, str):
        return True
    if isinstance(prompts, np.ndarray):
        return prompts.ndim == 1 and prompts.dtype != object
    return len(prompts) > 0 and all(np.ndim(token) == 0 and not isinstance(token, str) for token in prompts)


def as_prompts(prompts: Any, tokenizer: Any = None) -> list[np.ndarray]:
    """Return the token ids of each prompt.

    Args:
        prompts: ids of one prompt or of several, of any lengths; or texts, which the tokenizer encodes.
        tokenizer: an object whose encode(text) makes ids; a `Vocabulary` gets the text cut at blanks.

    Raises:
        TypeError: something is no sequence of integers, or a text without a tokenizer.
        ValueError: a prompt is empty.
    """
    if not isinstance(prompts, str) and not hasattr(prompts, "__len__"):
        raise TypeError(f"prompt_ids: expected token ids of a prompt or of several, got {prompts!r:.80}")
    return [_ids(prompt, i, tokenizer) for i, prompt in enumerate([prompts] if is_single(prompts) else prompts)]


def _ids(prompt: Any, number: int, tokenizer: Any) -> np.ndarray:
    if isinstance(prompt, str):
        if not hasattr(tokenizer, "encode"):
            raise TypeError(
                f"prompt_ids: prompt {number} is a text: give token ids, or tokenizer= with a method encode"
            )
        prompt = tokenizer.encode(split_words(prompt) if isinstance(tokenizer, Vocabulary) else prompt)
    ids = np.asarray(prompt)
    if ids.size == 0 and ids.ndim == 1:
        raise ValueError(f"prompt_ids: prompt {number} is empty: expected at least one token to go on from")
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise TypeError(f"prompt_ids: expected integers, got {ids.dtype} of shape {list(ids.shape)} in prompt {number}")
    return ids.astype(np.int64)


def of_equal_length(prompts: list[np.ndarray]) -> list[list[int]]:
    """Return the numbers of the prompts of each length, in the order of the first of them."""
    found: dict[int, list[int]] = {}
    for number, prompt in enumerate(prompts):
        found.setdefault(len(prompt), []).append(number)
    return [*found.values()]


def left_padded(prompts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return prompts that end together, [B, T], and the place where each begins, [B]."""
    ids, lengths = pad(prompts, side="left")
    return ids, ids.shape[1] - lengths.astype(np.int64)
