"""Vectors of documents that a Doc2Vec model was not trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ... import _core
from ..._arguments import integer, number, renamed
from ..._memory import padded
from ..._threads import threads
from ...random import fill_uniform
from .._vectors import KeyedVectors
from ._document_weights import DOCUMENT_STREAM
from ._word2vec_queries import WordQueries

MOST_EPOCHS = _core.doc2vec.MOST_EPOCHS
"""Epochs of an inference, at most."""

_CALL = 1 << 20
"""Words times epochs of one call into C: some tenths of a second, so that Ctrl-C works in between."""


class DocumentInference(WordQueries):
    """The methods of `Doc2Vec` that make vectors of other documents."""

    dm: Any
    dbow_words: Any
    dm_tag_count: Any
    _concatenates: bool

    @renamed(steps="epochs")
    def infer_vector(
        self,
        doc_words: Sequence[str],
        alpha: float | None = None,
        min_alpha: float | None = None,
        epochs: int | None = None,
    ) -> np.ndarray:
        """Make the vector of a document that the model was not trained on, or was: for many, `infer_vectors` is faster.

        The vector alone is trained, from the same initial values for every document. It depends on the words, the model
        and its seed only.

        Args:
            doc_words: the words; unknown ones are left out.
            alpha, min_alpha: learning rate, falling from epoch to epoch from alpha to min_alpha; default: the model's.
            epochs: passes over the words; default: the model's.

        Returns:
            float32 [vector_size]. Without a known word it has its initial values.
        """
        if isinstance(doc_words, str):
            raise TypeError(f"doc_words: expected a list of words, got a string: {doc_words!r:.60}")
        return self.infer_vectors([doc_words], alpha, min_alpha, epochs)[0]

    def infer_vectors(
        self,
        documents: Iterable[Sequence[str]],
        alpha: float | None = None,
        min_alpha: float | None = None,
        epochs: int | None = None,
    ) -> np.ndarray:
        """Make the vectors of many documents: each is what `infer_vector` makes, bit by bit, on all threads.

        Args:
            documents: lists of words; unknown words are left out.
            alpha, min_alpha, epochs: as for `infer_vector`.

        Returns:
            float32 [documents, vector_size].

        >>> from seqnn import Doc2Vec
        >>> texts = [(["night", "moon", "dark"], "night"), (["day", "sun", "light"], "day")] * 20
        >>> model = Doc2Vec(texts, vector_size=8, min_count=1, sample=0, verbose=0)
        >>> model.infer_vectors([["moon"], ["sun", "light"]]).shape
        (2, 8)
        """
        self._require_vocabulary("infer_vectors")
        self._check_words()
        if self._concatenates and self.dm_tag_count != 1:
            raise ValueError(
                f"infer_vectors: a document to infer has one tag; expected a model with dm_tag_count=1, "
                f"got {self.dm_tag_count}"
            )
        alpha = self.alpha if alpha is None else number("alpha", alpha, above=0)
        min_alpha = min(self.min_alpha, alpha) if min_alpha is None else number("min_alpha", min_alpha, minimum=0)
        epochs = integer("epochs", self.epochs if epochs is None else epochs, 1, MOST_EPOCHS)
        index, ids, offsets = self.wv.key_to_index, [], [0]
        for document in documents:
            if isinstance(document, str):
                raise TypeError(f"documents: expected lists of words, got a string: {document!r:.60}")
            ids.extend([row for row in map(index.get, document) if row is not None])
            offsets.append(len(ids))
        return self._inferred(np.array(ids, np.int32), np.array(offsets, np.int64), alpha, min_alpha, epochs)

    def _inferred(
        self, ids: np.ndarray, offsets: np.ndarray, alpha: float, min_alpha: float, epochs: int
    ) -> np.ndarray:
        size, count = self.vector_size, len(offsets) - 1
        first = np.zeros(padded(size), np.float32)
        fill_uniform(first[None, :size], -0.5 / size, 0.5 / size, seed=self.seed, stream=DOCUMENT_STREAM << 1)
        found = np.empty((count, len(first)), np.float32)
        found[:] = first
        self._weights = weights = self._weights.following(self.wv)
        weights.check_settings(self)
        begin = 0
        with threads(self.workers):
            while begin < count:
                end = int(np.searchsorted(offsets, offsets[begin] + max(1, _CALL // epochs), "right")) - 1
                end = min(max(end, begin + 1), count)
                _core.doc2vec_infer(
                    ids[offsets[begin] : offsets[end]],
                    offsets[begin : end + 1] - offsets[begin],
                    input=weights.input,
                    output=weights.output,
                    nodes=weights.nodes,
                    documents=found[begin:end],
                    null_word=weights.null_word,
                    **vars(self._tables()),
                    window=self.window,
                    negative=self.negative,
                    cbow=bool(self.dm),
                    mean=bool(self.cbow_mean),
                    words=bool(self.dm or self.dbow_words),
                    shrink=self._shrinks,
                    alpha=alpha,
                    slope=(min_alpha - alpha) / max(epochs - 1, 1),
                    seed=self.seed,
                    epochs=epochs,
                )
                begin = end
        return found[:, :size].copy()

    def similarity_unseen_docs(
        self,
        doc_words1: Sequence[str],
        doc_words2: Sequence[str],
        alpha: float | None = None,
        min_alpha: float | None = None,
        epochs: int | None = None,
    ) -> float:
        """Compute the cosine of the inferred vectors of two documents.

        Args:
            doc_words1, doc_words2: their words.
            alpha, min_alpha, epochs: as for `infer_vector`.

        Returns:
            The cosine.
        """
        first, second = (self.infer_vector(words, alpha, min_alpha, epochs) for words in (doc_words1, doc_words2))
        return float(KeyedVectors.cosine_similarities(first, second[None])[0])
