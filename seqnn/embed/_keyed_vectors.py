"""Word vectors and what one asks of them, under gensim's names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _evaluate, _neighbors, _vector_files
from ._keyed_rows import KeyedRows
from ._neighbors import Key, is_key, unit

Pairs = list[tuple[Key, float]]

_RENAMED = {
    "vocab": "key_to_index",
    "index2word": "index_to_key",
    "index2entity": "index_to_key",
    "syn0": "vectors",
    "syn0norm": "get_normed_vectors()",
    "vectors_norm": "get_normed_vectors()",
    "word_vec": "get_vector(key)",
    "init_sims": "fill_norms()",
    "words_closer_than": "closer_than(key1, key2)",
    "accuracy": "evaluate_word_analogies(path)",
}


class KeyedVectors(KeyedRows):
    """A matrix of vectors [V, D] with a key, mostly a word, for each row.

    Attributes: `vectors` (float array [V, D]), `index_to_key` (list), `key_to_index` (dict), `vector_size`, `norms`
    (lengths of the rows, computed at need; after changing `vectors` in place call `fill_norms(force=True)`).
    Where a key is expected, an integer that is no key itself means the row of that number.

    `KeyedVectors(vector_size, count)` has `count` rows to be filled by `add_vector`; see also `from_arrays`, `load`.

        >>> import numpy as np
        >>> wv = KeyedVectors.from_arrays(["cat", "dog", "car"], np.array([[1.0, 0.1], [1.0, 0.2], [0.0, 1.0]]))
        >>> wv.most_similar("cat", topn=1)[0][0], round(wv.similarity("cat", "car"), 4)
        ('dog', 0.0995)
        >>> wv.doesnt_match(["cat", "dog", "car"])
        'car'
    """

    def __getattr__(self, name: str) -> Any:
        if name in _RENAMED:
            raise AttributeError(f"KeyedVectors has no {name!r}: since gensim 4 it is {_RENAMED[name]}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def get_mean_vector(
        self,
        keys: Sequence[Key | np.ndarray],
        weights: npt.ArrayLike | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> np.ndarray:
        """Mean [D] of the vectors of keys (or vectors themselves), weighted: sum(w * v) / sum(|w|).

        `pre_normalize` scales the keys' vectors to length 1 first, `post_normalize` the result.
        """
        keys = _neighbors.as_list(keys)
        if not keys:
            raise ValueError("cannot compute mean with no input")
        weights = np.ones(len(keys)) if weights is None else np.asarray(weights, np.float64)
        if weights.shape != (len(keys),):
            raise ValueError(f"{len(keys)} keys and weights of shape {weights.shape} must agree")
        if not ignore_missing:
            self._require(key for key in keys if is_key(key))
        used = [i for i, key in enumerate(keys) if not is_key(key) or key in self]
        total = np.zeros(self.vector_size)
        for i in used:
            vector = self.get_vector(keys[i], norm=pre_normalize) if is_key(keys[i]) else np.asarray(keys[i])
            if vector.shape != (self.vector_size,):
                raise ValueError(f"a key or a vector of size {self.vector_size} is expected, got {keys[i]!r:.100}")
            total += weights[i] * vector
        mean = total / (np.abs(weights[used]).sum() or 1)
        return (unit(mean) if post_normalize else mean).astype(self.vectors.dtype)

    # Comparing

    def similarity(self, w1: Key, w2: Key) -> float:
        """Cosine of two keys' vectors."""
        return float(self.get_vector(w1, norm=True) @ self.get_vector(w2, norm=True))

    def similarities(self, keys1: Iterable[Key], keys2: Iterable[Key]) -> np.ndarray:
        """Cosines [N, M] of N keys with M keys."""
        return self.get_vectors(keys1, norm=True) @ self.get_vectors(keys2, norm=True).T

    def distance(self, w1: Key, w2: Key) -> float:
        """1 - similarity."""
        return 1 - self.similarity(w1, w2)

    def distances(self, word_or_vector: Key | np.ndarray, other_words: Iterable[Key] = ()) -> np.ndarray:
        """1 - cosine of a key or a vector to each of `other_words`, by default to all keys."""
        vector = self.get_vector(word_or_vector) if is_key(word_or_vector) else np.asarray(word_or_vector)
        others = list(other_words)
        vectors = self.get_vectors(others) if others else self.vectors
        norms = _neighbors.row_norms(vectors) if others else self.norms
        return 1 - (vectors @ unit(vector)) * _neighbors.reciprocal(norms)

    def n_similarity(self, ws1: Sequence[Key], ws2: Sequence[Key]) -> float:
        """Cosine of the means of two sets of keys."""
        if not (len(ws1) and len(ws2)):
            raise ZeroDivisionError("At least one of the passed list is empty.")
        first, second = (unit(self.get_mean_vector(ws, pre_normalize=False)) for ws in (ws1, ws2))
        return float(first @ second)

    def closer_than(self, key1: Key, key2: Key) -> list[Key]:
        """All keys that are closer to `key1` than `key2` is."""
        distances = self.distances(key1)
        closer = np.flatnonzero(distances < distances[self.get_index(key2)])
        return [self.index_to_key[i] for i in closer.tolist() if i != self.get_index(key1)]

    def rank(self, key1: Key, key2: Key) -> int:
        """The place of `key2` among all keys ordered by distance from `key1`, from 1."""
        return len(self.closer_than(key1, key2)) + 1

    def rank_by_centrality(self, words: Iterable[Key], use_norm: bool = True) -> list[tuple[float, Key]]:
        """(cosine with the mean of the words, word), the most central first; words that are missing are left out."""
        words = [word for word in words if word in self]
        if not words:
            raise ValueError("cannot select a word from an empty list")
        vectors = self.get_vectors(words, norm=use_norm)
        return sorted(zip((vectors @ unit(vectors.mean(0))).tolist(), words, strict=True), reverse=True)

    def doesnt_match(self, words: Iterable[Key]) -> Key:
        """The word that is farthest from the mean of all."""
        return self.rank_by_centrality(words)[-1][1]

    def most_similar_to_given(self, key1: Key, keys_list: Sequence[Key]) -> Key:
        """The key of the list that is most similar to `key1`."""
        return keys_list[int(np.argmin(self.distances(key1, keys_list)))]

    # Searching

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
    ) -> Pairs | np.ndarray:
        """The `topn` keys nearest to positive minus negative, as (key, cosine), best first, without the keys asked for.

        Items are keys, vectors or (key or vector, weight); one alone needs no list. Rows `clip_start` to `clip_end`,
        or the first `restrict_vocab`, are searched. `topn=None` gives the cosines of all these rows as an array.
        For many queries `most_similar_batch` is far faster.
        """
        if topn is not None and not _neighbors.whole_topn(topn):
            return []
        query, used = _neighbors.combine(self, positive, negative)
        rows = _neighbors.search_range(self, clip_start, clip_end, restrict_vocab)
        if topn is None:
            return (self.vectors[rows] @ query) * _neighbors.reciprocal(self.norms[rows])
        return self._nearest(query[None], [used], topn, rows)[0]

    def most_similar_batch(
        self,
        positive: Iterable,
        negative: Iterable | None = None,
        topn: int = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
    ) -> list[Pairs]:
        """`most_similar` for many queries at once: one list of (key, cosine) for each.

        `positive` is a list of keys, a matrix of vectors [Q, D], or a list of what `most_similar` takes as `positive`;
        `negative`, where given, is a list of the same length. `seqnn.embed.nearest_neighbors` gives arrays of ids.
        """
        queries, used = _neighbors.combine_batch(self, positive, negative)
        rows = _neighbors.search_range(self, clip_start, clip_end, restrict_vocab)
        return self._nearest(queries, used, topn, rows)

    def _nearest(self, queries: np.ndarray, used: list[list[int]], topn: int, rows: slice) -> list[Pairs]:
        ids, scores = _neighbors.nearest_neighbors(
            queries, self.vectors, topn, norms=self.norms, begin=rows.start, end=rows.stop, exclude=used
        )
        return [_neighbors.name_pairs(self, i, s) for i, s in zip(ids, scores, strict=True)]

    def most_similar_cosmul(
        self, positive: Any = None, negative: Any = None, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Pairs | np.ndarray:
        """As `most_similar` with the multiplicative objective 3CosMul of Levy and Goldberg (2014)."""
        if topn is not None and not _neighbors.whole_topn(topn):
            return []
        rows = _neighbors.search_range(self, 0, None, restrict_vocab)
        scores, used = _neighbors.cosmul(self, positive, negative, rows)
        if topn is None:
            return scores
        ids = _neighbors.best(scores, topn, used)
        return _neighbors.name_pairs(self, ids, scores[ids])

    def similar_by_key(self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None) -> Pairs | np.ndarray:
        """The `topn` keys nearest to `key`."""
        return self.most_similar(positive=[key], topn=topn, restrict_vocab=restrict_vocab)

    similar_by_word = similar_by_key

    def similar_by_vector(
        self, vector: np.ndarray, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Pairs | np.ndarray:
        """The `topn` keys nearest to a vector [D]."""
        return self.most_similar(positive=[np.asarray(vector)], topn=topn, restrict_vocab=restrict_vocab)

    # Their own modules say what these do
    evaluate_word_pairs = _evaluate.evaluate_word_pairs
    evaluate_word_analogies = _evaluate.evaluate_word_analogies
    save = _vector_files.save
    load = classmethod(_vector_files.load)
    save_word2vec_format = _vector_files.save_word2vec_format
    load_word2vec_format = classmethod(_vector_files.load_word2vec_format)
