"""Documents with their tags, as Doc2Vec reads them, and the matrix of their vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple, Self

import numpy as np

from ... import _core
from ..._memory import big_zeros, padded
from ..._strings import pack, packed_fits, unpack
from ...random import fill_uniform
from ...text import Vocabulary
from .._vectors import KeyedVectors
from ._word2vec_weights import INITIAL_STREAM, Weights, check_tensor

DOCUMENT_STREAM = INITIAL_STREAM << 2
"""Stream of random numbers of the documents' initial vectors."""

Tag = str | int


class TaggedDocument(NamedTuple):
    """A document: its words and its tags.

    >>> from seqnn import TaggedDocument
    >>> TaggedDocument(["to", "be"], ["hamlet"]).tags
    ['hamlet']
    """

    words: Any
    tags: Any


class DocumentVectors(KeyedVectors):
    """Documents' vectors under their tags. Where a tag is an integer, integers are tags and never rows."""

    def get_index(self, key: Any, default: int | None = None) -> int:
        """Return the row of a tag, or `default`; a KeyError where it is missing."""
        if isinstance(key, int | np.integer) and key not in self.key_to_index and self._has_numbers:
            if default is not None:
                return default
            raise KeyError(f"Key {key!r} not present among {len(self)} tags")
        return super().get_index(key, default)

    @cached_property
    def _has_numbers(self) -> bool:
        return any(isinstance(key, int) for key in self.index_to_key)


