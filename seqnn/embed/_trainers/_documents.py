"""Documents with their tags, as Doc2Vec reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .._vectors import KeyedVectors

Tag = str | int

_PLAIN = frozenset({str, int})


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

    _counted: tuple[int, bool] = 0, False
    """How many tags were looked at, and whether one of them is an integer."""

    @property
    def _has_numbers(self) -> bool:
        if self._counted[0] != len(self):
            self._counted = len(self), any(isinstance(key, int) for key in self.index_to_key)
        return self._counted[1]


class Documents:
    """A corpus of tagged documents, which gives the words and keeps the tags of those that it has given."""

    def __init__(self, documents: Iterable[Any]) -> None:
        self._documents = documents
        self._tags: list[Tag] = []  # of all documents: a list for each would set off the garbage collector
        self._counts: list[int] = []

    def __iter__(self) -> Iterator[Any]:
        self._tags, self._counts = [], []
        for number, document in enumerate(self._documents):
            words, tags = self._checked(number, document)
            self._tags += tags
            self._counts.append(len(tags))
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
        if type(tags) is list and _PLAIN.issuperset(map(type, tags)):  # of most documents: the checks below take longer
            return words, tags
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
        return list(dict.fromkeys(self._tags))

    def rows(self, index: Mapping[Tag, int], count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the tags of all documents, and the offsets where those of each begin."""
        rows = list(map(index.get, self._tags))
        if None in rows:
            raise ValueError(
                f"tags: the model has no document {self._tags[rows.index(None)]!r}; it trains on documents that build_vocab has "
                "read (infer_vector makes vectors of others)"
            )
        return np.array(rows, np.int32), np.concatenate([[0], np.cumsum(self._counts, dtype=np.int64)])


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
