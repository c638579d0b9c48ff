"""Rows under keys: looking them up, their lengths, further values of keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ._keyed_storage import KeyedStorage
from ._keys import Key, is_key, key_list
from ._neighbors import reciprocal, row_norms, unit


class KeyedLookup(KeyedStorage):
    """The methods of `KeyedRows` that look rows up."""

    def __contains__(self, key: Key) -> bool:
        return self.get_index(key, -1) >= 0

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> np.ndarray:
        """Return the vector [D] of a key (read-only), or the vectors [N, D] of a list of keys."""
        return self.get_vector(key_or_keys) if is_key(key_or_keys) else self.get_vectors(key_or_keys)

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
            if self._file is not None and len(rows := np.flatnonzero(~np.isfinite(norms))):
                self._finite(self.vectors[rows], [self.index_to_key[row] for row in rows.tolist()])  # or only too long
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

    # Further values

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
