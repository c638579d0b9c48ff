"""What a layer keeps of the positions decoded so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Tensor

Pair = tuple[np.ndarray, np.ndarray]


class KeyValueCache:
    """A cache of the keys and values of the positions decoded so far, [B, H, capacity, D], in memory taken once.

    A decoder layer's cache also holds the keys and values of the encoder's result, projected in the first step
    (`remember`). It holds arrays: nothing is differentiated through it.

    Args:
        capacity: how many positions there is room for, at least 1.

    Attributes:
        length: how many positions are held.

    Raises:
        ValueError: for less than one position.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> cache = nn.KeyValueCache(8)
    >>> k, v = cache.append(*np.ones((2, 1, 4, 3, 16), np.float32))
    >>> k.shape, cache.length
    ((1, 4, 3, 16), 3)
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"KeyValueCache: capacity must be at least 1 position, got {capacity}")
        self.capacity, self.length = capacity, 0
        self._held: Pair | None = None
        self._memory: Pair | None = None

    def append(self, k: Tensor | np.ndarray, v: Tensor | np.ndarray) -> Pair:
        """Hold the keys and values of new positions.

        Args:
            k, v: [B, H, T, D].

        Returns:
            Those of all positions (views).

        Raises:
            ValueError: where there is no room, or another number of sequences or heads.
        """
        k, v = _array(k), _array(v)
        end = self.length + k.shape[2]
        if end > self.capacity:
            raise ValueError(f"the cache has room for {self.capacity} positions, got {end}")
        if self._held is None:
            self._held = tuple(np.empty((*x.shape[:2], self.capacity, x.shape[3]), x.dtype) for x in (k, v))
        if self._held[0].shape[:2] != k.shape[:2]:
            raise ValueError(f"the cache holds [batch, heads] = {self._held[0].shape[:2]}, got {k.shape[:2]}")
        for held, x in zip(self._held, (k, v), strict=True):
            held[:, :, self.length : end] = x
        self.length = end
        return self._held[0][:, :, :end], self._held[1][:, :, :end]

    def remember(self, project: Callable[[], Pair]) -> Pair:
        """Return the keys and values that `project()` gave when this was called first.

        Args:
            project: returns keys and values.
        """
        if self._memory is None:
            k, v = project()
            self._memory = _array(k), _array(v)
        return self._memory

    def shorten(self, length: int) -> None:
        """Forget the keys and values of positions from `length` on.

        Args:
            length: how many positions are still to be held at most.
        """
        self.length = min(self.length, length)

    def reorder(self, order: Any) -> None:
        """Make sequence i what sequence order[i] was: the survivors of a beam search, of any number.

        Args:
            order: numbers of sequences.

        Raises:
            IndexError: for a sequence that does not exist; nothing changes then.
        """
        order = np.asarray(order)
        memory = None if self._memory is None else tuple([x[order] for x in self._memory])
        if self._held is not None:
            moved = [held[order, :, : self.length] for held in self._held]
            if len(order) != len(self._held[0]):
                self._held = tuple(np.empty((len(order), *held.shape[1:]), held.dtype) for held in self._held)
            for held, x in zip(self._held, moved, strict=True):
                held[:, :, : self.length] = x
        self._memory = memory


def _array(x: Tensor | np.ndarray) -> np.ndarray:
    return x.data if isinstance(x, Tensor) else x
