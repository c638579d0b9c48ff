"""One token after the other: the most probable one, or one drawn."""

from __future__ import annotations

from hashlib import blake2b
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import _core, random
from ._options import Options
from ._processors import Processors, as_rows, written
from ._result import Decoded, Sequence, as_text
from ._step import Batch, Start

__all__ = ["draw"]


class Sampling:
    """Rows that are decoded independently of each other, token by token.

    Args:
        start: the beginning.
        options: the options.
    """

    def __init__(self, start: Start, options: SimpleNamespace) -> None:
        self._options, self._batch, self._processors = options, Batch(start), Processors(options)
        self._copies = options.num_return_sequences
        self._warpers = self._processors.warpers()
        self._greedy = not options.do_sample or options.temperature == 0
        self._streams, self._seed = streams(start.keys, options, self._copies)
        self._live = np.arange(len(start.ids) * self._copies)
        self._begun = False
        self.found: list[Sequence | None] = [None] * len(self._live)
        self.done = not len(self._live) or options.max_new_tokens == 0
        if self.done:
            self.found = [Sequence(np.zeros(0, np.int64), np.zeros(0), 0.0, "length")] * len(self._live)

    def advance(self) -> tuple[np.ndarray, np.ndarray]:
        """Run a step; return the numbers of the rows that got a token, and the tokens."""
        batch, options = self._batch, self._options
        logits = batch.logits()
        if not self._begun:
            logits = self._expand(logits)
        chosen = _core.samplers_draw(
            logits, **self._processors.arguments(batch, logits.shape[1]), **self._warpers,
            streams=self._streams[self._live], greedy=self._greedy, seed=self._seed, position=batch.written,
        )  # fmt: skip
        self._processors.check(batch, logits, chosen.status)
        batch.append(chosen.tokens, chosen.log_probs)
        rows = self._live
        reasons = [ending(row[batch.prompt :], options) for row in batch.ids]
        if any(reasons):
            self._end(reasons)
        return rows, chosen.tokens

    def _expand(self, logits: np.ndarray) -> np.ndarray:
        """Make as many rows of each prompt as are to be returned."""
        self._begun = True
        if self._copies == 1:
            return logits
        order = np.repeat(np.arange(len(logits)), self._copies)
        self._batch.move(order)
        return logits[order]

    def _end(self, reasons: list[str]) -> None:
        """Take rows out of the batch."""
        batch = self._batch
        for row, reason in enumerate(reasons):
            if reason:
                self.found[self._live[row]] = Sequence(
                    batch.ids[row, batch.prompt :],
                    batch.log_probs[row],
                    float(batch.log_probs[row].sum()),
                    reason,
                    batch.attention_of(row, int(self._live[row]) // self._copies),
                )
        order = np.flatnonzero([not reason for reason in reasons])
        self._live = self._live[order]
        self.done = not len(order)
        if not self.done:
            batch.move(order)

    def result(self) -> list[Decoded]:
        """Return the sequences of each prompt."""
        n = self._copies
        return [Decoded(self.found[i : i + n]) for i in range(0, len(self.found), n)]  # type: ignore[arg-type]


def ending(tokens: np.ndarray, options: SimpleNamespace) -> str:
    """Return why a sequence ends with the last of its new tokens; "" where it does not."""
    if int(tokens[-1]) in options.eos_token_id:
        return "eos"
    if options.stop_strings:
        text = as_text(options.tokenizer, tokens)
        if any(stop in text for stop in options.stop_strings):
            return "stop"
    return "length" if len(tokens) == options.max_new_tokens else ""


def streams(keys: list[np.ndarray], options: SimpleNamespace, copies: int) -> tuple[np.ndarray, int]:
    """Return the stream of random numbers of each row, [len(keys) * copies], and the seed.

    A stream depends on the prompt, on how many equal ones come before it, and on the copy: not on the other prompts.
    """
    if not options.do_sample:
        return np.zeros(len(keys) * copies, np.int64), 0
    seed, salt = random.next_key() if options.seed is None else (options.seed, 0)
    seen: dict[bytes, int] = {}
    found = []
    for key in keys:
        name = np.ascontiguousarray(key).tobytes()
        seen[name] = seen.get(name, -1) + 1
        for copy in range(copies):
            number = blake2b(name, digest_size=8, key=f"{salt} {seen[name]} {copy}".encode()).digest()
            found.append(int.from_bytes(number, "little") >> 1)
    return np.array(found, np.int64).reshape(-1), seed


def draw(logits: Any, ids: Any = None, *, seed: int | None = None, **options: Any) -> np.ndarray:
    """Draw a token for each row of logits.

    Args:
        logits: [rows, V].
        ids: the tokens so far, [rows, t]; default: none.
        seed: of the draws: row r gets the same token after the same seed; default: drawn from `seqnn.random`.
        **options: of `Options`: those about penalties, constraints and warpers.

    Returns:
        Tokens, int64 [rows].

    Raises:
        FloatingPointError: a row of logits is not finite.
        ValueError: no token of a row is left; the message names the constraint.

    >>> import numpy as np
    >>> from seqnn import decode
    >>> decode.draw(np.log([[0.1, 0.6, 0.3]] * 4), top_k=1, seed=0)
    array([1, 1, 1, 1])
    """
    rows, tokens = as_rows(logits, ids)
    checked = Options(max_new_tokens=tokens.shape[1] + 2, do_sample=True, seed=seed, **options).plain()
    processors, batch = Processors(checked), written(tokens)
    key, stream = random.next_key() if checked.seed is None else (checked.seed, 0)
    chosen = _core.samplers_draw(
        rows, **processors.arguments(batch, rows.shape[1]), **processors.warpers(), streams=batch.numbers + stream,
        greedy=checked.temperature == 0, seed=key, position=0,
    )  # fmt: skip
    processors.check(batch, rows, chosen.status)
    return chosen.tokens
