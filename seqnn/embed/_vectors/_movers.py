"""Word mover's distance: how far the words of one text are from those of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ... import _core
from ._comparing import ComparingRows
from ._keys import Key, key_list
from ._neighbors import whole_topn

_EXACT = 32
"""Texts whose distances `MoversIndex.nearest` computes before it looks at the bounds again."""

_ROUNDING = 1e-9
"""By which share a lower bound may exceed a distance."""


def wmdistance(
    self: ComparingRows, document1: Iterable[Key], document2: Iterable[Key], norm: bool = True, *, relaxed: bool = False
) -> float:
    """Compute the word mover's distance of two texts: what it costs at least to move the words of one to the other's.

    Each text is a bag of words whose shares sum to 1; a share that moves costs the Euclidean distance of its words. The
    distance is exact. For one text against many see `seqnn.embed.MoversIndex`.

    Args:
        document1, document2: words; those without a vector are left out.
        norm: whether the vectors are scaled to length 1 first.
        relaxed: compute the lower bound instead: each word moves to the nearest one, whatever else goes there; the larger
            of both directions.

    Returns:
        The distance; infinity where a text has no word with a vector.

    Source: Kusner et al., "From word embeddings to document distances", 2015.

    >>> import numpy as np
    >>> from seqnn import KeyedVectors
    >>> wv = KeyedVectors.from_arrays(["cat", "dog", "car"], np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 2.0]]))
    >>> wv.wmdistance(["cat", "cat"], ["dog", "car"], norm=False)
    3.5
    """
    texts = [key_list(document, "document1, document2") for document in (document1, document2)]
    matrix, counts = _located(self, texts) or _looked_up(self, texts)
    query, text = (np.array([list(some), list(some.values())], np.int64) for some in counts)
    return float(_core.movers_pair(matrix, *query, *text, bool(norm), relaxed)[0])


class _Texts(NamedTuple):
    """Bags of words: those of text s are words[offsets[s] : offsets[s + 1]], numbers of `keys`."""

    keys: list[Key]
    words: np.ndarray
    times: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, wv: ComparingRows, documents: Iterable[Iterable[Key]], name: str) -> _Texts:
        """Count the words of texts that have a vector."""
        numbers: dict[Key, int] = {}
        words: list[int] = []
        times: list[int] = []
        offsets = [0]
        for document in documents:
            counts = _known(wv, document, name)
            words.extend([numbers.setdefault(key, len(numbers)) for key in counts])
            times.extend(counts.values())
            offsets.append(len(words))
        return cls(list(numbers), np.array(words, np.int32), np.array(times, np.int64), np.array(offsets, np.int64))

    def vectors(self, wv: ComparingRows, norm: bool) -> np.ndarray:
        """Return the words' vectors, in a type that kernels take."""
        return _vectors(wv, self.keys, norm)

    def take(self, texts: np.ndarray) -> _Texts:
        """Return some of the texts."""
        counts = np.diff(self.offsets)[texts]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        places = np.repeat(self.offsets[texts] - offsets[:-1], counts) + np.arange(offsets[-1])
        return _Texts(self.keys, self.words[places], self.times[places], offsets)

    def distances(self, costs: np.ndarray, texts: _Texts, relaxed: bool) -> np.ndarray:
        """Compute the distances of our one text to others, whose words are `costs` from ours."""
        return _core.movers_distances(costs, self.times, texts.words, texts.times, texts.offsets, relaxed)


def _counted(document: Iterable[Key], name: str) -> Counter[Key]:
    """Count the words of a text."""
    words = key_list(document, name)
    try:
        return Counter(words)
    except TypeError:
        raise TypeError(f"{name}: expected lists of words, got {words!r:.60}") from None


def _known(wv: ComparingRows, document: Iterable[Key], name: str) -> dict[Key, int]:
    """Count the words of a text that have a vector."""
    index = wv.key_to_index
    return {key: count for key, count in _counted(document, name).items() if key in index or key in wv}


def _located(wv: ComparingRows, texts: list[list[Key]]) -> tuple[np.ndarray, list[Counter[int]]] | None:
    """Return the matrix of all keys, and how often each text has each of its rows; None where that does not say it all."""
    matrix, index = wv.vectors, wv.key_to_index
    if not (isinstance(matrix, np.ndarray) and matrix.dtype in (np.float32, np.float64) and matrix.flags.c_contiguous):
        return None
    try:
        counts = [Counter(map(index.get, text)) for text in texts]
    except TypeError:
        return None  # no words
    if any(None in some for some in counts):
        return None  # words without a vector, or with one that n-grams make, or numbers of rows
    if wv._file is not None:  # these words only: a mapped file is not read whole
        rows = [row for some in counts for row in some]
        wv._finite(matrix[rows], [wv.index_to_key[row] for row in rows])
    return matrix, counts


