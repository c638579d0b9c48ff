"""Random numbers from a counter-based generator (Philox4x32-10): the same at any number of threads, in any order of asking.

A draw is a function of (seed, stream, position). The functions here take these numbers; what has no seed of its own
(`ops.dropout`, initialisers) draws a fresh key from one process-wide generator, which `seed(n)` starts anew, or, in a
block `with seeded(n):`, from that block's own generator. Such a block is that of one thread: others do not see it.
Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
import operator
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import numpy.typing as npt

from . import _core

__all__ = ["bits", "fill_uniform", "get_state", "next_key", "seed", "seeded", "set_state", "uniform"]


def __dir__() -> list[str]:
    return __all__


def bits(count: int, *, seed: int, stream: int = 0, start: int = 0) -> np.ndarray:
    """Return raw draws of 32 bits, four for each position.

    Args:
        count: how many positions.
        seed, stream: of the generator.
        start: the first position.

    Returns:
        An array [4 * count] of uint32.

    >>> from seqnn import random
    >>> [hex(b) for b in random.bits(1, seed=0)]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    return _core.random_bits(seed, stream, start, count)


def uniform(
    shape: int | tuple[int, ...],
    low: float = 0.0,
    high: float = 1.0,
    *,
    seed: int,
    stream: int = 0,
    dtype: npt.DTypeLike = np.float32,
) -> np.ndarray:
    """Return uniform numbers in [low, high); element k (in C order) depends on (seed, stream, k) only.

    `high` itself can occur by rounding. The draws are the same on every CPU; the last bit of a number may differ between
    instruction sets with and without fused multiply-add.

    Args:
        shape: of the array.
        low, high: the limits, finite.
        seed, stream: of the generator.
        dtype: float32 or float64.

    Returns:
        An array of that shape.

    Raises:
        ValueError: for limits that are not finite, or where low is above high.

    >>> from seqnn import random
    >>> random.uniform((2, 3), seed=1).shape
    (2, 3)
    """
    out = np.empty(shape, dtype)
    fill_uniform(out.reshape(1, -1), low, high, seed=seed, stream=stream)
    return out


def fill_uniform(rows: np.ndarray, low: float, high: float, *, seed: int, stream: int = 0) -> None:
    """Fill a matrix in place with uniform numbers; element (r, c) is draw r * C + c.

    Args:
        rows: [R, C], of float32 or float64; the rows may be strided.
        low, high, seed, stream: as for `uniform`.

    Raises:
        ValueError: as for `uniform`.

    >>> import numpy as np
    >>> from seqnn import random
    >>> rows = np.zeros((2, 3), np.float32)
    >>> random.fill_uniform(rows, -1, 1, seed=1)
    >>> bool((rows == random.uniform((2, 3), -1, 1, seed=1)).all())
    True
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"uniform: low={low}, high={high}: expected finite low <= high")
    _core.random_uniform(rows, low, high, seed, stream)


class _Keys:
    """A generator of keys: a seed, and the next stream, whose numbers nobody writes by hand (2**62 and on)."""

    FIRST = 2**62

    def __init__(self, seed: int) -> None:
        self.lock = threading.Lock()
        self.start(seed, self.FIRST)

    def start(self, seed: int, stream: int) -> None:
        with self.lock:
            self.seed, self.stream = seed, stream

    def state(self) -> tuple[int, int]:
        with self.lock:
            return self.seed, self.stream

    def draw(self) -> tuple[int, int]:
        with self.lock:
            self.stream += 1
            return self.seed, self.stream - 1


_process = _Keys(int.from_bytes(os.urandom(8), "little") >> 1)
_keys: ContextVar[_Keys] = ContextVar("keys", default=_process)


def seed(n: int) -> None:
    """Start the generator anew: equal seeds give equal keys. At the start of the process it is random.

    Args:
        n: the seed, 0 <= n < 2**63.

    Raises:
        ValueError: for another seed.

    >>> from seqnn import random
    >>> random.seed(1)
    >>> first = random.next_key()
    >>> random.seed(1)
    >>> random.next_key() == first
    True
    """
    _keys.get().start(_checked("seed", n, 0), _Keys.FIRST)


def next_key() -> tuple[int, int]:
    """Return a (seed, stream) that the generator has not given before. Safe from any thread.

    >>> from seqnn import random
    >>> random.next_key() == random.next_key()
    False
    """
    return _keys.get().draw()


def get_state() -> dict[str, int]:
    """Return the state of the generator, for `set_state`; plain integers, fit for JSON.

    >>> from seqnn import random
    >>> state = random.get_state()
    >>> first = random.next_key()
    >>> random.set_state(state)
    >>> random.next_key() == first
    True
    """
    seed, stream = _keys.get().state()
    return {"seed": seed, "stream": stream}


def set_state(state: Mapping[str, int]) -> None:
    """Go on exactly from where `get_state` was called.

    Args:
        state: what it returned.

    Raises:
        ValueError: for what is no such state.

    >>> from seqnn import random
    >>> random.set_state(random.get_state())
    """
    if set(state) != {"seed", "stream"}:
        raise ValueError(f"set_state: expected the entries 'seed' and 'stream', got {sorted(state)}")
    _keys.get().start(_checked("seed", state["seed"], 0), _checked("stream", state["stream"], _Keys.FIRST))


@contextmanager
def seeded(n: int) -> Iterator[None]:
    """Run a block with a generator of its own, as after `seed(n)`.

    Outside the block, and in other threads, the process-wide generator goes on as if the block had not been.

    Args:
        n: the seed, 0 <= n < 2**63.

    Returns:
        A context manager.

    Raises:
        ValueError: for another seed.

    >>> from seqnn import random
    >>> with random.seeded(1):
    ...     first = random.next_key()
    >>> with random.seeded(1):
    ...     random.next_key() == first
    True
    """
    token = _keys.set(_Keys(_checked("seed", n, 0)))
    try:
        yield
    finally:
        _keys.reset(token)


def _checked(name: str, value: int, least: int) -> int:
    number = operator.index(value)
    if not least <= number < 2**63:
        raise ValueError(f"random: {name}={number}, expected {least} <= {name} < 2**63")
    return number
