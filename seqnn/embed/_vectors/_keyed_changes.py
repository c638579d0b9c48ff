"""Rows under keys: what training may change, adding and choosing rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from ._keyed_lookup import KeyedLookup
from ._keyed_storage import first_twice
from ._keys import Key, as_list, is_key


class KeyedChanges(KeyedLookup):
    """The methods of `KeyedRows` that change rows, or say which training changes."""

    # Training

    @property
    def vectors_lockf(self) -> np.ndarray:
        """The share of its changes that each vector takes in training, [V]: 1 all, 0 none; a number or [1] sets all."""
        return self._factors()

    @vectors_lockf.setter
    def vectors_lockf(self, factors: npt.ArrayLike) -> None:
        self._factors()[:] = self._checked_factors("vectors_lockf", factors, len(self))

    @property
    def _trained(self) -> int:
        """The number of rows that training changes."""
        return len(self)

    def _factors(self) -> np.ndarray:
        """Return the share of its changes that each row takes in training."""
        if self._lockf is None:
            self._lockf = np.ones(self._trained, np.float32)
        return self._lockf

    def _locked(self) -> bool:
        """Tell whether a row takes another share of its changes than all."""
        return self._lockf is not None and bool((self._lockf != 1).any())

    @staticmethod
    def _checked_factors(name: str, factors: npt.ArrayLike, count: int) -> np.ndarray:
        factors = np.array(factors, np.float32)
        if factors.shape not in ((), (1,), (count,)) or not np.isfinite(factors).all():
            raise ValueError(
                f"{name}: expected a finite factor for each of {count} rows, or one for all, got shape {factors.shape}"
            )
        return np.array(np.broadcast_to(factors, count))

    def freeze(self, keys: Iterable[Key], factor: float = 0.0) -> None:
        """Keep the vectors of some keys as they are in further training of the model that they belong to.

        Those of a `FastText` model are kept with all of their n-grams.

        Args:
            keys: words or row numbers.
            factor: the share of their changes that they take: 0 none, 1 all again. See `vectors_lockf`.

        >>> from seqnn import Word2Vec
        >>> corpus = [["to", "be", "or", "not", "to", "be"]] * 50
        >>> model = Word2Vec(corpus, vector_size=8, sample=0, verbose=0)
        >>> model.wv.freeze(["be"])
        >>> before = model.wv.vectors.copy()
        >>> _ = model.train(corpus)
        >>> (model.wv.vectors != before).any(axis=1).tolist(), model.wv.index_to_key
        ([False, True, True, True], ['be', 'to', 'not', 'or'])
        """
        rows = self._rows_of_keys(as_list(keys))
        self._factors()[rows] = self._checked_factors("factor", factor, len(rows))

    def _rows_of_keys(self, keys: list[Key]) -> np.ndarray:
        """Return the rows that training changes which the vectors of some keys are made of."""
        return self.get_indices(keys)

    # Adding

    def __setitem__(self, keys: Key | Sequence[Key], vectors: npt.ArrayLike) -> None:
        """Add keys, or replace the vectors of those that are there."""
        self.add_vectors(keys, vectors, replace=True)

    def add_vector(self, key: Key, vector: npt.ArrayLike) -> int:
        """Put one vector into the next free row, a new one where none is left. For many, `add_vectors` is faster.

        Args:
            key: a word.
            vector: [D].

        Returns:
            The row.
        """
        if self.next_index < len(self) and self.index_to_key[self.next_index] is None and key not in self.key_to_index:
            row = self.next_index
            self.vectors[row] = vector
            self.index_to_key[row] = key
            self.key_to_index[key] = row
            self._norms = None
        else:
            self.add_vectors([key], np.asarray(vector)[None])
            row = self.key_to_index[key]
        self.next_index = max(self.next_index, row + 1)
        return row

    def add_vectors(
        self,
        keys: Key | Sequence[Key],
        weights: npt.ArrayLike,
        extras: Mapping[str, npt.ArrayLike] | None = None,
        replace: bool = False,
    ) -> None:
        """Append keys with their vectors.

        Args:
            keys: one or more words.
            weights: their vectors [N, D].
            extras: further values of the keys: name -> N values.
            replace: whether keys that are here get the new vector; by default they keep theirs.

        >>> import numpy as np
        >>> from seqnn import KeyedVectors
        >>> wv = KeyedVectors(2)
        >>> wv.add_vectors(["cat", "dog"], np.eye(2), extras={"count": [5, 3]})
        >>> wv["dog"], int(wv.get_vecattr("dog", "count"))
        (array([0., 1.], dtype=float32), 3)
        """
        keys = [keys] if is_key(keys) else list(keys)
        weights = np.asarray(weights, self.vectors.dtype)
        weights = weights[None] if weights.ndim == 1 else weights
        if weights.shape != (len(keys), self.vector_size):
            raise ValueError(f"vectors of shape {(len(keys), self.vector_size)} are expected, got {weights.shape}")
        if len(set(keys)) < len(keys):
            raise ValueError(f"keys holds {first_twice(keys)!r} twice")
        extras = {name: np.asarray(values) for name, values in (extras or {}).items()}
        if bad := [name for name, values in extras.items() if values.shape != (len(keys),)]:
            raise ValueError(f"extras {bad[0]!r}: one value for each of {len(keys)} keys is expected")
        known = np.array([key in self.key_to_index for key in keys], bool)
        if replace and known.any():
            self._replace(
                np.array([self.key_to_index[key] for key in keys if key in self.key_to_index]), weights[known]
            )
        new = [key for key, old in zip(keys, known, strict=True) if not old]
        self._append(new, weights[~known], {name: values[~known] for name, values in extras.items()})
        self._norms = None

    def _replace(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Give rows new vectors."""
        if not self.vectors.flags.writeable:
            self._take_matrix(self.vectors.copy())
        self.vectors[rows] = vectors

    def _append(self, keys: list[Key], vectors: np.ndarray, extras: Mapping[str, np.ndarray]) -> None:
        """Append new keys."""
        first, index = len(self), self.key_to_index
        if keys:
            self._take_matrix(np.concatenate([self.vectors, vectors]))
        self.index_to_key.extend(keys)
        index.update((key, first + i) for i, key in enumerate(keys))
        for name in {**self.expandos, **extras}:
            dtype = (self.expandos if name in self.expandos else extras)[name].dtype
            values = np.zeros(len(self), dtype)
            values[:first] = self.expandos.get(name, 0)
            values[first:] = extras.get(name, 0)
            self.expandos[name] = values
        if self._lockf is not None:
            self._lockf = np.append(self._lockf, np.ones(self._trained - len(self._lockf), np.float32))

    # Choosing

    def sort_by_descending_frequency(self) -> None:
        """Bring the rows into the order of falling "count"; those of equal count keep their order.

        The vectors of a model that is trained further must stay in the model's order.

        >>> import numpy as np
        >>> from seqnn import KeyedVectors
        >>> wv = KeyedVectors.from_arrays(["rare", "often"], np.eye(2), counts=[1, 9])
        >>> wv.sort_by_descending_frequency()
        >>> wv.index_to_key
        ['often', 'rare']
        """
        if "count" not in self.expandos:
            raise ValueError("these vectors have no counts to sort by: set_vecattrs('count', values) sets them")
        self._take_rows(np.argsort(-self.expandos["count"], kind="stable"))

    def remove_vectors(self, keys: Key | Iterable[Key]) -> None:
        """Remove keys with their vectors and further values. The other keys keep their order.

        N-grams of `FastText` stay. The vectors of a model that is trained further must keep all of the model's words.

        Args:
            keys: one or more words or row numbers.

        Raises:
            KeyError: a key is missing; then nothing is removed.

        >>> import numpy as np
        >>> from seqnn import KeyedVectors
        >>> wv = KeyedVectors.from_arrays(["cat", "dog", "car"], np.eye(3))
        >>> wv.remove_vectors(["dog"])
        >>> wv.index_to_key, wv["car"]
        (['cat', 'car'], array([0., 0., 1.]))
        """
        kept = np.ones(len(self), bool)
        kept[self.get_indices(as_list(keys))] = False
        self._take_rows(np.flatnonzero(kept))

    def _take_rows(self, rows: np.ndarray) -> None:
        """Keep these rows, in this order."""
        self._take_matrix(self._chosen(rows))
        self.index_to_key = [self.index_to_key[i] for i in rows.tolist()]
        self.key_to_index = {key: i for i, key in enumerate(self.index_to_key)}
        self.expandos = {name: values[rows] for name, values in self.expandos.items()}
        self.next_index = len(rows)
        if self._lockf is not None:
            self._lockf = self._lockf[rows]
        self._norms = None

    def _chosen(self, rows: np.ndarray) -> np.ndarray:
        """Return some rows as they are kept."""
        return self.vectors[rows]

    def _first(self, count: int) -> Self:
        """Keep the first rows only."""
        self._take_rows(np.arange(min(count, len(self))))
        return self

    def unit_normalize_all(self) -> None:
        """Scale all vectors to length 1 for good. Further training of their model makes little sense afterwards."""
        self._rewrite(self.get_normed_vectors())

    def _rewrite(self, vectors: np.ndarray) -> None:
        """Give all rows new vectors."""
        self._replace(np.arange(len(self)), vectors.astype(self.vectors.dtype, copy=False))
        self._norms = None
