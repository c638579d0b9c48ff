"""Beam search: the most probable sequences, followed by their best prefixes; in groups that differ, or drawn."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import _core
from ._processors import FREE, NOT_FINITE, NOTHING_ALLOWED, Processors
from ._result import NOTHING, Decoded, Sequence
from ._samplers import streams
from ._step import Batch, Start
from ._tree import Recorder

DIVISORS: dict[str, Callable[[int, float], float]] = {
    "hf": lambda n, a: float(n) ** a,
    "gnmt": lambda n, a: ((5 + n) / 6) ** a,
    "mean": lambda n, a: float(n),
    "none": lambda n, a: 1.0,
}
"""What the sum of the log-probabilities of n tokens is divided by."""

_UNCONSTRAINED = {**FREE, "suppressed": FREE["words"], "normalise": True}
"""Arguments that change logits to log-probabilities, and nothing else."""


class BeamSearch:
    """A beam search for each prompt, all of them step by step.

    A set of beams is one group of one prompt. Beams of a set that is done leave the batch.

    Args:
        start: the beginning.
        options: the options.
    """

    def __init__(self, start: Start, options: SimpleNamespace) -> None:
        self._options, self._batch, self._processors = options, Batch(start), Processors(options)
        self._groups, self._width = options.num_beam_groups, options.num_beams // options.num_beam_groups
        self._streams, self._seed = streams(start.keys, options, 1)
        sets = len(start.ids) * self._groups
        self._ends = np.array(options.eos_token_id, np.int64)
        self._count = max(2, 1 + len(self._ends)) * self._width
        self._fixed = {
            "ends": self._ends, "width": self._width, "count": self._count, "groups": self._groups,
            "diversity": options.diversity_penalty,
        }  # fmt: skip
        self._offsets, self._running = np.arange(sets + 1), np.zeros(sets)
        self._open = [True] * sets
        self._pools: list[list[Sequence]] = [[] for _ in range(sets)]
        ends = options.eos_token_id
        self._recorder = Recorder(sets, self._groups, self._width, ends, self._score) if options.return_tree else None
        self.done = not sets or options.max_new_tokens == 0
        if self.done:
            self._pools = [[NOTHING._replace(score=0.0, reason="length")] for _ in self._pools]

    def advance(self) -> None:
        """Run a step."""
        batch, options = self._batch, self._options
        logits = batch.logits()
        length = batch.written + 1
        last = length == options.max_new_tokens
        if length == 1 and self._groups > 1:
            order = np.repeat(np.arange(len(batch)), self._groups)
            batch.move(order)
            logits = logits[order]
        found = self._candidates(logits, last)
        if self._recorder:
            self._recorder.grow(found, length, last)
        if any(found.ended.tobytes()):
            for s, place in np.argwhere(found.ended).tolist():
                self._keep(s, found, place)
        still = self._close(found, logits)
        self.done = last or not any(self._open)
        if not self.done:
            self._go_on(found, still)

    def _go_on(self, found: _core.beams_select, still: bool) -> None:
        """Take over the beams that go on; unless all sets `still` search, without those of the others."""
        batch, n = self._batch, found.offsets.item(-1)
        batch.move_state(found.parents[:n])
        batch.ids, batch.begins, batch.log_probs = found.new_ids[:n], found.new_begins[:n], found.new_history[:n]
        self._running, self._offsets = found.sums[:n], found.offsets
        order = None
        if not still:
            sizes = np.diff(self._offsets)
            order = np.flatnonzero(np.repeat(self._open, sizes))
            batch.move(order)
            self._running = self._running[order]
            self._offsets = np.concatenate([[0], np.cumsum(sizes * self._open)])
        if self._recorder:
            self._recorder.go_on(order)

    def _candidates(self, logits: np.ndarray, last: bool) -> _core.beams_select:
        """Return the best candidates of each set; in the `last` step all of them end."""
        batch, options, processors = self._batch, self._options, self._processors
        arguments = processors.arguments(batch, logits.shape[1])
        further: dict[str, Any] = {}
        renormalised = options.renormalize_logits or processors.forced(batch) is not None
        if options.do_sample or renormalised:
            warpers = processors.warpers(len(self._ends) + 1) if options.do_sample else {}
            warped = _core.processors_apply(logits, normalise=True, **arguments, **warpers)
            self._refuse(logits, warped.status)
            logits, further["normalise"] = warped.scores, False
            if renormalised:
                logits = _core.processors_apply(warped.scores, batch.ids, batch.begins, **_UNCONSTRAINED).scores
                logits[warped.status != 0] = -np.inf
            arguments = {name: arguments[name] for name in ("ids", "begins", "suppressed", "words", "word_offsets")}
        if options.do_sample:
            further |= {"streams": self._streams, "seed": self._seed}
        found = _core.beams_select(
            logits, **arguments, **self._fixed, history=batch.log_probs, running=self._running, set_offsets=self._offsets,
            position=batch.written, last=last, **further,
        )  # fmt: skip
        self._refuse(logits, found.status)
        return found

    def _refuse(self, logits: np.ndarray, status: np.ndarray) -> None:
        """Raise an error where logits are not finite; a beam that has no token to go on with just ends."""
        if any(status.tobytes()):
            self._processors.check(self._batch, logits, status * (status == NOT_FINITE))

    def _keep(self, s: int, found: _core.beams_select, place: int) -> None:
        """Put a sequence that ends into the pool of its set, which holds the best ones."""
        batch = self._batch
        row, token = int(found.rows[s, place]), int(found.tokens[s, place])
        attention = batch.attention_of(row, s // self._groups)
        sequence = Sequence(
            np.append(batch.ids[row, batch.prompt :], token),
            np.append(batch.log_probs[row], found.log_probs[s, place]),
            self._score(found.scores[s, place], batch.written + 1) + self._coverage(attention),
            "eos" if token in self._options.eos_token_id else "length",
            attention,
            self._recorder.node(s, place) if self._recorder else -1,
        )
        pool = self._pools[s]
        pool.insert(bisect_right(pool, -sequence.score, key=lambda other: -other.score), sequence)
        del pool[self._width :]

    def _close(self, found: _core.beams_select, logits: np.ndarray) -> bool:
        """End the searches that cannot find better sequences, or are not to look for them; tell whether all go on."""
        options, n, offsets, still = self._options, self._batch.written + 1, found.offsets.tolist(), True
        best = options.max_new_tokens if options.early_stopping == "never" and options.length_penalty > 0 else n
        for s, pool in enumerate(self._pools):
            if not self._open[s]:
                continue
            full = len(pool) == self._width
            if offsets[s] == offsets[s + 1] or (full and options.early_stopping is True):
                self._open[s] = False
            elif full:
                self._open[s] = self._score(found.sums[offsets[s]], best) > pool[-1].score
            still &= self._open[s]
            if not self._open[s] and not pool:
                rows = np.zeros(len(logits), np.uint8)
                rows[self._offsets[s] : self._offsets[s + 1]] = NOTHING_ALLOWED
                self._processors.check(self._batch, logits, rows)
        return still

    def _score(self, log_prob: float, length: int) -> float:
        """Return a sum of log-probabilities of so many new tokens, normalised."""
        return float(log_prob) / DIVISORS[self._options.length_normalization](length, self._options.length_penalty)

    def _coverage(self, attention: np.ndarray | None) -> float:
        """Return what the coverage penalty adds: 0 where every place of the source has got attention of 1."""
        penalty = self._options.coverage_penalty
        if not penalty:
            return 0.0
        if attention is None:
            raise ValueError("coverage_penalty: needs a step that returns (logits, state, attention)")
        with np.errstate(divide="ignore"):
            return penalty * float(np.log(np.minimum(1.0, attention.sum(axis=0))).sum())

    def result(self) -> list[Decoded]:
        """Return the best sequences of each prompt."""
        n, found = self._options.num_return_sequences, []
        trees = self._recorder.trees if self._recorder else [None] * (len(self._pools) // self._groups)
        for at, tree in zip(range(0, len(self._pools), self._groups), trees, strict=True):
            several = [sequence for pool in self._pools[at : at + self._groups] for sequence in pool]
            several.sort(key=lambda sequence: -sequence.score)
            if tree is not None:
                tree.best = [sequence.node for sequence in several[:n] if sequence.node >= 0]
            found.append(Decoded((several + [NOTHING] * n)[:n], tree))
        return found
