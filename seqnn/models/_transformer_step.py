"""Decoding of our own Transformers: a whole step is one call, and beams name the keys and values that they share."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core, nn
from ..autograd import Tensor
from ._transformer_plan import StepPlan

__all__ = ["StepState", "memory_of", "score", "step"]

_ROWS = 256
"""Most tokens of prompts in one call: what they need of working memory stays small."""

_RUN = 16
"""Most slots that a sequence takes at a time: its keys and values are read faster where they follow each other."""


class StepState:
    """What is kept of the positions so far: a table that names, for each sequence, the slots of its keys and values.

    Slots are taken once and never written again, so that sequences with a common beginning share its slots, and a beam
    search moves the table alone.

    Args:
        plan: of the net.
        arguments: the first ones of the step: `plan.arguments`.
        begins: how many places before each sequence are padding, [B].
        count: how many positions a sequence can have at most.
        expected: how many new positions of a sequence there is room for at first.
        memory: keys and values of what an encoder has read, [layers, groups, positions, 2 depth].
        memory_ends: where those of each sequence end in it, [B].
    """

    def __init__(
        self,
        plan: StepPlan,
        arguments: tuple,
        begins: np.ndarray,
        count: int,
        expected: int,
        memory: np.ndarray | None = None,
        memory_ends: np.ndarray | None = None,
    ) -> None:
        sizes, table = plan.net, plan.weights[-1]
        self.arguments, self.embed, self.vocabulary = arguments, plan.embed, len(table)
        tables = {**plan.tables(count), "memory": memory}
        self.options = {name: None if x is None else np.ascontiguousarray(x) for name, x in tables.items()}
        if memory_ends is not None:
            self.options |= {"memory_begins": np.concatenate([[0], memory_ends[:-1]]), "memory_ends": memory_ends}
        self.begins, self.rows = begins, np.arange(len(begins))
        self.places = -begins  # how many positions each sequence has
        self.slots = np.zeros((len(begins), count), np.int32)
        self.cache = np.empty((sizes["layers"], sizes["groups"], 0, 2 * sizes["depth"]), np.float32)
        self.seen, self.used, self.expected = 0, 0, expected
        self.next: np.ndarray | None = None  # of the runs of slots that sequences have taken, the next one
        self.left, self.run, self.longest = 0, 1, _RUN  # slots of these runs, of the next ones, and the most

    def reorder(self, order: np.ndarray) -> None:
        """Make sequence i what sequence order[i] was."""
        self.begins, self.places, self.slots = self.begins[order], self.places[order], self.slots[order]
        self.rows = self.rows[: len(order)] if len(order) <= len(self.rows) else np.arange(len(order))
        for name in ("memory_begins", "memory_ends"):
            if name in self.options:
                self.options[name] = self.options[name][order]
        if self.next is not None and self.longest > 1:
            if len(set(order.tolist())) < len(order):  # as in a beam search: the rest of a run would often be lost
                self.left, self.longest = 0, 1
            else:
                self.next = self.next[order]

    def forget(self, seen: int) -> None:
        """Forget positions from `seen` on; a sequence that is alone gives their slots back."""
        dropped = max(0, self.seen - seen)
        self.seen, self.places = self.seen - dropped, self.places - dropped
        self.used -= dropped * (len(self.rows) == 1)
        self.left = 0

    def extend(self, ids: np.ndarray, count: int = 1) -> np.ndarray:
        """Return logits after all tokens `ids` [rows, t], of which those from `seen` on are new.

        Args:
            ids: the tokens.
            count: after how many of the last tokens of each sequence, from the first to the last: [rows count, V].

        Raises:
            ValueError: there are more tokens than the state was made for, or none that it has not read.
        """
        if ids.shape[1] > self.slots.shape[1]:
            raise ValueError(
                f"ids: expected at most {self.slots.shape[1]} tokens, as decoding was started for, got {ids.shape[1]}"
            )
        if ids.shape[1] <= self.seen:
            raise ValueError(
                f"ids: expected more tokens than the {self.seen} that are read, got {ids.shape[1]}: a beginning serves once, "
                "start_decoding makes another one"
            )
        new, self.seen = ids.shape[1] - self.seen, ids.shape[1]
        self.places = self.places + new
        if new == 1 and self.places.all():
            return self._run(ids[:, -1], self.rows, self.places, self.rows, self._take())
        self.left = 0
        first = np.maximum(self.seen - new, self.begins)
        sequences = np.repeat(self.rows, self.seen - first)
        last = np.cumsum(self.seen - first) - 1
        wanted = (last[:, None] + np.arange(1 - count, 1)).ravel()
        columns = np.arange(len(sequences)) + (self.seen - 1 - last)[sequences]
        tokens, places = ids[sequences, columns], columns + 1 - self.begins[sequences]
        slots, found = self._claim(len(tokens)) + np.arange(len(tokens)), []
        for at in range(0, len(tokens), _ROWS):
            part, ends = slice(at, at + _ROWS), wanted[(wanted >= at) & (wanted < at + _ROWS)]
            found.append(self._run(tokens[part], sequences[part], places[part], ends - at, slots[part]))
        return np.concatenate(found)

    def _take(self) -> np.ndarray:
        """Return a new slot for each sequence, of its run."""
        if not self.left:
            longest = self.longest if len(self.rows) > 1 else 1
            self.left = min(self.run, longest, self.slots.shape[1] - self.seen + 1)
            self.next = self._claim(self.left * len(self.rows)) + self.left * self.rows
            self.run *= 2
        slots, self.next, self.left = self.next, self.next + 1, self.left - 1
        return slots

    def _claim(self, count: int) -> int:
        """Return the first of new slots, for which there is room."""
        first, room = self.used, self.cache.shape[2]
        self.used += count
        if self.used > room:
            size = max(self.used, 2 * room) if room else self.used + len(self.slots) * self.expected
            larger = np.empty((*self.cache.shape[:2], size, self.cache.shape[3]), np.float32)
            larger[:, :, :first] = self.cache[:, :, :first]
            self.cache = larger
        return first

    def _run(
        self, tokens: np.ndarray, sequences: np.ndarray, places: np.ndarray, wanted: np.ndarray, slots: np.ndarray
    ) -> np.ndarray:
        """Run new tokens at places, which are counted from 1, and at slots; return the logits of those that are wanted."""
        self.slots[sequences, places - 1] = slots
        return _core.transformer_step_run(
            *self.arguments, self.embed(tokens, places), self.cache, sequences, places, self.slots, wanted, self.vocabulary,
            **self.options,
        )  # fmt: skip


def step(ids: np.ndarray, state: StepState) -> tuple[np.ndarray, StepState]:
    """Return the logits after all tokens so far, and the state: a step as `decode.Start` takes it."""
    return state.extend(ids), state


def score(ids: np.ndarray, state: StepState, count: int) -> tuple[np.ndarray, StepState]:
    """Return the logits after each of the last `count` tokens, [rows, count, V], and the state, as `decode.Start` says."""
    state.forget(ids.shape[1] - count)
    return state.extend(ids, count).reshape(len(ids), count, -1), state


def memory_of(stack: nn.TransformerDecoder, memory: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return keys and values [layers, groups, positions that count, 2 depth] of a memory, and where each row ends.

    Args:
        stack: the decoder.
        memory: what the encoder gave, [B, S, width].
        counts: which positions count, [B, S].
    """
    found: list[Any] = []
    for layer in stack.layers:
        pair = [x.data.transpose(1, 0, 2, 3)[:, counts] for x in layer.multihead_attn.project(Tensor(memory))]
        found.append(np.concatenate(pair, axis=2))
    return np.stack(found), np.cumsum(counts.sum(axis=1))
