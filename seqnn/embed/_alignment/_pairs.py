"""Pairs of words that belong together in two spaces: given, read from a dictionary file, or spelled alike."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np

from ..._arguments import warn_caller
from ..._files import Path, name_of, open_text, unpacking
from .._vectors import LabelledVectors

Pairs = Iterable[Sequence[str]] | Path | None

_SHOWN = 5
"""Words that an error names on each side."""


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Read a dictionary: lines "word word", apart by blanks or a tab; a ValueError names file and line."""
    pairs = []
    with unpacking(path), open_text(path) as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\r\n")
            fields = [field.strip() for field in line.split("\t")] if "\t" in line else line.split()
            if not any(fields):
                continue
            if len(fields) != 2 or not all(fields):
                raise ValueError(f'{name_of(path)}: line {number}: expected "word word", got {line[:60]!r}')
            pairs.append((fields[0], fields[1]))
    if not pairs:
        raise ValueError(f'{name_of(path)}: no pairs (lines "word word")')
    return pairs


def pair_rows(
    source: LabelledVectors, target: LabelledVectors, pairs: Pairs, missing: str, name: str = "pairs"
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Return the rows [N, 2] of different pairs, and the pairs. None: the words that both sides have.

    With missing="raise" a pair with a word that its side lacks is a KeyError, with "drop" a warning; both count and name.
    """
    if missing not in ("raise", "drop"):
        raise ValueError(f"missing: expected 'raise' or 'drop', got {missing!r}")
    given = _given(source, target, pairs, name)
    known = [pair for pair in given if pair[0] in source.index and pair[1] in target.index]
    if len(known) < len(given):
        lost = (
            f"{name}: {len(given) - len(known)} of {len(given)} pairs hold a word without a vector"
            f"{_unknown('source', source, [a for a, _ in given])}{_unknown('target', target, [b for _, b in given])}"
        )
        if missing == "raise":
            raise KeyError(f"{lost}; missing='drop' leaves these pairs out")
        warn_caller(f"{lost}; these pairs are left out", UserWarning)
    rows = np.array([(source.index[a], target.index[b]) for a, b in known], np.int64).reshape(-1, 2)
    return rows, known


def _given(source: LabelledVectors, target: LabelledVectors, pairs: Pairs, name: str) -> list[tuple[str, str]]:
    """Return the different pairs, in their order."""
    if pairs is None:
        return [(word, word) for word in source.words if word in target.index]
    if isinstance(pairs, str | bytes | os.PathLike):
        return list(dict.fromkeys(read_pairs(pairs)))
    if not isinstance(pairs, Iterable):
        expected = "pairs (source word, target word), a file or None"
        raise TypeError(f"{name}: expected {expected}, got {pairs!r:.60}")
    found = []
    for pair in pairs.items() if isinstance(pairs, dict) else pairs:
        if (
            isinstance(pair, str)
            or not isinstance(pair, Sequence)
            or len(pair) != 2
            or not all(isinstance(word, str) for word in pair)
        ):
            raise ValueError(f"{name}: expected pairs (source word, target word), got {pair!r:.80}")
        found.append((pair[0], pair[1]))
    return list(dict.fromkeys(found))


def _unknown(side: str, vectors: LabelledVectors, words: list[str]) -> str:
    """Say which words a side lacks."""
    lacking = list(dict.fromkeys(word for word in words if word not in vectors.index))
    if not lacking:
        return ""
    names = ", ".join(map(repr, lacking[:_SHOWN])) + (", ..." if len(lacking) > _SHOWN else "")
    return f"; {side} lacks {len(lacking)}: {names}"
