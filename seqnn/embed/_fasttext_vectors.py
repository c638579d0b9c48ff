"""Word vectors that are made of the vectors of a word and of its character n-grams, so that every word has one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .._arguments import integer
from .._files import Path
from ._keyed_vectors import KeyedVectors
from ._neighbors import Key, reciprocal, row_norms, unit
from ._subwords import MAX_BUCKET, Subwords, means

_ABOUT = "seqnn.subwords"
_WORDS = 1 << 16  # composed at a time


class FastTextKeyedVectors(KeyedVectors):
    """`KeyedVectors` that also give vectors of words which are not among the keys, from their character n-grams.

    The vector of a word is the mean of the vectors of its parts: the word itself, where it is a key, and its n-grams of
    `min_n` to `max_n` characters, of which those with the same hash modulo `bucket` share a vector. With `bucket=0` or
    `max_n < min_n` there are no n-grams, and unknown words are missing as in `KeyedVectors`.

    Attributes: `vectors` [V, D] of the known words; `vectors_vocab` [V, D] their own parts; `vectors_ngrams` [bucket, D]
    the n-grams' (zeros for those that no known word has; a copy, which with the usual bucket of 2,000,000 is large).
    `key in wv` is true of any text where there are n-grams; `key in wv.key_to_index` asks for known words. Methods that
    name rows (`get_index`, `rank`, `closer_than`, attributes) know only these. `vectors` are put together when they
    are first needed: looking up single words of a mapped file reads no more than their parts.

        >>> from seqnn import FastText
        >>> sentences = [["night", "nightly", "knight"], ["day", "daily", "today"]] * 50
        >>> wv = FastText(sentences, vector_size=8, min_count=1, epochs=1, verbose=0).wv
        >>> "nights" in wv.key_to_index, wv["nights"].shape
        (False, (8,))
        >>> [word for word, _ in wv.most_similar("nightlife", topn=2)] # doctest: +SKIP
        ['nightly', 'night']
    """

    def __init__(
        self,
        vector_size: int,
        min_n: int = 3,
        max_n: int = 6,
        bucket: int = 2_000_000,
        count: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(vector_size, count, dtype)
        min_n, max_n = integer("min_n", min_n, 0), integer("max_n", max_n, 0)
        bucket = integer("bucket", bucket, 0, MAX_BUCKET)
        self._subwords = Subwords(min_n, max_n, bucket if max_n >= max(min_n, 1) else 0, np.zeros(0, np.int32))
        self._parts = np.zeros((count, vector_size), np.float32)

    @classmethod
    def _of_parts(
        cls, words: Sequence[str], counts: npt.ArrayLike | None, parts: np.ndarray, subwords: Subwords
    ) -> FastTextKeyedVectors:
        """Around the vectors of all parts [V + n, D]: the V words, then the n-grams that have a row."""
        wv = cls.from_arrays(words, parts[: len(words)], counts)
        wv._parts, wv._subwords, wv._vectors = parts, subwords, None
        return wv

    @property
    def min_n(self) -> int:
        """Characters of the shortest n-grams."""
        return self._subwords.min_n

    @property
    def max_n(self) -> int:
        """Characters of the longest n-grams."""
        return self._subwords.max_n

    @property
    def bucket(self) -> int:
        """How many numbers the n-grams share; 0: there are none."""
        return self._subwords.bucket

    @property
    def vectors(self) -> np.ndarray:
        if self._vectors is None:
            self._vectors = np.empty((self._count, self.vector_size), np.float32)
            for i in range(0, self._count, _WORDS):
                words = self.index_to_key[i : i + _WORDS]
                self._vectors[i : i + _WORDS] = self._composed(words, np.arange(i, i + len(words)))
        return self._vectors

    @vectors.setter
    def vectors(self, vectors: np.ndarray) -> None:
        self._vectors = vectors
        self._count = len(vectors)

    @property
    def vectors_vocab(self) -> np.ndarray:
        return self._parts[: self._count]

    @property
    def vectors_ngrams(self) -> np.ndarray:
        rows = self._parts[len(self._parts) - self._subwords.count :]
        if self._subwords.buckets is None:
            return rows
        full = np.zeros((self.bucket, self.vector_size), np.float32)
        full[self._subwords.buckets] = rows
        return full

    def adjust_vectors(self) -> None:
        """Put `vectors` together anew, after a change of the parts."""
        self._check_parts()
        self._vectors = self._norms = None

    def _check_parts(self) -> None:
        if self._count != len(self._parts) - self._subwords.count:
            raise ValueError("words were added to these vectors, and their parts are not known")

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: Key) -> bool:
        return (isinstance(key, str) and self.bucket > 0) or super().__contains__(key)

    def get_vector(self, key: Key, norm: bool = False) -> np.ndarray:
        """The vector [D] of any word, scaled to length 1 with `norm=True`; read-only.

        Zeros for a word that has no n-grams, because it is too short. KeyError only where there are no n-grams at all,
        and for row numbers out of range.
        """
        row = self.get_index(key, -1)
        if row >= 0 and self._vectors is not None:
            return super().get_vector(key, norm)
        if row < 0 and not (isinstance(key, str) and self.bucket):
            raise KeyError(f"Key {key!r} not present among {len(self)} keys, and there are no n-grams to make it of")
        word = self.index_to_key[row] if row >= 0 else key
        vector = self._composed([word], np.array([row]))[0]
        vector = unit(vector) if norm else vector
        vector.setflags(write=False)
        return vector

    def get_vectors(self, keys: Iterable[Key], *, norm: bool = False, missing: str = "raise") -> np.ndarray:
        """The vectors [N, D] of a list of words, known or not; `missing` matters only where there are no n-grams."""
        keys = list(keys)
        rows = self.get_indices(keys, -1)
        if not self.bucket or (rows >= 0).all():
            return super().get_vectors(keys, norm=norm, missing=missing)
        self._require(keys)
        vectors = np.empty((len(keys), self.vector_size), np.float32)
        vectors[rows >= 0] = self.vectors[rows[rows >= 0]]
        unknown = np.flatnonzero(rows < 0)
        vectors[unknown] = self._composed([keys[i] for i in unknown.tolist()], np.full(len(unknown), -1))
        return vectors * reciprocal(row_norms(vectors))[:, None] if norm else vectors

    def get_sentence_vector(self, sentence: Sequence[Key]) -> np.ndarray:
        """Mean [D] of the words' vectors scaled to length 1, as the original's `get_sentence_vector`."""
        return self.get_mean_vector(sentence)

    def _require(self, keys: Iterable[Key]) -> None:
        super()._require(key for key in keys if key not in self)

    def _composed(self, words: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """Vectors of words from their parts; `rows` are the words' own, or -1."""
        first = len(self._parts) - self._subwords.count
        return means(self._parts, *self._subwords.rows(words, rows, first))

    def _parts_of_file(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        self._check_parts()
        tensors = {"parts": self._parts}
        if self._subwords.buckets is not None:
            tensors["buckets"] = self._subwords.buckets
        return tensors, {_ABOUT: json.dumps({"min_n": self.min_n, "max_n": self.max_n, "bucket": self.bucket})}

    def _take_parts(self, path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
        if _ABOUT not in metadata or "parts" not in tensors:
            raise ValueError(f"{path}: word vectors without n-grams: KeyedVectors.load reads them")
        self._parts, buckets = tensors["parts"], tensors.get("buckets")
        self._subwords = Subwords(**json.loads(metadata[_ABOUT]), buckets=buckets)
        good = self._parts.shape == (self._count + self._subwords.count, self.vector_size)
        good = good and self._parts.dtype == np.float32
        if buckets is not None:
            good = good and buckets.dtype == np.int32 and bool((np.diff(buckets) > 0).all())
        if not good:
            raise ValueError(f"{path}: vectors, parts and buckets do not belong together")
