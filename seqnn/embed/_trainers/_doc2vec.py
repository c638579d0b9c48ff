"""Doc2Vec: vectors of documents, trained with those of their words, with the names of gensim 4."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ... import _core
from ..._arguments import integer, number, optional_integer, renamed
from ..._callbacks import EarlyStopping
from ..._files import Path
from ..._memory import padded
from ..._settings import Flag, Integer
from ..._threads import threads
from ...random import fill_uniform
from ...text import Corpus, ScannedCorpus, Vocabulary, encoded_of, files_of
from .._vectors import KeyedVectors
from ._corpus import Source
from ._documents import DOCUMENT_STREAM, Documents, DocumentWeights, Numbered, Tag
from ._word2vec import TrimRule, Word2Vec

MOST_EPOCHS = _core.doc2vec.MOST_EPOCHS
"""Epochs of an inference, at most."""

_CALL = 1 << 20
"""Words times epochs of one call into C: some tenths of a second, so that Ctrl-C works in between."""


class Doc2Vec(Word2Vec):
    """Vectors of documents (paragraph vectors) by PV-DM or PV-DBOW, and of their words.

    PV-DM predicts a word from the words around it and from the documents that it belongs to; PV-DBOW from the documents
    alone. A document with several tags belongs to all of them. The arguments are those of gensim 4, in its order and with
    its defaults, but `workers`. Training, corpora, callbacks, early stopping, resuming, `history_`, Ctrl-C, `save` and
    `load` are those of `Word2Vec`.

    Args:
        documents: `TaggedDocument`s, or pairs (words, tags); words are a list of strings, tags a list of strings or
            integers, or one of them. A path, or encoded arrays (ids, offsets): document i has the tag i; a line of a file
            is a document, also an empty one.
        corpus_file: a path or a list of paths, instead of `documents`.
        dm: 1 PV-DM, 0 PV-DBOW.
        dm_mean: PV-DM: 1 mean of the words' and the documents' vectors, 0 their sum; None: mean.
        dbow_words: PV-DBOW: 1 trains the words' vectors by skip-gram, too; with 0 they keep their initial values.
        dm_concat, dm_tag_count: may only be 0 and 1: vectors are not concatenated.
        pretrained: first vectors of the words, as for `Word2Vec`; with PV-DBOW alone they stay.
        freeze: may only be False: all words are trained.
        dv, dv_mapfile: may only be None: documents begin with random vectors, and a file is mapped by `load`.

    Attributes:
        dv: the documents' vectors, `KeyedVectors` whose keys are the tags. Where a tag is an integer, no integer means a
            row.
        wv: the words' vectors.

    A vector that `infer_vector` makes depends on the words, the model and the seed, and on nothing else: the same text
    has the same vector.

    Source: Le and Mikolov 2014, "Distributed representations of sentences and documents".

    >>> from seqnn import Doc2Vec, TaggedDocument
    >>> texts = [["night", "moon", "dark"], ["day", "sun", "light"]] * 20
    >>> documents = [TaggedDocument(text, [f"text{i}"]) for i, text in enumerate(texts)]
    >>> model = Doc2Vec(documents, vector_size=8, min_count=1, sample=0, verbose=0)
    >>> model.dv["text3"].shape, model.infer_vector(["dark", "night"]).shape
    ((8,), (8,))
    """

    dm = Flag(1)
    dm_mean = Integer(None, maximum=1)
    dbow_words = Flag(0)
    epochs = Integer(10)

    sg = property(lambda self: 1 - self.dm, doc="1 PV-DBOW, 0 PV-DM: what skip-gram and CBOW are of.")  # type: ignore[assignment]
    cbow_mean = property(lambda self: 1 if self.dm_mean is None else self.dm_mean, doc="See `dm_mean`.")  # type: ignore[assignment]

    dv: KeyedVectors

    _kind = "Doc2Vec"
    _weights_type = DocumentWeights
    _keeps_empty = True

    @renamed(size="vector_size", iter="epochs")
    def __init__(
        self,
        documents: Source = None,
        corpus_file: Path | None = None,
        vector_size: int = 100,
        dm_mean: int | None = None,
        dm: int = 1,
        dbow_words: int = 0,
        dm_concat: int = 0,
        dm_tag_count: int = 1,
        dv: None = None,
        dv_mapfile: None = None,
        comment: Any = None,
        trim_rule: TrimRule | None = None,
        callbacks: Iterable[Any] = (),
        window: int = 5,
        epochs: int = 10,
        shrink_windows: bool = True,
        *,
        alpha: float = 0.025,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int | None = None,
        min_alpha: float = 0.0001,
        hs: int = 0,
        negative: int = 5,
        ns_exponent: float = 0.75,
        hashfxn: Callable[[Any], int] = hash,
        null_word: int = 0,
        sorted_vocab: int = 1,
        batch_words: int = 10000,
        compute_loss: bool = False,
        max_final_vocab: int | None = None,
        deterministic: bool = False,
        verbose: int = 1,
        max_memory: int | str | None = None,
        tokenizer: Callable[[str], list[str]] | None = None,
        errors: str = "replace",
        early_stopping: EarlyStopping | None = None,
        pretrained: Any = None,
        freeze: Any = False,
    ) -> None:
        if dm_concat or dm_tag_count != 1:
            raise ValueError(
                f"dm_concat, dm_tag_count: expected 0 and 1 (vectors are not concatenated), got {dm_concat!r} and "
                f"{dm_tag_count!r}; dm_mean=1 or 0 takes their mean or sum"
            )
        if dv is not None or dv_mapfile is not None:
            raise ValueError("dv, dv_mapfile: expected None; load(path, mmap=True) maps the vectors of a file")
        self._store(locals())
        self._begin(documents, corpus_file, trim_rule, callbacks)

    # Documents

    def _start(self) -> None:
        self._reading: Documents | Numbered = Numbered()
        self._tags: list[Tag] = []
        self.dv = KeyedVectors(self.vector_size)
        super()._start()

    def _source(self, corpus_iterable: Source, corpus_file: Path | None) -> Source:
        source = super()._source(corpus_iterable, corpus_file)
        numbered = files_of(source) is not None or encoded_of(source) is not None
        self._reading = Numbered() if numbered else Documents(source)
        return source if numbered else self._reading

    def _choose_words(self, source: Source, scanned: ScannedCorpus, **options: Any) -> np.ndarray:
        self._tags = self._reading.names(scanned.sentences)
        return super()._choose_words(source, scanned, **options)

    def _count_corpus(self, source: Source, scanned: ScannedCorpus) -> None:
        self._tags = self._reading.names(scanned.sentences)
        super()._count_corpus(source, scanned)

    def build_vocab_from_freq(
        self, word_freq: Mapping[str, int], keep_raw_vocab: bool = False, corpus_count: int | None = None,
        trim_rule: TrimRule | None = None, update: bool = False,
    ) -> None:  # fmt: skip
        """Choose the vocabulary from words and their counts, and set the initial weights.

        Args:
            word_freq: counts by word.
            corpus_count: how many documents there are; their tags are 0, 1, ...
            keep_raw_vocab, trim_rule, update: as for `build_vocab`.
        """
        self._tags = self._reading.names(optional_integer("corpus_count", corpus_count, 0) or 0)
        super().build_vocab_from_freq(word_freq, keep_raw_vocab, corpus_count, trim_rule, update)

    def reset_from(self, other_model: Doc2Vec) -> None:  # type: ignore[override]
        """Take over the vocabulary and the tags of another model, and begin anew with initial weights of one's own settings.

        Args:
            other_model: a model with a vocabulary.
        """
        self._tags = list(other_model.dv.index_to_key)
        super().reset_from(other_model)

    def _new_tags(self) -> list[Tag]:
        """Return the tags of new weights."""
        return self._tags

    def _install(self, vocabulary: Vocabulary, weights: Any) -> None:
        super()._install(vocabulary, weights)
        self.dv = weights.vectors_of_documents()

    # Training

    def _follow_vectors(self) -> None:
        dv, weights = self.dv, self._weights
        if dv.index_to_key != weights.tags or dv.vectors.shape != (len(weights.tags), weights.size):
            raise ValueError(
                f"dv: its documents were changed; expected the {len(weights.tags)} of the model in their order"
            )
        super()._follow_vectors()
        documents = self._weights.documents[:, : weights.size]
        if not np.shares_memory(documents, dv.vectors):
            documents[:] = dv.vectors
            dv.vectors = documents

    def _weights_changed(self) -> None:
        super()._weights_changed()
        self.dv.fill_norms(force=True)

    def _kernel(self, corpus: Corpus) -> Callable[..., Any]:
        if self.dv._locked():
            raise ValueError("dv.vectors_lockf: Doc2Vec trains all documents")
        tags, offsets = self._reading.rows(self.dv.key_to_index, len(corpus))
        return partial(super()._kernel(corpus), tags=tags, tag_offsets=offsets, words=bool(self.dm or self.dbow_words))

    # Other documents

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
                    **vars(self._tables()),
                    window=self.window,
                    negative=self.negative,
                    cbow=bool(self.dm),
                    mean=bool(self.cbow_mean),
                    words=bool(self.dm or self.dbow_words),
                    shrink=self.shrink_windows,
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
