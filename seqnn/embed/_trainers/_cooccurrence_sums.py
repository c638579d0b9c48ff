"""Co-occurrence counts as exact integers: those of the parts of a corpus add up to those of the whole, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from ..._arguments import flag, integer
from ..._spill import parse_size
from ...text import Vocabulary, scan
from ._cooccurrence import Cooccurrence
from ._cooccurrence_count import count_sums
from ._cooccurrence_rows import merge_rows, rounded
from ._vector_model import MAX_WINDOW


class CooccurrenceSums(NamedTuple):
    """Co-occurrence counts before they are rounded: integers in units of 1 / `unit`.

    Attributes:
        indptr, indices: the matrix, as in `Cooccurrence`.
        sums: int64 > 0, one for each index.
        unit: what the sums are divided by.

    >>> from seqnn.embed import CooccurrenceSums
    >>> from seqnn.text import Vocabulary
    >>> vocabulary = Vocabulary(["to", "be"], [2, 2])
    >>> parts = [
    ...     CooccurrenceSums.of([["to", "be"]], vocabulary, window=2, total_words=4),
    ...     CooccurrenceSums.of([["be", "to"]], vocabulary, window=2, total_words=4),
    ... ]
    >>> [array.tolist() for array in CooccurrenceSums.merge(parts).counts()]
    [[0, 1], [1, 0], [2.0, 2.0]]
    """

    indptr: np.ndarray
    indices: np.ndarray
    sums: np.ndarray
    unit: float

    @classmethod
    def of(
        cls,
        source: Any,
        vocabulary: Vocabulary,
        *,
        window: int = 10,
        symmetric: bool = True,
        distance_weighting: bool = True,
        total_words: int | None = None,
        max_memory: int | str | None = None,
        **options: Any,
    ) -> Self:
        """Count the contexts of each word of a vocabulary; other words are left out and count no distance.

        Args:
            source: the corpus or a part of it, as for `seqnn.text.scan`.
            vocabulary: the words.
            window, symmetric, distance_weighting: which contexts count, and how much; see `GloVe`.
            total_words: known words of the whole corpus, which decide about the unit of large windows; by default those of
                the vocabulary's counts.
            max_memory: bytes, or "2GB"; more lies in temporary files.
            options: of `seqnn.text.scan`: tokenizer, errors.

        Returns:
            The sums.

        Raises:
            TypeError: another kind of vocabulary.
            ValueError: more words than `total_words`, in a window so large that the unit depends on it.
        """
        if not isinstance(vocabulary, Vocabulary):
            raise TypeError(f"vocabulary: expected a seqnn.text.Vocabulary, got {type(vocabulary).__name__}")
        window = integer("window", window, 1, MAX_WINDOW)
        symmetric, distance_weighting = flag("symmetric", symmetric), flag("distance_weighting", distance_weighting)
        total = vocabulary.counts.sum().item() if total_words is None else total_words
        total = integer("total_words", total, 0, 2**62)
        with scan(source, max_memory=max_memory, keep_empty=True, **options) as scanned:
            corpus = scanned.encode(vocabulary.positions(scanned.words))
        with corpus:
            return cls(
                *count_sums(
                    corpus,
                    len(vocabulary),
                    window=window,
                    symmetric=symmetric,
                    distance_weighting=distance_weighting,
                    total_words=total,
                    max_memory=max_memory,
                )
            )

    @classmethod
    def merge(cls, parts: Sequence[CooccurrenceSums], *, max_memory: int | str | None = None) -> Self:
        """Add the sums of the parts of a corpus.

        Args:
            parts: of the same vocabulary and window, at least one.
            max_memory: bytes, or "2GB"; more lies in temporary files.

        Returns:
            The sums of the whole.

        Raises:
            TypeError: for what are no sums.
            ValueError: no part, or parts of other sizes or units.
        """
        parts = list(parts)
        for number, part in enumerate(parts):
            if not isinstance(part, CooccurrenceSums):
                raise TypeError(f"parts[{number}]: expected CooccurrenceSums, got {type(part).__name__}")
        found = {(len(part.indptr) - 1, part.unit) for part in parts}
        if len(found) != 1:
            what = ", ".join(f"{size} words in units of 1/{unit:g}" for size, unit in sorted(found)) or "none"
            raise ValueError(f"parts: expected sums of one vocabulary, window and total_words, got {what}")
        ((size, unit),) = found
        if len(parts) == 1:
            return cls(*parts[0])
        return cls(*merge_rows([part[:3] for part in parts], size, parse_size(max_memory)), unit)

    def counts(self, *, in_place: bool = False) -> Cooccurrence:
        """Round the sums to counts.

        Args:
            in_place: whether the memory of the sums becomes that of the counts.

        Returns:
            The counts.
        """
        return rounded(self.indptr, self.indices, self.sums if in_place else self.sums.copy(), self.unit)
