"""From a beginning to sequences, by the strategy that the options name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from .._arguments import optional_integer
from ._beams import BeamSearch
from ._options import Options
from ._result import Decoded, Generation, collect
from ._samplers import Sampling
from ._speculation import speculate
from ._step import Decodable, Start, gather


def with_tokenizer(model: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return options with a tokenizer: the one that is given, else the model's, else None.

    That of an estimator is its `tokenizer_`; its setting `tokenizer` only cuts strings.
    """
    if options.get("tokenizer") is None:
        own = "tokenizer_" if hasattr(model, "tokenizer_") else "tokenizer"
        return {**options, "tokenizer": getattr(model, own, None)}
    return {**options}


def of_model(model: Decodable, prompts: list[np.ndarray], options: dict[str, Any]) -> Start:
    """Return a model's beginning."""
    return model.start_decoding(prompts, optional_integer("max_new_tokens", options.get("max_new_tokens"), 0))


def of_step(step: Any, prompts: list[np.ndarray], state: Any, rows: list[int]) -> Start:
    """Return the beginning of some prompts of equal length for a step function."""
    if not callable(step):
        raise TypeError(
            "model_or_step: expected a model with a method start_decoding, or a function step(ids, state) -> "
            f"(logits, state), got {type(step).__name__}"
        )
    order = np.array(rows)
    own = state if rows == [*range(len(prompts))] else gather(state, order, len(prompts))
    return Start(
        np.stack([prompts[row] for row in rows]), step, own, numbers=order, score=getattr(step, "score", None),
        alone=lambda i: of_step(step, prompts, state, [rows[i]]),
    )  # fmt: skip


def run(start: Start, options: dict[str, Any]) -> Generation:
    """Return what follows a beginning."""
    prompts = [row[begin:] for row, begin in zip(start.ids, start.begins, strict=True)]
    checked = Options(**{**start.options, **options}).plain()
    return collect(prompts, decode(start, checked), checked.padding, checked.tokenizer)


def decode(start: Start, options: SimpleNamespace) -> list[Decoded]:
    """Return what is found for each prompt."""
    if options.assistant_model is not None:
        return speculate(start, options)
    attention = options.return_attention or options.coverage_penalty > 0
    if attention and start.attending is not None:
        start = start.attending()
    engine = BeamSearch(start, options) if options.num_beams > 1 else Sampling(start, options)
    with start.context():
        while not engine.done:
            engine.advance()
    found = engine.result()
    written = [sequence for one in found for sequence in one.sequences if len(sequence.tokens)]
    if options.return_attention and any(sequence.attention is None for sequence in written):
        raise ValueError(
            "return_attention: needs a model that attends, or a step that returns (logits, state, attention)"
        )
    return found
