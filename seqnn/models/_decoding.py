"""What the decoders of models share: evaluation mode, and a beginning from what an encoder has read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import nn
from ..autograd import no_grad
from ..decode import Start
from ._transformer_plan import StepPlan
from ._transformer_step import StepState, memory_of
from ._transformer_step import step as step_of_plan

__all__ = ["evaluating", "from_memory", "refuse_several"]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Run a block in evaluation mode and without gradients; afterwards all modules are in their modes again."""
    modes = [(module, module.training) for module in model.modules()]
    learning = any(mode for _, mode in modes)
    if learning:
        model.eval()
    try:
        with no_grad():
            yield
    finally:
        if learning:
            for module, mode in modes:
                module.training = mode


def from_memory(
    model: nn.Module,
    memory: np.ndarray,
    hidden: Callable[..., Any],
    lengths: Any,
    mask: np.ndarray | None,
    *,
    begin: int,
    most: int,
    source: np.ndarray,
    logits: Callable[[Any], Any],
    plan: StepPlan | None,
) -> Start:
    """Return the beginning of decoding from what an encoder has read.

    Args:
        model: the model, which has a `decoder` and `eos_id`.
        memory: what its encoder gave, [B, S, d_model].
        hidden: hidden(ids, memory, lengths, mask, cache) -> hidden states [B, n, d_model] of new ids.
        lengths: positions of the memory that count, [B], or None.
        mask: which positions of the memory count, [B, S], or None.
        begin: the first token.
        most: how many tokens will be asked for.
        source: what the encoder has read, [B, S]: random draws depend on what counts of it.
        logits: logits(hidden states [B, d_model]) -> [B, V].
        plan: of whole steps in one call, or None: then layers run one by one.
    """
    sizes = None if lengths is None else np.asarray(lengths)
    counts = np.ones(source.shape, bool) if mask is None else mask
    counts = counts if sizes is None else np.arange(source.shape[1]) < sizes[:, None]
    keys = [row[kept] for row, kept in zip(source, counts, strict=True)]
    ids, options = np.full((len(memory), 1), begin), {"eos_token_id": model.eos_id}
    if plan is not None:
        with no_grad():
            read = memory_of(model.decoder, memory, counts)
        state = StepState(plan, plan.arguments(model), np.zeros(len(ids), np.int64), max(1, most), most, *read)
        return Start(ids, step_of_plan, state, keys=keys, options=options)

    def step(ids: np.ndarray, state: tuple) -> tuple:
        memory, lengths, mask, cache = state
        last = hidden(ids[:, cache[0].length :], memory, lengths, mask, cache)[:, -1]
        # The cache holds the keys and values of the memory from the first step on: its numbers need not move with the rows.
        return logits(last).data, (memory[:, :, :0], lengths, mask, cache)

    return Start(
        ids,
        step,
        (memory, sizes, mask, model.decoder.new_cache(max(1, most))),
        keys=keys,
        options=options,
        context=lambda: evaluating(model),
    )


def refuse_several(options: dict[str, Any]) -> None:
    """Refuse several sequences for an input of `predict`, which returns one."""
    if options.get("num_return_sequences", 1) != 1:
        raise ValueError(
            "num_return_sequences: expected 1, as predict returns one sequence for each input; "
            "decode.generate(estimator.model_, ids, ...) returns several"
        )