class Documents:
    """A corpus of tagged documents, which gives the words and keeps the tags of those that it has given."""

    def __init__(self, documents: Iterable[Any]) -> None:
        self._documents = documents
        self.tags: list[list[Tag]] = []

    def __iter__(self) -> Iterator[Any]:
        self.tags = []
        for number, document in enumerate(self._documents):
            words, tags = self._checked(number, document)
            self.tags.append(tags)
            yield words

    @staticmethod
    def _checked(number: int, document: Any) -> tuple[Any, list[Tag]]:
        try:
            words, tags = document.words, document.tags
        except AttributeError:
            if isinstance(document, str) or not (isinstance(document, tuple) and len(document) == 2):
                raise TypeError(
                    f"documents: expected TaggedDocument(words, tags) or pairs (words, tags), "
                    f"got {type(document).__name__} as document {number}: {document!r:.60}"
                ) from None
            words, tags = document
        if isinstance(tags, bytes) or not isinstance(tags, str | int | np.integer | Iterable):
            raise TypeError(
                f"tags: expected strings or integers, got {type(tags).__name__} for document {number}: {tags!r:.60}"
            )
        tags = [tags] if isinstance(tags, str | int | np.integer) else list(tags)
        for tag in tags:
            if not isinstance(tag, str | int | np.integer) or isinstance(tag, bool):
                raise TypeError(f"tags: expected strings or integers, got {tag!r:.60} for document {number}")
        return words, [tag if isinstance(tag, str) else int(tag) for tag in tags]

    def names(self, count: int) -> list[Tag]:
        """List the different tags, in the order of their first occurrence; `count` documents were read."""
        return list(dict.fromkeys(tag for tags in self.tags for tag in tags))

    def rows(self, index: Mapping[Tag, int], count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the tags of all documents, and the offsets where those of each begin."""
        unknown = next((tag for tags in self.tags for tag in tags if tag not in index), None)
        if unknown is not None:
            raise ValueError(
                f"tags: the model has no document {unknown!r}; it trains on documents that build_vocab has read "
                "(infer_vector makes vectors of others)"
            )
        rows = np.array([index[tag] for tags in self.tags for tag in tags], np.int32)
        return rows, np.concatenate([[0], np.cumsum([len(tags) for tags in self.tags], dtype=np.int64)])


class Numbered:
    """The tags of documents that have none of their own, as lines of files have: their numbers."""

    def names(self, count: int) -> list[Tag]:
        """List the numbers of `count` documents."""
        return list(range(count))

    def rows(self, index: Mapping[Tag, int], count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the numbers, and the offsets."""
        if count > len(index):
            raise ValueError(f"documents: expected at most the {len(index)} of the model, got {count}")
        return np.arange(count, dtype=np.int32), np.arange(count + 1)


@dataclass
class DocumentWeights(Weights):
    """`Weights` with a matrix of the documents' vectors."""

    documents: np.ndarray
    tags: list[Tag]

    @classmethod
    def new(cls, vocabulary: Vocabulary, settings: Any) -> DocumentWeights:
        words, tags = Weights.new(vocabulary, settings), settings._new_tags()
        if not tags:
            raise ValueError("documents: expected at least one tag")
        weights = cls(
            words.size, words.input, words.output, words.nodes, big_zeros((len(tags), padded(words.size))), tags
        )
        weights.draw_documents(settings.seed)
        return weights

    @staticmethod
    def estimated(count: int, words: list[str] | None, settings: Any) -> dict[str, int]:
        documents = len(settings.dv) * 4 * padded(settings.vector_size)
        return Weights.estimated(count, words, settings) | {"doctag_syn0": documents}

    def arrays(self) -> list[np.ndarray]:
        return [*super().arrays(), self.documents]

    def draw_documents(self, seed: int) -> None:
        """Draw the documents' initial values as those of words."""
        half = 0.5 / self.size
        fill_uniform(self.documents[:, : self.size], -half, half, seed=seed, stream=DOCUMENT_STREAM)

    def reset(self, seed: int) -> None:
        super().reset(seed)
        self.draw_documents(seed)

    def grown(self, vocabulary: Vocabulary, seed: int) -> Weights:
        raise ValueError(
            "update: a model of documents takes no new words; make a new model, or infer_vector for new documents"
        )

    def _blank(self) -> Self:
        words = Weights._blank(Weights(self.size, self.input, self.output, self.nodes))
        documents = big_zeros((len(self.documents), padded(self.size)))
        return type(self)(self.size, words.input, words.output, words.nodes, documents, self.tags)

    def vectors_of_documents(self) -> DocumentVectors:
        """Return the documents' vectors, a view of the weights."""
        return DocumentVectors.from_arrays(self.tags, self.documents[:, : self.size])  # type: ignore[arg-type]

    def kernel(self, vocabulary: Vocabulary, factors: np.ndarray | None) -> Callable[..., Any]:
        if factors is not None:
            raise ValueError("vectors_lockf: Doc2Vec trains all words; frozen words are for Word2Vec and FastText")
        return partial(_core.doc2vec_train, documents=self.documents)

    # Files

    def tensors(self, wv: KeyedVectors) -> dict[str, np.ndarray]:
        marked = (f"i{tag}" if isinstance(tag, int) else f"s{tag}" for tag in self.tags)
        tags, offsets = pack(marked)
        documents = {"documents": self.documents[:, : self.size], "tags": tags, "tag_offsets": offsets}
        return super().tensors(wv) | documents

    @classmethod
    def restored(cls, settings: Any, wv: KeyedVectors, tensors: Mapping[str, np.ndarray]) -> DocumentWeights:
        words = Weights.restored(settings, wv, tensors)
        if not {"documents", "tags", "tag_offsets"} <= tensors.keys():
            raise ValueError("damaged, tensors 'documents', 'tags' and 'tag_offsets' must be there")
        tags, offsets = tensors["tags"], tensors["tag_offsets"]
        count = len(tensors["documents"])
        documents = check_tensor(tensors, "documents", (count, words.size))
        if not packed_fits(tags, offsets, count):
            raise ValueError("damaged, tensors 'tags' and 'tag_offsets' must name each document")
        names: list[Tag] = [int(name[1:]) if name.startswith("i") else name[1:] for name in unpack(tags, offsets)]
        return cls(words.size, words.input, words.output, words.nodes, documents, names)
