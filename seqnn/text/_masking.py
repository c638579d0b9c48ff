"""Hidden tokens for models to find again: a share of them (BERT), or a number that is drawn anew for each sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import random
from .._arguments import integer, number

__all__ = ["IGNORED", "draws", "id_row", "mask_several", "mask_tokens"]

IGNORED = -100
"""The target of what does not count."""


def mask_tokens(
    ids: Any,
    *,
    mask_id: int,
    vocabulary_size: int,
    special_ids: Sequence[int] = (),
    probability: float = 0.15,
    word_ids: Any = None,
    seed: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Hide tokens, for BERT's task of finding them again.

    In each sequence round(probability * tokens) tokens, at least one, are chosen; of those 80 % become `mask_id`, 10 % any
    token of the vocabulary, and 10 % stay. With `word_ids` whole words are chosen, in random order as long as they are not
    more tokens than that, and at least one word.

    Args:
        ids: integers [B, T].
        mask_id: the token that hides others.
        vocabulary_size: random tokens are drawn from 0 to this.
        special_ids: tokens that are never chosen, such as [CLS], [SEP] and padding.
        probability: share of the tokens that are chosen, above 0 and at most 1.
        word_ids: integers [B, T], the word of each token: neighbours of one number are one word. A token of no word, None as
            in `word_ids` of `tokenizers`, or below 0, is never chosen. Default: each token is a word.
        seed: of the draws (default: a fresh key of `seqnn.random`).

    Returns:
        ids with some changed [B, T], and targets [B, T]: the original ids at the chosen places and -100 elsewhere.

    Raises:
        ValueError: ids or word_ids are no integers of these shapes, or the probability is out of bounds.

    Source: Devlin, Chang, Lee, Toutanova, "BERT", NAACL 2019; whole words are of its later release.

    >>> import numpy as np
    >>> from seqnn.text import mask_tokens
    >>> ids, targets = mask_tokens(np.full((2, 20), 7), mask_id=4, vocabulary_size=100)
    >>> (targets == 7).sum(axis=1)
    array([3, 3])
    >>> words = np.arange(20) // 3
    >>> ids, targets = mask_tokens(np.full((1, 20), 7), mask_id=4, vocabulary_size=100, word_ids=[words])
    >>> np.unique(words[targets[0] == 7]).size
    1
    """
    ids = _as_ids(ids)
    if number("probability", probability, above=0.0) > 1:
        raise ValueError(f"probability: expected a number <= 1, got {probability}")
    integer("vocabulary_size", vocabulary_size, 1, _greatest(ids) + 1)
    integer("mask_id", mask_id, 0, _greatest(ids))
    place, kind, token = draws(3, ids.shape, seed)
    words = _words(word_ids, ids.shape)
    usable = _usable(ids, special_ids) & (words >= 0)
    tokens = usable.sum(axis=1, keepdims=True)
    wanted = np.minimum(np.maximum(np.rint(probability * tokens), 1), tokens)
    drawn = np.where(usable, _of_words(place, usable, words), 2.0)
    chosen = usable & ((_not_above(drawn) <= wanted) | (drawn == drawn.min(axis=1, keepdims=True, initial=2.0)))
    targets = np.where(chosen, ids.astype(np.int64), IGNORED)
    changed = np.where(chosen & (kind < 0.8), mask_id, ids)
    anything = (token * vocabulary_size).astype(ids.dtype)
    return np.where(chosen & (kind >= 0.9), anything, changed).astype(ids.dtype), targets


