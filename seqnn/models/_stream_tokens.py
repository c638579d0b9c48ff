"""Texts as a language model reads them: ids in one stream, and what was written as text again."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ._base import Learner, Plain
from ._coders import Tokens
from ._pretrained import Pretrained
from ._sequences import Sequences

__all__ = ["StreamIds", "StreamTokens", "TextCoder"]


class Marked(Learner):
    """Texts that begin and end with ids of their own, or one text without these.

    Attributes:
        marks: whether they do.
    """

    marks = Plain(bool)
    begin: int
    end: int

    def marked(self, row: np.ndarray) -> np.ndarray:
        """Return the ids of a text with those that begin and end it."""
        return np.concatenate([[self.begin], row, [self.end]]) if self.marks else row

    def prompt(self, row: np.ndarray) -> np.ndarray:
        """Return the ids of the beginning of a text."""
        return np.concatenate([[self.begin], row]).astype(np.int64) if self.marks else row

    def options(self) -> dict[str, Any]:
        """Return the options of decoding where nothing else is said: the end, and what is never written."""
        return {"eos_token_id": (self.end,) if self.marks else (), "suppress_tokens": self.unwritten()}

    def unwritten(self) -> list[int]:
        """Return the ids that are never written."""
        raise NotImplementedError


class StreamTokens(Tokens, Marked):
    """Texts of tokens; what is not in the vocabulary becomes "<unk>"."""

    def __init__(
        self, sequences: Sequences, settings: SimpleNamespace, pretrained: Pretrained | None, *, marks: bool
    ) -> None:
        super().__init__(sequences, settings, pretrained, "embedding")
        self.marks = marks
        self.begin, self.end = self.vocabulary.bos_id, self.vocabulary.eos_id

    def _verify(self) -> None:
        self.begin, self.end = self.vocabulary.bos_id, self.vocabulary.eos_id

    @property
    def size(self) -> int:
        """How many ids there are."""
        return len(self.vocabulary)

    def unwritten(self) -> list[int]:
        """Return the ids that are never written."""
        words = self.vocabulary
        return [words.pad_id, words.unk_id, words.bos_id, *([] if self.marks else [words.eos_id])]

    def unknown(self, ids: np.ndarray) -> np.ndarray:
        """Return which ids stand for what is not in the vocabulary."""
        return ids == self.vocabulary.unk_id

    def decode(self, ids: np.ndarray) -> list[str]:
        """Return tokens, without those that begin and end texts."""
        return self.vocabulary.decode(ids, skip_specials=True)


class StreamIds(Marked):
    """Texts of integers; two more ids begin and end them."""

    count = Plain(int)
    embedding_size = Plain(int)

    def __init__(
        self, sequences: Sequences, settings: SimpleNamespace, pretrained: Pretrained | None, *, marks: bool
    ) -> None:
        most = max(0, *(int(row.max()) for row in sequences.rows))
        self.count = 1 + most if pretrained is None else len(pretrained.matrix)
        self.embedding_size = settings.embedding_size if pretrained is None else pretrained.size
        self.marks = marks
        self._verify()

    def _verify(self) -> None:
        self.begin, self.end = self.count, self.count + 1

    @property
    def size(self) -> int:
        """How many ids there are."""
        return self.count + 2 * self.marks

    def encode(self, sequences: Sequences, name: str) -> list[np.ndarray]:
        """Return texts of ids [T], checked."""
        if sequences.tokens or not sequences.flat:
            raise TypeError(f"{name}: expected integers as fit got, got {'tokens' if sequences.tokens else 'vectors'}")
        for i, row in enumerate(sequences.rows):
            if wrong := row[(row < 0) | (row >= self.count) | (row != np.trunc(row))].tolist():
                raise ValueError(f"{name}[{i}]: expected integers 0 .. {self.count - 1} as fit got, got {wrong[0]:g}")
        return [row.reshape(-1).astype(np.int64) for row in sequences.rows]

    def unwritten(self) -> list[int]:
        """Return the ids that are never written."""
        return [self.begin] if self.marks else []

    def unknown(self, ids: np.ndarray) -> np.ndarray:
        """Return that none is unknown."""
        return np.zeros(ids.shape, bool)

    def decode(self, ids: np.ndarray) -> np.ndarray:
        """Return ids, without those that begin and end texts."""
        return ids[ids < self.count]

    def table(self, pretrained: Pretrained) -> np.ndarray:
        """Return the matrix, and for the ids that begin and end texts the mean of its rows."""
        if pretrained.words is not None:
            raise TypeError("embedding: expected a matrix without words for X of integers, got one with words")
        matrix = pretrained.matrix.astype(np.float32, copy=False)
        return np.concatenate([matrix, *[matrix.mean(axis=0, keepdims=True)] * (2 * self.marks)])


class TextCoder:
    """What makes ids of texts and texts of ids, for `seqnn.decode`.

    Args:
        tokens: the vocabulary.
        tokenizer: from a string to its tokens.
        join: from tokens to their string.
    """

    def __init__(
        self, tokens: StreamTokens, tokenizer: Callable[[str], list[str]], join: Callable[[list[str]], str]
    ) -> None:
        self._tokens, self._tokenizer, self.join = tokens, tokenizer, join

    def encode(self, text: str) -> np.ndarray:
        """Return the ids of the beginning of a text."""
        return self._tokens.prompt(self._tokens.vocabulary.encode(self._tokenizer(text)))

    def decode(self, ids: np.ndarray) -> str:
        """Return the text of ids."""
        return self.join(self._tokens.decode(np.asarray(ids)))
