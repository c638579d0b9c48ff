"""Decoding one token after the other: the most probable one, or one drawn; prompts of unequal length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .. import nn, random
from .._arguments import integer, number, optional_integer
from ..autograd import no_grad

__all__ = ["Choice", "as_attention_mask", "as_ids", "choose", "evaluating", "generate", "left_padded"]

Step = Callable[[np.ndarray], np.ndarray]


def as_ids(ids: Any, name: str = "ids") -> np.ndarray:
    """Check token ids: integers [batch, positions]."""
    expected = f"{name}: expected integers [batch, positions]"
    if isinstance(ids, str) or (isinstance(ids, list | tuple) and any(isinstance(row, str) for row in ids)):
        raise TypeError(f"{expected}, got text: a tokenizer or a vocabulary makes ids of it")
    try:
        array = np.asarray(ids)
    except ValueError:
        raise ValueError(
            f"{expected}, got rows of unequal length: seqnn.text.pad makes one array and lengths of them"
        ) from None
    if array.ndim != 2 or array.dtype.kind not in "iu":
        one = "; for one sequence give [ids]" if array.ndim == 1 and array.dtype.kind in "iu" else ""
        raise ValueError(f"{expected}, got {array.dtype} of shape {array.shape}{one}")
    return array


def as_attention_mask(mask: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Check which positions of ids count: booleans, or 1 and 0, [batch, positions], as Hugging Face's attention_mask."""
    if mask is None:
        return None
    found = np.asarray(mask)
    if found.shape != shape or found.dtype.kind not in "biuf" or not np.isin(found, (0, 1)).all():
        raise ValueError(
            f"attention_mask: expected booleans, or 1 and 0, of the shape of ids, {list(shape)}, got {found.dtype} of shape "
            f"{list(found.shape)}"
        )
    return found.astype(bool)


def keys_mask(lengths: Any, mask: np.ndarray | None) -> np.ndarray | None:
    """Return a mask of the keys for attention, [B, 1, 1, T]; None where `lengths` say it all."""
    if mask is None:
        return None
    if lengths is not None:
        raise ValueError("attention_mask: expected it or lengths, got both")
    return mask[:, None, None]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Run a block in evaluation mode and without gradients; afterwards all modules are in their modes again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


class Choice(NamedTuple):
    """How a next token is chosen from logits."""

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None

    def checked(self) -> Choice:
        """Return the choice with plain numbers; an error names the argument that is out of bounds."""
        return Choice(
            number("temperature", self.temperature, minimum=0.0),
            optional_integer("top_k", self.top_k, 1),
            None if self.top_p is None else number("top_p", self.top_p, above=0.0, maximum=1.0),
        )


def left_padded(ids: np.ndarray, lengths: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return prompts that end together, and which of their positions count.

    Args:
        ids: [B, T], whose padding is at the end.
        lengths: tokens of each, [B], from 1 to T.
    """
    found = np.asarray(lengths)
    if found.shape != (len(ids),) or found.dtype.kind not in "iu" or (found < 1).any() or (found > ids.shape[1]).any():
        raise ValueError(f"lengths: expected {len(ids)} integers from 1 to {ids.shape[1]}, got {lengths!r:.80}")
    places = np.arange(ids.shape[1]) - (ids.shape[1] - found)[:, None]
    return np.take_along_axis(ids, np.maximum(places, 0), axis=1), places >= 0


def generate(step: Step, ids: np.ndarray, max_new_tokens: int, choice: Choice, eos_id: int | None) -> np.ndarray:
    """Return new tokens [B, at most max_new_tokens] after ids [B, T].

    A sequence that ended has nothing but `eos_id` from there on; when all have ended, nothing more is computed.

    Args:
        step: takes the tokens that it has not seen yet, [B, n], and returns the logits [B, V] of what follows them.
        ids: tokens to go on from.
        max_new_tokens: most tokens.
        choice: how a token is chosen.
        eos_id: the token that ends a sequence, or None.
    """
    choice = choice.checked()
    new = np.empty((len(ids), integer("max_new_tokens", max_new_tokens, 0)), np.int64)
    ended = np.zeros(len(ids), bool)
    for t in range(new.shape[1]):
        ids = choose(step(ids), *choice)[:, None]
        if eos_id is not None:
            ids[ended] = eos_id
            ended |= ids[:, 0] == eos_id
        new[:, t] = ids[:, 0]
        if ended.all():
            return new[:, : t + 1]
    return new


def choose(logits: np.ndarray, temperature: float, top_k: int | None = None, top_p: float | None = None) -> np.ndarray:
    """Return a token [B] for each row of logits [B, V]: the largest at temperature 0, else one drawn.

    Tokens are drawn from softmax(logits / temperature); with `top_k` among the k most probable, with `top_p` among the
    fewest whose probabilities sum to top_p. The draws are `seqnn.random`'s: equal after equal `seed`.

    Raises:
        FloatingPointError: a row is not finite anywhere, as with weights that are NaN.
    """
    best = logits.max(axis=1)
    if not np.isfinite(best).all():
        row = int(np.argmin(np.isfinite(best)))
        raise FloatingPointError(
            f"logits: sequence {row} has none that is finite (largest: {best[row]}): look at the weights"
        )
    if not temperature:
        return logits.argmax(axis=1)
    rows = np.arange(len(logits))[:, None]
    k = logits.shape[1] if top_k is None else min(top_k, logits.shape[1])
    kept = np.argpartition(logits, -k, axis=1)[:, -k:]
    scores = logits[rows, kept].astype(np.float64)
    scores = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    if top_p is not None:
        scores = _nucleus(scores, top_p)
    sums = scores.cumsum(axis=1)
    seed, stream = random.next_key()
    point = random.uniform((len(logits), 1), seed=seed, stream=stream, dtype=np.float64) * sums[:, -1:]
    place = np.minimum((sums <= point).sum(axis=1), k - 1)
    return kept[rows[:, 0], place]


def _nucleus(scores: np.ndarray, top_p: float) -> np.ndarray:
    """Set all scores [B, k] to 0 but the largest ones whose share is top_p; the largest always stays."""
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=1)
    before = ordered.cumsum(axis=1) - ordered
    ordered[before >= top_p * ordered.sum(axis=1, keepdims=True)] = 0
    kept = np.zeros_like(scores)
    np.put_along_axis(kept, order, ordered, axis=1)
    return kept
