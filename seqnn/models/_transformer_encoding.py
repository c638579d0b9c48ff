"""Reading by our own Transformers' encoders without gradients: all layers are one call, and padding is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import _core, nn
from ._transformer_plan import StepPlan

__all__ = ["SHORT", "encode_packed"]

SHORT = 96
"""Tokens of a sequence that is read here: attention goes query by query, which costs more the longer a sequence is."""

_TOKENS = 512
"""Tokens that a call is filled up to with whole sequences: what they need of working memory stays small."""


def encode_packed(model: nn.Module, plan: StepPlan, x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the hidden states [N, width] of sequences that attend to all of their own tokens.

    Args:
        model: that the plan belongs to.
        plan: of a stack without a table.
        x: what enters the layers, [N, width]: the tokens of all sequences, one after the other.
        lengths: how many of them each sequence has, [B], at least 1.
    """
    arguments, sizes = plan.arguments(model), plan.net
    found = np.empty(x.shape, np.float32)
    begin = 0
    for part in _parts(lengths):
        count = int(part.sum())
        ends = np.repeat(part, part)
        firsts = np.cumsum(part) - part
        sequences = np.repeat(np.arange(len(part)), part)
        places = np.arange(count) - firsts[sequences]
        slots = np.zeros((len(part), int(part.max())), np.int32)
        slots[sequences, places] = np.arange(count)
        cache = np.empty((sizes["layers"], sizes["groups"], count, 2 * sizes["depth"]), np.float32)
        options: dict[str, Any] = {**plan.tables(slots.shape[1]), "ends": ends}
        found[begin : begin + count] = _core.transformer_step_run(
            *arguments, x[begin : begin + count], cache, sequences, places + 1, slots, np.arange(count), sizes["width"],
            **options,
        )  # fmt: skip
        begin += count
    return found


def _parts(lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the lengths of the sequences of each call."""
    begin, total = 0, 0
    for i, length in enumerate(lengths.tolist()):
        if i > begin and total + length > _TOKENS:
            yield lengths[begin:i]
            begin, total = i, 0
        total += length
    yield lengths[begin:]
