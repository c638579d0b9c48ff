"""Word vectors that are made of the vectors of a word and of its character n-grams, so that every word has one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..._files import Path, Source
from . import _fasttext_bin
from ._keyed_vectors import KeyedVectors
from ._keys import Key, as_list
from ._neighbors import reciprocal, row_norms, unit
from ._subwords import ABOUT, Subwords, means, sums

_WORDS = 1 << 16  # composed at a time


class FastTextKeyedVectors(KeyedVectors):
    """`KeyedVectors` that also give vectors of words which are not among the keys, from their character n-grams.

    The vector of a word is the mean of the vectors of its parts: the word itself, where it is a key, and its n-grams of
    `min_n` to `max_n` characters, of which those with the same hash modulo `bucket` share a vector. With `bucket=0` or
    `max_n < min_n` there are no n-grams, and unknown words are missing as in `KeyedVectors`.

    `key in wv` is true of any text where there are n-grams; `key in wv.key_to_index` and `wv.has_index_for(key)` ask for
    known words. Methods that name rows (`get_index`, `rank`, `closer_than`, attributes) know only these. `vectors` are put
    together when they are first needed: looking up single words of a mapped file reads no more than their parts. A word
    that is added has its vector, but no parts; a vector that is replaced changes the word's own part.

    Args:
        vector_size: D.
        min_n, max_n: characters of the shortest and the longest n-grams, at most 100.
        bucket: how many numbers the n-grams share.
        count: rows that are there at the start, zeros without a key (default none).
        dtype: of the vectors (default float32).

    Attributes:
        vectors: the vectors of the known words [V, D]; others of this shape may be assigned, which changes the words' own
            parts.
        vectors_vocab: the words' own parts [V, D].
        vectors_ngrams: the n-grams' [bucket, D], zeros for those that no known word has; a copy, which with the usual
            bucket of 2,000,000 is large.

    >>> from seqnn import FastText
    >>> sentences = [["night", "nightly", "knight"], ["day", "daily", "today"]] * 50
    >>> wv = FastText(sentences, vector_size=8, min_count=1, epochs=1, verbose=0).wv
    >>> "nights" in wv.key_to_index, wv["nights"].shape
    (False, (8,))
    """

    _about = ABOUT

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
        self._subwords = Subwords(min_n, max_n, bucket, np.zeros(0, np.int32))
        self._parts = np.zeros((count, vector_size), np.float32)

    @classmethod
    def _of_parts(
        cls, words: Sequence[str], counts: npt.ArrayLike | None, parts: np.ndarray, subwords: Subwords
    ) -> FastTextKeyedVectors:
        """Make vectors of those of all parts [V + n, D]: the V words, then the n-grams that have a row."""
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
        """The number of numbers that the n-grams share; 0: there are none."""
        return self._subwords.bucket

    @property
    def vectors(self) -> np.ndarray:
        if self._vectors is None:
            vectors = np.empty((self._count, self.vector_size), np.float32)
            for i in range(0, self._count, _WORDS):
                words = self.index_to_key[i : min(i + _WORDS, self._count)]
                vectors[i : i + _WORDS] = self._composed(words, np.arange(i, i + len(words)))
            self._vectors = vectors  # only when it is complete: another thread may look
        return self._vectors

    @vectors.setter
    def vectors(self, vectors: npt.ArrayLike) -> None:
        given = self._stored(vectors)
        if given.shape != (self._count, self.vector_size):
            raise ValueError(f"vectors: expected shape {(self._count, self.vector_size)}, got {given.shape}")
        self._rewrite(given)

    def _take_matrix(self, vectors: npt.ArrayLike) -> None:
        super()._take_matrix(vectors)
        self._count = len(self._vectors)

    @property
    def _own(self) -> int:
        """The number of words that have parts: the first ones."""
        return len(self._parts) - self._subwords.count

    @property
    def vectors_vocab(self) -> np.ndarray:
        return self._parts[: self._own]

    @property
    def vectors_ngrams(self) -> np.ndarray:
        rows = self._parts[self._own :]
        if self._subwords.buckets is None:
            return rows
        full = np.zeros((self.bucket, self.vector_size), np.float32)
        full[self._subwords.buckets] = rows
        return full

    vectors_lockf = property()  # none: it would not keep a vector, of which n-grams are parts
    _absent: ClassVar[dict[str, str]] = KeyedVectors._absent | {
        "vectors_lockf": "vectors_vocab_lockf and vectors_ngrams_lockf are the shares of changes that parts take; "
        "freeze(words) keeps words with their n-grams"
    }

    @property
    def vectors_vocab_lockf(self) -> np.ndarray:
        """The share of its changes that each word's own part takes in training, [V]: 1 all, 0 none."""
        return self._factors()[: self._own]

    @vectors_vocab_lockf.setter
    def vectors_vocab_lockf(self, factors: npt.ArrayLike) -> None:
        self.vectors_vocab_lockf[:] = self._checked_factors("vectors_vocab_lockf", factors, self._own)

    @property
    def vectors_ngrams_lockf(self) -> np.ndarray:
        """The share of its changes that each n-gram of known words takes in training, by rising number: 1 all, 0 none."""
        return self._factors()[self._own :]

    @vectors_ngrams_lockf.setter
    def vectors_ngrams_lockf(self, factors: npt.ArrayLike) -> None:
        self.vectors_ngrams_lockf[:] = self._checked_factors("vectors_ngrams_lockf", factors, self._subwords.count)

    @property
    def _trained(self) -> int:
        return len(self._parts)

    def _rows_of_keys(self, keys: list[Key]) -> np.ndarray:
        rows = self.get_indices(keys)
        if (rows >= self._own).any():
            raise ValueError("words without parts were added to these vectors: training does not change them")
        words = [self.index_to_key[row] for row in rows.tolist()]
        return self._subwords.rows(words, rows, self._own)[0]

    def adjust_vectors(self) -> None:
        """Put `vectors` together anew, after a change of the parts; words without parts keep theirs."""
        if self._count == self._own:
            self._vectors = None
        else:
            added = self.vectors[self._own :]
            self._vectors, self._count = None, self._own
            self._take_matrix(np.concatenate([self.vectors, added]))
        self._norms = None

    def _vectors_changed(self) -> None:
        self.adjust_vectors()

    def _set_parts(self, parts: np.ndarray) -> None:
        """Let the parts lie elsewhere; they have the same values."""
        self._parts = parts

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: Key) -> bool:
        return (isinstance(key, str) and self.bucket > 0) or super().__contains__(key)

    def get_vector(self, key: Key, norm: bool = False) -> np.ndarray:
        """Return the vector of any word.

        Args:
            key: a word, or the row number of a known one.
            norm: whether it is scaled to length 1.

        Returns:
            The vector [D], read-only; zeros for a word that has no n-grams, because it is too short.

        Raises:
            KeyError: a row number out of range, or an unknown word where there are no n-grams at all.
        """
        row = self.get_index(key, -1)
        if row >= 0 and (self._vectors is not None or row >= self._own):
            return super().get_vector(key, norm)
        if row < 0 and not (isinstance(key, str) and self.bucket):
            raise KeyError(f"Key {key!r} not present among {len(self)} keys, and there are no n-grams to make it of")
        word = self.index_to_key[row] if row >= 0 else key
        vector = self._finite(self._composed([word], np.array([row]))[0], [word])
        vector = unit(vector) if norm else vector
        vector.setflags(write=False)
        return vector

    def get_vectors(self, keys: Iterable[Key], *, norm: bool = False, missing: str = "raise") -> np.ndarray:
        """Return the vectors of many words, known or not.

        Args:
            keys: words, or row numbers of known ones.
            norm: whether each is scaled to length 1.
            missing: what a missing key gets; it matters only where there are no n-grams. See `KeyedVectors.get_vectors`.

        Returns:
            A new array [N, D].
        """
        keys = list(keys)
        rows = self.get_indices(keys, -1)
        if not self.bucket or (rows >= 0).all():
            return super().get_vectors(keys, norm=norm, missing=missing)
        self._require(keys)
        vectors = np.empty((len(keys), self.vector_size), np.float32)
        vectors[rows >= 0] = self.vectors[rows[rows >= 0]]
        unknown = np.flatnonzero(rows < 0)
        vectors[unknown] = self._composed([keys[i] for i in unknown.tolist()], np.full(len(unknown), -1))
        self._finite(vectors, keys)
        return vectors * reciprocal(row_norms(vectors))[:, None] if norm else vectors

    def get_sentence_vector(self, sentence: Sequence[Key]) -> np.ndarray:
        """Compute the mean of the words' vectors, each scaled to length 1, as the original's `get_sentence_vector`.

        Args:
            sentence: words.

        Returns:
            The mean [D]; zeros for no words.
        """
        words = as_list(sentence)
        return self.get_mean_vector(words) if words else np.zeros(self.vector_size, np.float32)

    def _require(self, keys: Iterable[Key]) -> None:
        super()._require(key for key in keys if key not in self)

    def _composed(self, words: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """Put vectors of words together from their parts; `rows` are the words' own, or -1."""
        return means(self._parts, *self._subwords.rows(words, rows, self._own))

    # Changing

    def _replace(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        super()._replace(rows, vectors)  # puts all vectors together first
        with_parts = rows < self._own
        self._set_own(rows[with_parts], vectors[with_parts])

    def _set_own(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Give words such own parts that the means of their parts are these vectors."""
        if not self._parts.flags.writeable:
            self._set_parts(self._parts.copy())
        for i in range(0, len(rows), _WORDS):
            some = rows[i : i + _WORDS]
            words = [self.index_to_key[row] for row in some.tolist()]
            ngrams, offsets, parts = self._subwords.rows(words, np.full(len(some), -1), self._own)
            others = sums(self._parts, ngrams, offsets)
            self._parts[some] = vectors[i : i + _WORDS] * (parts + 1)[:, None].astype(np.float32) - others

    def _take_ngrams(self, other: FastTextKeyedVectors) -> None:
        """Take over the parts of n-grams from vectors whose n-grams are of the same kind; of others none."""
        if self._subwords.about != other._subwords.about:
            return
        mine, theirs = (
            np.arange(wv.bucket) if wv._subwords.buckets is None else wv._subwords.buckets for wv in (self, other)
        )
        _, to, of = np.intersect1d(mine, theirs, assume_unique=True, return_indices=True)
        if not self._parts.flags.writeable:
            self._set_parts(self._parts.copy())
        self._parts[self._own + to] = other._parts[other._own + of]

    def _take_rows(self, rows: np.ndarray) -> None:
        own = self._own
        if own != self._count:
            raise ValueError("words without parts were added to these vectors: their rows cannot be chosen")
        kept = np.concatenate([rows, np.arange(own, len(self._parts))])
        parts, lockf = self._parts[kept], None if self._lockf is None else self._lockf[kept]
        self._vectors = self._parts[:own]  # put together anew, from the chosen parts, when needed
        super()._take_rows(rows)
        self._set_parts(parts)
        self._lockf = lockf
        self._vectors = None

    def _debiased(self, vectors: np.ndarray, ngrams: np.ndarray | None, *, copy: bool) -> FastTextKeyedVectors:
        """Return these words with other vectors, and the n-grams with others where given."""
        wv = self
        if copy:
            wv = self._of_parts(list(self.index_to_key[: self._own]), None, self._parts.copy(), self._subwords)
        if ngrams is not None:
            wv._parts[wv._own :] = ngrams
        wv._set_own(np.arange(wv._own), vectors[: wv._own])
        wv._vectors = wv._norms = None
        if copy and self._count > self._own:
            wv._append(list(self.index_to_key[self._own :]), vectors[self._own :], {})
        return wv

    # Files

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        tensors, metadata = super()._state()
        tensors["parts"] = self._parts
        if self._subwords.buckets is not None:
            tensors["buckets"] = self._subwords.buckets
        return tensors, metadata | {ABOUT: json.dumps(self._subwords.about)}

    def _take_state(self, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str], name: str) -> None:
        if ABOUT not in metadata or "parts" not in tensors:
            raise ValueError(f"{name}: word vectors without n-grams: KeyedVectors.load reads them")
        try:
            self._subwords = Subwords.restored(json.loads(metadata[ABOUT]), tensors.get("buckets"))
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"{name}: damaged n-grams: {type(error).__name__}: {error}") from None
        self._parts = parts = tensors["parts"]
        good = parts.ndim == 2 and parts.shape[1] == self.vector_size and parts.dtype == np.float32
        if not good or not 0 <= self._own <= self._count:
            raise ValueError(f"{name}: vectors, parts and buckets do not belong together")

    @classmethod
    def _plain_type(cls) -> type[KeyedVectors]:
        return KeyedVectors


def load_facebook_vectors(
    path: Path, encoding: str = "utf-8", unicode_errors: str = "strict", mmap: bool = True
) -> FastTextKeyedVectors:
    """Read the vectors of a `.bin` file of the original fastText: for any word the same as the original's.

    The file is mapped into memory: opening takes the time of reading the words, and a look-up reads the word's parts.
    Models of all three kinds are read, also of the time before 2017, and packed ones (.bin.gz).

    Args:
        path: the file.
        encoding: of its words; n-grams are hashed as UTF-8.
        unicode_errors: what words that are invalid in the encoding get: "strict" keeps the bytes of those that are not
            UTF-8 and raises an error in other encodings, "replace", "ignore".
        mmap: whether the vectors stay in the file, which must then not be shortened; False reads all of them.

    Returns:
        The vectors.

    Raises:
        ValueError: quantised models (`.ftz`), files that are not whole, and NaN or infinity among the numbers: of a mapped
            file when such a vector is looked up or searched (`KeyedVectors.load` has `allow_nonfinite`).

    >>> import tempfile
    >>> from seqnn.embed import FastText, load_facebook_vectors, save_facebook_model
    >>> model = FastText([["night", "day"]] * 9, vector_size=4, min_count=1, bucket=50, sample=0, verbose=0)
    >>> with tempfile.NamedTemporaryFile(suffix=".bin") as file:
    ...     save_facebook_model(model, file.name)
    ...     wv = load_facebook_vectors(file.name)
    >>> bool((wv["nights"] == model.wv["nights"]).all())
    True
    """
    with Source(path) as source:
        about, parts, _ = _fasttext_bin.read_fasttext(source, encoding, unicode_errors)
        parts = parts if mmap else _fasttext_bin.finite(source.name, about, parts).copy()
        wv = FastTextKeyedVectors._of_parts(about.words, about.counts, parts, about.subwords)
        wv._file = source.name
    return wv
