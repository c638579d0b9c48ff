"""Tasks made of plain text for models to learn from: hidden tokens, pairs of sentences, missing spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import random
from .._arguments import integer, number

IGNORED = -100


def mask_tokens(
    ids: Any,
    *,
    mask_id: int,
    vocabulary_size: int,
    special_ids: Sequence[int] = (),
    probability: float = 0.15,
    seed: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Hide tokens, for BERT's task of finding them again.

    In each sequence round(probability * tokens) tokens, at least one, are chosen; of those 80 % become `mask_id`, 10 % any
    token of the vocabulary, and 10 % stay.

    Args:
        ids: integers [B, T].
        mask_id: the token that hides others.
        vocabulary_size: random tokens are drawn from 0 to this.
        special_ids: tokens that are never chosen, such as [CLS], [SEP] and padding.
        probability: share of the tokens that are chosen, above 0 and at most 1.
        seed: of the draws (default: a fresh key of `seqnn.random`).

    Returns:
        ids with some changed [B, T], and targets [B, T]: the original ids at the chosen places and -100 elsewhere.

    Source: Devlin, Chang, Lee, Toutanova, "BERT", NAACL 2019.

    >>> import numpy as np
    >>> from seqnn.text import mask_tokens
    >>> ids, targets = mask_tokens(np.full((2, 20), 7), mask_id=4, vocabulary_size=100)
    >>> (targets == 7).sum(axis=1)
    array([3, 3])
    """
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.dtype.kind not in "iu":
        raise ValueError(f"ids: expected integers [batch, positions], got {ids.dtype} of shape {ids.shape}")
    if number("probability", probability, above=0.0) > 1:
        raise ValueError(f"probability: expected a number <= 1, got {probability}")
    integer("vocabulary_size", vocabulary_size, 1)
    place, kind, token = _draws(3, ids.shape, seed)
    usable = ~np.isin(ids, np.asarray(special_ids, np.int64))
    tokens = usable.sum(axis=1, keepdims=True)
    wanted = np.minimum(np.maximum(np.rint(probability * tokens), 1), tokens)
    rank = np.where(usable, place, 2.0).argsort(axis=1).argsort(axis=1)
    chosen = rank < wanted
    targets = np.where(chosen, ids, IGNORED).astype(np.int64)
    changed = np.where(chosen & (kind < 0.8), mask_id, ids)
    anything = (token * vocabulary_size).astype(ids.dtype)
    return np.where(chosen & (kind >= 0.9), anything, changed).astype(ids.dtype), targets


def next_sentence_pairs(
    documents: Sequence[Sequence[Sequence[int]]],
    *,
    cls_id: int,
    sep_id: int,
    max_length: int = 128,
    seed: int | None = None,
) -> list[tuple[np.ndarray, np.ndarray, int]]:
    """Make pairs of sentences, for BERT's task of telling whether the second follows the first.

    ids = [CLS] A [SEP] B [SEP]; segments are 0 up to the first [SEP] and 1 after it. With label 0 B follows A; half of the
    pairs have label 1 and a B drawn from the other documents. The longer sentence loses its last tokens until the pair
    fits.

    Args:
        documents: at least two sequences of sentences, which are sequences of token ids.
        cls_id: the token [CLS].
        sep_id: the token [SEP].
        max_length: the most tokens of a pair, with [CLS] and [SEP].
        seed: of the draws (default: a fresh key of `seqnn.random`).

    Returns:
        (ids, segments, label) for each sentence that has a next one in its document.

    >>> from seqnn.text import next_sentence_pairs
    >>> documents = [[[10, 11], [12]], [[20], [21, 22], [23]]]
    >>> pairs = next_sentence_pairs(documents, cls_id=1, sep_id=2, seed=2)
    >>> [(ids.tolist(), label) for ids, _, label in pairs]
    [([1, 10, 11, 2, 20, 2], 1), ([1, 20, 2, 21, 22, 2], 0), ([1, 21, 22, 2, 10, 11, 2], 1)]
    """
    integer("max_length", max_length, 5)
    documents = [[s for s in document if len(s)] for document in documents]
    documents = [document for document in documents if document]
    if len(documents) < 2:
        raise ValueError(f"documents: expected at least two that are not empty, got {len(documents)}")
    firsts = [(d, s) for d, document in enumerate(documents) for s in range(len(document) - 1)]
    coin, where, which = _draws(3, (len(firsts),), seed)
    pairs = []
    for n, (d, s) in enumerate(firsts):
        label = int(coin[n] < 0.5)
        if label:
            other = int(where[n] * (len(documents) - 1))
            other = documents[other + (other >= d)]
            second = other[int(which[n] * len(other))]
        else:
            second = documents[d][s + 1]
        a, b = _fitted(documents[d][s], second, max_length - 3)
        ids = np.array([cls_id, *a, sep_id, *b, sep_id])
        pairs.append((ids, (np.arange(len(ids)) > len(a) + 1).astype(ids.dtype), label))
    return pairs


