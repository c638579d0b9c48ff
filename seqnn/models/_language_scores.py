"""How probable each token of a text is to a network: texts of similar length together, long ones piece by piece."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..lm import TextScore
from ..text import pad
from ._base import by_length
from ._decoding import evaluating
from ._gpt import GPT
from ._heads import IGNORED
from ._language_texts import ReadsTexts
from ._recurrent_lm import RecurrentLM
from ._stream_tokens import StreamTokens

__all__ = ["ScoresTexts", "perplexity_of"]

_ROWS, _STEPS = 64, 256


class ScoresTexts(ReadsTexts):
    """A language model that tells how probable texts are."""

    def token_log_probs(self, X: Any) -> list[np.ndarray]:  # noqa: N803
        """Return the natural logarithm of the probability of each token of each text, given those before it.

        Args:
            X: as for `fit`.

        Returns:
            For each text an array, float64: of the texts of a list of all tokens and the end, [T + 1]; where `fit` got one
            text of all tokens but the first, [T - 1]. A GPT sees as far back as it has positions.
        """
        self._require_fit()
        return log_probs(self.model_, self._encoded(X, "X"))

    def token_scores(self, X: Any) -> list[list[tuple[str, float]]]:  # noqa: N803
        """Return each token of each text with the log10 of its probability, as `lm.NGramLM.full_scores`; of texts of tokens.

        Args:
            X: as for `fit`.

        Raises:
            TypeError: the model is one of integers.
        """
        self._require_fit()
        if not isinstance(self._input, StreamTokens):
            raise TypeError("token_scores: expected a model of tokens, this one is of integers: use token_log_probs")
        texts, _ = self._texts(X, "X")
        marks = self._input.marks
        names = [[*row[not marks :], *(["</s>"] if marks else [])] for row in texts.rows]
        pairs = zip(names, log_probs(self.model_, self._marked(texts, "X")), strict=True)
        return [[*zip(row, (scores / np.log(10)).tolist(), strict=True)] for row, scores in pairs]

    def score_samples(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the natural logarithm of the probability of each text, [N].

        Args:
            X: as for `fit`.
        """
        return np.array([row.sum() for row in self.token_log_probs(X)])

    def evaluate(self, X: Any) -> TextScore:  # noqa: N803
        """Score texts as a whole.

        Args:
            X: as for `fit`.

        Returns:
            The figures of `lm.NGramLM.evaluate`: the same tokens count in both.
        """
        self._require_fit()
        rows = self._encoded(X, "X")
        found = np.concatenate(log_probs(self.model_, rows))
        unknown = self._input.unknown(np.concatenate([row[1:] for row in rows]))
        whole, known = found.sum(), found[~unknown].sum()
        return TextScore(
            sentences=len(rows), tokens=found.size, unknown=int(unknown.sum()),
            log_prob=float(whole / np.log(10)), perplexity=perplexity_of(whole, found.size),
            log_prob_known=float(known / np.log(10)), perplexity_known=perplexity_of(known, (~unknown).sum()),
        )  # fmt: skip

    def perplexity(self, X: Any) -> float:  # noqa: N803
        """Return exp(-mean log-probability of a token), 1 for a model that is always sure and right.

        Args:
            X: as for `fit`.
        """
        return self.evaluate(X).perplexity

    def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
        """Return the mean natural logarithm of the probability of a token: more is better.

        Args:
            X: as for `fit`.
            y: not used.
        """
        return float(np.mean(np.concatenate(self.token_log_probs(X))))


def perplexity_of(log_prob: float, tokens: int) -> float:
    """Return exp(-log_prob / tokens), infinity where that is too large, NaN of no tokens."""
    with np.errstate(over="ignore"):
        return float(np.exp(-log_prob / tokens)) if tokens else float("nan")


def log_probs(model: RecurrentLM | GPT, rows: list[np.ndarray]) -> list[np.ndarray]:
    """Return the logarithms of the probabilities of all ids but the first of each row, float64.

    Recurrent layers read a row from its beginning to its end. A GPT sees the ids before as far as it has positions: a longer
    row is read in windows of which each goes on half a window further.

    Args:
        model: the network.
        rows: ids, each at least two.
    """
    with evaluating(model):
        if isinstance(model, GPT):
            return _by_windows(model, rows)
        return by_length(rows, _ROWS, lambda part: _by_states(model, part))


def _by_states(model: RecurrentLM, rows: list[np.ndarray]) -> list[np.ndarray]:
    inputs, lengths = pad([row[:-1] for row in rows])
    targets, _ = pad([row[1:] for row in rows], value=IGNORED)
    state: Any = None
    found = np.empty(inputs.shape, np.float64)
    for begin in range(0, inputs.shape[1], _STEPS):
        piece = slice(begin, min(begin + _STEPS, inputs.shape[1]))
        left = np.clip(lengths - begin, 0, piece.stop - begin)
        losses, state = model.losses(inputs[:, piece], targets[:, piece], state, left)
        found[:, piece] = -losses.numpy()
    return [row[:n] for row, n in zip(found, lengths, strict=True)]


def _by_windows(model: GPT, rows: list[np.ndarray]) -> list[np.ndarray]:
    window = model.max_positions
    places = [(i, begin) for i, row in enumerate(rows) for begin in _beginnings(len(row) - 1, window)]

    def read(part: list[np.ndarray]) -> list[np.ndarray]:
        inputs, lengths = pad([row[:-1] for row in part])
        targets, _ = pad([row[1:] for row in part], value=IGNORED)
        losses = model.head.losses(model.encode(inputs, lengths), model._table(), targets).numpy()
        return [-row[:n].astype(np.float64) for row, n in zip(losses, lengths, strict=True)]

    pieces = by_length([rows[i][begin : begin + window + 1] for i, begin in places], _ROWS, read)
    found = [np.empty(len(row) - 1) for row in rows]
    for (i, begin), piece in zip(places, pieces, strict=True):
        known = window - max(1, window // 2) if begin else 0  # an earlier window has seen these
        found[i][begin + known : begin + len(piece)] = piece[known:]
    return found


def _beginnings(count: int, window: int) -> range:
    """Return where the windows of a row of `count` inputs begin: each goes on half a window further."""
    stride = max(1, window // 2)
    return range(0, max(1, count - window + stride), stride)
