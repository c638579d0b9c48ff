"""Ids of a corpus mapped to others, in place and in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import numpy as np

from .. import _core
from ._scanner import in_order

_SPAN = 1 << 21
"""Ids that are mapped in one step."""


def apply(
    ids: np.ndarray, ends: np.ndarray, maps: Sequence[np.ndarray], spans: Sequence[tuple[int, int, int]] | None = None
) -> int:
    """Set ids = maps[m][ids] in place for each span (first, last, m), and return how many ids are kept.

    Ids that map to -1 are dropped and the others move up. `ends`, ascending positions in the ids, become the number of
    kept ids before each. Without spans maps[0] serves for all.
    """
    if spans is None:
        spans = [(first, min(first + _SPAN, len(ids)), 0) for first in range(0, len(ids), _SPAN)]
    cuts = [*np.searchsorted(ends, [first for first, _, _ in spans]).tolist(), len(ends)]

    def encode(number: int) -> tuple[int, np.ndarray]:
        first, last, m = spans[number]
        inside = ends[cuts[number] : cuts[number + 1]] - first
        return int(_core.corpus_encode(ids[first:last], maps[m], inside)[0]), inside

    kept = 0
    with closing(in_order(encode, range(len(spans)))) as results:
        for number, (count, inside) in enumerate(results):
            first = spans[number][0]
            if kept != first:
                ids[kept : kept + count] = ids[first : first + count]
            ends[cuts[number] : cuts[number + 1]] = kept + inside
            kept += count
    return kept
