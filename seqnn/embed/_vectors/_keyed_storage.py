"""Rows under keys: what is kept. Looking up, changing and files stand on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from ..._strings import unpack
from ._keys import Key


class KeyedStorage:
    """A matrix [V, D] with a key for each row."""

    _file: str | None = None
    """The file that the rows come from, for messages about what is found out only when they are used."""

    def __init__(self, vector_size: int, count: int = 0, dtype: npt.DTypeLike = np.float32) -> None:
        if vector_size < 1 or count < 0:
            raise ValueError(f"vector_size >= 1 and count >= 0 are expected, got {vector_size} and {count}")
        self.vector_size = int(vector_size)
        self._take_matrix(np.zeros((count, vector_size), dtype))
        self.index_to_key = [None] * count
        self.key_to_index = {}
        self.next_index = 0  # the first row that add_vector may fill
        self.expandos: dict[str, np.ndarray] = {}  # the arrays of get_vecattr
        self._norms: np.ndarray | None = None
        self._lockf: np.ndarray | None = None

    @classmethod
    def from_arrays(cls, words: Iterable[str], vectors: npt.ArrayLike, counts: npt.ArrayLike | None = None) -> Self:
        """Make keyed vectors of a matrix and its words. The matrix is not copied.

        Args:
            words: V different words.
            vectors: real numbers [V, D]; integers become float32.
            counts: how often each word occurs, [V]; it becomes the attribute "count".

        Returns:
            The vectors.

        Raises:
            ValueError: a word that occurs twice, another number of words than of rows, a matrix of another shape.

        >>> import numpy as np
        >>> from seqnn import KeyedVectors
        >>> KeyedVectors.from_arrays(["cat", "dog"], np.eye(2))["dog"]
        array([0., 1.])
        """
        words = list(words)
        wv = cls._around(vectors, counts)
        if len(words) != len(wv.vectors):
            raise ValueError(f"{len(words)} words for {len(wv.vectors)} vectors")
        if len(set(words)) < len(words):
            raise ValueError(f"words holds {first_twice(words)!r} twice")
        wv.index_to_key = words
        return wv

    @classmethod
    def _around(cls, vectors: npt.ArrayLike, counts: npt.ArrayLike | None) -> Self:
        """Make an object without words yet: `index_to_key`, or packed words in `_packed`, must follow."""
        vectors = cls._stored(vectors)
        wv = cls(vectors.shape[1])
        wv._take_matrix(vectors)
        wv.next_index = len(vectors)
        del wv.index_to_key, wv.key_to_index  # so that they are computed when first needed
        if counts is not None:
            wv.set_vecattrs("count", np.asarray(counts))
        return wv

    @property
    def vectors(self) -> np.ndarray:
        """The matrix [V, D]; a new one may be assigned, after a change in place call `fill_norms(force=True)`."""
        return self._vectors

    @vectors.setter
    def vectors(self, vectors: npt.ArrayLike) -> None:
        self._take_matrix(vectors)

    def _take_matrix(self, vectors: npt.ArrayLike) -> None:
        """Keep another matrix."""
        self._vectors = self._stored(vectors)
        self._norms = None

    @staticmethod
    def _stored(vectors: npt.ArrayLike) -> np.ndarray:
        """Return vectors as these are kept."""
        return _matrix(vectors)

    @cached_property
    def index_to_key(self) -> list[Key]:
        return unpack(*self._packed)

    @cached_property
    def key_to_index(self) -> dict[Key, int]:
        index = dict(zip(self.index_to_key, range(len(self)), strict=True))
        if len(index) < len(self) and self._file is not None:
            raise ValueError(f"{self._file}: damaged: the word {first_twice(self.index_to_key)!r} occurs twice")
        return index

    def __repr__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {len(self)} keys>"

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.index_to_key)

    def _vectors_changed(self) -> None:
        """Forget what was derived from the vectors, which have changed."""
        self._norms = None


def _matrix(vectors: npt.ArrayLike) -> np.ndarray:
    """Return vectors as a matrix of floats in native byte order; integers become float32."""
    vectors = np.asarray(vectors)
    if vectors.dtype.kind not in "biuf":
        raise TypeError(f"vectors: expected a matrix of real numbers, got {vectors.dtype}")
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise ValueError(f"vectors must be a matrix with at least one column, got shape {vectors.shape}")
    kind = vectors.dtype.newbyteorder("=") if vectors.dtype.kind == "f" else np.float32
    return vectors.astype(kind, copy=False)


def first_twice(keys: Sequence[Key]) -> Key:
    """Return the first key that occurs again."""
    seen: set[Key] = set()
    return next(key for key in keys if key in seen or seen.add(key))
