"""Tasks made of plain text for models to learn from: next tokens, pairs of sentences, missing spans, answers as texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._arguments import integer, number
from ._masking import IGNORED, draws, id_row
from ._padding import windows

__all__ = ["causal_windows", "corrupt_spans", "frame_task", "next_sentence_pairs"]


def causal_windows(
    documents: Sequence[Sequence[int]], length: int, *, eos_id: int, pad_id: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Cut documents into windows of equal length, for the task of telling each next token (causal language models).

    The documents are put one after the other, each with `eos_id` at its end, so that nothing is padded but the last window.

    Args:
        documents: sequences of token ids.
        length: positions of a window.
        eos_id: the token that ends a document.
        pad_id: what fills the last window up; its targets do not count.

    Returns:
        ids [N, length], and targets [N, length]: the next token of each position; -100 where there is none.

    Raises:
        ValueError: there is no token, or the length is below 1.

    >>> from seqnn.text import causal_windows
    >>> ids, targets = causal_windows([[5, 6, 7], [8, 9]], 3, eos_id=1)
    >>> ids.tolist(), targets.tolist()
    ([[5, 6, 7], [1, 8, 9]], [[6, 7, 1], [8, 9, 1]])
    """
    integer("length", length, 1)
    if isinstance(documents, np.ndarray) and documents.ndim == 1:
        raise ValueError("documents: expected a sequence of documents, got one of token ids: write [ids]")
    integer("eos_id", eos_id, 0)
    integer("pad_id", pad_id, 0)
    parts = [id_row(f"documents[{i}]", document) for i, document in enumerate(documents)]
    if not any(map(len, parts)):
        raise ValueError("documents: expected at least one token, got none")
    ended = [np.append(part, eos_id) for part in parts if len(part)]
    joined = np.concatenate(ended)
    ids = windows(joined[:-1], length, value=pad_id)
    return ids, windows(joined[1:], length, value=IGNORED)


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
    integer("cls_id", cls_id, 0)
    integer("sep_id", sep_id, 0)
    rows = [[id_row(f"documents[{d}][{s}]", ids) for s, ids in enumerate(given)] for d, given in enumerate(documents)]
    texts = [found for row in rows if (found := [ids for ids in row if len(ids)])]
    if len(texts) < 2:
        raise ValueError(f"documents: expected at least two that are not empty, got {len(texts)}")
    firsts = [(d, s) for d, document in enumerate(texts) for s in range(len(document) - 1)]
    coin, where, which = draws(3, (len(firsts),), seed)
    pairs = []
    for n, (d, s) in enumerate(firsts):
        label = int(coin[n] < 0.5)
        if label:
            other = int(where[n] * (len(texts) - 1))
            other = texts[other + (other >= d)]
            second = other[int(which[n] * len(other))]
        else:
            second = texts[d][s + 1]
        a, b = _fitted(texts[d][s], second, max_length - 3)
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
    ids = ids.astype(np.int64)
    integer("eos_id", eos_id, 0)
    integer("sentinel_id", sentinel_id, spans - 1)
    cuts = draws(2, (len(ids),), seed)
    kept, lost = (_parts(n, spans, draw) for n, draw in zip((len(ids) - missing, missing), cuts, strict=True))
    source, target, start = [], [], 0
    for n, (keep, lose) in enumerate(zip(kept, lost, strict=True)):
        middle = start + keep
        source += [ids[start:middle], [sentinel_id - n]]
        start = middle + lose
        target += [[sentinel_id - n], ids[middle:start]]
    return np.concatenate([*source, [eos_id]]), np.concatenate([*target, [eos_id]])


def _parts(total: int, parts: int, draw: np.ndarray) -> np.ndarray:
    """Split `total` into a sum of `parts` numbers >= 1, all sums equally probable."""
    cuts = np.sort(draw[: total - 1].argsort()[: parts - 1] + 1)
    return np.diff(cuts, prepend=0, append=total)


def _fitted(a: Sequence[int], b: Sequence[int], length: int) -> tuple[Sequence[int], Sequence[int]]:
    """Cut both to `length` tokens together at most, the longer one first."""
    kept = min(len(b), max(length - len(a), length // 2))
    return a[: length - kept], b[:kept]


def frame_task(
    task: str,
    texts: Sequence[str] | Mapping[str, Sequence[str]],
    targets: Sequence[Any],
    *,
    classes: Sequence[str] = (),
) -> tuple[list[str], list[str]]:
    """Write the examples of a task as pairs of texts, so that one model learns many tasks (text to text, T5).

    An input is "task: text", or, of several columns, "task name: text name: text". A target is the text itself, the name
    of a class, or, of a number, the nearest multiple of 0.2, such as "3.8".

    Args:
        task: what inputs begin with, such as "cola" or "translate English to German".
        texts: strings; or columns of strings by their names, such as `metrics.read_glue(...).texts`.
        targets: strings, numbers of classes, or floats.
        classes: the names of the classes, where targets are their numbers.

    Returns:
        Inputs and targets, lists of strings.

    Raises:
        ValueError: columns of unequal lengths, or a class without a name.

    Source: Raffel et al., "Exploring the limits of transfer learning", JMLR 2020, section 2.4.

    >>> from seqnn.text import frame_task
    >>> pairs = {"sentence1": ["It rains."], "sentence2": ["It is wet."]}
    >>> frame_task("rte", pairs, [0], classes=["entailment", "not_entailment"])
    (['rte sentence1: It rains. sentence2: It is wet.'], ['entailment'])
    >>> frame_task("stsb", pairs, [3.77])[1], frame_task("translate English to German", ["Yes."], ["Ja."])[0]
    (['3.8'], ['translate English to German: Yes.'])
    """
    columns = dict(texts) if isinstance(texts, Mapping) else {"": texts}
    for name, column in {
        "targets": targets,
        "classes": classes,
        **{name or "texts": c for name, c in columns.items()},
    }.items():
        if isinstance(column, str | bytes):
            raise TypeError(f"{name}: expected lists of strings, got one string: write [text]")
        if not hasattr(column, "__len__"):
            raise TypeError(f"{name}: expected a list, got {type(column).__name__}")
    for name, column in columns.items():
        wrong = next((i for i, text in enumerate(column) if not isinstance(text, str)), None)
        if wrong is not None:
            raise TypeError(f"{name or 'texts'}: expected strings, got {column[wrong]!r:.60} at {wrong}")
    lengths = {name or "texts": len(column) for name, column in columns.items()} | {"targets": len(targets)}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"texts: expected as many of each, got {lengths}")
    prefix = f"{task}: " if "" in columns else f"{task} "
    rows = zip(
        *([f"{name}: {text}" if name else text for text in column] for name, column in columns.items()), strict=True
    )
    return [prefix + " ".join(row) for row in rows], [_answer(target, i, classes) for i, target in enumerate(targets)]


def _answer(target: Any, place: int, classes: Sequence[str]) -> str:
    """Return a target as text."""
    if isinstance(target, str):
        return target
    if isinstance(target, float | np.floating):
        return f"{round(5 * number(f'targets[{place}]', target)) / 5:.1f}"
    if not isinstance(target, int | np.integer) or not 0 <= target < len(classes):
        raise ValueError(
            f"targets[{place}]: expected a text, a float, or the number of one of {len(classes)} classes, got {target!r}"
        )
    return classes[target]
