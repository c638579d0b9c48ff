"""Random numbers from a counter-based generator (Philox4x32-10): the same at any number of threads, in any order of asking.

A draw is a function of (seed, stream, position); there is no hidden state. Source: Salmon, Moraes, Dror, Shaw, "Parallel
random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from . import _core


def bits(count: int, *, seed: int, stream: int = 0, start: int = 0) -> np.ndarray:
    """The 4 * `count` raw 32-bit draws of positions start .. start + count - 1 (uint32).

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
    """Uniform numbers in [low, high) of the given shape; element k (in C order) depends on (seed, stream, k) only.

    (`high` itself can occur by rounding.) The draws are the same on every CPU; the last bit of a number may differ between
    instruction sets with and without fused multiply-add.

    >>> from seqnn import random
    >>> random.uniform((2, 3), seed=1).shape
    (2, 3)
    """
    out = np.empty(shape, dtype)
    fill_uniform(out.reshape(1, -1), low, high, seed=seed, stream=stream)
    return out


def fill_uniform(rows: np.ndarray, low: float, high: float, *, seed: int, stream: int = 0) -> None:
    """Fill a matrix [R, C] in place, whose rows may be strided; element (r, c) is draw r * C + c."""
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"uniform: low={low}, high={high}: expected finite low <= high")
    _core.random_uniform(rows, low, high, seed, stream)
