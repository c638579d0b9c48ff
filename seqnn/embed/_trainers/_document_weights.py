"""The matrices of a Doc2Vec model: those of its words and that of its documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import numpy as np

from ... import _core
from ..._memory import big_zeros, padded
from ..._strings import pack, packed_fits, unpack
from ...random import fill_uniform
from ...text import Vocabulary
from .._vectors import KeyedVectors
from ._documents import DocumentVectors, Tag
from ._word2vec_weights import INITIAL_STREAM, Weights, check_tensor

DOCUMENT_STREAM = INITIAL_STREAM << 2
"""Stream of random numbers of the documents' initial vectors."""

NULL_STREAM = INITIAL_STREAM << 4
"""Stream of random numbers of the null word's initial vector; DOCUMENT_STREAM << 1 is that of inferred documents."""


@dataclass
class DocumentWeights(Weights):
    """`Weights` with a matrix of the documents' vectors.

    With `concat`, a row of `output` and `nodes` has a part for each of `tag_count` documents, and then one for each place of
    the window, at both sides.
    """

    documents: np.ndarray
    tags: list[Tag]
    null_word: np.ndarray | None = field(default=None, kw_only=True)
    """1 x P, stands where a window reaches beyond its text; only with `concat`."""
    tag_count: int = field(default=1, kw_only=True)

    @classmethod
    def new(cls, vocabulary: Vocabulary, settings: Any) -> DocumentWeights:
        tags, size, count = settings._new_tags(), settings.vector_size, parts_of(settings)
        if not tags:
            raise ValueError("documents: expected at least one tag")
        words = Weights.zeros(len(vocabulary), size, negative=settings.negative > 0, hs=bool(settings.hs), parts=count)
        weights = cls._with_documents(words, tags, settings.dm_tag_count)
        weights.draw(0, settings.seed)
        weights.draw_documents(settings.seed)
        return weights

    @classmethod
    def _with_documents(cls, words: Weights, tags: list[Tag], tag_count: int) -> Self:
        """Make zeros for documents beside the weights of words."""
        width = padded(words.size)
        return cls(
            words.size, words.input, words.output, words.nodes, big_zeros((len(tags), width)), tags, parts=words.parts,
            null_word=big_zeros((1, width)) if words.parts > 1 else None, tag_count=tag_count,
        )  # fmt: skip

    @staticmethod
    def estimated(count: int, words: list[str] | None, settings: Any) -> dict[str, int]:
        documents = len(settings.dv) * 4 * padded(settings.vector_size)
        found = Weights.estimated(count, words, settings)
        wide = {name: found[name] * parts_of(settings) for name in ("syn1", "syn1neg") if name in found}
        return found | wide | {"doctag_syn0": documents}

    def arrays(self) -> list[np.ndarray]:
        return [*super().arrays(), *([] if self.null_word is None else [self.null_word]), self.documents]

    def _built_with(self, settings: Any) -> list[tuple[str, Any, Any]]:
        concat = self.parts > 1
        built = [("dm_concat", settings._concatenates, concat)]
        if concat:
            window = (self.parts - self.tag_count) // 2
            built += [("window", settings.window, window), ("dm_tag_count", settings.dm_tag_count, self.tag_count)]
        return super()._built_with(settings) + built

    def draw_documents(self, seed: int) -> None:
        """Draw the initial values of documents, and of the null word, as those of words."""
        half = 0.5 / self.size
        for rows, stream in ((self.documents, DOCUMENT_STREAM), (self.null_word, NULL_STREAM)):
            if rows is not None:
                fill_uniform(rows[:, : self.size], -half, half, seed=seed, stream=stream)

    def reset(self, seed: int) -> None:
        super().reset(seed)
        self.draw_documents(seed)

    def grown(self, vocabulary: Vocabulary, seed: int) -> Weights:
        raise ValueError(
            "update: a model of documents takes no new words; make a new model, or infer_vector for new documents"
        )

    def _blank(self) -> Self:
        words = Weights.zeros(len(self.input), self.size, negative=self.negative, hs=self.hs, parts=self.parts)
        return self._with_documents(words, self.tags, self.tag_count)

    def vectors_of_documents(self) -> DocumentVectors:
        """Return the documents' vectors, a view of the weights."""
        return DocumentVectors.from_arrays(self.tags, self.documents[:, : self.size])  # type: ignore[arg-type]

    def kernel(self, vocabulary: Vocabulary, factors: np.ndarray | None) -> Callable[..., Any]:
        if factors is not None:
            raise ValueError("vectors_lockf: Doc2Vec trains all words; frozen words are for Word2Vec and FastText")
        return partial(
            _core.doc2vec_train, documents=self.documents, null_word=self.null_word, tag_count=self.tag_count
        )

    # Files

    def tensors(self, wv: KeyedVectors) -> dict[str, np.ndarray]:
        marked = (f"i{tag}" if isinstance(tag, int) else f"s{tag}" for tag in self.tags)
        tags, offsets = pack(marked)
        documents = {"documents": self.documents[:, : self.size], "tags": tags, "tag_offsets": offsets}
        if self.null_word is not None:
            documents["null_word"] = self.null_word[:, : self.size]
        return super().tensors(wv) | documents

    @classmethod
    def restored(  # type: ignore[override]
        cls, settings: Any, wv: KeyedVectors, tensors: Mapping[str, np.ndarray]
    ) -> DocumentWeights:
        words = Weights.restored(settings, wv, tensors, parts_of(settings))
        if not {"documents", "tags", "tag_offsets"} <= tensors.keys():
            raise ValueError("damaged, tensors 'documents', 'tags' and 'tag_offsets' must be there")
        tags, offsets = tensors["tags"], tensors["tag_offsets"]
        count = len(tensors["documents"])
        documents = check_tensor(tensors, "documents", (count, words.size))
        if not packed_fits(tags, offsets, count):
            raise ValueError("damaged, tensors 'tags' and 'tag_offsets' must name each document")
        names: list[Tag] = [int(name[1:]) if name.startswith("i") else name[1:] for name in unpack(tags, offsets)]
        null_word = check_tensor(tensors, "null_word", (1, words.size)) if settings._concatenates else None
        return cls(
            words.size, words.input, words.output, words.nodes, documents, names,
            parts=words.parts, null_word=null_word, tag_count=settings.dm_tag_count,
        )  # fmt: skip


def parts_of(settings: Any) -> int:
    """Return how many vectors are concatenated where words are predicted, by a model's settings."""
    return settings.dm_tag_count + 2 * settings.window if settings._concatenates else 1
