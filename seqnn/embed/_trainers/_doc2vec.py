"""Doc2Vec: vectors of documents, trained with those of their words, with the names of gensim 4."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Self

import numpy as np

from ... import _core
from ..._arguments import optional_integer, renamed, warn_caller
from ..._callbacks import EarlyStopping
from ..._files import Path
from ..._settings import Flag, Integer
from ...text import Corpus, ScannedCorpus, Vocabulary, encoded_of, files_of
from .._vectors import KeyedVectors
from ._corpus import Source
from ._doc2vec_inference import DocumentInference
from ._document_weights import DocumentWeights, parts_of
from ._documents import Documents, Numbered, Tag
from ._word2vec import Word2Vec
from ._word2vec_vocabulary import TrimRule


class Doc2Vec(DocumentInference, Word2Vec):
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
        dm_concat: PV-DM: 1 sets the vectors of documents and of all places of the window side by side instead, which
            makes a far larger model that is several times slower. A null word stands where a window reaches beyond its
            text; windows are not shrunk.
        dm_tag_count: with `dm_concat`: tags of a document; documents with another number are not trained on.
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
    dm_concat = Flag(0)
    dm_tag_count = Integer(1, minimum=1, maximum=_core.doc2vec.MOST_TAGS)
    epochs = Integer(10)

    sg = property(lambda self: 1 - self.dm, doc="1 PV-DBOW, 0 PV-DM: what skip-gram and CBOW are of.")  # type: ignore[assignment]
    cbow_mean = property(lambda self: 1 if self.dm_mean is None else self.dm_mean, doc="See `dm_mean`.")  # type: ignore[assignment]

    dv: KeyedVectors

    @property
    def _concatenates(self) -> bool:
        return bool(self.dm and self.dm_concat)

    @property
    def layer1_size(self) -> int:
        """The length of what words are predicted from, under gensim's name."""
        return self.vector_size * parts_of(self)

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

    @property
    def _shrinks(self) -> bool:
        return self.shrink_windows and not self._concatenates

    def _check_documents(self) -> None:
        dv, weights = self.dv, self._weights
        if dv.index_to_key != weights.tags or dv.vectors.shape != (len(weights.tags), weights.size):
            raise ValueError(
                f"dv: its documents were changed; expected the {len(weights.tags)} of the model in their order"
            )

    def _follow_vectors(self) -> None:
        self._check_documents()
        super()._follow_vectors()
        dv, documents = self.dv, self._weights.documents[:, : self._weights.size]
        if not np.shares_memory(documents, dv.vectors):
            documents[:] = dv.vectors
            dv.vectors = documents

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any], dict[str, str]]:
        tensors, record, metadata = super()._state()
        if "documents" in tensors:
            self._check_documents()
            tensors["documents"] = np.asarray(self.dv.vectors, np.float32)  # also what a user has put there
        return tensors, record, metadata

    @classmethod
    def _restored(
        cls, tensors: Mapping[str, np.ndarray], record: Mapping[str, Any], metadata: Mapping[str, str], name: str
    ) -> Self:
        older = {"dm_concat": 0, "dm_tag_count": 1}  # of files from before vectors were concatenated
        return super()._restored(tensors, {**record, "options": older | record["options"]}, metadata, name)

    def _weights_changed(self) -> None:
        super()._weights_changed()
        self.dv.fill_norms(force=True)

    def _kernel(self, corpus: Corpus) -> Callable[..., Any]:
        if self.dv._locked():
            raise ValueError("dv.vectors_lockf: Doc2Vec trains all documents")
        tags, offsets = self._reading.rows(self.dv.key_to_index, len(corpus))
        if self._concatenates and (others := int((np.diff(offsets) != self.dm_tag_count).sum())):
            warn_caller(
                f"documents: {others} of {len(corpus)} have another number of tags than dm_tag_count={self.dm_tag_count}; "
                "dm_concat=1 does not train on them",
                UserWarning,
            )
        return partial(super()._kernel(corpus), tags=tags, tag_offsets=offsets, words=bool(self.dm or self.dbow_words))
