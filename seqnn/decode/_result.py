"""What decoding returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..text import Vocabulary
from ._tree import SearchTree

__all__ = ["Generation"]


class Sequence(NamedTuple):
    """A sequence that is complete: its new tokens and what is known of them."""

    tokens: np.ndarray
    log_probs: np.ndarray
    score: float
    reason: str
    attention: np.ndarray | None = None
    node: int = -1  # in the tree of its search
    drafted: int = 0  # tokens that a draft model proposed
    accepted: int = 0


NOTHING = Sequence(np.zeros(0, np.int64), np.zeros(0), -np.inf, "none")
"""Where a search has found fewer sequences than it was to return."""


class Decoded(NamedTuple):
    """What was found for a prompt."""

    sequences: list[Sequence]
    tree: SearchTree | None = None


@dataclass
class Generation:
    """The sequences that were decoded: `num_return_sequences` rows for each prompt, the best first.

    Args:
        sequences: prompts and new tokens, int64 [R, P + T]; prompts end at column P, and what is left is padding.
        scores: of a beam search the sum of log-probabilities, normalised by length; else the sum; [R].
        token_log_probs: of the new tokens, [R, T], 0 after the end: those that beams add up; of drawn tokens the logarithm
            of the probability with which they were drawn.
        finish_reason: for each row "eos", "length" or "stop" (a stop string); "none" where a search found fewer sequences.
        lengths: new tokens of each row, the end included, [R].
        prompt_lengths: tokens of each row's prompt, [R].
        attention: of each row's new positions, [t, S], where the step returns it, or with return_attention; our own models
            give the mean over the heads of the last layer: to the source, or for a GPT to all positions so far.
        trees: of the search for each prompt, with return_tree.
        acceptance_rate: with assistant_model: the share of the proposed tokens that were accepted, [R].
        tokenizer: what makes `texts` of the ids.

    >>> import numpy as np
    >>> from seqnn import decode
    >>> table = np.log([[0.1, 0.6, 0.3], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]])
    >>> found = decode.generate(lambda ids, state: (table[ids[:, -1]], state), [[1]], max_new_tokens=3)
    >>> found.sequences
    array([[1, 2, 0, 1]])
    >>> found.finish_reason, found.new_tokens
    (['length'], [array([2, 0, 1])])
    """

    sequences: np.ndarray
    scores: np.ndarray
    token_log_probs: np.ndarray
    finish_reason: list[str]
    lengths: np.ndarray
    prompt_lengths: np.ndarray
    attention: list[np.ndarray] | None = None
    trees: list[SearchTree] | None = None
    acceptance_rate: np.ndarray | None = None
    tokenizer: Any = None

    @property
    def texts(self) -> list[str]:
        """The texts of the new tokens of each row, without the token that ends it.

        Raises:
            TypeError: there is no tokenizer.
        """
        return self._as_texts(self._written)

    @property
    def whole_texts(self) -> list[str]:
        """The texts of each row with its prompt, as `texts`."""
        end = self.sequences.shape[1] - self.token_log_probs.shape[1]
        prompts = [row[end - n : end] for row, n in zip(self.sequences, self.prompt_lengths, strict=True)]
        return self._as_texts([np.concatenate(parts) for parts in zip(prompts, self._written, strict=True)])

    @property
    def _written(self) -> list[np.ndarray]:
        """The new tokens of each row without the one that ends it."""
        ends = [reason == "eos" for reason in self.finish_reason]
        return [tokens[: len(tokens) - end] for tokens, end in zip(self.new_tokens, ends, strict=True)]

    def _as_texts(self, rows: list[np.ndarray]) -> list[str]:
        if self.tokenizer is None:
            raise TypeError("texts: expected a tokenizer: generate(..., tokenizer=...)")
        return [as_text(self.tokenizer, row) for row in rows]

    @property
    def new_tokens(self) -> list[np.ndarray]:
        """The new tokens of each row, the end included."""
        begin = self.sequences.shape[1] - self.token_log_probs.shape[1]
        return [row[begin : begin + n] for row, n in zip(self.sequences, self.lengths, strict=True)]


def as_text(tokenizer: Any, ids: np.ndarray) -> str:
    """Return the text of ids; tokens of a vocabulary are joined by blanks."""
    text = tokenizer.decode(ids, skip_specials=True) if isinstance(tokenizer, Vocabulary) else tokenizer.decode(ids)
    return text if isinstance(text, str) else " ".join(text)


def collect(prompts: list[np.ndarray], found: list[Decoded], pad: int, tokenizer: Any = None) -> Generation:
    """Return the sequences that were found for each prompt, as arrays."""
    rows = [(prompt, sequence) for prompt, one in zip(prompts, found, strict=True) for sequence in one.sequences]
    width = max((len(prompt) for prompt in prompts), default=0)
    most = max((len(sequence.tokens) for _, sequence in rows), default=0)
    sequences = np.full((len(rows), width + most), pad, np.int64)
    log_probs = np.zeros((len(rows), most))
    for i, (prompt, sequence) in enumerate(rows):
        n = len(sequence.tokens)
        sequences[i, width - len(prompt) : width] = prompt
        sequences[i, width : width + n], log_probs[i, :n] = sequence.tokens, sequence.log_probs
    attention = [s.attention for _, s in rows if s.attention is not None]
    trees = [one.tree for one in found if one.tree is not None]
    drafted = np.array([s.drafted for _, s in rows])
    accepted = np.array([s.accepted for _, s in rows])
    return Generation(
        sequences,
        np.array([s.score for _, s in rows]),
        log_probs,
        [s.reason for _, s in rows],
        np.array([len(s.tokens) for _, s in rows], np.int64),
        np.array([len(prompt) for prompt, _ in rows], np.int64),
        attention or None,
        trees or None,
        accepted / np.maximum(drafted, 1) if drafted.any() else None,
        tokenizer,
    )


def moved_left(found: Generation) -> np.ndarray:
    """Return the sequences with their prompts at the left, and all padding at the end."""
    padding = found.sequences.shape[1] - found.token_log_probs.shape[1] - found.prompt_lengths
    return np.stack([np.roll(row, -n) for row, n in zip(found.sequences, padding, strict=True)])