def corrupt_spans(
    ids: Any,
    *,
    sentinel_id: int,
    eos_id: int,
    density: float = 0.15,
    mean_length: float = 3.0,
    seed: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut spans out of a sequence, for T5's task of filling them in.

    Spans, together round(density * tokens) tokens, give way to the sentinels `sentinel_id`, `sentinel_id` - 1, ...

    Args:
        ids: integers [t], at least two.
        sentinel_id: the first sentinel; the others count down from it.
        eos_id: the token that ends both results.
        density: share of the tokens that are cut out, between 0 and 1.
        mean_length: tokens of a span on average.
        seed: of the draws (default: a fresh key of `seqnn.random`).

    Returns:
        The sequence with sentinels, and the spans, each after its sentinel; both are int arrays [t].

    Source: Raffel et al., "Exploring the limits of transfer learning", JMLR 2020.

    >>> from seqnn.text import corrupt_spans
    >>> ids, targets = corrupt_spans(range(10, 20), sentinel_id=99, eos_id=1, density=0.3, seed=0)
    >>> ids.tolist(), targets.tolist()
    ([10, 11, 12, 13, 14, 15, 16, 99, 1], [99, 17, 18, 19, 1])
    """
    ids = np.asarray(ids)
    if ids.ndim != 1 or len(ids) < 2 or ids.dtype.kind not in "iu":
        raise ValueError(f"ids: expected at least two integers [t], got {ids.dtype} of shape {ids.shape}")
    if number("density", density, above=0.0) >= 1:
        raise ValueError(f"density: expected a number < 1, got {density}")
    missing = min(max(round(density * len(ids)), 1), len(ids) - 1)
    spans = min(max(round(missing / number("mean_length", mean_length, minimum=1.0)), 1), len(ids) - missing)
    cuts = _draws(2, (len(ids),), seed)
    kept, lost = (_parts(n, spans, draw) for n, draw in zip((len(ids) - missing, missing), cuts, strict=True))
    source, target, start = [], [], 0
    for n, (keep, lose) in enumerate(zip(kept, lost, strict=True)):
        middle = start + keep
        source += [ids[start:middle], [sentinel_id - n]]
        start = middle + lose
        target += [[sentinel_id - n], ids[middle:start]]
    return np.concatenate([*source, [eos_id]]), np.concatenate([*target, [eos_id]])


def _draws(count: int, shape: tuple[int, ...], seed: int | None) -> np.ndarray:
    """Draw `count` arrays of uniform numbers in [0, 1)."""
    key, stream = random.next_key() if seed is None else (seed, 0)
    drawn = random.uniform((count, *shape), seed=key, stream=stream, dtype=np.float64)
    return np.minimum(drawn, np.nextafter(1.0, 0.0))


def _parts(total: int, parts: int, draw: np.ndarray) -> np.ndarray:
    """Split `total` into a sum of `parts` numbers >= 1, all sums equally probable."""
    cuts = np.sort(draw[: total - 1].argsort()[: parts - 1] + 1)
    return np.diff(cuts, prepend=0, append=total)


def _fitted(a: Sequence[int], b: Sequence[int], length: int) -> tuple[Sequence[int], Sequence[int]]:
    """Cut both to `length` tokens together at most, the longer one first."""
    kept = min(len(b), max(length - len(a), length // 2))
    return a[: length - kept], b[:kept]