def _looked_up(wv: ComparingRows, texts: list[list[Key]]) -> tuple[np.ndarray, list[dict[int, int]]]:
    """Return the vectors of texts' words, and how often each text has each of their rows."""
    known = [_known(wv, text, "document1, document2") for text in texts]
    first = [0, len(known[0])]
    counts = [dict(enumerate(some.values(), start)) for some, start in zip(known, first, strict=True)]
    return _vectors(wv, [*known[0], *known[1]], False), counts


def _vectors(wv: ComparingRows, keys: list[Key], norm: bool) -> np.ndarray:
    """Return the vectors of keys, in a type that kernels take."""
    vectors = wv.get_vectors(keys, norm=norm).reshape(-1, wv.vector_size)
    return vectors if vectors.dtype in (np.float32, np.float64) else vectors.astype(np.float32)


class MoversIndex:
    """Texts that are compared with others by word mover's distance: one against many at once.

    Args:
        vectors: the words' vectors; those of `FastText` know every word.
        documents: lists of words; words without a vector are left out.
        norm: whether the vectors are scaled to length 1 first.

    Source: Kusner et al., "From word embeddings to document distances", 2015.

    >>> import numpy as np
    >>> from seqnn import KeyedVectors
    >>> from seqnn.embed import MoversIndex
    >>> wv = KeyedVectors.from_arrays(["cat", "dog", "car"], np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 2.0]]))
    >>> index = MoversIndex(wv, [["dog", "dog"], ["dog", "car"]], norm=False)
    >>> index.distances(["cat"]).tolist()
    [5.0, 3.5]
    >>> ids, distances = index.nearest(["cat"], topn=1)
    >>> ids.tolist(), distances.tolist()
    ([1], [3.5])
    """

    def __init__(self, vectors: ComparingRows, documents: Iterable[Sequence[Key]], norm: bool = True) -> None:
        if not isinstance(vectors, ComparingRows):
            raise TypeError(f"vectors: expected KeyedVectors, got {type(vectors).__name__}")
        if isinstance(documents, str) or not isinstance(documents, Iterable):
            got = "a string" if isinstance(documents, str) else type(documents).__name__
            raise TypeError(f"documents: expected lists of words, got {got}")
        self._wv, self._norm = vectors, norm
        self._texts = _Texts.of(vectors, documents, "documents")
        self._vectors = self._texts.vectors(vectors, norm)

    def __len__(self) -> int:
        return len(self._texts.offsets) - 1

    def distances(self, document: Iterable[Key], *, relaxed: bool = False) -> np.ndarray:
        """Compute the distances of a text to all documents.

        Args:
            document: words.
            relaxed: compute lower bounds instead, which is far faster. See `KeyedVectors.wmdistance`.

        Returns:
            float64 [documents]; infinity where one of both has no word with a vector.
        """
        query, costs = self._opened(document)
        return query.distances(costs, self._texts, relaxed)

    def nearest(self, document: Iterable[Key], topn: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Find the documents that are nearest to a text. Lower bounds spare most of the exact distances.

        Args:
            document: words.
            topn: how many documents.

        Returns:
            Their numbers int64 [n] and exact distances float64 [n], the nearest first, ties by lower number; documents
            that are infinitely far are left out.
        """
        topn = whole_topn(topn)
        query, costs = self._opened(document)
        bounds = query.distances(costs, self._texts, True)
        order = np.argsort(bounds, kind="stable")
        order = order[np.isfinite(bounds[order])]
        found, distances = np.zeros(0, np.int64), np.zeros(0)
        while len(order) and topn and (len(found) < topn or bounds[order[0]] * (1 - _ROUNDING) <= distances[-1]):
            some, order = np.split(order, [max(_EXACT, topn - len(found))])
            exact = query.distances(costs, self._texts.take(some), False)
            found, distances = np.append(found, some), np.append(distances, exact)
            best = np.lexsort([found, distances])[:topn]
            found, distances = found[best], distances[best]
        return found, distances

    def _opened(self, document: Iterable[Key]) -> tuple[_Texts, np.ndarray]:
        query = _Texts.of(self._wv, [document], "document")
        return query, _core.movers_costs(query.vectors(self._wv, self._norm), self._vectors)
