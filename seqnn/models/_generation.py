"""Decoding one token after the other: the most probable one, or one drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from .. import nn, random
from .._arguments import integer, number, optional_integer
from ..autograd import no_grad

__all__ = ["as_ids", "choose", "evaluating", "generate"]

Step = Callable[[np.ndarray], np.ndarray]


def as_ids(ids: object) -> np.ndarray:
    """Token ids as an array of integers [B, T]."""
    array = np.asarray(ids)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise ValueError(f"ids: expected integers [batch, positions], got {array.dtype} of shape {array.shape}")
    return array


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """A block in evaluation mode and without gradients; afterwards the model is in its mode again."""
    training = model.training
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        model.train(training)


def generate(
    step: Step, ids: np.ndarray, max_new_tokens: int, *, temperature: float, top_k: int | None, eos_id: int | None
) -> np.ndarray:
    """New tokens [B, at most max_new_tokens] behind ids [B, T].

    `step(ids)` takes the tokens that it has not seen yet, [B, n], and returns the logits [B, V] of what follows them.
    Behind `eos_id` a sequence has nothing but that; when all have ended, nothing more is asked for.
    """
    temperature = number("temperature", temperature, minimum=0.0)
    top_k = optional_integer("top_k", top_k, 1)
    new = np.empty((len(ids), integer("max_new_tokens", max_new_tokens, 0)), np.int64)
    ended = np.zeros(len(ids), bool)
    for t in range(new.shape[1]):
        ids = choose(step(ids), temperature, top_k)[:, None]
        if eos_id is not None:
            ids[ended] = eos_id
            ended |= ids[:, 0] == eos_id
        new[:, t] = ids[:, 0]
        if ended.all():
            return new[:, : t + 1]
    return new


def choose(logits: np.ndarray, temperature: float, top_k: int | None = None) -> np.ndarray:
    """A token [B] for each row of logits [B, V]: the largest at temperature 0, else drawn from softmax(logits / temperature).

    With `top_k` only the k largest can be drawn. The draws are `seqnn.random`'s: equal after equal `seed`.
    """
    if not temperature:
        return logits.argmax(axis=1)
    rows = np.arange(len(logits))[:, None]
    k = logits.shape[1] if top_k is None else min(top_k, logits.shape[1])
    kept = np.argpartition(logits, -k, axis=1)[:, -k:]
    scores = logits[rows, kept].astype(np.float64)
    scores = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    sums = scores.cumsum(axis=1)
    seed, stream = random.next_key()
    point = random.uniform((len(logits), 1), seed=seed, stream=stream, dtype=np.float64) * sums[:, -1:]
    place = np.minimum((sums <= point).sum(axis=1), k - 1)
    return kept[rows[:, 0], place]
