"""A matrix with a key for each row: storage, look-up, adding. KeyedVectors stands on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .._files import Path
from ..text._strings import unpack
from ._neighbors import Key, is_key, reciprocal, row_norms, unit


class KeyedRows:
    """Rows [V, D] under keys, with further values ("attributes") for each key."""

    def __init__(self, vector_size: int, count: int = 0, dtype: npt.DTypeLike = np.float32) -> None:
        if vector_size < 1 or count < 0:
            raise ValueError(f"vector_size >= 1 and count >= 0 are expected, got {vector_size} and {count}")
        self.vector_size = int(vector_size)
        self.vectors = np.zeros((count, vector_size), dtype)
        self.index_to_key = [None] * count
        self.key_to_index = {}
        self.next_index = 0  # the first row that add_vector may fill
        self.expandos: dict[str, np.ndarray] = {}  # the arrays behind get_vecattr
        self._norms: np.ndarray | None = None

    @classmethod
    def from_arrays(cls, words: Iterable[str], vectors: npt.ArrayLike, counts: npt.ArrayLike | None = None) -> Self:
        """Vectors [V, D] with their V different words, and each word's count where known. The matrix is not copied."""
        words = list(words)
        wv = cls._around(vectors, counts)
        if len(words) != len(wv.vectors):
            raise ValueError(f"{len(words)} words for {len(wv.vectors)} vectors")
        if len(set(words)) < len(words):
            seen: set[str] = set()
            twice = next(word for word in words if word in seen or seen.add(word))
            raise ValueError(f"words holds {twice!r} twice")
        wv.index_to_key = words
        return wv

    @classmethod
    def _around(cls, vectors: npt.ArrayLike, counts: npt.ArrayLike | None) -> Self:
        """Without words yet: `index_to_key`, or packed words in `_packed`, must follow."""
        vectors = np.asarray(vectors)
        if vectors.dtype.kind not in "biuf":
            raise TypeError(f"vectors: expected a matrix of real numbers, got {vectors.dtype}")
        if vectors.ndim != 2 or not vectors.shape[1]:
            raise ValueError(f"vectors must be a matrix with at least one column, got shape {vectors.shape}")
        wv = cls(vectors.shape[1])
        kind = vectors.dtype.newbyteorder("=") if vectors.dtype.kind == "f" else np.float32
        wv.vectors = vectors.astype(kind, copy=False)
        wv.next_index = len(vectors)
        del wv.index_to_key, wv.key_to_index  # so that they are computed when first needed
        if counts is not None:
            wv.set_vecattrs("count", np.asarray(counts))
        return wv

    @cached_property
    def index_to_key(self) -> list[Key]:
        return unpack(*self._packed)

    @cached_property
    def key_to_index(self) -> dict[Key, int]:
        return dict(zip(self.index_to_key, range(len(self)), strict=True))

    def _parts_of_file(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Tensors and metadata that a file of these vectors has besides the words, vectors and attributes."""
        return {}, {}

    def _take_parts(self, path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
        """The inverse of `_parts_of_file`."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {len(self)} keys>"

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.index_to_key)

    def __contains__(self, key: Key) -> bool:
        return self.get_index(key, -1) >= 0

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> np.ndarray:
        """The vector [D] of a key (read-only), or the vectors [N, D] of a list of keys."""
        return self.get_vector(key_or_keys) if is_key(key_or_keys) else self.get_vectors(key_or_keys)

    def __setitem__(self, keys: Key | Sequence[Key], vectors: npt.ArrayLike) -> None:
        """Add keys, or replace the vectors of those that are there."""
        self.add_vectors(keys, vectors, replace=True)

    # Looking up

    def get(self, key: Key, default: Any = None) -> Any:
        """The vector of `key`, or `default` where it is missing."""
        return self.get_vector(key) if key in self else default

    def _require(self, keys: Iterable[Key]) -> None:
        """`KeyError` that names the keys that have no vector."""
        self.get_indices(keys)

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Row number of `key`; `default`, or KeyError without one, where it is missing."""
        index = self.key_to_index.get(key, -1)
        if index >= 0:
            return index
        if isinstance(key, int | np.integer) and 0 <= key < len(self):
            return int(key)
        if default is not None:
            return default
        raise KeyError(f"Key {key!r} not present among {len(self)} keys")

    def has_index_for(self, key: Key) -> bool:
        """Whether `key` is here; as `key in wv`."""
        return key in self

    def get_indices(self, keys: Iterable[Key], default: int | None = None) -> np.ndarray:
        """Row numbers int64[N] of a list of keys; missing ones get `default`, or one KeyError names them."""
        if isinstance(keys, str):
            raise TypeError(f"keys: expected a list of keys, got a string: [{keys!r}]")
        keys = list(keys)
        rows = np.array([self.get_index(key, -1) for key in keys], np.int64)
        if len(missing := np.flatnonzero(rows < 0)):
            if default is None:
                names = ", ".join(repr(keys[i]) for i in missing[:5]) + (", ..." if len(missing) > 5 else "")
                raise KeyError(f"{len(missing)} of {len(keys)} keys not present: {names}")
            rows[missing] = default
        return rows

    def get_vector(self, key: Key, norm: bool = False) -> np.ndarray:
        """The vector [D] of a key, scaled to length 1 with `norm=True`; read-only, KeyError where it is missing."""
        vector = self.vectors[self.get_index(key)]
        vector = unit(vector) if norm else vector
        vector.setflags(write=False)
        return vector

    def get_vectors(self, keys: Iterable[Key], *, norm: bool = False, missing: str = "raise") -> np.ndarray:
        """The vectors [N, D] of a list of keys, scaled to length 1 with `norm=True`.

        A missing key raises KeyError, or gets zeros (`missing="zero"`) or the mean of all vectors (`missing="mean"`).
        """
        if missing not in ("raise", "zero", "mean"):
            raise ValueError(f"missing must be 'raise', 'zero' or 'mean', got {missing!r}")
        rows = self.get_indices(keys, None if missing == "raise" else -1)
        absent = rows < 0
        vectors = self.vectors[np.where(absent, 0, rows)] if len(self) else np.zeros((len(rows), self.vector_size))
        if absent.any():
            vectors[absent] = self.vectors.mean(0, dtype=np.float64) if missing == "mean" and len(self) else 0
        return vectors * reciprocal(row_norms(vectors))[:, None] if norm else vectors

    def get_normed_vectors(self) -> np.ndarray:
        """All vectors [V, D] scaled to length 1, a new array; zero vectors stay zero."""
        return self.vectors * reciprocal(self.norms)[:, None]

    @property
    def norms(self) -> np.ndarray:
        self.fill_norms()
        return self._norms

    def fill_norms(self, force: bool = False) -> None:
        """Compute `norms`; `force=True` after `vectors` was changed in place."""
        if force or self._norms is None or len(self._norms) != len(self.vectors):
            self._norms = row_norms(self.vectors)

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """A further value kept for `key`, such as its "count"; KeyError where there is none of that name."""
        if attr not in self.expandos:
            raise KeyError(f"no attribute {attr!r} (there are: {', '.join(self.expandos) or 'none'})")
        return self.expandos[attr][self.get_index(key)]

    def set_vecattr(self, key: Key, attr: str, val: Any) -> None:
        """Keep a value for `key` under the name `attr`; the first value decides the type of all."""
        row = self.get_index(key)
        if attr not in self.expandos:
            self.expandos[attr] = np.zeros(len(self), object if isinstance(val, str) else np.asarray(val).dtype)
        self.expandos[attr][row] = val

    def set_vecattrs(self, attr: str, values: npt.ArrayLike) -> None:
        """Keep one value a key, in the order of the rows, under the name `attr`."""
        values = np.array(values)
        if values.shape != (len(self),):
            raise ValueError(f"{attr}: one value for each of {len(self)} keys is expected, got shape {values.shape}")
        self.expandos[attr] = values

    # Adding

    def add_vector(self, key: Key, vector: npt.ArrayLike) -> int:
        """Put one vector into the next free row (a new one when none is left: prefer `add_vectors`); its row number."""
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
        """Append keys with their vectors [N, D], and with `extras` (attribute name -> N values).

        Keys that are here keep their vector, or get the new one with `replace=True`.
        """
        keys = [keys] if is_key(keys) else list(keys)
        weights = np.asarray(weights, self.vectors.dtype)
        weights = weights[None] if weights.ndim == 1 else weights
        if weights.shape != (len(keys), self.vector_size):
            raise ValueError(f"vectors of shape {(len(keys), self.vector_size)} are expected, got {weights.shape}")
        if len(set(keys)) < len(keys):
            raise ValueError(f"keys holds {next(k for i, k in enumerate(keys) if k in keys[:i])!r} twice")
        extras = {name: np.asarray(values) for name, values in (extras or {}).items()}
        if bad := [name for name, values in extras.items() if values.shape != (len(keys),)]:
            raise ValueError(f"extras {bad[0]!r}: one value for each of {len(keys)} keys is expected")
        old = np.array([key in self.key_to_index for key in keys], bool)
        new = [key for key, known in zip(keys, old, strict=True) if not known]
        first = len(self)
        if new:
            self.vectors = np.concatenate([self.vectors, weights[~old]])
        if replace and old.any():
            if not self.vectors.flags.writeable:
                self.vectors = self.vectors.copy()
            self.vectors[[self.key_to_index[key] for key, known in zip(keys, old, strict=True) if known]] = weights[old]
        self.index_to_key.extend(new)
        self.key_to_index.update((key, first + i) for i, key in enumerate(new))
        for name in {**self.expandos, **extras}:
            dtype = (self.expandos if name in self.expandos else extras)[name].dtype
            values = np.zeros(len(self), dtype)
            values[:first] = self.expandos.get(name, 0)
            if name in extras:
                values[first:] = extras[name][~old]
            self.expandos[name] = values
        self._norms = None
