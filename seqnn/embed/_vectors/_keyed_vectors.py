"""Word vectors and what one asks of them, under gensim's names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from . import _evaluate, _movers, _vector_files
from ._comparing import ComparingRows
from ._keys import Key, as_list, is_key, key_list
from ._neighbors import best, nearest_neighbors, reciprocal, unit, whole_topn
from ._shadow import Search, Shadow

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
    "log_accuracy": "evaluate_word_analogies(path)",
    "similarity_unseen_docs": "n_similarity(words1, words2)",
}

_ABSENT = {
    "syn1": "the output vectors belong to the model: model.syn1",
    "syn1neg": "the output vectors belong to the model: model.syn1neg",
}


class KeyedVectors(ComparingRows):
    """A matrix of vectors [V, D] with a key, mostly a word, for each row.

    Where a key is expected, an integer that is no key itself means the row of that number. `KeyedVectors(size, count)` has
    `count` rows to be filled by `add_vector`; see also `from_arrays` and `load`.

    Args:
        vector_size: D.
        count: rows that are there at the start, zeros without a key (default none).
        dtype: of the vectors (default float32).

    Attributes:
        vectors: float array [V, D].
        index_to_key: the keys of the rows, a list.
        key_to_index: the row of each key, a dict.
        vector_size: D.
        norms: the lengths of the rows, computed when they are first needed; after a change of `vectors` in place call
            `fill_norms(force=True)`.

    >>> import numpy as np
    >>> from seqnn import KeyedVectors
    >>> wv = KeyedVectors.from_arrays(["cat", "dog", "car"], np.array([[1.0, 0.1], [1.0, 0.2], [0.0, 1.0]]))
    >>> wv.most_similar("cat", topn=1)[0][0], round(wv.similarity("cat", "car"), 4)
    ('dog', 0.0995)
    """

    _absent: ClassVar[dict[str, str]] = _ABSENT
    """Names that are not there: what to do instead."""

    _search: Search | None = None
    """What single queries keep for the next ones; copies and pickles go without."""

    def __getattr__(self, name: str) -> Any:
        kind = type(self).__name__
        if name in _RENAMED:
            raise AttributeError(f"{kind} has no {name!r}: since gensim 4 it is {_RENAMED[name]}")
        if name in self._absent:
            raise AttributeError(f"{kind} has no {name!r}: {self._absent[name]}")
        raise AttributeError(f"{kind!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _RENAMED or name in self._absent:
            self.__getattr__(name)
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_search"}

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        *,
        among: Iterable[Key] | np.ndarray | None = None,
    ) -> Pairs | np.ndarray:
        """Find the keys nearest to positive minus negative ones. For many queries `most_similar_batch` is far faster.

        Args:
            positive, negative: keys, vectors [D] or pairs (key or vector, weight); one alone needs no list.
            topn: how many are found; None gives the cosines of all rows searched as an array.
            clip_start, clip_end: the rows that are searched; default all.
            restrict_vocab: search the first rows only, this many.
            among: search only these: keys, or a mask, bool [V].

        Returns:
            (key, cosine), the best first, without the keys asked for.

        From the second single query on, a float32 or float16 matrix of 131,072 numbers or more (1,311 rows of 100) has a
        shadow of a byte a number, which makes queries faster and changes no result. A query with a shadow notices a change of
        the whole matrix in place; after every other change in place (`wv.vectors[row] = vector`, where `wv[key] = vector`
        would tell) call `fill_norms(force=True)`, or the row may be missed.

        >>> import numpy as np
        >>> from seqnn import KeyedVectors
        >>> wv = KeyedVectors.from_arrays(["cat", "dog", "car"], np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]))
        >>> wv.most_similar("cat")
        [('dog', 0.8), ('car', 0.0)]
        >>> wv.most_similar("cat", among=["cat", "car"])
        [('car', 0.0)]
        """
        if topn is not None and not whole_topn(topn):
            return []
        query, used = self._combined(positive, negative)
        rows = self._searched(clip_start, clip_end, restrict_vocab, among)
        if topn is None:
            return (self.vectors[rows] @ unit(query)) * reciprocal(self.norms[rows])
        return self._nearest(query[None], [used], topn, rows)[0]

    def most_similar_batch(
        self,
        positive: Iterable,
        negative: Iterable | None = None,
        topn: int = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        *,
        among: Iterable[Key] | np.ndarray | None = None,
    ) -> list[Pairs]:
        """Answer many queries of `most_similar` at once. `seqnn.embed.nearest_neighbors` gives arrays of ids.

        Args:
            positive: a list of keys, a matrix of vectors [Q, D], or a list of what `most_similar` takes as `positive`.
            negative: a list of the same length of what it takes as `negative`; default none.
            topn, clip_start, clip_end, restrict_vocab, among: as for `most_similar`.

        Returns:
            One list of (key, cosine) for each query.
        """
        queries, used = self._combined_batch(positive, negative)
        rows = self._searched(clip_start, clip_end, restrict_vocab, among)
        return self._nearest(queries, used, whole_topn(topn), rows)

    def most_similar_cosmul(
        self, positive: Any = None, negative: Any = None, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Pairs | np.ndarray:
        """Find keys as `most_similar`, by the multiplicative objective 3CosMul.

        Args:
            positive, negative: keys or vectors [D]; one alone needs no list.
            topn: how many are found; None gives the scores of all rows searched as an array.
            restrict_vocab: search the first rows only, this many.

        Returns:
            (key, score), the best first, without the keys asked for.

        Source: Levy and Goldberg, "Linguistic regularities in sparse and explicit word representations", 2014, equation 4.
        """
        if topn is not None and not whole_topn(topn):
            return []
        rows = self._searched(0, None, restrict_vocab)
        scores, used = self._products(as_list(positive), as_list(negative), rows)
        if topn is None:
            return scores
        ids = best(np.where(np.isnan(scores), -np.inf, scores), topn, used)  # those that are no numbers come last
        return self._named(ids, scores[ids])

    def similar_by_key(self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None) -> Pairs | np.ndarray:
        """Find the keys nearest to a key.

        Args:
            key: a word or a row number.
            topn, restrict_vocab: as for `most_similar`.

        Returns:
            (key, cosine), the best first.
        """
        return self.most_similar(positive=[key], topn=topn, restrict_vocab=restrict_vocab)

    similar_by_word = similar_by_key

    def similar_by_vector(
        self, vector: np.ndarray, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Pairs | np.ndarray:
        """Find the keys nearest to a vector.

        Args:
            vector: [D].
            topn, restrict_vocab: as for `most_similar`.

        Returns:
            (key, cosine), the best first.
        """
        return self.most_similar(positive=[np.asarray(vector)], topn=topn, restrict_vocab=restrict_vocab)

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """Compute the cosine of two keys in relation to those of the nearest keys: cos(a, b) / sum of the topn highest.

        A value above 1 / topn hints at synonyms.

        Args:
            wa: the key whose nearest keys are taken.
            wb: the other key.
            topn: how many nearest keys.

        Returns:
            The share.

        Source: Leeuwenberg et al., "A minimally supervised approach for synonym extraction with word embeddings", 2016.

        >>> import numpy as np
        >>> from seqnn import KeyedVectors
        >>> wv = KeyedVectors.from_arrays(["cat", "dog", "car"], np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]))
        >>> round(wv.relative_cosine_similarity("cat", "dog", topn=2), 4)
        0.5714
        """
        nearest = self.similar_by_key(wa, topn)
        if not nearest:
            raise ValueError("topn and the number of keys: expected at least one other key to compare with")
        return self.similarity(wa, wb) / sum(score for _, score in nearest)

    def _searched(
        self, clip_start: int, clip_end: int | None, restrict_vocab: int | None, among: Any = None
    ) -> slice | np.ndarray:
        """Return the rows to search: gensim's three arguments, of which `restrict_vocab` goes first, and those `among`."""
        begin, end = (0, restrict_vocab) if restrict_vocab else (clip_start, clip_end or None)
        begin, end, _ = slice(begin, end).indices(len(self))
        if among is None:
            return slice(begin, max(begin, end))
        if isinstance(among, list) and among and isinstance(among[0], bool | np.bool_):
            among = np.array(among)
        if isinstance(among, np.ndarray) and among.dtype == bool:
            if among.shape != (len(self),):
                raise ValueError(f"among: expected a mask of shape ({len(self)},), got {among.shape}")
            rows = np.flatnonzero(among)
        else:
            rows = np.unique(self.get_indices(key_list(among, "among")))
        return rows[(rows >= begin) & (rows < end)]

    def _combined(self, positive: Any, negative: Any) -> tuple[np.ndarray, list[int]]:
        """Return a vector in the direction of positive minus negative items, and the keys' rows."""
        wanted, unwanted = as_list(positive), as_list(negative)
        if len(wanted) == 1 and not unwanted and is_key(wanted[0]):
            row = self.get_index(wanted[0], -1)
            return self.get_vector(wanted[0]), [row] if row >= 0 else []
        keys: list = []
        weights: list[float] = []
        for sign, items in ((1.0, wanted), (-1.0, unwanted)):
            for item in items:
                key, weight = item if isinstance(item, tuple) else (item, sign)
                keys.append(key)
                weights.append(weight)
        mean = self.get_mean_vector(keys, weights, pre_normalize=True, post_normalize=True, ignore_missing=False)
        return mean, [row for key in keys if is_key(key) and (row := self.get_index(key, -1)) >= 0]

    def _combined_batch(self, positive: Iterable, negative: Iterable | None) -> tuple[np.ndarray, list[list[int]]]:
        """Do `_combined` for each query; plain keys and a matrix of vectors take no loop."""
        if negative is None and isinstance(positive, np.ndarray) and positive.ndim == 2 and positive.dtype.kind == "f":
            if positive.shape[1] != self.vector_size:
                raise ValueError(f"positive: expected vectors [Q, {self.vector_size}], got shape {positive.shape}")
            return positive, [[] for _ in positive]
        if isinstance(positive, str):
            raise TypeError(f"positive: expected a list of queries, got a string: [{positive!r}]")
        positive = list(positive)
        if negative is None and all(map(is_key, positive)):
            return self.get_vectors(positive), self.get_indices(positive, -1)[:, None].tolist()
        negative = [None] * len(positive) if negative is None else list(negative)
        if len(positive) != len(negative):
            raise ValueError(f"positive holds {len(positive)} queries, negative {len(negative)}")
        pairs = [self._combined(p, n) for p, n in zip(positive, negative, strict=True)]
        return np.array([q for q, _ in pairs]).reshape(-1, self.vector_size), [rows for _, rows in pairs]

    def _nearest(self, queries: np.ndarray, used: list[list[int]], topn: int, rows: slice | np.ndarray) -> list[Pairs]:
        if isinstance(rows, slice):
            search = self._search_of_one() if len(queries) == 1 else None
            if search is not None:
                return [self._named(*search.top(queries[0], topn, rows.start, rows.stop, used[0]))]
            found = nearest_neighbors(
                queries, self.vectors, topn, norms=self.norms, begin=rows.start, end=rows.stop, exclude=used
            )
        else:
            places = [np.flatnonzero(np.isin(rows, mine)).tolist() for mine in used]
            ids, scores = nearest_neighbors(queries, self._chosen(rows), topn, norms=self.norms[rows], exclude=places)
            found = np.where(ids < 0, -1, rows[ids]) if len(rows) else ids, scores
        return [self._named(i, s) for i, s in zip(*found, strict=True)]

    def _search_of_one(self) -> Search | None:
        """Return the search of the present matrix for single queries, where there is one."""
        search = self._search  # another thread may replace it
        if isinstance(search, Shadow) and not search.fresh:
            self.fill_norms(force=True)
        norms = self.norms  # computed anew whenever the vectors change
        if search is None or search.norms is not norms:
            search = Search(self.vectors, norms) if Search.suits(self.vectors) else None
        elif not isinstance(search, Shadow) and Shadow.suits(self.vectors):  # a single query is not worth a shadow
            search = Shadow(self.vectors, norms)
        self._search = search
        return search

    def _named(self, ids: np.ndarray, scores: np.ndarray) -> Pairs:
        """Return the (key, score) pairs of one result, without the empty places at its end."""
        keys = self.index_to_key
        return [(keys[i], s) for i, s in zip(ids.tolist(), scores.tolist(), strict=True) if i >= 0]

    def _products(self, positive: list, negative: list, rows: slice) -> tuple[np.ndarray, list[int]]:
        """Return the multiplicative scores of `rows`, and the rows of the keys."""
        if not positive:
            raise ValueError("most_similar_cosmul needs at least one positive key")
        used = [self.get_index(item, -1) for items in (positive, negative) for item in items if is_key(item)]
        vectors, scale = self.vectors[rows], reciprocal(self.norms[rows])
        products = []
        for items in (positive, negative):
            product = np.ones(len(vectors), scale.dtype)
            for item in items:
                vector = self.get_vector(item) if is_key(item) else np.asarray(item)
                product *= (1 + (vectors @ unit(vector)) * scale) / 2
            products.append(product)
        return products[0] / (products[1] + 1e-6), used

    @classmethod
    def _plain_type(cls) -> type[KeyedVectors]:
        return KeyedVectors

    # Their own modules say what these do
    wmdistance = _movers.wmdistance
    evaluate_word_pairs = _evaluate.evaluate_word_pairs
    evaluate_word_analogies = _evaluate.evaluate_word_analogies
    save = _vector_files.save
    load = classmethod(_vector_files.load)
    save_word2vec_format = _vector_files.save_word2vec_format
    load_word2vec_format = classmethod(_vector_files.load_word2vec_format)
    intersect_word2vec_format = _vector_files.intersect_word2vec_format
