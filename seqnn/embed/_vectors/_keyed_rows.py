"""A matrix with a key for each row: storage, look-up, adding, choosing. KeyedVectors stands on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ..._arguments import number
from ..._strings import pack, packed_fits, unpack
from ._keys import Key, as_list, is_key, key_list
from ._neighbors import reciprocal, row_norms, unit

FORMAT = {"format": "seqnn.KeyedVectors", "version": "1"}
"""The metadata of files of keyed rows."""

COUNTS = "attribute.count"
"""The tensor of the words' counts in a file."""

_ATTRIBUTE = "attribute."


class KeyedRows:
    """Rows [V, D] under keys, with further values ("attributes") for each key."""

    _about: ClassVar[str | None] = None
    """The metadata that a file of this class has, and files of its bases have not."""

    _kinds: ClassVar[dict[str, type[KeyedRows]]] = {}
    """Classes by what their files have; a file is read as the class that wrote it."""

    _needed: ClassVar[frozenset[str]] = frozenset({"vectors", "words", "offsets"})
    """The tensors that a file must have."""

    _file: str | None = None
    """The file that the rows come from, for messages about what is found out only when they are used."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__dict__.get("_about") is not None:
            KeyedRows._kinds[cls._about] = cls

    def __init__(self, vector_size: int, count: int = 0, dtype: npt.DTypeLike = np.float32) -> None:
        if vector_size < 1 or count < 0:
            raise ValueError(f"vector_size >= 1 and count >= 0 are expected, got {vector_size} and {count}")
        self.vector_size = int(vector_size)
        self.vectors = np.zeros((count, vector_size), dtype)
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
            raise ValueError(f"words holds {_twice(words)!r} twice")
        wv.index_to_key = words
        return wv

    @classmethod
    def _around(cls, vectors: npt.ArrayLike, counts: npt.ArrayLike | None) -> Self:
        """Make an object without words yet: `index_to_key`, or packed words in `_packed`, must follow."""
        vectors = cls._stored(vectors)
        wv = cls(vectors.shape[1])
        wv.vectors = vectors
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
            raise ValueError(f"{self._file}: damaged: the word {_twice(self.index_to_key)!r} occurs twice")
        return index

    # Files

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Return the tensors and the metadata that a file of these vectors has."""
        words, offsets = pack(self._words())
        tensors = {"vectors": self.vectors, "words": words, "offsets": offsets}
        tensors |= {_ATTRIBUTE + name: values for name, values in self.expandos.items()}
        if self._locked():
            tensors["lockf"] = self._lockf
        return tensors, dict(FORMAT)

    @classmethod
    def _restored(cls, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str], name: str) -> Self:
        """Make the object of a `_state`; `name` is the file, for messages. The class is the one that wrote the file."""
        written_by = next((kind for about, kind in cls._kinds.items() if about in metadata), cls)
        made = written_by if issubclass(written_by, cls) else cls
        if metadata.get("format") != FORMAT["format"] or not made._needed <= tensors.keys():
            raise ValueError(f"{name}: a safetensors file, but not one that KeyedVectors.save wrote")
        if metadata.get("version") != FORMAT["version"]:
            raise ValueError(f"{name}: version {metadata.get('version')!r} of the format is not known")
        vectors, words, offsets = made._matrix_of(tensors, metadata), tensors["words"], tensors["offsets"]
        attributes = {k.removeprefix(_ATTRIBUTE): v for k, v in tensors.items() if k.startswith(_ATTRIBUTE)}
        good = vectors is not None and packed_fits(words, offsets, len(vectors))
        if not good or any(values.shape != (len(vectors),) for values in attributes.values()):
            raise ValueError(f"{name}: words, offsets, vectors and attributes do not belong together")
        wv = made._around(vectors, None)
        wv._packed, wv._file = (words, offsets), name
        wv.expandos = {key: values.copy() for key, values in attributes.items()}
        wv._take_state(tensors, metadata, name)
        if "lockf" in tensors:
            wv._lockf = wv._checked_factors("lockf", tensors["lockf"], wv._trained)
        return wv

    @classmethod
    def _matrix_of(cls, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> Any:
        """Return the matrix of a file; None where it is none."""
        vectors = tensors["vectors"]
        return vectors if vectors.ndim == 2 and vectors.dtype.kind == "f" else None

    def _take_state(self, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str], name: str) -> None:
        """Take over what a subclass has besides; a ValueError where it is not there."""

    def _words(self) -> list[str]:
        """Return the keys, which must all be there and be text."""
        for i, key in enumerate(self.index_to_key):
            if not isinstance(key, str):
                raise TypeError(f"row {i} has the key {key!r}; files hold only text keys")
        return self.index_to_key

    def __repr__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {len(self)} keys>"

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.index_to_key)

    def __contains__(self, key: Key) -> bool:
        return self.get_index(key, -1) >= 0

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> np.ndarray:
        """Return the vector [D] of a key (read-only), or the vectors [N, D] of a list of keys."""
        return self.get_vector(key_or_keys) if is_key(key_or_keys) else self.get_vectors(key_or_keys)

    def __setitem__(self, keys: Key | Sequence[Key], vectors: npt.ArrayLike) -> None:
        """Add keys, or replace the vectors of those that are there."""
        self.add_vectors(keys, vectors, replace=True)

    # Looking up

    def get(self, key: Key, default: Any = None) -> Any:
        """Return the vector of a key, or a default.

        Args:
            key: a word or a row number.
            default: what is returned where the key is missing.

        Returns:
            The vector [D], read-only, or `default`.
        """
        return self.get_vector(key) if key in self else default

    def _require(self, keys: Iterable[Key]) -> None:
        """Raise a KeyError that names the keys that have no vector."""
        self.get_indices(keys)

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Return the row number of a key.

        Args:
            key: a word or a row number.
            default: what is returned where the key is missing.

        Returns:
            The row.

        Raises:
            KeyError: the key is missing, and there is no default.
        """
        index = self.key_to_index.get(key, -1)
        if index >= 0:
            return index
        if isinstance(key, int | np.integer) and 0 <= key < len(self):
            return int(key)
        if default is not None:
            return default
        raise KeyError(f"Key {key!r} not present among {len(self)} keys")

    def has_index_for(self, key: Key) -> bool:
        """Tell whether a key has a row of its own.

        Args:
            key: a word or a row number.

        Returns:
            True where it has; a word whose vector is only made of n-grams has none.
        """
        return self.get_index(key, -1) >= 0

    def get_indices(self, keys: Iterable[Key], default: int | None = None) -> np.ndarray:
        """Return the row numbers of many keys.

        Args:
            keys: words or row numbers.
            default: the row number of missing ones.

        Returns:
            int64 [N].

        Raises:
            KeyError: keys are missing, and there is no default; it names them.
        """
        keys = key_list(keys, "keys")
        index = self.key_to_index
        rows = np.array([index.get(key, -1) for key in keys], np.int64)
        for i in np.flatnonzero(rows < 0).tolist():
            rows[i] = self.get_index(keys[i], -1)  # perhaps the number of a row
        if len(missing := np.flatnonzero(rows < 0)):
            if default is None:
                names = ", ".join(repr(keys[i]) for i in missing[:5]) + (", ..." if len(missing) > 5 else "")
                raise KeyError(f"{len(missing)} of {len(keys)} keys not present: {names}")
            rows[missing] = default
        return rows

    def get_vector(self, key: Key, norm: bool = False) -> np.ndarray:
        """Return the vector of a key.

        Args:
            key: a word or a row number.
            norm: whether it is scaled to length 1.

        Returns:
            The vector [D], read-only.

        Raises:
            KeyError: the key is missing.
        """
        vector = self._finite(self.vectors[self.get_index(key)], [key])
        vector = unit(vector) if norm else vector
        vector.setflags(write=False)
        return vector

    def get_vectors(self, keys: Iterable[Key], *, norm: bool = False, missing: str = "raise") -> np.ndarray:
        """Return the vectors of many keys.

        Args:
            keys: words or row numbers.
            norm: whether each is scaled to length 1.
            missing: what a missing key gets: "raise" a KeyError, "zero", or "mean", the mean of all vectors.

        Returns:
            A new array [N, D].
        """
        if missing not in ("raise", "zero", "mean"):
            raise ValueError(f"missing must be 'raise', 'zero' or 'mean', got {missing!r}")
        keys = key_list(keys, "keys")
        rows = self.get_indices(keys, None if missing == "raise" else -1)
        absent = rows < 0
        vectors = self.vectors[np.where(absent, 0, rows)] if len(self) else np.zeros((len(rows), self.vector_size))
        if absent.any():
            vectors[absent] = np.mean(self.vectors, 0, dtype=np.float64) if missing == "mean" and len(self) else 0
        self._finite(vectors, keys)
        return vectors * reciprocal(row_norms(vectors))[:, None] if norm else vectors

    def get_normed_vectors(self) -> np.ndarray:
        """Return all vectors scaled to length 1, a new array [V, D]; zero vectors stay zero."""
        return np.asarray(self.vectors) * reciprocal(self.norms)[:, None]

    @property
    def norms(self) -> np.ndarray:
        """The lengths of the rows [V]."""
        self.fill_norms()
        return self._norms

    def fill_norms(self, force: bool = False) -> None:
        """Compute `norms`.

        Args:
            force: compute them again, after `vectors` was changed in place.

        Raises:
            ValueError: a file whose vectors hold NaN or infinity.
        """
        if force or self._norms is None or len(self._norms) != len(self.vectors):
            norms = row_norms(self.vectors)
            if self._file is not None and not np.isfinite(norms).all():
                self._finite(norms[:, None], self.index_to_key)
            self._norms = norms

    def _finite(self, vectors: np.ndarray, keys: Sequence[Key]) -> np.ndarray:
        """Return vectors of keys; a ValueError where those of a file hold NaN or infinity."""
        if self._file is not None and not np.isfinite(vectors).all():
            bad = int(np.argmin(np.isfinite(vectors).reshape(len(keys), -1).all(1)))
            raise ValueError(
                f"{self._file}: the vector of {keys[bad]!r} holds NaN or infinity "
                "(load(..., allow_nonfinite=True) lets it pass)"
            )
        return vectors

    def _vectors_changed(self) -> None:
        """Forget what was derived from the vectors, which have changed."""
        self._norms = None

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """Return a further value of a key, such as its "count".

        Args:
            key: a word or a row number.
            attr: the name of the values.

        Returns:
            The value.

        Raises:
            KeyError: there are no values of this name.
        """
        if attr not in self.expandos:
            raise KeyError(f"no attribute {attr!r} (there are: {', '.join(self.expandos) or 'none'})")
        return self.expandos[attr][self.get_index(key)]

    def set_vecattr(self, key: Key, attr: str, val: Any) -> None:
        """Keep a further value for a key.

        Args:
            key: a word or a row number.
            attr: the name of the values.
            val: a number or a text; the first one decides the type of all.
        """
        row = self.get_index(key)
        if attr not in self.expandos:
            self.expandos[attr] = np.zeros(len(self), object if isinstance(val, str) else np.asarray(val).dtype)
        self.expandos[attr][row] = val

    def set_vecattrs(self, attr: str, values: npt.ArrayLike) -> None:
        """Keep a further value for every key.

        Args:
            attr: the name of the values.
            values: [V], in the order of the rows.
        """
        values = np.array(values)
        if values.shape != (len(self),):
            raise ValueError(f"{attr}: one value for each of {len(self)} keys is expected, got shape {values.shape}")
        self.expandos[attr] = values

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

        Raises:
            KeyError: there is no such key.
            ValueError: the factor is negative or not finite.

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
        self._factors()[rows] = number("factor", factor, minimum=0)

    def _rows_of_keys(self, keys: list[Key]) -> np.ndarray:
        """Return the rows that training changes which the vectors of some keys are made of."""
        return self.get_indices(keys)

    # Adding

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
            raise ValueError(f"keys holds {_twice(keys)!r} twice")
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
            self.vectors = self.vectors.copy()
        self.vectors[rows] = vectors

    def _append(self, keys: list[Key], vectors: np.ndarray, extras: Mapping[str, np.ndarray]) -> None:
        """Append new keys."""
        first, index = len(self), self.key_to_index
        if keys:
            self.vectors = np.concatenate([self.vectors, vectors])
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
        self.vectors = self._chosen(rows)
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


def _matrix(vectors: npt.ArrayLike) -> np.ndarray:
    """Return vectors as a matrix of floats in native byte order; integers become float32."""
    vectors = np.asarray(vectors)
    if vectors.dtype.kind not in "biuf":
        raise TypeError(f"vectors: expected a matrix of real numbers, got {vectors.dtype}")
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise ValueError(f"vectors must be a matrix with at least one column, got shape {vectors.shape}")
    kind = vectors.dtype.newbyteorder("=") if vectors.dtype.kind == "f" else np.float32
    return vectors.astype(kind, copy=False)


def _twice(keys: Sequence[Key]) -> Key:
    """Return the first key that occurs again."""
    seen: set[Key] = set()
    return next(key for key in keys if key in seen or seen.add(key))
