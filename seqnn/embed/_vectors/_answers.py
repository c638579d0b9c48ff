"""Answers to many questions "a is to b as c is to what", by sums (3CosAdd) or by products of cosines (3CosMul)."""

from __future__ import annotations

import numpy as np

from ._keyed_rows import KeyedRows
from ._neighbors import best, nearest_neighbors, reciprocal

_FOUND = 5
"""Rows that are found for a question: the words asked for, in other spellings, are passed over."""

_ASKED = 16
"""Questions whose cosines with all words are held at a time."""

_EPSILON = 1e-6
"""Of Levy and Goldberg (2014), equation 4."""


def vocabulary(wv: KeyedRows, restrict_vocab: int | None, upper: bool) -> tuple[list[str], dict[str, int]]:
    """Return the names of the first words, in upper case if asked, and the first row of each name."""
    names = [str(key).upper() if upper else str(key) for key in wv.index_to_key[:restrict_vocab]]
    return names, {name: i for i, name in zip(reversed(range(len(names))), reversed(names), strict=True)}


def answers(wv: KeyedRows, rows: np.ndarray, names: list[str], row_of: dict[str, int], products: bool) -> np.ndarray:
    """Return the row that answers each question a, b, c (rows [N, 3] of the first words), or -1.

    It is the first one found that is none of the three. Rows whose names are alike count as the first of them.
    """
    same = np.array([row_of[name] for name in names], np.int64)
    ids = (_by_products if products else _by_sums)(wv, rows, len(names))
    if not ids.size:
        return np.full(len(rows), -1)
    found = np.where(ids >= 0, same[ids], -1)
    useless = (found[:, :, None] == rows[:, None]).any(2) | (ids < 0)
    first = np.where(useless.all(1), np.maximum((found >= 0).sum(1) - 1, 0), useless.argmin(1))
    return found[np.arange(len(rows)), first]


def _by_sums(wv: KeyedRows, rows: np.ndarray, end: int) -> np.ndarray:
    """Find the rows before `end` that are nearest to b + c - a of each question."""
    units, places = _units(wv, rows)
    a, b, c = (units[column] for column in places.T)
    return nearest_neighbors(b + c - a, wv.vectors, _FOUND, norms=wv.norms, end=end, exclude=rows)[0]


def _by_products(wv: KeyedRows, rows: np.ndarray, end: int) -> np.ndarray:
    """Find the rows before `end` with the highest cos(b) cos(c) / cos(a), of cosines that are moved into [0, 1]."""
    found = np.full((len(rows), min(_FOUND, end)), -1)
    vectors, scale = wv.vectors[:end], reciprocal(wv.norms[:end])
    for first in range(0, len(rows), _ASKED):
        asked = rows[first : first + _ASKED]
        units, places = _units(wv, asked)
        shifted = (1 + (units @ vectors.T) * scale) / 2
        for i, (a, b, c) in enumerate(places.tolist()):
            nearest = best(shifted[b] * shifted[c] / (shifted[a] + _EPSILON), found.shape[1], asked[i].tolist())
            found[first + i, : len(nearest)] = nearest
    return found


def _units(wv: KeyedRows, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the unit vectors of the different rows, and the place of each of `rows` among them."""
    used, places = np.unique(rows, return_inverse=True)
    return wv.vectors[used] * reciprocal(wv.norms[used])[:, None], places.reshape(rows.shape)
