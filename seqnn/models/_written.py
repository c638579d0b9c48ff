"""Sequences that an estimator writes: of numbers or of tokens; the guide of the network, the loss, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..autograd import Tensor
from ..text import pad
from ._base import Plain, r2_score
from ._coders import Numbers, Tokens, padded_classes
from ._heads import token_cross_entropy
from ._sequences import Sequences


class WrittenNumbers(Numbers):
    """Sequences of numbers; the network is told how many steps to write."""

    longest = Plain(int)

    def __init__(self, sequences: Sequences) -> None:
        super().__init__(sequences)
        self.longest = max(map(len, sequences.rows))

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return the number of steps, and the padded target [B, T, width]."""
        target, _ = pad(rows, value=np.nan)
        return target.shape[1], target

    def loss(self, out: Tensor, target: Any) -> Tensor:
        """Return the mean squared error over what is not NaN, the padding."""
        target = np.asarray(target)
        there = ~np.isnan(target)
        return ops.mse_loss(out * there.astype(out.dtype), np.where(there, target, 0)) * (there.size / there.sum())

    def writer(self) -> dict[str, Any]:
        """Return the arguments by which a network writes such sequences."""
        return {"outputs": self.width}

    def generation(self, steps: int) -> tuple:
        """Return the last arguments of the network's `generate`."""
        return (steps,)

    def decoded(self, written: np.ndarray) -> list[np.ndarray]:
        """Return what the network generated in the units of `fit`."""
        return [self.decode(row) for row in written]

    def score(self, predict: Callable[[int], list[Any]], y: Sequence[Any]) -> float:
        """Return R^2 over all steps; `predict(steps)` gives the sequences."""
        found = [f[: len(s)] for f, s in zip(predict(max(len(s) for s in y)), y, strict=True)]
        return r2_score(np.concatenate([np.asarray(s) for s in y]), np.concatenate(found))


class WrittenTokens(Tokens):
    """Sequences of tokens; the network is told the token before each."""

    longest = Plain(int)

    def __init__(self, sequences: Sequences, embedding_size: int) -> None:
        super().__init__(sequences, embedding_size)
        self.longest = max(map(len, sequences.rows))

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return the ids before each one [B, T], and the ids to write [B, T]."""
        words = self.vocabulary
        before, _ = pad([np.concatenate([[words.bos_id], row]) for row in rows], value=words.pad_id)
        return before, padded_classes([np.concatenate([row, [words.eos_id]]) for row in rows])

    loss = staticmethod(token_cross_entropy)

    def writer(self) -> dict[str, Any]:
        """Return the arguments by which a network writes such sequences."""
        return {"outputs": len(self.vocabulary), "embedding_size": self.embedding_size}

    def generation(self, steps: int) -> tuple:
        """Return the last arguments of the network's `generate`."""
        return steps, self.vocabulary.bos_id, self.vocabulary.eos_id

    def decoded(self, written: np.ndarray) -> list[list[str]]:
        """Return the tokens before the end of each sequence that the network generated."""
        end = self.vocabulary.eos_id
        ends = [int(np.argmax(row == end)) if (row == end).any() else len(row) for row in written]
        return [self.vocabulary.decode(row[:n], skip_specials=True) for row, n in zip(written, ends, strict=True)]

    def score(self, predict: Callable[[int], list[Any]], y: Sequence[Any]) -> float:
        """Return the share of sequences that are predicted exactly; `predict(steps)` gives the sequences."""
        found = predict(max(len(s) for s in y) + 1)
        return float(np.mean([f == list(s) for f, s in zip(found, y, strict=True)]))


def learn_written(sequences: Sequences, embedding_size: int) -> WrittenNumbers | WrittenTokens:
    """Return how to write sequences of this kind."""
    return WrittenTokens(sequences, embedding_size) if sequences.tokens else WrittenNumbers(sequences)
