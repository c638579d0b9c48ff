"""What the text metrics are given: hypotheses and streams of references, checked and put side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np


class Segments(NamedTuple):
    """Each hypothesis followed by its references.

    `groups` (int64) holds where each hypothesis stands among the texts, and their number; `references` says how many
    references each has, None where the numbers differ.
    """

    texts: list[str]
    groups: np.ndarray
    references: int | None

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the places of both sides of each pair of a hypothesis and one of its references, and how many each has."""
        counts = np.diff(self.groups) - 1
        is_reference = np.ones(len(self.texts), bool)
        is_reference[self.groups[:-1]] = False
        return np.repeat(self.groups[:-1], counts), np.flatnonzero(is_reference), counts


class MatrixPairs(NamedTuple):
    """All pairs of hypotheses and references: `left` and `right` are places among the texts, hypotheses first.

    The pairs of a reference follow one another. `shape` is (hypotheses, references).
    """

    texts: list[str]
    left: np.ndarray
    right: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def of(cls, hypotheses: Any, references: Any) -> MatrixPairs:
        """Return all pairs of strings. Raises `TypeError` for what is no string."""
        sides = as_texts("hypotheses", hypotheses), as_texts("references", references)
        check_strings("hypotheses", sides[0])
        check_strings("references", sides[1])
        shape = len(sides[0]), len(sides[1])
        left = np.tile(np.arange(shape[0]), shape[1])
        return cls([*sides[0], *sides[1]], left, np.repeat(np.arange(shape[1]) + shape[0], shape[0]), shape)

    def arrange(self, results: np.ndarray) -> np.ndarray:
        """Return results of the pairs as [hypotheses, references, ...]."""
        return results.reshape(*self.shape[::-1], *results.shape[1:]).swapaxes(0, 1)


def best_of_runs(scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the place of the first largest score of each run of `counts` scores."""
    starts = np.cumsum(counts) - counts
    is_best = scores == np.repeat(np.maximum.reduceat(scores, starts), counts)
    return np.minimum.reduceat(np.where(is_best, np.arange(len(scores)), len(scores)), starts)


def as_texts(name: str, value: Any) -> list[Any]:
    """Return an iterable of strings as a list. Raises `TypeError` for a single string and for what is no iterable."""
    if isinstance(value, str | bytes):
        raise TypeError(f"{name}: expected a list of strings, got a single one: {value!r:.60}; write [text]")
    if not isinstance(value, Iterable):
        raise TypeError(f"{name}: expected a list of strings, got {type(value).__name__}: {value!r:.60}")
    return list(value)


def gather(hypotheses: Any, references: Any) -> Segments:
    """Return hypotheses with their references.

    Args:
        hypotheses: n strings.
        references: streams of n strings each, references[j][i] the j-th reference of hypothesis i, None where it has no
            j-th one; or, with one reference each, n strings.

    Raises:
        TypeError: what is no string.
        ValueError: no hypothesis, a stream of another length (references that are transposed), a hypothesis without
            any reference.
    """
    texts = as_texts("hypotheses", hypotheses)
    if not texts:
        raise ValueError("hypotheses: expected at least one string, got none: the corpus is empty")
    streams = _streams(as_texts("references", references), len(texts))
    check_strings("hypotheses", texts)
    missing = [_misses(f"references[{j}]", stream) for j, stream in enumerate(streams)]
    width = len(streams) + 1
    everything: list[Any] = [None] * (width * len(texts))
    for place, stream in enumerate([texts, *streams]):
        everything[place::width] = stream
    if not any(missing):
        return Segments(everything, np.arange(0, len(everything) + 1, width), len(streams))
    present = np.array([text is not None for text in everything]).reshape(-1, width).sum(1)
    if present.min() < 2:
        raise ValueError(
            f"references: hypothesis {int(np.argmin(present))} has none: expected at least one that is not None"
        )
    groups = np.concatenate([[0], np.cumsum(present)])
    count = int(present[0]) - 1 if np.all(present == present[0]) else None
    return Segments([text for text in everything if text is not None], groups, count)


def _streams(references: list[Any], count: int) -> list[list[Any]]:
    """Return the references as streams of `count` strings."""
    if not references:
        raise ValueError("references: expected at least one stream of strings, got none")
    if isinstance(references[0], str) or references[0] is None:
        references = [references]
    streams = [as_texts(f"references[{j}]", stream) for j, stream in enumerate(references)]
    for j, stream in enumerate(streams):
        if len(stream) == count:
            continue
        expected = f"references[{j}]: expected {count} strings, one for each hypothesis, got {len(stream)}"
        if len(streams) == count:
            expected += (
                "; references is a list of streams, references[j][i] being the j-th reference of hypothesis i: "
                "it seems transposed, pass list(zip(*references)) instead"
            )
        raise ValueError(expected)
    return streams


def _misses(name: str, stream: Sequence[Any]) -> bool:
    """Check a stream of references; tell whether it holds None."""
    kinds = {*map(type, stream)}
    missing = type(None) in kinds
    kinds.discard(type(None))
    if any(not issubclass(kind, str) for kind in kinds):
        check_strings(name, ["" if text is None else text for text in stream])
    return missing


def check_strings(name: str, texts: Sequence[Any]) -> None:
    """Raise `TypeError` unless all texts are strings."""
    if all(issubclass(kind, str) for kind in {*map(type, texts)}):
        return
    place = next(i for i, text in enumerate(texts) if not isinstance(text, str))
    wrong = texts[place]
    raise TypeError(f"{name}[{place}]: expected a string, got {type(wrong).__name__}: {wrong!r:.60}")
