"""Speculative decoding: a small model proposes tokens, the model accepts or replaces them, several in one step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import _core
from ._processors import Processors
from ._result import Decoded, Sequence
from ._samplers import ending, streams
from ._step import Start

PLAIN = {
    "ids": np.zeros((1, 0), np.int64), "begins": np.zeros(1, np.int64), "suppressed": np.zeros(0, np.int64),
    "words": np.zeros(0, np.int64), "word_offsets": np.zeros(1, np.int64),
}  # fmt: skip
DRAFTED, ACCEPTED, REPLACED = range(3)
"""What a random number of a position is for."""


def speculate(start: Start, options: SimpleNamespace) -> list[Decoded]:
    """Return the sequences of each prompt, one after the other.

    Args:
        start: the beginning.
        options: the options, with an assistant_model.
    """
    copies = options.num_return_sequences
    numbers, seed = streams(start.keys, options, copies)
    found: list[Decoded] = []
    for i in range(len(start.ids)):
        several = []
        for copy in range(copies):
            own = start if len(start.ids) == copies == 1 else _alone(start, i)
            assistant = _assistant(options, own)
            with own.context(), assistant.context():
                several.append(Speculation(own, assistant, options, int(numbers[i * copies + copy]), seed).run())
        found.append(Decoded(several))
    return found


def _alone(start: Start, i: int) -> Start:
    if start.alone is None:
        raise ValueError(
            f"assistant_model: expected one prompt and num_return_sequences=1, as the beginning of {len(start.ids)} has no "
            "`alone`"
        )
    return start.alone(i)


class Speculation:
    """The decoding of one sequence.

    A token d that is drawn from the assistant's q is accepted with probability min(1, p(d) / q(d)), else replaced by one that
    is drawn from max(0, p - q): what is written has distribution p. Without sampling, a token is accepted if it is the one
    that the model would have written.

    Args:
        start: the beginning, of one row.
        assistant: that of the assistant.
        options: the options.
        stream, seed: of the random numbers.
    """

    def __init__(self, start: Start, assistant: Start, options: SimpleNamespace, stream: int, seed: int) -> None:
        self._options, self._stream, self._seed = options, np.array([stream]), seed
        self._processors = Processors(options)
        self._warpers = self._processors.warpers()
        self._greedy = not options.do_sample or options.temperature == 0
        self._start = start
        self._model = _Reader(start, "model_or_step")
        self._assistant = _Reader(assistant, "assistant_model")
        self._compare_vocabularies()
        self._tokens: list[int] = []
        self._log_probs: list[float] = []
        self._drafted = self._accepted = 0

    def run(self) -> Sequence:
        """Return the sequence."""
        reason = "length" if self._options.max_new_tokens == 0 else ""
        while not reason:
            reason = self._advance()
        log_probs = np.array(self._log_probs)
        return Sequence(
            np.array(self._tokens, np.int64), log_probs, float(log_probs.sum()), reason,
            drafted=self._drafted, accepted=self._accepted,
        )  # fmt: skip

    def _advance(self) -> str:
        """Let the assistant propose tokens, and the model choose; return why the sequence ends, "" where it does not."""
        drafts = self._draft()
        logits = self._model.logits(self._tokens + [token for token, _ in drafts], len(drafts) + 1)
        self._compare_vocabularies()
        self._drafted += len(drafts)
        for row, draft in zip(logits[:, None], [*drafts, None], strict=True):
            accepted = self._choose(row, draft)
            self._accepted += accepted
            reason = ending(np.array(self._tokens), self._options)
            if reason or not accepted:
                break
        return reason

    def _compare_vocabularies(self) -> None:
        """Refuse an assistant of another vocabulary, as soon as both are known."""
        own, theirs = self._model.vocabulary, self._assistant.vocabulary
        if None not in (own, theirs) and own != theirs:
            raise ValueError(f"assistant_model: expected a vocabulary of {own} as the model has, got {theirs}")

    def _draft(self) -> list[tuple[int, np.ndarray | None]]:
        """Return tokens that the assistant proposes, each with the log-probabilities that it was drawn from."""
        most, found = self._options.num_assistant_tokens, []
        if self._options.max_new_tokens is not None:
            most = min(most, self._options.max_new_tokens - len(self._tokens) - 1)
        written = [*self._tokens]
        while len(found) < most:
            logits = self._assistant.logits(written, 1)
            if self._greedy:
                token, scores = self._best(logits, written)[0], None
            else:
                scores = self._distribution(logits, written)
                token = self._draw(scores, DRAFTED, len(written))
            found.append((token, scores))
            written.append(token)
            if token in self._options.eos_token_id:
                break
        return found

    def _choose(self, logits: np.ndarray, draft: tuple[int, np.ndarray | None] | None) -> bool:
        """Write the next token; tell whether it is the one that was proposed."""
        if self._greedy:
            token, log_prob = self._best(logits, self._tokens)
            accepted = draft is not None and token == draft[0]
        else:
            p = self._distribution(logits, self._tokens)
            token, accepted = self._drawn(p, draft)
            log_prob = p[token]
        self._tokens.append(token)
        self._log_probs.append(float(log_prob))
        return accepted

    def _drawn(self, p: np.ndarray, draft: tuple[int, np.ndarray | None] | None) -> tuple[int, bool]:
        """Return a token whose distribution is p, and whether it is the one that was proposed."""
        at = len(self._tokens)
        if draft is None or draft[1] is None:
            return self._draw(p, REPLACED, at), False
        token, q = draft
        share = np.exp(min(0.0, p[token] - q[token]))
        with np.errstate(divide="ignore"):
            if self._draw(np.log([share, 1 - share]), ACCEPTED, at) == 0:
                return token, True
            return self._draw(np.log(np.maximum(0.0, np.exp(p) - np.exp(q))), REPLACED, at), False

    def _best(self, logits: np.ndarray, written: list[int]) -> tuple[int, float]:
        """Return the most probable token and its log-probability."""
        rows = self._rows(written)
        chosen = _core.samplers_draw(
            logits,
            **self._processors.arguments(rows, logits.shape[1]),
            **self._warpers,
            streams=self._stream,
            greedy=True,
        )
        self._processors.check(rows, logits, chosen.status)
        return int(chosen.tokens[0]), float(chosen.log_probs[0])

    def _distribution(self, logits: np.ndarray, written: list[int]) -> np.ndarray:
        """Return the log-probabilities that the next token is drawn from, [V]."""
        rows = self._rows(written)
        found = _core.processors_apply(logits, **self._processors.arguments(rows, logits.shape[1]), **self._warpers)
        self._processors.check(rows, logits, found.status)
        scores = found.scores[0].astype(np.float64)
        scores -= scores.max()
        return scores - np.log(np.exp(scores).sum())

    def _draw(self, scores: np.ndarray, purpose: int, at: int) -> int:
        chosen = _core.samplers_draw(
            scores[None], **PLAIN, streams=self._stream, seed=self._seed, position=3 * at + purpose
        )
        return int(chosen.tokens[0])

    def _rows(self, written: list[int]) -> Any:
        """Return the sequence so far, as what processors look at."""
        start = self._start
        return SimpleNamespace(
            ids=extended(start, written),
            begins=start.begins,
            prompt=start.ids.shape[1],
            numbers=start.numbers,
            written=len(written),
        )


class _Reader:
    """A model that reads a sequence whose last tokens may have changed since it read it last."""

    def __init__(self, start: Start, name: str) -> None:
        self._start, self._name = start, name
        self._state = start.state
        self.vocabulary = start.vocabulary

    def logits(self, written: list[int], count: int) -> np.ndarray:
        """Return the logits after each of the last `count` tokens, [count, V]."""
        start, ids = self._start, extended(self._start, written)
        if start.score is not None:
            logits, self._state = start.score(ids, self._state, count)
        elif count == 1 and self._state is None:
            logits, self._state, *_ = start.step(ids, None)
            logits = np.asarray(logits)[:, None]
        if start.score is None and (count > 1 or self._state is not None):
            raise TypeError(
                f"{self._name}: expected a model that scores several tokens in one step, for assistant_model, by a method "
                "score(ids, state, count) -> (logits [rows, count, V], state); without it an assistant must need no state"
            )
        logits = np.asarray(logits)
        expected = 1, count, logits.shape[-1]
        if logits.shape != expected or self.vocabulary not in (None, expected[2]):
            raise ValueError(
                f"{self._name}: expected logits of shape [1, {count}, {self.vocabulary or 'vocabulary'}], got "
                f"{list(logits.shape)}"
            )
        self.vocabulary = logits.shape[-1]
        return logits[0] if logits.dtype in (np.float32, np.float64) else logits[0].astype(np.float32)


def extended(start: Start, written: list[int]) -> np.ndarray:
    """Return the ids that are given, and those that were written, [1, T]."""
    return np.concatenate([start.ids, np.array([written], np.int64).reshape(1, -1)], axis=1)


def _assistant(options: SimpleNamespace, start: Start) -> Start:
    """Return the assistant's beginning for a prompt."""
    model = options.assistant_model
    if hasattr(model, "start_decoding"):
        try:
            return model.start_decoding([start.keys[0]], options.max_new_tokens)
        except ValueError as error:
            raise ValueError(f"assistant_model: {error}") from None
    return Start(start.ids, model, begins=start.begins, score=getattr(model, "score", None))
