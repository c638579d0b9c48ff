"""The settings of a Word2Vec model: checked once, kept together, written to files."""

from __future__ import annotations

from typing import Any

from .._arguments import flag, integer, number, optional_integer
from .._callbacks import checked_callbacks

MAX_WINDOW = 1000
"""A step sees so many words beyond its own ends (less than the kernel's margin of 1024)."""

SAVED = (
    "vector_size", "alpha", "window", "min_count", "max_vocab_size", "sample", "seed", "workers", "min_alpha", "sg",
    "hs", "negative", "ns_exponent", "cbow_mean", "epochs", "sorted_vocab", "compute_loss", "comment",
    "max_final_vocab", "shrink_windows", "deterministic", "verbose", "max_memory", "errors",
)  # fmt: skip
"""Arguments of the constructor that a file keeps; functions and callbacks are not among them."""

OPTIONS = (*SAVED, "tokenizer", "early_stopping")
"""All settings of a model."""


def checked(options: dict[str, Any]) -> dict[str, Any]:
    """The options with plain Python types; a `TypeError` or `ValueError` names the argument that makes no sense."""
    o = dict(options)
    for name, minimum in (("vector_size", 1), ("min_count", 0), ("negative", 0), ("epochs", 0), ("verbose", 0)):
        o[name] = integer(name, o[name], minimum)
    o["window"] = integer("window", o["window"], 1, MAX_WINDOW)
    o["seed"] = integer("seed", o["seed"], 0, 2**63 - 1)
    for name in ("max_vocab_size", "max_final_vocab", "workers"):
        o[name] = optional_integer(name, o[name], 1)
    for name in ("sg", "hs", "cbow_mean", "sorted_vocab"):
        o[name] = int(flag(name, o[name]))
    for name in ("compute_loss", "shrink_windows", "deterministic"):
        o[name] = flag(name, o[name])
    o["alpha"] = number("alpha", o["alpha"], above=0)
    o["min_alpha"] = number("min_alpha", o["min_alpha"], minimum=0)
    o["sample"] = number("sample", o["sample"], minimum=0)
    o["ns_exponent"] = number("ns_exponent", o["ns_exponent"])
    check_rates(o["alpha"], o["min_alpha"])
    if o["tokenizer"] is not None and not callable(o["tokenizer"]):
        raise TypeError(f"tokenizer: expected a function str -> list of words, got {o['tokenizer']!r}")
    if o["early_stopping"] is not None:
        checked_callbacks([o["early_stopping"]], "early_stopping")
    if not o["hs"] and not o["negative"]:
        raise ValueError("hs=0 and negative=0: nothing would be trained; set hs=1 or negative >= 1 (usual: 5)")
    return o


def check_rates(start: float, end: float) -> None:
    """The learning rate falls from `start` to `end`."""
    if end > start:
        raise ValueError(f"min_alpha: expected at most alpha ({start:g}), got {end:g}")
