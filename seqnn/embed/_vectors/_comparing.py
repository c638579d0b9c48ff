"""Keyed rows compared with each other: means, cosines, ranks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ._keyed_rows import KeyedRows
from ._keys import Key, as_list, is_key, key_list
from ._neighbors import reciprocal, row_norms, unit


class ComparingRows(KeyedRows):
    """Keyed rows that can be compared."""

    def get_mean_vector(
        self,
        keys: Sequence[Key | np.ndarray],
        weights: npt.ArrayLike | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> np.ndarray:
        """Compute the weighted mean of vectors, sum(w * v) / sum(|w|).

        Args:
            keys: words, row numbers or vectors [D].
            weights: one for each of them; default 1.
            pre_normalize: whether the keys' vectors are scaled to length 1 first.
            post_normalize: whether the mean is scaled to length 1.
            ignore_missing: whether missing keys are left out; False raises a KeyError.

        Returns:
            The mean [D]; zeros where all keys are missing.

        >>> import numpy as np
        >>> from seqnn import KeyedVectors
        >>> KeyedVectors.from_arrays(["cat", "dog"], np.eye(2)).get_mean_vector(["cat", "dog"])
        array([0.5, 0.5])
        """
        keys = as_list(keys)
        if not keys:
            raise ValueError("cannot compute mean with no input")
        weights = np.ones(len(keys)) if weights is None else np.asarray(weights, np.float64)
        if weights.shape != (len(keys),):
            raise ValueError(f"{len(keys)} keys and weights of shape {weights.shape} must agree")
        used = [i for i, key in enumerate(keys) if not is_key(key) or key in self]
        if not ignore_missing and len(used) < len(keys):
            self._require(key for key in keys if is_key(key))
        total = np.zeros(self.vector_size)
        for i in used:
            vector = self.get_vector(keys[i], norm=pre_normalize) if is_key(keys[i]) else np.asarray(keys[i])
            if vector.shape != (self.vector_size,):
                raise ValueError(f"a key or a vector of size {self.vector_size} is expected, got {keys[i]!r:.100}")
            total += weights[i] * vector
        mean = total / (np.abs(weights[used]).sum() or 1)
        kind = self.vectors.dtype if self.vectors.dtype.kind == "f" else np.float32
        return (unit(mean) if post_normalize else mean).astype(kind)

    @staticmethod
    def cosine_similarities(vector_1: npt.ArrayLike, vectors_all: npt.ArrayLike) -> np.ndarray:
        """Compute the cosines of one vector with many.

        Args:
            vector_1: [D].
            vectors_all: [N, D].

        Returns:
            The cosines [N]; 0 for zero vectors.

        >>> from seqnn import KeyedVectors
        >>> KeyedVectors.cosine_similarities([1.0, 0.0], [[2.0, 0.0], [0.0, 1.0]])
        array([1., 0.])
        """
        one, every = np.asarray(vector_1), np.asarray(vectors_all)
        if one.ndim != 1 or every.ndim != 2 or every.shape[1] != len(one):
            raise ValueError(f"vectors_all: expected a matrix [N, {one.size}], got shape {every.shape}")
        return (every @ unit(one)) * reciprocal(row_norms(every))

    def similarity(self, w1: Key, w2: Key) -> float:
        """Compute the cosine of two keys' vectors.

        Args:
            w1, w2: words or row numbers.

        Returns:
            The cosine.

        >>> import numpy as np
        >>> from seqnn import KeyedVectors
        >>> KeyedVectors.from_arrays(["cat", "dog"], np.array([[1.0, 0.0], [0.0, 2.0]])).similarity("cat", "dog")
        0.0
        """
        return float(self.get_vector(w1, norm=True) @ self.get_vector(w2, norm=True))

    def similarities(self, keys1: Iterable[Key], keys2: Iterable[Key]) -> np.ndarray:
        """Compute the cosines of all keys of one list with all of another.

        Args:
            keys1: N words or row numbers.
            keys2: M words or row numbers.

        Returns:
            The cosines [N, M].
        """
        return self.get_vectors(keys1, norm=True) @ self.get_vectors(keys2, norm=True).T

    def distance(self, w1: Key, w2: Key) -> float:
        """Compute 1 - similarity.

        Args:
            w1, w2: words or row numbers.

        Returns:
            The distance.
        """
        return 1 - self.similarity(w1, w2)

    def distances(self, word_or_vector: Key | np.ndarray, other_words: Iterable[Key] = ()) -> np.ndarray:
        """Compute the distances, 1 - cosine, of one key or vector to many keys.

        Args:
            word_or_vector: a word, a row number or a vector [D].
            other_words: N words or row numbers; by default all V keys.

        Returns:
            The distances [N].
        """
        vector = self.get_vector(word_or_vector) if is_key(word_or_vector) else np.asarray(word_or_vector)
        others = key_list(other_words, "other_words")
        vectors = self.get_vectors(others) if others else self.vectors
        norms = row_norms(vectors) if others else self.norms
        return 1 - (vectors @ unit(vector)) * reciprocal(norms)

    def n_similarity(self, ws1: Sequence[Key], ws2: Sequence[Key]) -> float:
        """Compute the cosine of the means of two sets of keys.

        Args:
            ws1, ws2: words or row numbers; missing ones are left out.

        Returns:
            The cosine.

        Raises:
            ZeroDivisionError: a set is empty.
        """
        if not (len(ws1) and len(ws2)):
            raise ZeroDivisionError("At least one of the passed list is empty.")
        first, second = (unit(self.get_mean_vector(ws, pre_normalize=False)) for ws in (ws1, ws2))
        return float(first @ second)

    def closer_than(self, key1: Key, key2: Key) -> list[Key]:
        """Find the keys that are closer to one key than another is.

        Args:
            key1: the key that distances are measured from.
            key2: the key whose distance is the bound.

        Returns:
            The keys, in the order of the rows.
        """
        distances = self.distances(key1)
        closer = np.flatnonzero(distances < distances[self.get_index(key2)])
        return [self.index_to_key[i] for i in closer.tolist() if i != self.get_index(key1)]

    def rank(self, key1: Key, key2: Key) -> int:
        """Return the place of one key among all, ordered by their distance from another.

        Args:
            key1: the key that distances are measured from.
            key2: the key that is looked for.

        Returns:
            The place, from 1.
        """
        return len(self.closer_than(key1, key2)) + 1

    def rank_by_centrality(self, words: Iterable[Key], use_norm: bool = True) -> list[tuple[float, Key]]:
        """Order keys by their cosine with the mean of all of them.

        Args:
            words: words or row numbers; missing ones are left out.
            use_norm: whether the vectors are scaled to length 1 first.

        Returns:
            (cosine, key), the most central first.
        """
        words = [word for word in key_list(words, "words") if word in self]
        if not words:
            raise ValueError("cannot select a word from an empty list")
        vectors = self.get_vectors(words, norm=use_norm)
        return sorted(zip((vectors @ unit(vectors.mean(0))).tolist(), words, strict=True), reverse=True)

    def doesnt_match(self, words: Iterable[Key]) -> Key:
        """Find the key that is farthest from the mean of all.

        Args:
            words: words or row numbers; missing ones are left out.

        Returns:
            The key.

        >>> import numpy as np
        >>> from seqnn import KeyedVectors
        >>> wv = KeyedVectors.from_arrays(["cat", "dog", "car"], np.array([[1.0, 0.1], [1.0, 0.2], [0.0, 1.0]]))
        >>> wv.doesnt_match(["cat", "dog", "car"])
        'car'
        """
        return self.rank_by_centrality(words)[-1][1]

    def most_similar_to_given(self, key1: Key, keys_list: Sequence[Key]) -> Key:
        """Find the key of a list that is most similar to a key.

        Args:
            key1: a word or a row number.
            keys_list: words or row numbers.

        Returns:
            The key.
        """
        keys = key_list(keys_list, "keys_list")
        if not keys:
            raise ValueError("keys_list: expected at least one key")
        return keys[int(np.argmin(self.distances(key1, keys)))]

    def vectors_for_all(self, keys: Iterable[Key], allow_inference: bool = True, copy_vecattrs: bool = False) -> Any:
        """Choose the vectors of some keys, for example to search only these.

        Args:
            keys: words or row numbers; one that occurs again counts once.
            allow_inference: whether words get vectors that are made of n-grams, where these vectors have n-grams.
            copy_vecattrs: whether further values of the keys come along.

        Returns:
            `KeyedVectors` of those keys that have a vector, in the order given.

        >>> import numpy as np
        >>> from seqnn import KeyedVectors
        >>> wv = KeyedVectors.from_arrays(["cat", "dog", "car"], np.eye(3))
        >>> wv.vectors_for_all(["car", "tram", "cat"]).index_to_key
        ['car', 'cat']
        """
        known = self.__contains__ if allow_inference else self.has_index_for
        chosen = [key for key in dict.fromkeys(key_list(keys, "keys")) if known(key)]
        found = self._plain_type().from_arrays(chosen, self.get_vectors(chosen).reshape(-1, self.vector_size))
        if copy_vecattrs:
            rows = self.get_indices(chosen, -1)
            for name, values in self.expandos.items():
                absent = np.zeros((), values.dtype)[()]
                found.set_vecattrs(name, np.array([values[r] if r >= 0 else absent for r in rows], values.dtype))
        return found

    @classmethod
    def _plain_type(cls) -> type[ComparingRows]:
        """Return the class of vectors that are only a matrix and its keys."""
        return cls
