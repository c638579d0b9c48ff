"""A long sequence of ids in batches: streams side by side, window after window, with the state between them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import random
from .._arguments import flag, integer
from ._metrics import IGNORED

__all__ = ["Carried", "Streams"]


class Carried:
    """A state that a model hands on from one batch of an epoch to the next, detached from the graph.

    Attributes:
        state: None at the beginning of an epoch.

    >>> from seqnn import train
    >>> for inputs, carried, targets in train.Streams([3, 1, 2], batch_size=1, window=1):
    ...     print(inputs.tolist(), "after", carried.state)
    ...     carried.state = inputs[0, -1].item()
    [[3]] after None
    [[1]] after 3
    """

    def __init__(self) -> None:
        self.state: Any = None


class Streams:
    """A long sequence of ids cut into streams that are read side by side: truncated backpropagation through time.

    The sequence is cut into `batch_size` stretches of equal length, the rows of all batches; a batch is a window of each,
    and the next batch goes on where it ends. A batch is (inputs [B, T], `Carried`, targets [B, T]), the targets being the ids
    one place further. A model reads with `carried.state` and leaves its new state there, detached: gradients go back to the
    beginning of the window, the state to that of the epoch. Every id but the first is a target once an epoch. A short
    sequence has fewer rows, so that windows are full.

    Args:
        ids: integers [N], at least two.
        batch_size: rows of a batch at most.
        window: the most steps of a batch.
        shift: whether the first window of each epoch has a random length from window / 2 on, so that the cuts fall elsewhere.
        seed: of these lengths.
        carry: whether batches have a `Carried`; a model without a state, such as a GPT, takes (inputs, targets).
        skip: an id that is never to be predicted, such as one that begins a text: its targets are -100, which does not count.

    Raises:
        ValueError: there are fewer than two ids.

    >>> import numpy as np
    >>> from seqnn import train
    >>> for inputs, _, targets in train.Streams(np.arange(9), batch_size=2, window=3, shift=False):
    ...     print(inputs.tolist(), targets.tolist())
    [[0, 1, 2], [4, 5, 6]] [[1, 2, 3], [5, 6, 7]]
    [[3], [7]] [[4], [8]]
    """

    foreign = False

    def __init__(
        self,
        ids: Any,
        *,
        batch_size: int = 32,
        window: int = 64,
        shift: bool = True,
        seed: int = 0,
        carry: bool = True,
        skip: int | None = None,
    ) -> None:
        ids = np.asarray(ids)
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise TypeError(f"ids: expected integers [N], got {ids.dtype} of shape {list(ids.shape)}")
        if len(ids) < 2:
            raise ValueError(f"ids: expected at least 2, of which the second is to be predicted, got {len(ids)}")
        self.window, self.seed = integer("window", window, 1), integer("seed", seed, 0, 2**63 - 1)
        self.carry = flag("carry", carry)
        steps = len(ids) - 1
        rows = min(integer("batch_size", batch_size, 1), -(-steps // self.window))
        self.length = -(-steps // rows)
        self.shift = flag("shift", shift) and self.length > self.window > 1
        rows = -(-steps // self.length)
        targets = np.full(rows * self.length, IGNORED, np.int64)
        targets[:steps] = ids[1:]
        if skip is not None:
            targets[targets == integer("skip", skip, 0, 2**63 - 1)] = IGNORED
        inputs = np.zeros(rows * self.length, np.int64)
        inputs[:steps] = ids[:-1]
        self.inputs, self.targets = (side.reshape(rows, self.length) for side in (inputs, targets))

    def __iter__(self) -> Iterator[Any]:
        return self.epoch(0)

    def __repr__(self) -> str:
        return f"<Streams of {self.inputs.size} steps, {len(self.inputs)} side by side, windows of {self.window}>"

    def batches(self) -> int:
        """Return how many batches an epoch has at most."""
        first = (self.window + 1) // 2 if self.shift else self.window
        return 1 + -(-max(0, self.length - first) // self.window)

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch, with a new `Carried`.

        Args:
            number: of the epoch, from 0.
            start: must be 0, as the state of what was read before is not known.

        Raises:
            ValueError: another start.
        """
        if start:
            raise ValueError(
                f"start: expected 0, as the state after {start} batches is not known; fit(..., resume=False) begins anew"
            )
        carried, begin, end = Carried(), 0, self._first(number)
        while begin < self.length:
            between = (carried,) if self.carry else ()
            yield self.inputs[:, begin:end], *between, self.targets[:, begin:end]
            begin, end = end, end + self.window

    def _first(self, epoch: int) -> int:
        """Return the length of the first window."""
        if not self.shift:
            return self.window
        least = (self.window + 1) // 2
        drawn = int(random.bits(1, seed=self.seed, stream=epoch)[0])
        return least + drawn % (self.window - least + 1)

    def describe(self) -> dict[str, Any]:
        """Return what decides about the batches: a resumed run checks that it is the same."""
        ids = zlib.crc32(self.targets.tobytes(), zlib.crc32(self.inputs.tobytes()))
        return {
            "ids": ids, "rows": len(self.inputs), "window": self.window, "shift": self.shift, "seed": self.seed,
        }  # fmt: skip
