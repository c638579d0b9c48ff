"""Steps: what a model is to decoding, and its state, which moves with the rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

__all__ = ["Batch", "Decodable", "Start", "Step"]

Step = Callable[[np.ndarray, Any], tuple]
"""step(ids [rows, t], state) -> (logits [rows, V], state), or (logits, state, attention [rows, S])."""

_FLOATS = np.dtype(np.float32), np.dtype(np.float64)

Score = Callable[[np.ndarray, Any, int], tuple]
"""score(ids [rows, t], state, count) -> (logits [rows, count, V], state), those after each of the last `count` tokens."""


@dataclass
class Start:
    """A beginning of decoding: what a model makes of its prompts.

    Args:
        ids: the tokens that are given, [B, T], padded at the left.
        step: step(ids, state) -> (logits, state), where ids [rows, t] are all tokens so far, and state is any nest of tuples,
            lists and dicts of arrays with rows first, or of objects with a method `reorder(order)`. A third result is
            the attention [rows, S] of the new position.
        state: that of the first step; B rows.
        begins: the place of each row's first token, [B]; default: 0.
        keys: what tells one sequence from another, for random draws; default: the tokens of each row.
        numbers: of the prompts, in errors and for prefix_allowed_tokens_fn, [B]; default: 0 .. B - 1.
        options: of `Options`, where the caller does not say otherwise: the model's eos_token_id, a limit.
        context: returns the context in which steps run, such as a model's evaluation mode.
        score: score(ids, state, count) -> (logits [rows, count, V], state), those after each of the last `count` tokens, in
            one pass: needed with an assistant_model. The first t - count tokens are as they were; what the state knows of
            later ones is to be forgotten, as they may have changed.
        alone: alone(i) makes the beginning of prompt i by itself, with a state of its own; needed with an assistant_model.
        attending: makes the beginning whose steps also return attention; needed with return_attention where `step` does not.
        attended: which columns of the attention count, [B, S]; further ones all do; default: all.
        vocabulary: V, where it is known before the first step: an assistant_model of another one is then refused at once.

    >>> import numpy as np
    >>> from seqnn import decode
    >>> start = decode.Start(np.array([[1, 2]]), lambda ids, state: (np.eye(3)[ids[:, -1]], state))
    >>> start.begins
    array([0])
    """

    ids: np.ndarray
    step: Step
    state: Any = None
    begins: np.ndarray = field(default=None)  # type: ignore[assignment]
    keys: list[np.ndarray] = field(default=None)  # type: ignore[assignment]
    numbers: np.ndarray = field(default=None)  # type: ignore[assignment]
    options: dict[str, Any] = field(default_factory=dict)
    context: Callable[[], AbstractContextManager] = nullcontext
    score: Score | None = None
    alone: Callable[[int], Start] | None = None
    attending: Callable[[], Start] | None = None
    attended: np.ndarray | None = None
    vocabulary: int | None = None

    def __post_init__(self) -> None:
        self.ids = np.asarray(self.ids, np.int64)
        if self.begins is None:
            self.begins = np.zeros(len(self.ids), np.int64)
        if self.numbers is None:
            self.numbers = np.arange(len(self.ids))
        if self.keys is None:
            self.keys = [row[begin:] for row, begin in zip(self.ids, self.begins, strict=True)]


class Decodable(Protocol):
    """A model that `generate` takes: it makes a `Start` of prompts.

    >>> import numpy as np
    >>> from seqnn import decode
    >>> class Counter:
    ...     def start_decoding(self, prompts, max_new_tokens):
    ...         return decode.Start(np.stack(prompts), lambda ids, state: (np.eye(9)[ids[:, -1] + 1], state))
    >>> decode.generate(Counter(), [3], max_new_tokens=4).sequences
    array([[3, 4, 5, 6, 7]])
    """

    def start_decoding(self, prompts: list[np.ndarray], max_new_tokens: int | None) -> Start:
        """Return the beginning of decoding.

        Args:
            prompts: token ids of each sequence.
            max_new_tokens: how many tokens will be asked for at most; None: not known.
        """
        ...


class Batch:
    """The rows that are being decoded: their tokens, their log-probabilities, and the state of the step."""

    def __init__(self, start: Start) -> None:
        self.ids, self.begins, self.prompt = start.ids, np.asarray(start.begins, np.int64), start.ids.shape[1]
        self.numbers = np.asarray(start.numbers, np.int64)
        self.log_probs = np.zeros((len(self.ids), 0))
        self.vocabulary: int | None = None
        self.attention: list[np.ndarray] | None = None
        self._step, self._state, self._attended = start.step, start.state, start.attended

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def written(self) -> int:
        """How many new tokens each row has."""
        return self.ids.shape[1] - self.prompt

    def logits(self) -> np.ndarray:
        """Run the step: the logits of what follows each row, [rows, V]."""
        logits, self._state, attention = self._checked(self._step(self.ids, self._state))
        self.vocabulary = logits.shape[1]
        if attention is not None:
            self.attention = [*(self.attention or []), attention]
        return logits

    def move(self, order: np.ndarray) -> None:
        """Make row i what row order[i] was, its state included."""
        if self.move_state(order):
            self.ids, self.begins, self.log_probs = self.ids[order], self.begins[order], self.log_probs[order]

    def move_state(self, order: np.ndarray) -> bool:
        """Move only what the step knows of a row, and its number; tell whether anything moves."""
        rows = len(self.ids)
        if order.tolist() == [*range(rows)]:
            return False
        self._state = gather(self._state, order, rows)
        self.numbers = self.numbers[order]
        if self.attention is not None:
            self.attention = [a[order] for a in self.attention]
        return True

    def append(self, tokens: np.ndarray, log_probs: np.ndarray) -> None:
        """Write a token in each row."""
        self.ids = np.concatenate([self.ids, tokens[:, None]], axis=1)
        self.log_probs = np.concatenate([self.log_probs, log_probs[:, None]], axis=1)

    def attention_of(self, row: int, prompt: int) -> np.ndarray | None:
        """Return the attention of a row's new positions, [t, S]; None where the step gives none.

        Args:
            row: its number in the batch.
            prompt: the number of its prompt in the beginning.
        """
        if self.attention is None:
            return None
        found = np.zeros((len(self.attention), self.attention[-1].shape[1]), self.attention[-1].dtype)
        for place, attention in zip(found, self.attention, strict=True):
            place[: attention.shape[1]] = attention[row]  # to all positions so far: more of them each time
        if self._attended is None:
            return found
        attended = self._attended[prompt]
        return found[:, np.pad(attended, (0, found.shape[1] - len(attended)), constant_values=True)]

    def _checked(self, result: Any) -> tuple[np.ndarray, Any, np.ndarray | None]:
        if not isinstance(result, tuple) or len(result) not in (2, 3):
            raise TypeError(f"step: expected it to return (logits, state), got {type(result).__name__}")
        logits = np.asarray(result[0])
        if logits.dtype not in _FLOATS:
            if logits.dtype.kind not in "fiu":
                raise TypeError(f"step: expected logits of floats, got {logits.dtype}")
            logits = logits.astype(np.float32)
        width = "vocabulary" if self.vocabulary is None else self.vocabulary
        bad = logits.ndim != 2 or len(logits) != len(self) or logits.shape[-1] == 0
        if bad or self.vocabulary not in (None, logits.shape[-1]):
            raise ValueError(f"step: expected logits of shape [{len(self)}, {width}], got {list(logits.shape)}")
        attention = np.asarray(result[2]) if len(result) == 3 and result[2] is not None else None
        if attention is not None and (attention.ndim != 2 or len(attention) != len(self)):
            raise ValueError(f"step: expected attention of shape [{len(self)}, S], got {list(attention.shape)}")
        return logits, result[1], attention


def gather(state: Any, order: np.ndarray, rows: int, path: str = "state") -> Any:
    """Return a state whose row i is row order[i] of this one; what has no rows (None, numbers, texts) stays.

    Args:
        state: a nest of tuples, lists and dicts of arrays with rows first, or of objects with a method `reorder`, which
            are changed.
        order: numbers of rows, of any number.
        rows: how many the state has.
        path: its name in an error.

    Raises:
        ValueError: an array has another number of rows.
        TypeError: something is no array.
    """
    if state is None or isinstance(state, bool | int | float | str | bytes):
        return state
    if hasattr(state, "reorder"):
        state.reorder(order)
        return state
    if isinstance(state, dict):
        return {key: gather(value, order, rows, f"{path}[{key!r}]") for key, value in state.items()}
    if isinstance(state, tuple | list):
        moved = [gather(value, order, rows, f"{path}[{i}]") for i, value in enumerate(state)]
        return type(state)(*moved) if hasattr(state, "_fields") else type(state)(moved)
    if not hasattr(state, "shape"):
        raise TypeError(
            f"{path}: expected arrays with rows first, in tuples, lists and dicts, got {type(state).__name__}; "
            "an object of your own needs a method reorder(order)"
        )
    if state.shape == ():
        return state
    if state.shape[0] != rows:
        raise ValueError(f"{path}: expected {rows} rows first, got shape {list(state.shape)}")
    return state[order]
