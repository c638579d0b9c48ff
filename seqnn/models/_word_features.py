"""What a tagger sees of a word: its vector, its spelling, and its casing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import nn, ops
from ..autograd import Tensor
from ..text import Vocabulary, pad
from ._base import Plain, Words
from ._coders import Tokens
from ._sequences import Sequences

CASING_SIZE = 5
SPELLINGS = ("cnn", "lstm")

_LETTERS = 24
"""Letters that are looked at: of a longer word half of them at its beginning, and half at its end."""

_PARTS = 3
"""In how many parts the words of a batch are filtered."""

_CASINGS = 7


@dataclass
class WordBatch:
    """The words of a batch of sentences. Each spelling stands in it once, however often the word occurs."""

    ids: np.ndarray
    """Numbers of the words, [B, T]."""

    casings: np.ndarray
    """[B, T]."""

    spelled: np.ndarray
    """The row of each word's letters, [B, T]."""

    letters: np.ndarray
    """[spellings, letters], shorter ones first."""

    sizes: np.ndarray
    """How many letters each has."""

    def __len__(self) -> int:
        return len(self.ids)


class SpeltTokens(Tokens):
    """Sequences of strings, whose letters count, too.

    Args:
        sequences: what is learnt from.
        settings: of the fit.
    """

    letters = Words()
    lowercase = Plain(bool)

    def __init__(self, sequences: Sequences, settings: SimpleNamespace) -> None:
        self.lowercase = settings.lowercase
        super().__init__(self._folded(sequences), settings, settings.embedding, "embedding")
        self.letters = Vocabulary.from_tokens([list("".join(row)) for row in sequences.rows])

    def _folded(self, sequences: Sequences) -> Sequences:
        if not self.lowercase or not sequences.tokens:
            return sequences
        return sequences._replace(rows=[[word.lower() for word in row] for row in sequences.rows])

    def encode(self, sequences: Sequences, name: str) -> list[np.ndarray]:
        """Return sequences [T, 3 + letters] of integers: the word, its casing, its spelling's number, and its letters."""
        if not sequences.tokens:
            raise TypeError(f"{name}: expected sequences of tokens (strings) as fit got, got numbers")
        number: dict[str, int] = {}
        rows = [[number.setdefault(word, len(number)) for word in row] for row in sequences.rows]
        forms = [*number]
        half = _LETTERS // 2
        spelled = [word if len(word) <= _LETTERS else word[:half] + word[-half:] for word in forms]
        letters, _ = pad(
            [self.letters.encode(list(word)) if word else [self.letters.pad_id] for word in spelled],
            value=self.letters.pad_id,
        )
        words = self.vocabulary.encode([word.lower() for word in forms] if self.lowercase else forms)
        casings = np.array([_casing(word) for word in forms], np.int32)
        table = np.concatenate([np.stack([words, casings, np.arange(len(forms))], axis=1), letters], axis=1)
        return [table.astype(np.int32)[row] for row in rows] if forms else [np.zeros((0, 3), np.int32) for _ in rows]

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return the `WordBatch` and the lengths."""
        flat = np.concatenate(rows)
        _, first, spelled = np.unique(flat[:, 2], return_index=True, return_inverse=True)
        letters = flat[first, 3:]
        sizes = (letters != self.letters.pad_id).sum(axis=1)
        order = np.argsort(sizes, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        letters, sizes, spelled = letters[order], sizes[order], place[spelled]
        lengths = np.array([len(row) for row in rows])
        inside = np.arange(lengths.max()) < lengths[:, None]
        parts = []
        for column, value in ((flat[:, 0], self.vocabulary.pad_id), (flat[:, 1], 0), (spelled, 0)):
            padded = np.full(inside.shape, value, np.int32)
            padded[inside] = column
            parts.append(padded)
        return WordBatch(*parts, letters[:, : max(1, sizes.max())], sizes), lengths

    def features(self, settings: SimpleNamespace) -> dict[str, Any]:
        """Return the arguments of the `WordFeatures` of such words."""
        return {
            "vocabulary_size": len(self.vocabulary), "embedding_size": self.embedding_size,
            "unknown": self.vocabulary.unk_id, "letters": len(self.letters), "spelling": settings.spelling,
            "letter_size": settings.letter_size, "spelling_size": settings.spelling_size, "casing": settings.casing,
            "dropout": settings.dropout, "word_dropout": settings.word_dropout,
        }  # fmt: skip


def _casing(word: str) -> int:
    """Return a number for how a word is written: lower, Title, UPPER, mIxed, 1984, B2B, or none of these."""
    digits = sum(letter.isdigit() for letter in word)
    if digits:
        return 4 if 2 * digits > len(word) else 5
    if word.islower():
        return 0
    if word.istitle() or (word[:1].isupper() and word[1:].islower()):
        return 1
    if word.isupper():
        return 2
    return 3 if any(letter.isalpha() for letter in word) else 6


class Spelling(nn.Module):
    """Letters to a vector of each word: the largest of filters over three letters, or the last states of a BiLSTM.

    Args:
        kind: "cnn" or "lstm".
        letters: how many different ones there are.
        letter_size: dimensions of the vector of a letter.
        size: of a word's vector: filters, or units of both directions together.

    Sources: Ma, Hovy, "End-to-end sequence labeling via bi-directional LSTM-CNNs-CRF", ACL 2016 ("cnn"); Lample et al.,
    "Neural architectures for named entity recognition", NAACL 2016 ("lstm").
    """

    def __init__(self, kind: str, letters: int, letter_size: int, size: int) -> None:
        if kind == "lstm" and size % 2:
            raise ValueError(f"spelling_size: expected an even number for the two directions of 'lstm', got {size}")
        self.kind = kind
        self.embedding = nn.Embedding(letters, letter_size)
        if kind == "cnn":
            self.reader = nn.Conv1d(letter_size, size, 3, padding=1)
        else:
            self.reader = nn.LSTM(letter_size, size // 2, batch_first=True, bidirectional=True)

    def forward(self, letters: np.ndarray, sizes: np.ndarray) -> Tensor:
        """Return the vectors [U, size] of words with letters [U, L], of which `sizes` [U] count."""
        if self.kind == "lstm":
            _, (h, _) = self.reader(self.embedding(letters), None, sizes)
            return ops.concatenate([h[0], h[1]], axis=-1)
        # Words of like length are read together: few words are as long as the longest one.
        cuts = [len(letters) * i // _PARTS for i in range(_PARTS + 1)]
        parts = [self._filtered(letters[i:j], sizes[i:j]) for i, j in itertools.pairwise(cuts) if i < j]
        return ops.concatenate(parts, axis=0)

    def _filtered(self, letters: np.ndarray, sizes: np.ndarray) -> Tensor:
        """Return the largest answer of each filter to the letters of words."""
        longest = max(1, int(sizes.max()))
        inside = np.arange(longest) < sizes[:, None]
        x = self.embedding(letters[:, :longest])
        h = self.reader(ops.swapaxes(x * inside[:, :, None].astype(x.dtype), 1, 2))
        return ops.global_max_pool(h, mask=inside)


class WordFeatures(nn.Module):
    """The words of a batch to numbers [B, T, output_size]: vectors, spellings and casings side by side.

    Args:
        vocabulary_size, embedding_size: of the table of words.
        unknown: the number of words that are not in the table.
        letters, letter_size, spelling_size: of `Spelling`.
        spelling: its kind; None: words have none.
        casing: whether there is a vector of the casing.
        dropout: share of the numbers that is dropped, in training.
        word_dropout: share of the words that are unknown, in training, so that the spelling has to do.
    """

    def __init__(
        self,
        *,
        vocabulary_size: int,
        embedding_size: int,
        unknown: int,
        letters: int,
        spelling: str | None,
        letter_size: int,
        spelling_size: int,
        casing: bool,
        dropout: float,
        word_dropout: float,
    ) -> None:
        self.unknown, self.word_dropout = unknown, word_dropout
        self.words = nn.Embedding(vocabulary_size, embedding_size)
        nn.init.normal_(self.words.weight, 0.0, (1 / embedding_size) ** 0.5)
        self.spelling = None if spelling is None else Spelling(spelling, letters, letter_size, spelling_size)
        self.casing = nn.Embedding(_CASINGS, CASING_SIZE) if casing else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: WordBatch) -> Tensor:
        """Return the numbers of each word."""
        ids = batch.ids
        if self.training and self.word_dropout:
            kept = ops.dropout(np.ones(ids.shape, np.float32), self.word_dropout, training=True) > 0
            ids = np.where(kept, ids, self.unknown)
        parts = [self.words(ids)]
        if self.spelling is not None:
            parts.append(ops.embedding(batch.spelled, self.spelling(batch.letters, batch.sizes)))
        if self.casing is not None:
            parts.append(self.casing(batch.casings))
        return self.dropout(ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0])
