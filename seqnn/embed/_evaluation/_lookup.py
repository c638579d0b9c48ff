"""Words of test sets looked up in vectors: in their spelling, else with other capitals, else made of n-grams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._vectors import FastTextKeyedVectors, Labelled, LabelledVectors, unit_rows


class WordLookup:
    """The vectors of words, as far as they are known."""

    def __init__(self, vectors: Labelled, case_insensitive: bool, restrict_vocab: int | None = None) -> None:
        self._labelled = LabelledVectors(vectors)
        self._made = vectors if isinstance(vectors, FastTextKeyedVectors) else None
        self._first = restrict_vocab
        self._folded: dict[str, int] = {}
        if case_insensitive:
            for row, word in enumerate(self._labelled.words):
                self._folded.setdefault(str(word).upper(), row)

    def units(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors of words with length 1, float64 [N, D], and whether each is known; others have zeros."""
        index = self._labelled.index
        rows = np.array([index.get(word, self._folded.get(str(word).upper(), -1)) for word in words], np.int64)
        known = (rows >= 0) & (rows < len(self._labelled.words[: self._first]))
        units = np.zeros((len(words), self._labelled.matrix.shape[1]))
        units[known] = self._labelled.units(rows[known])
        for i in np.flatnonzero(~known).tolist():
            if self._made is not None and words[i] in self._made:
                units[i] = self._made[words[i]]
                known[i] = bool(units[i].any())
                unit_rows(units[i : i + 1])
        finite = np.isfinite(units).all(1)
        if not finite.all():
            raise ValueError(f"vectors: that of {words[int(finite.argmin())]!r} holds NaN or infinity")
        return units, known
