"""What a folder says of how its model writes: the settings of generation_config.json, and languages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._arguments import optional_integer
from .._huggingface import read_json
from ..decode import Options

__all__ = ["MOST", "language_id", "read_defaults", "with_source"]

_TAKEN = (
    "num_beams", "length_penalty", "early_stopping", "repetition_penalty", "no_repeat_ngram_size", "bad_words_ids",
    "suppress_tokens", "begin_suppress_tokens", "forced_bos_token_id", "forced_eos_token_id", "renormalize_logits",
)  # fmt: skip
"""Settings that are options of ours; those that draw tokens are left to the caller."""

MOST = 50
"""Tokens that are written where nothing is said of it."""


def read_defaults(config: Mapping[str, Any], folder: Path, model: Any) -> dict[str, Any]:
    """Return the options of decoding that a folder asks for.

    They stand in generation_config.json, or, in older folders, in config.json.

    Args:
        config: what config.json says.
        folder: of the model.
        model: a GPT, T5 or BART.

    Raises:
        ValueError: a setting has a value that is none; the message names the file.
    """
    own = folder / "generation_config.json"
    said: Mapping[str, Any] = read_json(own) if own.is_file() else config
    found = {name: said[name] for name in _TAKEN if said.get(name) is not None}
    found = {name: _alone(value) if name.startswith("forced_") else value for name, value in found.items()}
    if ends := _ends(said, config, len(model.embedding.weight)):
        found["eos_token_id"] = ends
    try:
        if hasattr(model, "start_id"):
            found |= _lengths(said, model)
        Options(**{"max_new_tokens": MOST, **found})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{own if own.is_file() else folder / 'config.json'}: {error}") from None
    return found


def _alone(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _ends(said: Mapping[str, Any], config: Mapping[str, Any], vocabulary: int) -> list[int]:
    """Return the tokens that end a text."""
    found = said.get("eos_token_id")
    found = config.get("eos_token_id") if found is None else found
    ends = found if isinstance(found, list) else [found]
    return [end for end in ends if isinstance(end, int) and 0 <= end < vocabulary]


def _lengths(said: Mapping[str, Any], model: Any) -> dict[str, int]:
    """Return how many tokens an answer has; the lengths of the files count the token that begins it."""
    positions = getattr(getattr(model, "decoder_positions", None), "weight", None)
    names = ("max_new_tokens", "max_length", "min_new_tokens", "min_length")
    most, longest, least, shortest = (optional_integer(name, said.get(name), 0) for name in names)
    most = most or (longest or MOST + 1) - 1
    least = least or max((shortest or 0) - 1, 0)
    most = most if positions is None else min(most, len(positions))
    return {"max_new_tokens": most, **({"min_new_tokens": least} if least else {})}


def language_id(tokenizer: Any, language: Any, name: str) -> int:
    """Return the token that stands for a language.

    Args:
        tokenizer: a `SubwordTokenizer`.
        language: its code as the model has it: "deu_Latn" (NLLB), "de_DE" (mBART), "de" (M2M-100, whose token is __de__).
        name: what messages call the argument.

    Raises:
        ValueError: there is no such token.
    """
    names = (language, f"__{language}__", f">>{language}<<") if isinstance(language, str) else ()
    found = [number for text in names if (number := tokenizer.tokenizer.token_to_id(text)) is not None]
    if not found:
        raise ValueError(f"{name}: expected a language that the tokenizer has a token for, got {language!r}")
    return found[0]


def with_source(rows: list[np.ndarray], tokenizer: Any, language: str, end: int) -> list[np.ndarray]:
    """Return token ids of texts whose language's token is that of another language.

    Args:
        rows: the ids of each text, as the tokenizer makes them.
        tokenizer: a `SubwordTokenizer` that adds such a token.
        language: of the texts.
        end: the token that ends them.

    Raises:
        ValueError: the tokenizer adds no such token, or has none for this language.
    """
    number = language_id(tokenizer, language, "source_language")
    added = [token for token in tokenizer.encode("").tolist() if token != end]
    if len(added) != 1:
        raise ValueError(
            f"source_language: expected a tokenizer that adds one token for it, got one that adds {len(added)}"
        )
    return [np.where(row == added[0], number, row) for row in rows]
