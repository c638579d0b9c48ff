"""Frequencies of rotary positions that are scaled for texts longer than those of the training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._arguments import number
from ._types import Array

_NEEDED = {
    "linear": ("factor",), "dynamic": (), "yarn": ("factor", "original_max_position_embeddings"),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
}  # fmt: skip
_FURTHER = "attention_factor", "beta_fast", "beta_slow"
_FURTHER_OR_0 = "mscale", "mscale_all_dim"  # 0 says that there is none


def scaled_frequencies(size: int, base: float, scaling: Mapping[str, Any] | None) -> tuple[Array, float]:
    """Compute the angle a position of each pair, base^(-2i / size), scaled, and the factor of what is turned.

    Args:
        size: of a head.
        base: of the frequencies.
        scaling: by the names of Hugging Face's config.json: "rope_type" is "linear" (positions / factor), "dynamic"
            (unscaled up to the positions of the training, which are all that a model has here), "llama3" or "yarn".

    Returns:
        float64 [size / 2], and a number.

    Raises:
        TypeError: what is no mapping, or no number.
        ValueError: another type, or a number that is missing or not positive.

    Sources: Chen et al., "Extending context window of large language models via positional interpolation", 2023; Peng et
    al., "YaRN", ICLR 2024; Grattafiori et al., "The Llama 3 herd of models", 2024.
    """
    base = number("rotary: base", base, above=0)
    frequencies = 1 / base ** (np.arange(0, size, 2) / size)
    if scaling is not None and not isinstance(scaling, Mapping):
        raise TypeError(
            f'rotary: scaling: expected a mapping such as {{"rope_type": "linear", "factor": 4.0}}, got {scaling!r}'
        )
    kind = None if scaling is None else scaling.get("rope_type", scaling.get("type"))
    if scaling is None or kind in ("default", "dynamic"):
        return frequencies, 1.0
    if not isinstance(kind, str) or kind not in _NEEDED:
        raise ValueError(f"rotary: scaling: expected a rope_type of {', '.join(_NEEDED)}, got {kind!r}")
    if missing := [name for name in _NEEDED[kind] if scaling.get(name) is None]:
        raise ValueError(f"rotary: scaling: {kind} needs {', '.join(missing)}")
    given = [name for name in (*_NEEDED[kind], *_FURTHER) if scaling.get(name) is not None]
    given += [name for name in _FURTHER_OR_0 if scaling.get(name)]
    told = {name: number(f"rotary: scaling: {name}", scaling[name], minimum=1e-6) for name in given}
    if kind == "linear":
        return frequencies / told["factor"], 1.0
    if kind == "llama3":
        return _llama3(frequencies, told), 1.0
    return _yarn(frequencies, size, base, told, truncated=scaling.get("truncate", True)), _attention_factor(told)


def _llama3(frequencies: Array, told: Mapping[str, float]) -> Array:
    """Divide the low frequencies by the factor, leave the high ones, and go smoothly from one to the other."""
    low, high = told["low_freq_factor"], told["high_freq_factor"]
    if not low < high:
        raise ValueError(f"rotary: scaling: expected high_freq_factor > low_freq_factor, got {high:g} and {low:g}")
    turns = told["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    kept = np.clip((turns - low) / (high - low), 0, 1)
    return frequencies * (kept + (1 - kept) / told["factor"])


def _yarn(frequencies: Array, size: int, base: float, told: Mapping[str, float], *, truncated: bool) -> Array:
    """Do the same along a ramp over the pairs, between numbers of turns within the positions of the training."""
    positions = told["original_max_position_embeddings"]
    number("rotary: base, with yarn", base, above=1)
    ends = [
        size * math.log(positions / (turns * 2 * math.pi)) / (2 * math.log(base))
        for turns in (told.get("beta_fast", 32.0), told.get("beta_slow", 1.0))
    ]
    low, high = (math.floor(ends[0]), math.ceil(ends[1])) if truncated else ends
    low, high = max(low, 0), min(high, size - 1)
    ramp = np.clip((np.arange(size // 2) - low) / (high - low or 0.001), 0, 1)
    return frequencies * (1 - ramp + ramp / told["factor"])


def _attention_factor(told: Mapping[str, float]) -> float:
    def scale(weight: float) -> float:
        return 0.1 * weight * math.log(told["factor"]) + 1.0 if told["factor"] > 1 else 1.0

    if "attention_factor" in told:
        return told["attention_factor"]
    if "mscale" in told and "mscale_all_dim" in told:
        return scale(told["mscale"]) / scale(told["mscale_all_dim"])
    return scale(1.0)
