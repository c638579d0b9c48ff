"""Word vectors that take a half to a thirtieth of the memory, and answer every query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._arguments import integer
from ._compact_rows import KINDS, CompactRows, HalfRows
from ._fasttext_vectors import FastTextKeyedVectors
from ._keyed_vectors import KeyedVectors
from ._keys import Key, key_list

_ABOUT = "seqnn.quantized"
_WORDS = 1000


class QuantizedKeyedVectors(KeyedVectors):
    """`KeyedVectors` whose matrix is kept small; a row becomes float32 when it is looked up, some at a time when searched.

    `quantize` makes them and `load` reads them. They answer all that `KeyedVectors` answer, and cannot be changed;
    `dequantized` gives `KeyedVectors` that can.

    Args:
        vector_size: D.
        count, dtype: as for `KeyedVectors`; none but empty vectors are made in this way.

    Attributes:
        kind: "float16", "int8" or "pq".
        vectors: the matrix [V, D], which is read as float32: `vectors[rows]`, `vectors @ x`, `numpy.asarray(vectors)`;
            `vectors.nbytes` is the memory that it takes.

    >>> import numpy as np
    >>> from seqnn import KeyedVectors
    >>> from seqnn.embed import QuantizedKeyedVectors
    >>> wv = KeyedVectors.from_arrays(["cat", "dog", "car"], np.array([[1.0, 0.1], [1.0, 0.2], [0.0, 1.0]]))
    >>> small = QuantizedKeyedVectors.quantize(wv, "int8")
    >>> small.most_similar("cat", topn=1)[0][0], small.kind
    ('dog', 'int8')
    """

    _about = _ABOUT
    _needed = frozenset({"words", "offsets"})

    @classmethod
    def quantize(
        cls, vectors: KeyedVectors, kind: str = "int8", *, part: int | None = None, seed: int = 1
    ) -> QuantizedKeyedVectors:
        """Make small vectors of others.

        float16 takes 2 bytes for a number; int8 takes one, and 4 for each row; pq takes one for `part` numbers, one for the
        length of each row, and 1 KB for each column (product quantisation, Jégou, Douze, Schmid, 2011).

        Args:
            vectors: the vectors; those of `FastText` without their n-grams, see Raises.
            kind: "float16", "int8" or "pq".
            part: numbers that share a byte, of pq; default 2, or 1 where the vectors have one number.
            seed: of the rows that the centroids of pq begin at.

        Returns:
            The small vectors, with the same keys and counts.

        Raises:
            TypeError: vectors with n-grams, which would be lost: `wv.vectors_for_all(wv.index_to_key)` gives them without.
            ValueError: vectors that are not finite, and fewer than 256 of them for pq.
        """
        if kind not in list(KINDS):
            raise ValueError(f"kind: expected 'float16', 'int8' or 'pq', got {kind!r}")
        if not hasattr(vectors, "index_to_key"):
            raise TypeError(f"vectors: expected KeyedVectors, got {type(vectors).__name__}")
        if isinstance(vectors, FastTextKeyedVectors) and vectors.bucket:
            raise TypeError(
                "vectors: these have n-grams, which would be lost; wv.vectors_for_all(wv.index_to_key) gives those of known words"
            )
        matrix = np.asarray(vectors.vectors)
        part = min(2, matrix.shape[1]) if part is None else part
        part = integer("part", part, 1, matrix.shape[1]) if kind == "pq" else 1
        if not np.isfinite(matrix).all():
            raise ValueError("vectors: expected finite vectors, got NaN or infinity")
        small = cls._around(KINDS[kind].made(matrix, part, integer("seed", seed, 0)), None)
        small.index_to_key = list(vectors.index_to_key)
        for name, values in vectors.expandos.items():
            small.set_vecattrs(name, values)
        return small

    @property
    def kind(self) -> str:
        return self.vectors.kind  # type: ignore[no-any-return, attr-defined]

    def dequantized(self) -> KeyedVectors:
        """Return `KeyedVectors` of float32, which can be changed.

        >>> import numpy as np
        >>> from seqnn import KeyedVectors
        >>> from seqnn.embed import QuantizedKeyedVectors
        >>> small = QuantizedKeyedVectors.quantize(KeyedVectors.from_arrays(["cat"], np.array([[0.5, 0.25]])), "float16")
        >>> small.dequantized()["cat"]
        array([0.5 , 0.25], dtype=float32)
        """
        wv = KeyedVectors.from_arrays(list(self.index_to_key), np.asarray(self.vectors))
        for name, values in self.expandos.items():
            wv.set_vecattrs(name, values)
        return wv

    @staticmethod
    def _stored(vectors: Any) -> Any:
        if isinstance(vectors, CompactRows):
            return vectors
        if not len(vectors):
            return HalfRows(np.zeros(vectors.shape, np.float16))
        raise TypeError(
            "vectors: quantised vectors cannot be given or changed; QuantizedKeyedVectors.quantize(wv) makes them, dequantized() "
            "gives vectors that can be changed"
        )

    def _replace(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        self._stored(vectors)

    def _chosen(self, rows: np.ndarray) -> Any:
        return self.vectors.chosen(rows)  # type: ignore[attr-defined]

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        tensors, metadata = super()._state()
        del tensors["vectors"]
        return tensors | self.vectors.tensors(), metadata | {_ABOUT: self.kind}  # type: ignore[attr-defined]

    @classmethod
    def _matrix_of(cls, tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> Any:
        rows = KINDS.get(metadata.get(_ABOUT, ""))
        try:
            return None if rows is None else rows.restored(tensors)
        except KeyError:
            return None

    @classmethod
    def _plain_type(cls) -> type[KeyedVectors]:
        return KeyedVectors


def neighbor_agreement(
    before: KeyedVectors, after: KeyedVectors, words: Iterable[Key] | None = None, topn: int = 10
) -> float:
    """Measure what share of their nearest words words keep, for example when their vectors are quantised.

    Args:
        before, after: vectors of the same words.
        words: whose neighbours are compared; by default the first 1000 that both have.
        topn: how many neighbours.

    Returns:
        The mean share, from 0 to 1.

    >>> import numpy as np
    >>> from seqnn import KeyedVectors
    >>> from seqnn.embed import QuantizedKeyedVectors, neighbor_agreement
    >>> wv = KeyedVectors.from_arrays([f"w{i}" for i in range(500)], np.random.default_rng(0).standard_normal((500, 20)))
    >>> neighbor_agreement(wv, QuantizedKeyedVectors.quantize(wv, "float16")) > 0.99
    True
    """
    topn = integer("topn", topn, 1)
    if words is None:
        chosen = [word for word in before.index_to_key[: 2 * _WORDS] if after.has_index_for(word)][:_WORDS]
    else:
        chosen = key_list(words, "words")
    if not chosen:
        raise ValueError("words: expected at least one word that both vectors have, got none")
    sides = [
        [{word for word, _ in some} for some in wv.most_similar_batch(chosen, topn=topn)] for wv in (before, after)
    ]
    return float(np.mean([len(a & b) / max(1, len(a)) for a, b in zip(*sides, strict=True)]))
