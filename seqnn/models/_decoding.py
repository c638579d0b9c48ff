"""What the decoders of models share: evaluation mode, and a beginning from what an encoder has read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import nn
from ..autograd import no_grad
from ..decode import Start, with_tokenizer
from ._transformer_plan import StepPlan
from ._transformer_step import StepState, memory_of
from ._transformer_step import score as score_of_plan
from ._transformer_step import step as step_of_plan

__all__ = ["as_texts", "evaluating", "from_memory", "is_text", "last_attention", "refuse_several", "shorten"]


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
    hidden: Callable[..., tuple],
    lengths: Any,
    mask: np.ndarray | None,
    *,
    begin: int,
    most: int,
    source: np.ndarray,
    logits: Callable[[Any], Any],
    alone: Callable[[int], Start],
    plan: StepPlan | None,
    vocabulary: int,
    attend: bool = False,
) -> Start:
    """Return the beginning of decoding from what an encoder has read.

    Args:
        model: the model, which has a `decoder` and `eos_id`.
        memory: what its encoder gave, [B, S, d_model].
        hidden: hidden(ids, memory, lengths, mask, cache, need_weights) -> hidden states [B, n, d_model] of new ids; with
            need_weights (they, the weights of each layer).
        lengths: positions of the memory that count, [B], or None.
        mask: which positions of the memory count, [B, S], or None.
        begin: the first token.
        most: how many tokens will be asked for.
        source: what the encoder has read, [B, S]: random draws depend on what counts of it.
        logits: logits(hidden states [..., d_model]) -> [..., V].
        alone: alone(i) makes the beginning of sequence i by itself.
        plan: of whole steps in one call, or None: then layers run one by one.
        vocabulary: V.
        attend: whether steps also return how the new position attends to the source.
    """
    sizes = None if lengths is None else np.asarray(lengths)
    counts = np.ones(source.shape, bool) if mask is None else mask
    counts = counts if sizes is None else np.arange(source.shape[1]) < sizes[:, None]
    keys = [row[kept] for row, kept in zip(source, counts, strict=True)]
    ids, options = np.full((len(memory), 1), begin), {"eos_token_id": model.eos_id}

    def attending() -> Start:
        return from_memory(
            model, memory, hidden, lengths, mask, begin=begin, most=most, source=source, logits=logits, alone=alone,
            plan=None, vocabulary=vocabulary, attend=True,
        )  # fmt: skip

    if plan is not None:
        with no_grad():
            read = memory_of(model.decoder, memory, counts)
        state = StepState(plan, plan.arguments(model), np.zeros(len(ids), np.int64), max(1, most), most, *read)
        return Start(
            ids, step_of_plan, state, keys=keys, options=options, score=score_of_plan, alone=alone, attending=attending,
            vocabulary=vocabulary,
        )  # fmt: skip

    def step(ids: np.ndarray, state: tuple) -> tuple:
        memory, lengths, mask, cache = state
        last = hidden(ids[:, cache[0].length :], memory, lengths, mask, cache, attend)
        last, *weights = last if attend else (last,)
        # The cache holds the keys and values of the memory from the first step on: its numbers need not move with the rows.
        attention = [last_attention(layers[-1][1]) for layers in weights]
        return logits(last[:, -1]).data, (memory[:, :, :0], lengths, mask, cache), *attention

    def score(ids: np.ndarray, state: tuple, count: int) -> tuple:
        shorten(state[3], ids.shape[1] - count)
        memory, lengths, mask, cache = state
        new = hidden(ids[:, cache[0].length :], memory, lengths, mask, cache, False)[:, -count:]
        return logits(new).data, (memory[:, :, :0], lengths, mask, cache)

    return Start(
        ids,
        step,
        (memory, sizes, mask, model.decoder.new_cache(max(1, most))),
        keys=keys,
        options=options,
        context=lambda: evaluating(model),
        score=score,
        alone=alone,
        attending=attending,
        attended=counts,
        vocabulary=vocabulary,
    )


def last_attention(weights: Any) -> np.ndarray:
    """Return how the last of new positions attends, the mean over the heads, [B, S], of weights [B, H, n, S]."""
    return np.asarray(weights)[:, :, -1].mean(axis=1)


def shorten(cache: list[nn.KeyValueCache], length: int) -> None:
    """Forget the positions from `length` on."""
    for layer in cache:
        layer.shorten(length)


def is_text(model: Any, prompts: Any, options: dict[str, Any]) -> bool:
    """Tell whether this is a text, or a list of texts, and there is a tokenizer for them."""
    several = isinstance(prompts, list | tuple) and len(prompts) > 0 and all(isinstance(p, str) for p in prompts)
    return (isinstance(prompts, str) or several) and with_tokenizer(model, options)["tokenizer"] is not None


def as_texts(prompts: Any, texts: list[str]) -> Any:
    """Return texts that were generated: one for one prompt that is no list."""
    return texts[0] if isinstance(prompts, str) and len(texts) == 1 else texts


def refuse_several(options: dict[str, Any]) -> None:
    """Refuse several sequences for an input of `predict`, which returns one."""
    if options.get("num_return_sequences", 1) != 1:
        raise ValueError(
            "num_return_sequences: expected 1, as predict returns one sequence for each input; "
            "generate of the estimator, or of its model_, returns several"
        )