def mask_several(
    ids: Any,
    *,
    mask_id: int,
    most: int,
    span_length: int = 1,
    special_ids: Sequence[int] = (),
    seed: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Hide one to `most` tokens or spans of each sequence, a number that is drawn anew each time (multi-mask, MMLM).

    All numbers are equally probable, all lengths of a span, and all places. So a model meets sequences in which little is
    hidden and such in which much is, as it does when it fills in one mask after another (`BERTForPretraining.fill_masks`).
    A sequence with fewer tokens loses them all.

    Args:
        ids: integers [B, T].
        mask_id: the token that hides others.
        most: the most spans of a sequence.
        span_length: the most tokens of a span, those of special tokens not counted; 1: single tokens.
        special_ids: tokens that are never hidden, such as [CLS], [SEP] and padding.
        seed: of the draws (default: a fresh key of `seqnn.random`).

    Returns:
        ids with some hidden [B, T], and targets [B, T]: the original ids at the hidden places and -100 elsewhere.

    Raises:
        ValueError: ids are no integers [B, T], or a number is below 1.

    Source: Ghazvininejad, Levy, Liu, Zettlemoyer, "Mask-predict: parallel decoding of conditional masked language models",
    EMNLP 2019; spans: Joshi et al., "SpanBERT", TACL 2020.

    >>> import numpy as np
    >>> from seqnn.text import mask_several
    >>> ids, targets = mask_several(np.full((5, 20), 7), mask_id=4, most=6, seed=1)
    >>> (ids == 4).sum(axis=1)
    array([6, 5, 2, 4, 4])
    """
    ids = _as_ids(ids)
    integer("mask_id", mask_id, 0, _greatest(ids))
    most, longest = integer("most", most, 1), integer("span_length", span_length, 1)
    rows, width = ids.shape
    first, *further = np.split(draws(1, (rows, 1 + most + width), seed)[0], [1, 1 + most], axis=1)
    usable = _usable(ids, special_ids)
    tokens = usable.sum(axis=1, keepdims=True)
    active = np.arange(most) <= (first * most).astype(np.int64)
    lengths = np.where(active, 1 + (further[0] * longest).astype(np.int64), 0)
    lengths = np.diff(np.minimum(lengths.cumsum(axis=1), tokens), axis=1, prepend=0)
    spans = (lengths > 0).sum(axis=1, keepdims=True)
    # One number for each span, out of those of the tokens that stay and of the spans: any spans in any places.
    free = tokens - lengths.sum(axis=1, keepdims=True) + spans
    slots = np.where(np.arange(width) < free, further[1], 2.0)
    taken = (slots.argsort(axis=1).argsort(axis=1) < spans).nonzero()
    which = np.arange(len(taken[0])) - (np.cumsum(spans) - spans[:, 0])[taken[0]]
    start = taken[1] - which + (lengths.cumsum(axis=1) - lengths)[taken[0], which]
    edges = np.zeros((rows, width + 1), np.int64)
    np.add.at(edges, (taken[0], start), 1)
    np.add.at(edges, (taken[0], start + lengths[taken[0], which]), -1)
    inside = edges.cumsum(axis=1) > 0
    chosen = usable & np.take_along_axis(inside, np.maximum(usable.cumsum(axis=1) - 1, 0), axis=1)
    hidden = np.where(chosen, mask_id, ids).astype(ids.dtype)
    return hidden, np.where(chosen, ids.astype(np.int64), IGNORED)


def draws(count: int, shape: tuple[int, ...], seed: int | None) -> np.ndarray:
    """Draw `count` arrays of uniform numbers in [0, 1)."""
    key, stream = random.next_key() if seed is None else (seed, 0)
    drawn = random.uniform((count, *shape), seed=key, stream=stream, dtype=np.float64)
    return np.minimum(drawn, np.nextafter(1.0, 0.0))


def id_row(name: str, given: Any) -> np.ndarray:
    """Return token ids as int64 [t]; a ValueError names what is none."""
    try:
        row = np.asarray(given)
    except ValueError:
        raise ValueError(f"{name}: expected token ids, got rows of unequal length") from None
    if row.ndim != 1 or (row.size and (row.dtype.kind not in "iu" or row.max() > np.iinfo(np.int64).max)):
        raise ValueError(f"{name}: expected token ids, got {row.dtype} of shape {row.shape}")
    return row.astype(np.int64)


def _as_ids(ids: Any) -> np.ndarray:
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.dtype.kind not in "iu":
        raise ValueError(f"ids: expected integers [batch, positions], got {ids.dtype} of shape {ids.shape}")
    return ids


def _greatest(ids: np.ndarray) -> int:
    """Return the greatest id that the type of the ids holds, at most 2**31 - 1."""
    return min(int(np.iinfo(ids.dtype).max), 2**31 - 1)


def _usable(ids: np.ndarray, special_ids: Sequence[int]) -> np.ndarray:
    """Tell which tokens may be hidden, [B, T]."""
    return ~np.isin(ids, id_row("special_ids", [*special_ids]))


def _words(word_ids: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return the number of the word of each token, [B, T]; -1 of those that are of none."""
    if word_ids is None:
        return np.broadcast_to(np.arange(shape[1]), shape)
    words = np.asarray(word_ids)
    if words.dtype == object and words.shape == shape:
        words = np.array([-1 if word is None else word for word in words.flat]).reshape(shape)
    if words.shape != shape or words.dtype.kind not in "iu":
        raise ValueError(f"word_ids: expected integers {shape}, as ids, got {words.dtype} of shape {words.shape}")
    return words


def _of_words(drawn: np.ndarray, usable: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Return the draw of the first token of its word for each token, [B, T]."""
    goes_on = usable[:, 1:] & usable[:, :-1] & (words[:, 1:] == words[:, :-1])
    starts = np.where(np.pad(goes_on, ((0, 0), (1, 0))), 0, np.arange(drawn.shape[1]))
    return np.take_along_axis(drawn, np.maximum.accumulate(starts, axis=1), axis=1)


def _not_above(values: np.ndarray) -> np.ndarray:
    """Count the values of its row that are not above it, for each one of [B, T]."""
    order = values.argsort(axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    ends = np.pad(ordered[:, 1:] != ordered[:, :-1], ((0, 0), (0, 1)), constant_values=True)
    width = values.shape[1]
    counts = np.where(ends, np.arange(1, width + 1), width)
    counts = np.minimum.accumulate(counts[:, ::-1], axis=1)[:, ::-1]
    return np.take_along_axis(counts, order.argsort(axis=1), axis=1)
