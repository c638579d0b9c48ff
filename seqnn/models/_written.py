"""Sequences that an estimator writes: of numbers or of tokens; the guide of the network, the loss, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..text import pad
from ._base import Plain, r2_score
from ._coders import Numbers, Tokens, padded_classes
from ._losses import STEPS, TAGS
from ._pretrained import Pretrained
from ._sequences import Sequences

Join = Callable[[list[str]], str]


class WrittenNumbers(Numbers):
    """Sequences of numbers; the network is told how many steps to write."""

    loss = STEPS

    longest = Plain(int)

    def __init__(self, sequences: Sequences) -> None:
        super().__init__(sequences)
        self.longest = max(map(len, sequences.rows))

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return the number of steps, and the padded target [B, T, width]."""
        target, _ = pad(rows, value=np.nan)
        return target.shape[1], target

    def writer(self) -> dict[str, Any]:
        """Return the arguments by which a network writes such sequences."""
        return {"outputs": self.width}

    def generation(self, steps: int) -> tuple:
        """Return the last arguments of the network's `generate`."""
        return (steps,)

    def decoded(self, written: np.ndarray, join: Join) -> list[np.ndarray]:
        """Return what the network generated in the units of `fit`."""
        return [self.decode(row) for row in written]

    def score(self, predict: Callable[[int], list[Any]], y: Sequences, join: Join) -> float:
        """Return R^2 over all steps; `predict(steps)` gives the sequences."""
        if y.tokens or y.rows[0].shape[1] != self.width:
            raise TypeError(f"y: expected sequences of {self.width} numbers a step as fit got")
        found = predict(max(map(len, y.rows)))
        rows = [np.reshape(f, (len(f), -1))[: len(s)] for f, s in zip(found, y.rows, strict=True)]
        return r2_score(np.concatenate(y.rows), np.concatenate(rows))


class WrittenTokens(Tokens):
    """Sequences of tokens; the network is told the token before each."""

    loss = TAGS

    longest = Plain(int)

    def __init__(
        self, sequences: Sequences, settings: SimpleNamespace, pretrained: Pretrained | None, name: str
    ) -> None:
        super().__init__(sequences, settings, pretrained, name)
        self.longest = max(map(len, sequences.rows))

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return the ids before each one [B, T], and the ids to write [B, T]."""
        words = self.vocabulary
        before, _ = pad([np.concatenate([[words.bos_id], row]) for row in rows], value=words.pad_id)
        return before, padded_classes([np.concatenate([row, [words.eos_id]]) for row in rows])

    def writer(self) -> dict[str, Any]:
        """Return the arguments by which a network writes such sequences."""
        return {"outputs": len(self.vocabulary), "embedding_size": self.embedding_size}

    def generation(self, steps: int) -> tuple:
        """Return the last arguments of the network's `generate`."""
        return steps, self.vocabulary.bos_id, self.vocabulary.eos_id

    def decoded(self, written: np.ndarray, join: Join) -> list[Any]:
        """Return the tokens before the end of each sequence that the network generated, joined where `fit` got strings."""
        end = self.vocabulary.eos_id
        ends = [int(np.argmax(row == end)) if (row == end).any() else len(row) for row in written]
        found = [self.vocabulary.decode(row[:n], skip_specials=True) for row, n in zip(written, ends, strict=True)]
        return [join(tokens) for tokens in found] if self.text else found

    def score(self, predict: Callable[[int], list[Any]], y: Sequences, join: Join) -> float:
        """Return the share of sequences that are predicted exactly; `predict(steps)` gives the sequences."""
        if not y.tokens:
            raise TypeError("y: expected sequences of tokens (strings) as fit got, got numbers")
        found = predict(max(map(len, y.rows)) + 1)
        true = [join(tokens) for tokens in y.rows] if self.text else y.rows
        return float(np.mean([f == s for f, s in zip(found, true, strict=True)]))


def learn_written(sequences: Sequences, settings: SimpleNamespace) -> WrittenNumbers | WrittenTokens:
    """Return how to write sequences of this kind, with the vectors of `settings.target_embedding` where there are some."""
    if sequences.tokens:
        return WrittenTokens(sequences, settings, settings.target_embedding, "target_embedding")
    if settings.target_embedding is not None:
        raise TypeError("target_embedding: expected y of tokens, got y of numbers")
    return WrittenNumbers(sequences)
