"""Reading by our own Transformers' encoders without gradients: all layers are one call, and padding is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import _core, nn
from ..autograd import no_grad
from ..text import pad
from ._decoding import evaluating
from ._kept_plan import keep_plan
from ._token_ids import as_ids
from ._transformer_plan import StepPlan

__all__ = ["encode_packed"]

SHORT = 96
"""Tokens of a sequence that is read here: attention goes query by query, which costs more the longer a sequence is."""

_TOKENS = 512
"""Tokens that a call is filled up to with whole sequences: what they need of working memory stays small."""


def encode_packed(
    model: nn.Module,
    make: Callable[[], StepPlan | None],
    enter: Callable[[np.ndarray, np.ndarray], np.ndarray],
    encode: Callable[[np.ndarray, np.ndarray], Any],
    ids: Any,
    lengths: Any,
    longest: int | None,
) -> np.ndarray:
    """Return the hidden states [N, width] of sequences without padding, in evaluation mode and without gradients.

    Args:
        model: that reads them.
        make: makes the plan of its encoder, without a table; None where there is none, and layers run one by one.
        enter: enter(ids [N], places [N]) -> what enters the layers, [N, width]; places count from 0.
        encode: encode(ids [B, T], lengths) -> hidden states [B, T, width], for what the plan is not for.
        ids: [N], the tokens of all sequences, one after the other.
        lengths: how many of them each has, [B], at least 1.
        longest: positions that the model has; None: any number.

    Raises:
        ValueError: lengths do not sum to N, or are out of bounds.
    """
    (ids,), sizes = as_ids([ids]), np.asarray(lengths)
    fits = sizes.ndim == 1 and sizes.dtype.kind in "iu" and sizes.sum() == len(ids)
    if not fits or (sizes < 1).any() or (longest is not None and (sizes > longest).any()):
        bounds = "integers >= 1" if longest is None else f"integers from 1 to max_positions={longest}"
        raise ValueError(f"lengths: expected {bounds} that sum to {len(ids)} ids, got {lengths!r:.80}")
    plan, evaluated = keep_plan(model, make)
    with no_grad() if evaluated else evaluating(model):
        if plan is None or sizes.max(initial=0) > SHORT:
            padded, _ = pad(np.split(ids, np.cumsum(sizes)[:-1]))
            return encode(padded, sizes).numpy()[np.arange(padded.shape[1]) < sizes[:, None]]
        places = np.arange(len(ids)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return _run(model, plan, enter(ids, places), sizes)


def _run(model: nn.Module, plan: StepPlan, x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the hidden states of what enters the layers, [N, width], of sequences that attend to all of their tokens."""
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
        options: dict[str, Any] = {**plan.tables(slots.shape[1], ahead=True), "ends": ends}
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
