"""Beam search: the most probable sequences, followed by their best prefixes; in groups that differ, or drawn."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from .. import _core
from ._options import Options
from ._processors import NOT_FINITE, NOTHING_ALLOWED, Processors
from ._result import NOTHING, Sequence
from ._samplers import streams
from ._step import Batch, Start


class BeamSearch:
    """A beam search for each prompt, all of them step by step.

    A set of beams is one group of one prompt. Beams of a set that is done leave the batch.

    Args:
        start: the beginning.
        options: the options.
    """

    def __init__(self, start: Start, options: Options) -> None:
        self._options, self._batch, self._processors = options, Batch(start), Processors(options)
        self._groups, self._width = options.num_beam_groups, options.num_beams // options.num_beam_groups
        self._streams, self._seed = streams(start.keys, options, 1)
        self._numbers = start.numbers
        sets = len(start.ids) * self._groups
        self._ends = np.array(options.eos_token_id, np.int64)
        self._count = max(2, 1 + len(self._ends)) * self._width
        self._first, self._running = np.arange(sets + 1), np.zeros(sets)
        self._open = np.ones(sets, bool)
        self._pools: list[list[Sequence]] = [[] for _ in range(sets)]
        self.done = not sets or options.max_new_tokens == 0
        if self.done:
            self._pools = [[NOTHING._replace(score=0.0, reason="length")] for _ in self._pools]

    def advance(self) -> None:
        """Run a step."""
        batch, options = self._batch, self._options
        logits = batch.logits()
        if batch.written == 0 and self._groups > 1:
            order = np.repeat(np.arange(len(batch)), self._groups)
            batch.move(order)
            logits = logits[order]
        found = self._candidates(logits)
        sets, places = np.nonzero(found.ended & self._open[:, None])
        for s, place in zip(sets.tolist(), places.tolist(), strict=True):
            self._keep(s, found, place)
        self._close(found, logits)
        sets, beams = np.nonzero((found.next >= 0) & self._open[:, None])
        self.done = batch.written + 1 == options.max_new_tokens or not len(sets)
        if not self.done:
            places = found.next[sets, beams]
            batch.move(found.rows[sets, places])
            batch.append(found.tokens[sets, places], found.log_probs[sets, places])
            self._running = found.scores[sets, places]
            self._first = np.searchsorted(sets, np.arange(len(self._open) + 1))

    def _candidates(self, logits: np.ndarray) -> _core.beams_select:
        """Return the best candidates of each set."""
        batch, options, processors = self._batch, self._options, self._processors
        prompts = self._prompts()
        arguments = processors.arguments(batch, logits, prompts)
        drawn = {}
        if options.do_sample:
            keep = len(self._ends) + 1
            warped = _core.processors_apply(logits, normalise=True, **arguments, **processors.warpers(keep))
            self._refuse(logits, prompts, warped.status)
            logits, drawn = warped.scores, {"streams": self._streams, "seed": self._seed, "normalise": False}
            arguments = {name: arguments[name] for name in ("ids", "begins", "suppressed", "words", "word_offsets")}
        found = _core.beams_select(
            logits, **arguments, running=self._running, set_offsets=self._first, ends=self._ends, width=self._width,
            count=self._count, groups=self._groups, diversity=options.diversity_penalty, position=batch.written,
            last=batch.written + 1 == options.max_new_tokens, **drawn,
        )  # fmt: skip
        self._refuse(logits, prompts, found.status)
        return found

    def _prompts(self) -> np.ndarray:
        """Return the number of each row's prompt."""
        return np.repeat(np.repeat(self._numbers, self._groups), np.diff(self._first))

    def _refuse(self, logits: np.ndarray, prompts: np.ndarray, status: np.ndarray) -> None:
        """Raise an error where logits are not finite; a beam that has no token to go on with just ends."""
        if status.any():
            self._processors.check(self._batch, logits, prompts, status * (status == NOT_FINITE))

    def _keep(self, s: int, found: _core.beams_select, place: int) -> None:
        """Put a sequence that ends into the pool of its set, which holds the best ones."""
        batch = self._batch
        row, token = int(found.rows[s, place]), int(found.tokens[s, place])
        attention = batch.attention_of(row)
        sequence = Sequence(
            np.append(batch.ids[row, batch.prompt :], token),
            np.append(batch.log_probs[row], found.log_probs[s, place]),
            self._score(found.scores[s, place], batch.written + 1) + self._coverage(attention),
            "eos" if token in self._options.eos_token_id else "length",
            attention,
        )
        pool = self._pools[s]
        pool.insert(bisect_right(pool, -sequence.score, key=lambda other: -other.score), sequence)
        del pool[self._width :]

    def _close(self, found: _core.beams_select, logits: np.ndarray) -> None:
        """End the searches that cannot find better sequences, or are not to look for them."""
        options, n = self._options, self._batch.written + 1
        best = options.max_new_tokens if options.early_stopping == "never" and options.length_penalty > 0 else n
        for s in np.flatnonzero(self._open).tolist():
            pool, place = self._pools[s], int(found.next[s, 0])
            full = len(pool) == self._width
            if place < 0 or (full and options.early_stopping is True):
                self._open[s] = False
            elif full:
                self._open[s] = self._score(found.scores[s, place], best) > pool[-1].score
            if not self._open[s] and not pool:
                rows = np.zeros(len(logits), np.uint8)
                rows[self._first[s] : self._first[s + 1]] = NOTHING_ALLOWED
                self._processors.check(self._batch, logits, self._prompts(), rows)

    def _score(self, log_prob: float, length: int) -> float:
        """Return a sum of log-probabilities of so many new tokens, normalised."""
        options = self._options
        divisor = {
            "hf": lambda: float(length) ** options.length_penalty,
            "gnmt": lambda: ((5 + length) / 6) ** options.length_penalty,
            "mean": lambda: float(length),
            "none": lambda: 1.0,
        }[options.length_normalization]
        return float(log_prob) / divisor()

    def _coverage(self, attention: np.ndarray | None) -> float:
        """Return what the coverage penalty adds: 0 where every place of the source has got attention of 1."""
        penalty = self._options.coverage_penalty
        if not penalty:
            return 0.0
        if attention is None:
            raise ValueError("coverage_penalty: needs a step that returns (logits, state, attention)")
        with np.errstate(divide="ignore"):
            return penalty * float(np.log(np.minimum(1.0, attention.sum(axis=0))).sum())

    def result(self) -> list[list[Sequence]]:
        """Return the best sequences of each prompt."""
        n, found = self._options.num_return_sequences, []
        for at in range(0, len(self._pools), self._groups):
            several = [sequence for pool in self._pools[at : at + self._groups] for sequence in pool]
            several.sort(key=lambda sequence: -sequence.score)
            found.append((several + [NOTHING] * n)[:n])
        return found
